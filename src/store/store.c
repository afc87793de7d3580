/*
 * Opening and closing the store, looking artefacts up, and its figures. Where things lie is in
 * store.h; how versions get in is in publish.c, how they get out in evict.c.
 */
#include "store/store_priv.h"

#include "base/encode.h"
#include "base/file.h"

#include "ops/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- opening ---- */

static struct error *open_root(struct store *s, struct arena *a, const char *dir)
{
    char *absolute = realpath(dir, NULL);
    if (!absolute)
        return disk_error(a, errno, "opening the store %s", dir);
    s->dir = absolute;
    s->tree = xstrdup(JOIN(a, slice_of(absolute), S("/" TREE_DIR)));
    s->dir_fd = open(absolute, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0)
        return disk_error(a, errno, "opening the store %s", dir);
    return NULL;
}

static struct error *make_layout(struct store *s, struct arena *a)
{
    static const char *const dirs[] = {TREE_DIR, PARTIAL_DIR, PINNED_DIR, ANSWERS_DIR, BLOBS_DIR};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        FD_SCOPED fd = -1;
        TRY(disk_dir(s, a, dirs[i], &fd));
    }
    return owner_ready(s, a);
}

/* A store that cannot be written still answers; one on a full disk may be written later. */
static struct error *make_writable(struct store *s, struct arena *a)
{
    struct error *err = make_layout(s, a);
    if (!err)
        return NULL;
    if (err->status != STATUS_READ_ONLY && err->status != STATUS_NO_SPACE)
        return err;
    s->is_read_only = err->status == STATUS_READ_ONLY;
    log_error(LOG_WARN, "the store cannot be written now; it answers from what it has", err,
              &LOG_STR("store", slice_of(s->dir)), 1);
    return NULL;
}

static bool can_wait(const struct error *err)
{
    return err->status == STATUS_NO_SPACE || err->status == STATUS_READ_ONLY ||
           err->status == STATUS_TIMEOUT || err->status == STATUS_IO;
}

static struct error *recover(struct store *s, struct arena *a)
{
    TRY(catalog_ready(s, a));
    if (s->is_read_only || !s->owner.rel)
        return NULL;
    TRY(stage_recover(s, a));
    TRY(evict_finish(s, a));
    TRY(withdrawals_finish(s, a));
    return settle_bytes(s, a);
}

static struct error *open_store(struct store *s, struct arena *a, const char *dir)
{
    if (access(dir, F_OK) < 0)
        TRY(dir_make(a, dir));
    TRY(open_root(s, a, dir));
    TRY(make_writable(s, a));
    const char *catalog = JOIN(a, slice_of(s->dir), S("/catalog.db"));
    s->catalog = catalog_new(catalog, s->is_read_only);
    struct error *err = recover(s, a);
    if (err && !can_wait(err))
        return err;
    if (err)
        log_error(LOG_WARN, "the catalog cannot be used now", err,
                  &LOG_STR("store", slice_of(s->dir)), 1);
    return NULL;
}

static void free_store(struct store *s)
{
    owner_release(s);
    catalog_free(s->catalog);
    touches_free(s->touches);
    int64_t unsettled = 0;
    news_free(s->news, &unsettled);
    journal_free(s->journal);
    pthread_mutex_destroy(&s->news_mutex);
    pthread_mutex_destroy(&s->flush_mutex);
    fd_cleanup(&s->dir_fd);
    free(s->dir);
    free(s->tree);
    free(s);
}

