/*
 * Eviction: the least recently used versions go first, never one that is pinned.
 *
 * Some dozens of rows at a time are marked as being evicted, durably; then each version is removed
 * under its lock: .info first, so that it is gone as a whole, then from @v/list, then the rest.
 * What breaks off is finished at the next start; the removals themselves are not synced. The row
 * stays, with the h1: the version may come back, but only as what it was. Whoever has a file open
 * reads on.
 */
#include "store/store_priv.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>

enum { EVICT_BATCH = 64 };

struct victim {
    struct module_version mv;
    uint64_t bytes;
    int64_t last_use_unix_s;
};

struct eviction {
    struct store *s;
    uint64_t target_bytes;
    uint64_t excess_bytes; /* still to be freed */
    uint64_t freed_bytes;
    store_evict_fn fn;
    void *arg;
    struct victim victims[EVICT_BATCH];
    size_t count;
};

/* ---- removing one ---- */

static struct error *remove_artefact(struct store *s, struct arena *a, const struct names *n,
                                     enum artefact what)
{
    TRY(disk_unlink(s, a, names_file(a, TREE_DIR, n, what)));
    return disk_unlink(s, a, names_file(a, PARTIAL_DIR, n, what));
}

struct error *version_remove(struct store *s, struct arena *a, const struct names *n)
{
    TRY(remove_artefact(s, a, n, ARTEFACT_INFO));
    TRY(list_rewrite(s, a, NULL, n->escaped_path));
    TRY(remove_artefact(s, a, n, ARTEFACT_ZIP));
    TRY(remove_artefact(s, a, n, ARTEFACT_ZIPHASH));
    TRY(remove_artefact(s, a, n, ARTEFACT_ZIPSIG));
    return remove_artefact(s, a, n, ARTEFACT_MOD);
}

static struct error *set_evicted(struct store *s, struct arena *a, struct module_version mv)
{
    TRY(catalog_begin(s->catalog, a, false));
    struct error *err = catalog_set_state(s->catalog, a, mv, VERSION_EVICTED, 0);
    return catalog_end(s->catalog, a, err);
}

/* It was pinned after its row was written: the row is read from the disk again. */
static struct error *spare(struct store *s, struct arena *a, const struct catalog_row *row)
{
    TRY(catalog_begin(s->catalog, a, false));
    struct error *err = catalog_set_state(s->catalog, a, row->mv, VERSION_WHOLE, row->bytes);
    if (!err)
        err = settle(s, a, row->mv, row->origin);
    return catalog_end(s->catalog, a, err);
}

/* Under the version's lock; another process may have finished it meanwhile. */
static struct error *remove_version(struct store *s, struct arena *a, struct module_version mv,
                                    bool *is_removed)
{
    FD_SCOPED lock = -1;
    bool found;
    struct names n;
    struct catalog_row row;
    *is_removed = false;
    TRY(names_make(a, mv, &n));
    TRY(lock_take(s, a, NULL, names_lock(a, &n), &lock));
    TRY(catalog_get(s->catalog, a, mv, &found, &row));
    if (!found || row.state != VERSION_EVICTING)
        return NULL;
    if (disk_exists(s, names_pin(a, &n)))
        return spare(s, a, &row);
    TRY_CTX(a, version_remove(s, a, &n), "evicting %.*s@%.*s", SLICE_ARG(mv.path),
            SLICE_ARG(mv.version));
    *is_removed = true;
    return set_evicted(s, a, mv);
}

/* ---- choosing ---- */

static struct error *choose(void *arg, struct arena *a, const struct catalog_row *row)
{
    struct eviction *e = arg;
    if (e->excess_bytes == 0)
        return NULL;
    struct victim *v = &e->victims[e->count++];
    v->mv.path = arena_dup(a, row->mv.path);
    v->mv.version = arena_dup(a, row->mv.version);
    v->bytes = row->bytes;
    v->last_use_unix_s = row->last_use_unix_s;
    e->excess_bytes -= row->bytes < e->excess_bytes ? row->bytes : e->excess_bytes;
    return NULL;
}

