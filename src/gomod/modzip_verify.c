/*
 * The rules of a module zip and its h1 in one pass.
 *
 * First the names and the declared sizes of the central directory are judged, as zip.CheckZip does,
 * so that a zip bomb is refused before anything is inflated. Then every entry is read once: the
 * declared size bounds what may come out, and each piece goes to SHA-256, to the copy of go.mod and
 * to the observer while it is warm. Unlike CheckZip, which does not look at data, this finds out
 * all that unpacking would find out.
 */
#include "gomod/modzip_priv.h"

#include "gomod/text.h"

struct rules {
    const struct modzip_limits *limits;
    struct slice prefix; /* "path@version/" */
    struct modzip_name *names;
    size_t count;
    uint64_t content_bytes;
};

struct error *modzip_check_module(struct arena *a, struct module_version mv)
{
    TRY(module_check(a, mv));
    if (!slice_eq(module_canonical_version(a, mv.version), mv.version))
        return error_new(a, STATUS_BAD_VERSION, "version %s is not in canonical form",
                         text_quote(a, mv.version));
    return NULL;
}

static struct error *check_size(struct arena *a, struct slice name, uint64_t bytes, uint64_t max)
{
    if (bytes <= max)
        return NULL;
    return error_new(a, STATUS_TOO_LARGE, "%.*s has %llu bytes, at most %llu are allowed",
                     SLICE_ARG(name), (unsigned long long)bytes, (unsigned long long)max);
}

static struct error *check_file_rules(struct arena *a, struct rules *r, struct slice name,
                                      uint64_t bytes)
{
    struct slice base = slice_skip(name, (size_t)(slice_rfind(name, '/') + 1));
    if (slice_eq_nocase(base, S("go.mod")) && !slice_eq(name, S("go.mod")))
        return error_new(a, STATUS_BAD_ZIP,
                         base.n == name.n ? "%s must be spelled go.mod"
                                          : "%s is not in the module's root folder",
                         text_quote(a, name));
    if (bytes > r->limits->content_bytes - r->content_bytes)
        return error_new(a, STATUS_TOO_LARGE, "the files together exceed %llu bytes",
                         (unsigned long long)r->limits->content_bytes);
    r->content_bytes += bytes;
    if (slice_eq(name, S("go.mod")))
        return check_size(a, name, bytes, r->limits->go_mod_bytes);
    if (slice_eq(name, S("LICENSE")))
        return check_size(a, name, bytes, r->limits->license_bytes);
    return NULL;
}

static struct error *check_entry(struct arena *a, struct rules *r, const struct modzip_entry *e)
{
    if (!slice_starts(e->name, r->prefix))
        return error_new(a, STATUS_BAD_ZIP, "%s does not start with %s", text_quote(a, e->name),
                         text_quote(a, r->prefix));
    struct slice name = slice_skip(e->name, r->prefix.n);
    if (name.n == 0)
        return NULL;
    bool is_dir = slice_ends(name, S("/"));
    if (is_dir)
        name.n--;
    struct error *err = module_check_file_path(a, name);
    if (err)
        return error_as(a, STATUS_BAD_ZIP, err, "bad file name");
    r->names[r->count++] = (struct modzip_name){.path = name, .is_dir = is_dir};
    return is_dir ? NULL : check_file_rules(a, r, name, e->content_bytes);
}

static struct error *check_rules(struct arena *a, const struct modzip *z, struct rules *r)
{
    r->names = xcalloc(z->count, sizeof(*r->names));
    struct error *err = NULL;
    for (size_t i = 0; i < z->count && !err; i++)
        err = check_entry(a, r, &z->entries[i]);
    if (!err)
        err = modzip_check_collisions(a, r->names, r->count);
    free(r->names);
    r->names = NULL;
    return err;
}

/* Where the pieces of the entry that is being read go. */
struct digest {
    struct modzip_reader *reader;
    struct sha256_stream *sha;
    struct h1_builder h1;
    const struct modzip_observer *observer; /* may be NULL */
    struct buf *copy;                       /* NULL: no copy of this entry */
};