struct error *store_open(struct arena *a, const struct store_options *o, struct store **out)
{
    struct store *s = xcalloc(1, sizeof(*s));
    s->dir_fd = s->owner.fd = s->owner.lock_fd = -1;
    pthread_mutex_init(&s->owner.mutex, NULL);
    pthread_mutex_init(&s->flush_mutex, NULL);
    pthread_mutex_init(&s->news_mutex, NULL);
    s->touches = touches_new();
    s->journal = journal_new();
    atomic_init(&s->max_bytes, o->max_bytes);
    random_bytes(s->answer_puts, sizeof(s->answer_puts)); /* short runs sweep now and then, too */
    struct arena scratch = ARENA_INIT;
    struct error *err = error_dup(a, open_store(s, &scratch, o->dir));
    arena_release(&scratch);
    if (err) {
        free_store(s);
        return error_wrap(a, err, "opening the store %s", o->dir);
    }
    flusher_start(s);
    *out = s;
    return NULL;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    struct arena a = ARENA_INIT;
    flusher_stop(s);
    struct error *err = s->is_read_only ? NULL : store_flush(s, &a);
    if (err)
        log_error(LOG_WARN, "the catalog could not be written; the next start does it", err, NULL,
                  0);
    arena_release(&a);
    free_store(s);
}

bool store_is_pinned(struct store *s, struct arena *a, struct module_version mv)
{
    struct names n;
    return !names_make(a, mv, &n) && disk_exists(s, names_pin(a, &n));
}

bool store_is_read_only(const struct store *s)
{
    return s->is_read_only;
}

const char *store_tree(const struct store *s)
{
    return s->tree;
}

/* ---- looking up ---- */

static void read_h1(struct store *s, struct arena *a, const struct names *n,
                    struct store_object *out)
{
    const char *rel = names_file(a, TREE_DIR, n, ARTEFACT_ZIPHASH);
    FD_SCOPED fd = openat(s->dir_fd, rel, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd < 0 ? -1 : pread(fd, out->h1, H1_BYTES, 0);
    out->has_h1 = got == H1_BYTES && memcmp(out->h1, "h1:", 3) == 0;
    out->h1[out->has_h1 ? H1_BYTES : 0] = '\0';
}

struct error *store_get(struct store *s, struct arena *a, struct module_version mv,
                        enum artefact what, bool *found, struct store_object *out)
{
    struct names n;
    *found = false;
    TRY(names_make(a, mv, &n));
    TRY(disk_open_object(s, a, names_file(a, TREE_DIR, &n, what), found, out));
    bool is_small = what == ARTEFACT_INFO || what == ARTEFACT_MOD;
    if (!*found && is_small)
        TRY(disk_open_object(s, a, names_file(a, PARTIAL_DIR, &n, what), found, out));
    if (!*found && is_small) /* a commit may have moved it from the one to the other meanwhile */
        return disk_open_object(s, a, names_file(a, TREE_DIR, &n, what), found, out);
    if (*found && !is_small)
        read_h1(s, a, &n, out);
    return NULL;
}

/* ---- figures ---- */

uint64_t store_bytes(const struct store *s)
{
    int64_t pending = atomic_load(&s->pending_bytes);
    return atomic_load(&s->catalog_bytes) + (pending > 0 ? (uint64_t)pending : 0);
}

uint64_t store_max_bytes(const struct store *s)
{
    return atomic_load(&s->max_bytes);
}

void store_set_max_bytes(struct store *s, uint64_t max_bytes)
{
    atomic_store(&s->max_bytes, max_bytes);
}

/* ---- health ---- */

struct error *store_health(struct store *s, struct arena *a, uint64_t *free_bytes)
{
    struct statvfs vfs;
    static const char block[4096] = "modgate checks that the store can be written\n";
    *free_bytes = 0;
    if (fstatvfs(s->dir_fd, &vfs) < 0)
        return disk_error(a, errno, "asking for the free space of %s", s->dir);
    *free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    TRY(owner_ready(s, a));
    const char *temp = owner_temp_name(s, a);
    struct error *err =
        disk_write(a, s->owner.fd, temp, slice_make(block, sizeof(block)), 0644, false);
    unlinkat(s->owner.fd, temp, 0);
    return err ? error_wrap(a, err, "the store %s cannot be written", s->dir) : NULL;
}