static struct error *mark(struct eviction *e, struct arena *a)
{
    TRY(catalog_each_oldest(e->s->catalog, a, EVICT_BATCH, choose, e));
    for (size_t i = 0; i < e->count; i++)
        TRY(catalog_set_state(e->s->catalog, a, e->victims[i].mv, VERSION_EVICTING,
                              e->victims[i].bytes));
    return NULL;
}

static void report(struct eviction *e, const struct victim *v)
{
    e->freed_bytes += v->bytes;
    if (e->fn)
        e->fn(e->arg, v->mv, v->bytes, v->last_use_unix_s);
}

static struct error *evict_batch(struct eviction *e, struct arena *a)
{
    bool is_removed;
    TRY(catalog_begin(e->s->catalog, a, true));
    TRY(catalog_end(e->s->catalog, a, mark(e, a)));
    for (size_t i = 0; i < e->count; i++) {
        TRY(remove_version(e->s, a, e->victims[i].mv, &is_removed));
        if (is_removed)
            report(e, &e->victims[i]);
    }
    return NULL;
}

static struct error *find_excess(struct eviction *e, struct arena *a)
{
    TRY(settle_bytes(e->s, a));
    uint64_t bytes = atomic_load(&e->s->catalog_bytes);
    e->excess_bytes = bytes > e->target_bytes ? bytes - e->target_bytes : 0;
    e->count = 0;
    return NULL;
}

static struct error *evict(struct eviction *e, struct ctx *cx)
{
    struct arena batch = ARENA_INIT;
    struct error *err = find_excess(e, cx->arena);
    while (!err && e->excess_bytes) {
        err = error_dup(cx->arena, evict_batch(e, &batch));
        arena_clear(&batch);
        if (err || e->count == 0)
            break;
        err = find_excess(e, cx->arena);
        if (!err)
            err = ctx_check(cx);
    }
    arena_release(&batch);
    return err;
}

/* ---- a dry run ---- */

static struct error *choose_dry(void *arg, struct arena *a, const struct catalog_row *row)
{
    struct eviction *e = arg;
    if (e->excess_bytes == 0)
        return NULL;
    struct victim v = {row->mv, row->bytes, row->last_use_unix_s};
    e->excess_bytes -= v.bytes < e->excess_bytes ? v.bytes : e->excess_bytes;
    report(e, &v);
    return NULL;
}

static struct error *evict_dry(struct eviction *e, struct ctx *cx)
{
    TRY(find_excess(e, cx->arena));
    TRY(catalog_begin(e->s->catalog, cx->arena, false));
    struct error *err = catalog_each_oldest(e->s->catalog, cx->arena, UINT64_MAX, choose_dry, e);
    return catalog_end(e->s->catalog, cx->arena, err);
}

/* ---- the face ---- */

static struct error *note_evicting(void *arg, struct arena *a, const struct catalog_row *row)
{
    struct buf *b = arg;
    buf_printf(b, "%.*s\n%.*s\n", SLICE_ARG(row->mv.path), SLICE_ARG(row->mv.version));
    return NULL;
}

struct error *evict_finish(struct store *s, struct arena *a)
{
    bool is_removed;
    BUF_SCOPED(b);
    TRY(catalog_begin(s->catalog, a, false));
    struct error *err = catalog_each_evicting(s->catalog, a, note_evicting, &b);
    TRY(catalog_end(s->catalog, a, err));
    struct slice rest = buf_slice(&b);
    while (rest.n) {
        struct module_version mv;
        mv.path = slice_cut(&rest, '\n');
        mv.version = slice_cut(&rest, '\n');
        TRY(remove_version(s, a, mv, &is_removed));
    }
    return NULL;
}

struct error *store_evict(struct store *s, struct ctx *cx, uint64_t target_bytes, bool dry_run,
                          store_evict_fn fn, void *arg, uint64_t *freed_bytes)
{
    *freed_bytes = 0;
    TRY(store_flush(s, cx->arena));
    TRY(evict_finish(s, cx->arena));
    struct eviction *e = xcalloc(1, sizeof(*e));
    *e = (struct eviction){.s = s, .target_bytes = target_bytes, .fn = fn, .arg = arg};
    struct error *err = dry_run ? evict_dry(e, cx) : evict(e, cx);
    *freed_bytes = e->freed_bytes;
    free(e);
    return err;
}