static struct error *digest_piece(void *arg, struct arena *a, struct slice piece)
{
    struct digest *d = arg;
    sha256_add(d->sha, piece.p, piece.n);
    if (d->copy)
        buf_add(d->copy, piece);
    return d->observer ? d->observer->data(d->observer->arg, a, piece) : NULL;
}

static struct error *digest_entry(struct digest *d, struct arena *a, const struct modzip *z,
                                  const struct modzip_entry *e)
{
    const struct modzip_observer *o = slice_ends(e->name, S("/")) ? NULL : d->observer;
    uint8_t sum[SHA256_BYTES];
    sha256_reset(d->sha);
    if (o)
        TRY(o->begin(o->arg, a, e));
    TRY(modzip_read(d->reader, a, z, e, (struct modzip_sink){.write = digest_piece, .arg = d}));
    if (o)
        TRY(o->end(o->arg, a));
    sha256_sum(d->sha, sum);
    h1_add(&d->h1, e->name, sum);
    return NULL;
}

/* Reads all entries; go_mod gets the content of the entry of that name. */
static struct error *digest_entries(struct digest *d, struct arena *a, const struct modzip *z,
                                    struct slice go_mod_name, struct buf *go_mod, char *h1)
{
    for (size_t i = 0; i < z->count; i++) {
        const struct modzip_entry *e = &z->entries[i];
        d->copy = slice_eq(e->name, go_mod_name) ? go_mod : NULL;
        TRY(digest_entry(d, a, z, e));
    }
    return h1_sum(&d->h1, a, h1);
}

static struct error *digest_zip(struct arena *a, const struct modzip *z,
                                const struct modzip_observer *observer, struct slice go_mod_name,
                                struct buf *go_mod, char h1[H1_TEXT_BYTES])
{
    struct digest d = {.reader = modzip_reader_new(), .sha = sha256_new(), .observer = observer};
    struct error *err = digest_entries(&d, a, z, go_mod_name, go_mod, h1);
    h1_release(&d.h1);
    sha256_free(d.sha);
    modzip_reader_free(d.reader);
    return err;
}

struct error *modzip_verify_observed(struct arena *a, struct slice bytes, struct module_version mv,
                                     const struct modzip_limits *limits,
                                     const struct modzip_observer *observer,
                                     struct modzip_result *out)
{
    struct modzip z;
    struct rules r = {.limits = limits};
    *out = (struct modzip_result){0};
    TRY(modzip_check_module(a, mv));
    if (bytes.n > limits->zip_bytes)
        return error_new(a, STATUS_TOO_LARGE, "the zip has %zu bytes, at most %llu are allowed",
                         bytes.n, (unsigned long long)limits->zip_bytes);
    TRY(modzip_open(a, bytes, limits->files, &z));
    r.prefix = arena_printf(a, "%.*s@%.*s/", SLICE_ARG(mv.path), SLICE_ARG(mv.version));
    TRY(check_rules(a, &z, &r));
    struct slice go_mod_name = arena_printf(a, "%.*sgo.mod", SLICE_ARG(r.prefix));
    BUF_SCOPED(go_mod);
    TRY(digest_zip(a, &z, observer, go_mod_name, &go_mod, out->h1));
    for (size_t i = 0; i < z.count; i++)
        out->has_go_mod |= slice_eq(z.entries[i].name, go_mod_name);
    out->go_mod = arena_dup(a, buf_slice(&go_mod));
    out->files = z.count;
    out->content_bytes = r.content_bytes;
    return NULL;
}

struct error *modzip_verify(struct arena *a, struct slice bytes, struct module_version mv,
                            const struct modzip_limits *limits, struct modzip_result *out)
{
    return modzip_verify_observed(a, bytes, mv, limits, NULL, out);
}

struct error *modzip_hash(struct arena *a, struct slice bytes, char h1[H1_TEXT_BYTES])
{
    struct modzip z;
    TRY(modzip_open(a, bytes, MODZIP_LIMITS_GO.files, &z));
    return digest_zip(a, &z, NULL, S(""), NULL, h1);
}
