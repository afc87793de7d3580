#include "store_fixture.h"

#include "base/encode.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void must(struct error *err, const char *doing)
{
    struct arena a = ARENA_INIT;
    if (err)
        BUG("%s: %s", doing, error_chain(&a, err).p);
}

static void open_store(struct fixture *f)
{
    must(store_open(&f->arena, &(struct store_options){.dir = f->dir}, &f->store), "store_open");
}

void fixture_init(struct fixture *f)
{
    const char *tmp = getenv("TMPDIR");
    *f = (struct fixture){.arena = ARENA_INIT};
    f->cx.arena = &f->arena;
    snprintf(f->dir, sizeof(f->dir), "%.40s/modgate-store-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(f->dir))
        BUG("no folder %s", f->dir);
    open_store(f);
}

void fixture_close(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    open_store(f);
}

void fixture_release(struct fixture *f)
{
    fixture_close(f);
    must(dir_remove(&f->arena, f->dir), "removing the store");
    arena_release(&f->arena);
}

int fixture_set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    fixture_init(f);
    *state = f;
    return 0;
}

int fixture_tear_down(void **state)
{
    fixture_release(*state);
    free(*state);
    return 0;
}

struct module_version mv_of(const char *path, const char *version)
{
    return (struct module_version){slice_of(path), slice_of(version)};
}

struct slice fake_h1(struct arena *a, struct slice zip)
{
    uint8_t sum[SHA256_BYTES];
    sha256(zip, sum);
    struct slice text = base64_encode(a, sum, sizeof(sum));
    return arena_printf(a, "h1:%.*s", SLICE_ARG(text));
}

struct slice fake_signature(struct arena *a, struct slice zip)
{
    return arena_printf(a, "signature of %s\n", fake_h1(a, zip).p);
}

struct slice fake_bytes(struct arena *a, struct module_version mv, enum artefact what,
                        const char *salt, size_t zip_bytes)
{
    if (what == ARTEFACT_INFO)
        return arena_printf(a, "{\"Version\":\"%.*s\",\"Salt\":\"%s\"}", SLICE_ARG(mv.version),
                            salt);
    if (what == ARTEFACT_MOD)
        return arena_printf(a, "module %.*s\n", SLICE_ARG(mv.path));
    zip_bytes = zip_bytes ? zip_bytes : 1000;
    struct slice seed =
        arena_printf(a, "%.*s@%.*s %s\n", SLICE_ARG(mv.path), SLICE_ARG(mv.version), salt);
    char *p = arena_alloc(a, zip_bytes);
    for (size_t i = 0; i < zip_bytes; i++)
        p[i] = seed.p[i % seed.n];
    struct slice zip = slice_make(p, zip_bytes);
    return what == ARTEFACT_ZIP      ? zip
           : what == ARTEFACT_ZIPSIG ? fake_signature(a, zip)
                                     : fake_h1(a, zip);
}

struct error *stage_write(struct arena *a, struct store_stage *st, struct slice zip)
{
    FD_SCOPED fd = open(store_stage_zip(st), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_new(a, STATUS_IO, "cannot stage: %m");
    return fd_write_all(a, fd, zip);
}

static struct error *stage_and_commit(struct store *s, struct ctx *cx, struct module_version mv,
                                      struct put *put, struct store_stage *st)
{
    struct arena *a = cx->arena;
    struct slice zip = fake_bytes(a, mv, ARTEFACT_ZIP, put->salt, put->zip_bytes);
    TRY(stage_write(a, st, zip));
    struct store_commit c = {.mv = mv,
                             .zip_h1 = fake_h1(a, zip),
                             .info = fake_bytes(a, mv, ARTEFACT_INFO, put->salt, 0),
                             .mod = fake_bytes(a, mv, ARTEFACT_MOD, put->salt, 0),
                             .signature =
                                 put->is_unsigned ? (struct slice){0} : fake_signature(a, zip),
                             .origin = S("https://mirror.example.com"),
                             .is_refetchable = !put->is_pinned};
    return store_commit(s, cx, st, &c, &put->was_stored);
}

struct error *put_whole(struct store *s, struct ctx *cx, struct module_version mv, struct put *put)
{
    struct store_stage *st;
    put->salt = put->salt ? put->salt : "";
    TRY(store_stage_new(s, cx->arena, &st));
    struct error *err = stage_and_commit(s, cx, mv, put, st);
    store_stage_free(st);
    return err;
}

struct error *put_partial(struct store *s, struct ctx *cx, struct module_version mv,
                          const char *info, const char *mod, bool *was_stored)
{
    bool had_info = true, had_mod = true;
    if (info)
        TRY(store_put_partial(s, cx, mv, ARTEFACT_INFO, slice_of(info), S("mirror"), true,
                              &had_info));
    if (mod)
        TRY(store_put_partial(s, cx, mv, ARTEFACT_MOD, slice_of(mod), S("mirror"), true, &had_mod));
    *was_stored = had_info && had_mod;
    return NULL;
}

struct error *get_body(struct store *s, struct arena *a, struct module_version mv,
                       enum artefact what, bool *found, struct slice *body)
{
    struct store_object o;
    TRY(store_get(s, a, mv, what, found, &o));
    if (!*found)
        return NULL;
    FD_SCOPED fd = o.fd;
    TRY(file_read_fd(a, fd, 64 << 20, body));
    if (body->n != o.size)
        return error_new(a, STATUS_CORRUPT, "%zu bytes read, size says %" PRIu64, body->n, o.size);
    return NULL;
}

struct error *check_signed(struct store *s, struct arena *a, struct module_version mv,
                           bool *is_there, bool *is_signed)
{
    bool found[ARTEFACT_COUNT];
    struct slice body[ARTEFACT_COUNT];
    TRY(get_body(s, a, mv, ARTEFACT_INFO, is_there, &body[ARTEFACT_INFO]));
    if (!*is_there)
        return NULL;
    for (int what = 0; what < ARTEFACT_COUNT; what++) {
        TRY(get_body(s, a, mv, (enum artefact)what, &found[what], &body[what]));
        if (!found[what] && what != ARTEFACT_ZIPSIG)
            return error_new(a, STATUS_CORRUPT, "%.*s@%.*s has no artefact %d", SLICE_ARG(mv.path),
                             SLICE_ARG(mv.version), what);
    }
    if (!slice_eq(fake_h1(a, body[ARTEFACT_ZIP]), body[ARTEFACT_ZIPHASH]))
        return error_new(a, STATUS_CORRUPT, "%.*s@%.*s: the zip does not match its hash",
                         SLICE_ARG(mv.path), SLICE_ARG(mv.version));
    if (found[ARTEFACT_ZIPSIG] &&
        !slice_eq(fake_signature(a, body[ARTEFACT_ZIP]), body[ARTEFACT_ZIPSIG]))
        return error_new(a, STATUS_CORRUPT, "%.*s@%.*s: the signature is not the zip's",
                         SLICE_ARG(mv.path), SLICE_ARG(mv.version));
    *is_signed = found[ARTEFACT_ZIPSIG];
    return NULL;
}

struct error *check_whole(struct store *s, struct arena *a, struct module_version mv,
                          bool *is_there)
{
    bool is_signed;
    TRY(check_signed(s, a, mv, is_there, &is_signed));
    if (*is_there && !is_signed)
        return error_new(a, STATUS_CORRUPT, "%.*s@%.*s: no signature", SLICE_ARG(mv.path),
                         SLICE_ARG(mv.version));
    return NULL;
}
