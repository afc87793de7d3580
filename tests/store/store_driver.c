/*
 * Drives a store from outside, for tests that kill it, starve it or run several at once:
 *   store_driver publish DIR THREADS SEED COUNT    publishes versions, partly the same as others
 * do; prints "stored PATH VERSION" when one is durable store_driver churn DIR THREADS SEED COUNT
 * the same, and evicts in between store_driver check DIR                         opens the store
 * and says what is wrong with it store_driver race DIR PATH VERSION SALT        publishes one
 * version with bytes of its own Exit 0 fine, 1 something is wrong, 3 no space, 4 read-only.
 */
#include "store_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The other threads go on until the end, so nothing is torn down. */
static _Noreturn void end(struct arena *a, const char *doing, const struct error *err)
{
    fprintf(stderr, "%s: %s\n", doing, error_chain(a, err).p);
    fflush(NULL);
    _exit(err->status == STATUS_NO_SPACE ? 3 : err->status == STATUS_READ_ONLY ? 4 : 1);
}

static struct store *open_or_end(struct arena *a, const char *dir)
{
    struct store *s;
    struct error *err = store_open(a, &(struct store_options){.dir = dir}, &s);
    if (err)
        end(a, "opening", err);
    return s;
}

/* ---- publish and churn ---- */

struct worker {
    struct store *s;
    unsigned seed, count;
    bool is_churn;
};

static struct module_version pick(struct arena *a, unsigned *seed)
{
    unsigned n = (unsigned)rand_r(seed);
    const char *version = n % 7 == 0 ? "v0.0.0-20210101000000-abcdefabcdef" : NULL;
    return (struct module_version){arena_printf(a, "example.com/Mod%u", n % 5),
                                   version ? slice_of(version)
                                           : arena_printf(a, "v1.%u.0", n / 5 % 400)};
}

/* One in ten is too large for the journal. */
static size_t zip_bytes_of(struct module_version mv)
{
    return mv.version.p[mv.version.n - 3] == '0' ? 300000 : 500;
}

static struct error *publish_one(struct worker *w, struct ctx *cx, struct module_version mv)
{
    bool was_stored;
    struct put put = {.zip_bytes = zip_bytes_of(mv)};
    struct slice info = fake_bytes(cx->arena, mv, ARTEFACT_INFO, "", 0);
    struct slice mod = fake_bytes(cx->arena, mv, ARTEFACT_MOD, "", 0);
    if (rand_r(&w->seed) % 3 == 0)
        TRY(put_partial(w->s, cx, mv, info.p, NULL, &was_stored));
    if (rand_r(&w->seed) % 3 == 0)
        TRY(put_partial(w->s, cx, mv, NULL, mod.p, &was_stored));
    TRY(put_whole(w->s, cx, mv, &put));
    printf("stored %.*s %.*s\n", SLICE_ARG(mv.path), SLICE_ARG(mv.version));
    if (rand_r(&w->seed) % 16 == 0)
        TRY(store_flush(w->s, cx->arena));
    return NULL;
}

static struct error *evict_some(struct worker *w, struct ctx *cx)
{
    uint64_t freed;
    if (rand_r(&w->seed) % 8)
        return NULL;
    return store_evict(w->s, cx, store_bytes(w->s) / 2, false, NULL, NULL, &freed);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    for (unsigned i = 0; i < w->count; i++) {
        struct error *err = publish_one(w, &cx, pick(&a, &w->seed));
        if (!err && w->is_churn)
            err = evict_some(w, &cx);
        if (err)
            end(&a, "publishing", err);
        arena_clear(&a);
    }
    arena_release(&a);
    return NULL;
}

