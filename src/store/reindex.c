/*
 * The catalog, made anew from the tree: when it is lost, damaged, or doubted.
 *
 * Each version found on the disk is settled (last use and origin of a row that exists stay), each
 * row without a version becomes one that is only remembered, and each @v/list is made to say what
 * its folder holds. In batches, so that others can write in between.
 */
#include "store/store_priv.h"

#include "base/file.h"

#include "ops/log.h"

enum { BATCH = 512 };

struct reindex {
    struct store *s;
    const struct ctx *cx; /* NULL: not to be interrupted */
    struct arena batch;
    const char *root;
    struct slice last_path; /* escaped, whose list was made last; in last_text */
    struct buf last_text;
    struct module_version mvs[BATCH];
    size_t count;
    uint64_t total;
};

static struct error *settle_batch(struct reindex *r, struct arena *a)
{
    for (size_t i = 0; i < r->count; i++)
        TRY(settle(r->s, a, r->mvs[i], S("")));
    return NULL;
}

/* The error of a batch must outlive the batch's arena. */
static struct error *write_batch(struct reindex *r, struct arena *a)
{
    if (r->cx)
        TRY(ctx_check(r->cx));
    TRY(catalog_begin(r->s->catalog, a, false));
    struct error *err = catalog_end(r->s->catalog, a, error_dup(a, settle_batch(r, &r->batch)));
    r->total += r->count;
    r->count = 0;
    arena_clear(&r->batch);
    return err;
}

static struct error *rewrite_list(struct reindex *r, struct arena *a, struct slice escaped_path)
{
    if (slice_eq(buf_slice(&r->last_text), escaped_path) && r->last_text.n)
        return NULL;
    buf_clear(&r->last_text);
    buf_add(&r->last_text, escaped_path);
    return list_rewrite(r->s, a, r->cx, escaped_path);
}

/* Files that are not of a version, and names that are no module's, are passed over. */
static struct error *take_file(void *arg, struct arena *a, struct slice rel)
{
    struct reindex *r = arg;
    struct arena *keep = &r->batch;
    ptrdiff_t at = slice_find_slice(rel, S("/@v/"));
    if (at < 0)
        return NULL;
    struct slice escaped_path = slice_head(rel, (size_t)at), name = slice_skip(rel, (size_t)at + 4);
    bool is_whole = slice_ends(name, S(".info"));
    bool is_partial = strcmp(r->root, PARTIAL_DIR) == 0 && slice_ends(name, S(".mod"));
    if (!is_whole && !is_partial)
        return NULL;
    struct slice escaped_version = slice_head(name, (size_t)slice_rfind(name, '.'));
    struct module_version *mv = &r->mvs[r->count];
    if (module_unescape_path(keep, escaped_path, &mv->path) ||
        module_unescape_version(keep, escaped_version, &mv->version))
        return NULL;
    if (strcmp(r->root, TREE_DIR) == 0)
        TRY(rewrite_list(r, a, escaped_path));
    r->count++;
    return r->count < BATCH ? NULL : write_batch(r, a);
}

static struct error *take_tree(struct reindex *r, struct arena *a, const char *root)
{
    r->root = root;
    struct arena scratch = ARENA_INIT;
    const char *full = JOIN(a, slice_of(r->s->dir), S("/"), slice_of(root));
    struct error *err = error_dup(a, dir_walk(&scratch, full, take_file, r));
    arena_release(&scratch);
    TRY(err);
    return write_batch(r, a);
}

static struct error *keep_name(void *arg, struct arena *a, const struct catalog_row *row)
{
    struct reindex *r = arg;
    struct module_version *mv = &r->mvs[r->count++];
    mv->path = arena_dup(&r->batch, row->mv.path);
    mv->version = arena_dup(&r->batch, row->mv.version);
    return NULL;
}

/* Settles every row, so that those whose files are gone are only remembered. */
static struct error *take_rows(struct reindex *r, struct arena *a)
{
    struct module_version after = {S(""), S("")};
    uint64_t versions = r->total;
    for (bool is_more = true; is_more;) {
        TRY(catalog_begin(r->s->catalog, a, false));
        struct error *err = catalog_each_after(r->s->catalog, a, after, BATCH, keep_name, r);
        TRY(catalog_end(r->s->catalog, a, err));
        is_more = r->count == BATCH;
        if (r->count) {
            after.path = arena_dup(a, r->mvs[r->count - 1].path);
            after.version = arena_dup(a, r->mvs[r->count - 1].version);
        }
        TRY(write_batch(r, a));
    }
    r->total = versions;
    return NULL;
}

static struct error *reindex(struct reindex *r, struct arena *a)
{
    TRY(take_tree(r, a, TREE_DIR));
    TRY(take_tree(r, a, PARTIAL_DIR));
    TRY(take_rows(r, a));
    return settle_bytes(r->s, a);
}

static struct error *run_reindex(struct store *s, struct arena *a, const struct ctx *cx,
                                 uint64_t *versions)
{
    struct reindex *r = xcalloc(1, sizeof(*r));
    *r = (struct reindex){.s = s, .cx = cx};
    struct error *err = reindex(r, a);
    *versions = r->total;
    arena_release(&r->batch);
    buf_release(&r->last_text);
    free(r);
    return err;
}

struct error *store_reindex(struct store *s, struct ctx *cx, uint64_t *versions)
{
    TRY(store_flush(s, cx->arena));
    return run_reindex(s, cx->arena, cx, versions);
}

/* ---- a catalog that is new or damaged ---- */

static struct error *fill_new(struct store *s, struct arena *a)
{
    uint64_t versions;
    TRY(run_reindex(s, a, NULL, &versions));
    if (versions)
        log_line(LOG_WARN, "the catalog was made anew from the stored versions",
                 LOG_STR("store", slice_of(s->dir)), LOG_NUM("versions", versions));
    return NULL;
}

static struct error *open_catalog(struct store *s, struct arena *a)
{
    bool is_new;
    TRY(catalog_open(s->catalog, a, &is_new));
    if (is_new && !s->is_read_only)
        TRY(fill_new(s, a));
    return settle_bytes(s, a);
}

struct error *catalog_heal(struct store *s, struct arena *a, struct error *err)
{
    if (err->status != STATUS_CORRUPT || s->is_read_only)
        return err;
    log_error(LOG_ERROR, "the catalog is damaged; it is put aside and made anew", err, NULL, 0);
    TRY(catalog_put_aside(s->catalog, a));
    return open_catalog(s, a);
}

struct error *catalog_ready(struct store *s, struct arena *a)
{
    struct error *err = open_catalog(s, a);
    return err ? catalog_heal(s, a, err) : NULL;
}
