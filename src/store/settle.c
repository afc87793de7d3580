/*
 * From the tree to the catalog.
 *
 * The row of a version is read from the disk: what is there, how large, with which h1, whether it
 * is pinned. Only the origin comes from elsewhere. So settling a version twice, late, or after a
 * crash gives the same row, and a commit need not wait for the catalog: its intent is in the
 * journal, and a flush settles many versions in one transaction. A journal is removed when the
 * rows, and all that was placed, are durable: one syncfs() for all of them, from a thread that
 * nobody waits for. (Before Linux 5.8 it reports no write errors.)
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
#include <time.h>
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
    for (int what = 0; what < ARTEFACT_COUNT; what++) {
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
        return catalog_set_gone(s->catalog, a, mv);
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

static struct error *settle_each(struct store *s, struct arena *a, const struct intent *list,
                                 size_t count)
{
    for (size_t i = 0; i < count; i++)
        TRY(settle(s, a, list[i].mv, list[i].origin));
    return NULL;
}

struct error *settle_intents(struct store *s, struct arena *a, const struct intent *list,
                             size_t count)
{
    TRY(catalog_begin(s->catalog, a, false));
    TRY(catalog_end(s->catalog, a, settle_each(s, a, list, count)));
    return count ? disk_sync_all(s, a) : NULL; /* the tree and the catalog's log */
}

static struct error *settle_news(struct store *s, struct arena *a, const struct news *news)
{
    TRY(news_settle(s, a, news));
    return touches_write(s, a);
}

struct error *settle_bytes(struct store *s, struct arena *a)
{
    uint64_t bytes;
    TRY(catalog_bytes(s->catalog, a, &bytes));
    atomic_store(&s->catalog_bytes, bytes);
    return NULL;
}

/* ---- the flush ---- */

enum { PENDING_MAX = 256, FLUSH_EVERY_S = 5 };

static struct error *write_news(struct store *s, struct arena *a, const struct news *news,
                                bool has_ended)
{
    TRY(catalog_begin(s->catalog, a, false));
    TRY(catalog_end(s->catalog, a, settle_news(s, a, news)));
    return news || has_ended ? disk_sync_all(s, a) : NULL; /* the tree and the catalog's log */
}

/* The journals first: what they say of is among the news by then. */
static struct error *flush(struct store *s, struct arena *a)
{
    int64_t bytes = 0;
    struct journal_file *ended = journal_take_ended(s);
    struct news *news = news_take(s);
    struct error *err = write_news(s, a, news, ended != NULL);
    if (err) {
        news_put_back(s, news);
        journal_put_back(s, ended);
        return err;
    }
    journal_forget(s, ended);
    unsigned count = news_free(news, &bytes);
    atomic_fetch_sub(&s->pending_bytes, bytes);
    atomic_fetch_sub(&s->pending_count, count);
    return settle_bytes(s, a);
}

struct error *store_flush(struct store *s, struct arena *a)
{
    TRY(owner_ready(s, a));
    struct arena scratch = ARENA_INIT;
    pthread_mutex_lock(&s->flush_mutex);
    struct error *err = flush(s, &scratch);
    if (err)
        err = catalog_heal(s, &scratch, err);
    pthread_mutex_unlock(&s->flush_mutex);
    err = error_dup(a, err);
    arena_release(&scratch);
    return err;
}

/* ---- the flusher ---- */

void settle_later(struct store *s, const struct intent *in)
{
    atomic_fetch_add(&s->pending_bytes, (int64_t)in->bytes);
    news_add(s, in);
    if (atomic_fetch_add(&s->pending_count, 1) + 1 < PENDING_MAX)
        return;
    pthread_mutex_lock(&s->flusher.mutex);
    s->flusher.is_due = true;
    pthread_cond_signal(&s->flusher.changed);
    pthread_mutex_unlock(&s->flusher.mutex);
}

/* Returns false when the store is being closed. */
static bool wait_until_due(struct flusher *f)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FLUSH_EVERY_S;
    pthread_mutex_lock(&f->mutex);
    int rc = 0;
    while (!f->is_due && !f->is_stopping && rc == 0)
        rc = pthread_cond_timedwait(&f->changed, &f->mutex, &until);
    f->is_due = false;
    bool is_going_on = !f->is_stopping;
    pthread_mutex_unlock(&f->mutex);
    return is_going_on;
}

static void *run_flusher(void *arg)
{
    struct store *s = arg;
    thread_in_background();
    enum status last = STATUS_OK;
    struct arena a = ARENA_INIT;
    while (wait_until_due(&s->flusher)) {
        if (atomic_load(&s->pending_count) == 0 && !touches_any(s->touches))
            continue;
        struct error *err = store_flush(s, &a);
        if (err && err->status != last) /* a full disk is not news every few seconds */
            log_error(LOG_WARN, "the catalog cannot be written now", err, NULL, 0);
        last = err ? err->status : STATUS_OK;
        arena_clear(&a);
    }
    arena_release(&a);
    return NULL;
}

void flusher_start(struct store *s)
{
    struct flusher *f = &s->flusher;
    pthread_condattr_t monotonic;
    pthread_mutex_init(&f->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&f->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    f->is_started = !s->is_read_only && pthread_create(&f->thread, NULL, run_flusher, s) == 0;
}

void flusher_stop(struct store *s)
{
    struct flusher *f = &s->flusher;
    pthread_mutex_lock(&f->mutex);
    f->is_stopping = true;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->mutex);
    if (f->is_started)
        pthread_join(f->thread, NULL);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->mutex);
}
