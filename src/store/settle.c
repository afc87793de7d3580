/*
 * From the tree to the catalog.
 *
 * The row of a version is read from the disk: what is there, how large, with which h1, whether it
 * is pinned. Only the origin comes from elsewhere. So settling a version twice, late, or after a
 * crash gives the same row, and a commit need not wait for the catalog: it leaves its intent as
 * done-<number> in the folder of its process, and a flush settles many of them in one transaction.
 * An intent is removed when the row and the list are durable.
 *
 * A flush reads the disk inside the write transaction. An eviction changes a row's state before and
 * after it removes files, in transactions of its own; so a row never says that something is stored
 * which an eviction has just removed.
 */
#include "store/store_priv.h"

#include "base/file.h"

#include "ops/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- one version ---- */

struct found {
    uint64_t bytes;
    int64_t mtime_unix_s; /* the latest */
    bool has_info;
};

static struct found look(struct store *s, struct arena *a, const char *root, const struct names *n)
{
    struct found f = {0};
    for (int what = 0; what <= ARTEFACT_ZIPHASH; what++) {
        struct stat st;
        const char *rel = names_file(a, root, n, (enum artefact)what);
        if (fstatat(s->dir_fd, rel, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        f.bytes += (uint64_t)st.st_size;
        f.mtime_unix_s = st.st_mtime > f.mtime_unix_s ? st.st_mtime : f.mtime_unix_s;
        f.has_info |= what == ARTEFACT_INFO;
    }
    return f;
}

static struct slice read_h1(struct store *s, struct arena *a, const struct names *n)
{
    struct slice h1;
    const char *rel = names_file(a, TREE_DIR, n, ARTEFACT_ZIPHASH);
    FD_SCOPED fd = openat(s->dir_fd, rel, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || file_read_fd(a, fd, 256, &h1))
        return S("");
    return slice_trim(h1);
}

struct error *settle(struct store *s, struct arena *a, struct module_version mv,
                     struct slice origin)
{
    struct names n;
    TRY(names_make(a, mv, &n));
    struct found whole = look(s, a, TREE_DIR, &n);
    struct found partial = look(s, a, PARTIAL_DIR, &n);
    struct found *is = whole.has_info ? &whole : &partial;
    if (is->bytes == 0)
        return catalog_set_state(s->catalog, a, mv, VERSION_EVICTED, 0);
    struct catalog_row row = {
        .mv = mv,
        .state = whole.has_info ? VERSION_WHOLE : VERSION_PARTIAL,
        .bytes = is->bytes,
        .zip_h1 = whole.has_info ? read_h1(s, a, &n) : S(""),
        .first_seen_unix_s = is->mtime_unix_s,
        .last_use_unix_s = is->mtime_unix_s,
        .origin = origin,
        .is_refetchable = !disk_exists(s, names_pin(a, &n)),
    };
    return catalog_put(s->catalog, a, &row);
}

/* ---- many ---- */

struct done {
    struct store *s;
    const char *owner_rel;
    struct slice *names; /* files of intents */
    size_t count;
    int64_t bytes;
};

static struct error *collect(struct done *d, struct arena *a)
{
    BUF_SCOPED(b);
    DIR_SCOPED dir = NULL;
    TRY(disk_open_dir(d->s, a, d->owner_rel, &dir));
    for (struct dirent *de; dir && (de = readdir(dir));) {
        if (!slice_starts(slice_of(de->d_name), S(DONE_PREFIX)))
            continue;
        buf_printf(&b, "%s/%s\n", d->owner_rel, de->d_name);
        d->count++;
    }
    struct slice rest = arena_dup(a, buf_slice(&b));
    d->names = ARENA_ARRAY(a, struct slice, d->count);
    for (size_t i = 0; i < d->count; i++)
        d->names[i] = slice_of(arena_cstr(a, slice_cut(&rest, '\n')));
    return NULL;
}

/* Makes the lists of what was published durable; not inside the transaction, for it takes long. */
static struct error *sync_lists(struct done *d, struct arena *a)
{
    for (size_t i = 0; i < d->count; i++) {
        struct names n;
        struct intent intent;
        if (!intent_read(d->s, a, d->names[i].p, &intent))
            continue;
        TRY(names_make(a, intent.mv, &n));
        if (disk_exists(d->s, names_file(a, TREE_DIR, &n, ARTEFACT_INFO)))
            TRY(list_sync(d->s, a, &n, intent.mv.version));
    }
    return NULL;
}

static struct error *settle_each(struct done *d, struct arena *a)
{
    for (size_t i = 0; i < d->count; i++) {
        struct intent intent;
        if (!intent_read(d->s, a, d->names[i].p, &intent))
            continue;
        d->bytes += (int64_t)intent.bytes;
        TRY(settle(d->s, a, intent.mv, intent.origin));
    }
    return touches_write(d->s, a);
}

static struct error *forget(struct done *d, struct arena *a)
{
    for (size_t i = 0; i < d->count; i++)
        TRY(disk_unlink(d->s, a, d->names[i].p));
    return NULL;
}

static struct error *settle_folder(struct done *d, struct arena *a)
{
    TRY(collect(d, a));
    TRY(sync_lists(d, a));
    TRY(catalog_begin(d->s->catalog, a, d->count > 0));
    TRY(catalog_end(d->s->catalog, a, settle_each(d, a)));
    return forget(d, a);
}

struct error *settle_done(struct store *s, struct arena *a, const char *owner_rel)
{
    struct done d = {.s = s, .owner_rel = owner_rel};
    return settle_folder(&d, a);
}

struct error *settle_bytes(struct store *s, struct arena *a)
{
    uint64_t bytes;
    TRY(catalog_bytes(s->catalog, a, &bytes));
    atomic_store(&s->catalog_bytes, bytes);
    return NULL;
}

/* ---- the flush ---- */

enum { PENDING_MAX = 256 };

static struct error *flush(struct store *s, struct arena *a)
{
    struct done d = {.s = s, .owner_rel = s->owner.rel};
    TRY(settle_folder(&d, a));
    atomic_fetch_sub(&s->pending_bytes, d.bytes);
    atomic_fetch_sub(&s->pending_count, (unsigned)d.count);
    return settle_bytes(s, a);
}

struct error *store_flush(struct store *s, struct arena *a)
{
    TRY(owner_ready(s, a));
    pthread_mutex_lock(&s->flush_mutex);
    struct error *err = flush(s, a);
    if (err)
        err = catalog_heal(s, a, err);
    pthread_mutex_unlock(&s->flush_mutex);
    return err;
}

void settle_later(struct store *s, struct arena *a, uint64_t bytes)
{
    atomic_fetch_add(&s->pending_bytes, (int64_t)bytes);
    if (atomic_fetch_add(&s->pending_count, 1) + 1 < PENDING_MAX)
        return;
    if (pthread_mutex_trylock(&s->flush_mutex) != 0)
        return; /* another thread is at it */
    struct error *err = flush(s, a);
    pthread_mutex_unlock(&s->flush_mutex);
    if (err)
        log_error(LOG_WARN, "the catalog cannot be written", err, NULL, 0);
}