static int run_workers(char **argv, bool is_churn)
{
    struct arena a = ARENA_INIT;
    uint64_t threads = 0, seed = 0, count = 0;
    bool is_fine = slice_parse_u64(slice_of(argv[3]), &threads) && threads <= 64 &&
                   slice_parse_u64(slice_of(argv[4]), &seed) &&
                   slice_parse_u64(slice_of(argv[5]), &count);
    if (!is_fine)
        return 2;
    struct store *s = open_or_end(&a, argv[2]);
    struct worker workers[64];
    pthread_t ids[64];
    puts("ready");
    for (uint64_t i = 0; i < threads; i++) {
        workers[i] = (struct worker){s, (unsigned)(seed * 64 + i), (unsigned)count, is_churn};
        if (pthread_create(&ids[i], NULL, work, &workers[i]))
            return 1;
    }
    for (uint64_t i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    store_close(s);
    arena_release(&a);
    return 0;
}

static int run_race(char **argv)
{
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    struct put put = {.salt = argv[5], .zip_bytes = 200000};
    struct store *s = open_or_end(&a, argv[2]);
    struct error *err = put_whole(s, &cx, mv_of(argv[3], argv[4]), &put);
    if (err)
        end(&a, "publishing", err);
    puts(put.was_stored ? "lost" : "won");
    store_close(s);
    arena_release(&a);
    return 0;
}

static struct error *read_named(struct arena *a, const char *folder, const char *name,
                                struct slice *body)
{
    return file_read(a, arena_printf(a, "%s/%s", folder, name).p, 64 << 20, body);
}

static struct error *put_files(struct store *s, struct ctx *cx, struct store_stage *st, char **argv)
{
    struct slice zip;
    bool was_stored;
    struct store_commit c = {
        .mv = mv_of(argv[3], argv[4]),
        .zip_h1 = slice_of(argv[6]),
        .is_refetchable = strcmp(argv[1], "put") == 0,
    };
    TRY(read_named(cx->arena, argv[5], "info", &c.info));
    TRY(read_named(cx->arena, argv[5], "mod", &c.mod));
    TRY(read_named(cx->arena, argv[5], "zip", &zip));
    TRY(stage_write(cx->arena, st, zip));
    return store_commit(s, cx, st, &c, &was_stored);
}

static int run_put(char **argv)
{
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    struct store_stage *st;
    struct store *s = open_or_end(&a, argv[2]);
    struct error *err = store_stage_new(s, &a, &st);
    if (!err)
        err = put_files(s, &cx, st, argv);
    if (err)
        end(&a, "publishing", err);
    store_stage_free(st);
    store_close(s);
    arena_release(&a);
    return 0;
}

/* ---- check ---- */

struct check {
    struct store *s;
    uint64_t bytes;
    size_t versions, bad;
};

static void complain(struct check *c, const char *what, struct slice rel)
{
    printf("bad: %s: %.*s\n", what, SLICE_ARG(rel));
    c->bad++;
}

static bool split(struct arena *a, struct slice rel, struct module_version *mv)
{
    if (slice_ends(rel, S(".sig")))
        rel.n -= strlen(".sig");
    ptrdiff_t at = slice_find_slice(rel, S("/@v/")), dot = slice_rfind(rel, '.');
    if (at < 0 || dot < at)
        return false;
    struct slice version = slice_skip(slice_head(rel, (size_t)dot), (size_t)at + 4);
    return !module_unescape_path(a, slice_head(rel, (size_t)at), &mv->path) &&
           !module_unescape_version(a, version, &mv->version);
}

/* Every line of a list is stored. That every version is listed is checked from its side. */
static void check_list(struct check *c, struct arena *a, struct slice rel)
{
    struct slice text, line;
    const char *path = arena_printf(a, "%s/%.*s", store_tree(c->s), SLICE_ARG(rel)).p;
    if (file_read(a, path, 1 << 20, &text))
        return complain(c, "unreadable", rel);
    const char *dir = arena_cstr(a, slice_head(slice_of(path), strlen(path) - strlen("list")));
    while (text.n) {
        line = slice_cut(&text, '\n');
        const char *info = arena_printf(a, "%s%.*s.info", dir, SLICE_ARG(line)).p;
        if (!text.p || access(info, F_OK) < 0)
            complain(c, "listed and not stored", line);
    }
}

static void check_listed(struct check *c, struct arena *a, struct slice rel,
                         struct module_version mv)
{
    struct slice text = {0};
    struct slice dir = slice_head(rel, (size_t)slice_rfind(rel, '/'));
    struct error *err = file_read(
        a, arena_printf(a, "%s/%.*s/list", store_tree(c->s), SLICE_ARG(dir)).p, 1 << 20, &text);
    if (err && err->status != STATUS_NOT_FOUND)
        return complain(c, "the list is unreadable", rel);
    size_t times = 0;
    while (text.n)
        times += slice_eq(slice_cut(&text, '\n'), mv.version);
    bool is_pseudo = slice_starts(mv.version, S("v0.0.0-"));
    if (times != (is_pseudo ? 0 : 1))
        complain(c, "listed a wrong number of times", rel);
}

static struct error *check_file(void *arg, struct arena *a, struct slice rel)
{
    struct check *c = arg;
    struct module_version mv;
    struct stat st;
    bool is_there;
    if (slice_ends(rel, S("/@v/list"))) {
        check_list(c, a, rel);
        return NULL;
    }
    if (!split(a, rel, &mv)) {
        complain(c, "no name of an artefact", rel);
        return NULL;
    }
    struct error *err = check_whole(c->s, a, mv, &is_there);
    if (err)
        complain(c, error_chain(a, err).p, rel);
    if (!is_there)
        complain(c, "without its .info", rel);
    if (stat(arena_printf(a, "%s/%.*s", store_tree(c->s), SLICE_ARG(rel)).p, &st) == 0)
        c->bytes += (uint64_t)st.st_size;
    if (slice_ends(rel, S(".info"))) {
        printf("has %.*s %.*s\n", SLICE_ARG(mv.path), SLICE_ARG(mv.version));
        check_listed(c, a, rel, mv);
        c->versions++;
    }
    return NULL;
}

static struct error *add_partial(void *arg, struct arena *a, struct slice rel)
{
    struct check *c = arg;
    struct stat st;
    struct slice tree = slice_of(store_tree(c->s));
    struct slice dir = slice_head(tree, tree.n - strlen("cache/download"));
    struct slice path = arena_printf(a, "%.*spartial/%.*s", SLICE_ARG(dir), SLICE_ARG(rel));
    if (stat(path.p, &st) == 0)
        c->bytes += (uint64_t)st.st_size;
    return NULL;
}

static struct error *check_stage(void *arg, struct arena *a, struct slice rel)
{
    if (!slice_ends(rel, S("/lock")))
        complain(arg, "left in the stage", rel);
    return NULL;
}

static int run_check(char **argv)
{
    struct arena a = ARENA_INIT;
    struct check c = {.s = open_or_end(&a, argv[2])};
    struct error *err = dir_walk(&a, store_tree(c.s), check_file, &c);
    if (!err)
        err = dir_walk(&a, arena_printf(&a, "%s/partial", argv[2]).p, add_partial, &c);
    if (!err)
        err = dir_walk(&a, arena_printf(&a, "%s/stage", argv[2]).p, check_stage, &c);
    if (err)
        end(&a, "checking", err);
    if (store_bytes(c.s) != c.bytes)
        complain(&c, "the catalog's sum is wrong",
                 arena_printf(&a, "%" PRIu64 " on disk, %" PRIu64 " in the catalog", c.bytes,
                              store_bytes(c.s)));
    printf("versions %zu bytes %" PRIu64 "\n", c.versions, c.bytes);
    store_close(c.s);
    arena_release(&a);
    return c.bad ? 1 : 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 3 && strcmp(argv[1], "check") == 0)
        return run_check(argv);
    if (argc == 6 && strcmp(argv[1], "publish") == 0)
        return run_workers(argv, false);
    if (argc == 6 && strcmp(argv[1], "churn") == 0)
        return run_workers(argv, true);
    if (argc == 6 && strcmp(argv[1], "race") == 0)
        return run_race(argv);
    if (argc == 7 && (strcmp(argv[1], "put") == 0 || strcmp(argv[1], "keep") == 0))
        return run_put(argv);
    fputs("usage: store_driver publish|churn DIR THREADS SEED COUNT | check DIR | "
          "race DIR PATH VERSION SALT | put|keep DIR PATH VERSION FOLDER H1\n",
          stderr);
    return 2;
}
