/*
 * The stage: where versions are put together before they are published.
 *
 * Each process has one folder under stage/, named after its process id and a random number, and
 * keeps its file `lock` locked (flock) while it lives. The lock, not the process id, tells whether
 * the owner is alive: ids are reused, and mean nothing across containers. At start, and when a
 * commit stumbles over half of a version, the folders whose lock is free are looked through:
 *   <number>/ with an intent    a commit that broke off: finished or dropped, see publish.c
 *   <number>/ without           never got to a commit: dropped
 *   done-<number>               published, perhaps not in the catalog yet: settled
 * Making, locking and looking through folders happens under one lock of the store, so that nobody
 * finds a folder whose owner has made it and not locked it yet.
 */
#include "store/store_priv.h"

#include "base/encode.h"
#include "base/file.h"

#include "ops/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER_LOCK "lock"

const char *stage_name(enum artefact what)
{
    return artefact_suffix(what).p + 1;
}

static struct error *stage_lock(struct store *s, struct arena *a, int *fd)
{
    return lock_take(s, a, NULL, S("the folder stage"), fd);
}

static char *new_owner_rel(void)
{
    uint8_t salt[8];
    char hex[2 * sizeof(salt) + 1], text[64];
    random_bytes(salt, sizeof(salt));
    hex_encode(salt, sizeof(salt), hex);
    snprintf(text, sizeof(text), STAGE_DIR "/%ld-%s", (long)getpid(), hex);
    return xstrdup(text);
}

static struct error *lock_owner(struct arena *a, int dir_fd, const char *rel, int *lock_fd)
{
    FD_SCOPED fd = openat(dir_fd, OWNER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return disk_error(a, errno, "locking %s", rel);
    *lock_fd = fd_take(&fd);
    return NULL;
}

static struct error *make_owner(struct store *s, struct arena *a)
{
    FD_SCOPED all = -1;
    FD_SCOPED dir = -1;
    TRY(stage_lock(s, a, &all));
    char *rel = new_owner_rel();
    struct error *err = disk_dir(s, a, rel, &dir);
    if (!err)
        err = lock_owner(a, dir, rel, &s->owner.lock_fd);
    if (err) {
        unlinkat(s->dir_fd, rel, AT_REMOVEDIR);
        free(rel);
        return err;
    }
    s->owner.rel = rel;
    s->owner.fd = fd_take(&dir);
    return NULL;
}

struct error *owner_ready(struct store *s, struct arena *a)
{
    if (s->is_read_only)
        return error_new(a, STATUS_READ_ONLY, "the store %s cannot be written", s->dir);
    pthread_mutex_lock(&s->owner.mutex);
    struct error *err = s->owner.rel ? NULL : make_owner(s, a);
    pthread_mutex_unlock(&s->owner.mutex);
    return err;
}

void owner_release(struct store *s)
{
    struct arena a = ARENA_INIT;
    if (s->owner.rel && atomic_load(&s->pending_count) == 0) {
        /* What stays behind on an error is for the next start to remove. */
        struct error *err =
            dir_remove(&a, JOIN(&a, slice_of(s->dir), S("/"), slice_of(s->owner.rel)));
        if (err)
            log_error(LOG_WARN, "cannot remove the stage folder", err, NULL, 0);
    }
    fd_cleanup(&s->owner.fd);
    fd_cleanup(&s->owner.lock_fd);
    free(s->owner.rel);
    pthread_mutex_destroy(&s->owner.mutex);
    arena_release(&a);
}

const char *owner_temp_name(struct store *s, struct arena *a)
{
    return arena_printf(a, "temp-%u", atomic_fetch_add(&s->owner.next_number, 1)).p;
}

struct error *store_stage_new(struct store *s, struct arena *a, struct store_stage **out)
{
    TRY(owner_ready(s, a));
    unsigned number = atomic_fetch_add(&s->owner.next_number, 1);
    struct slice rel = arena_printf(a, "%s/%u", s->owner.rel, number);
    if (mkdirat(s->dir_fd, rel.p, 0755) < 0)
        return disk_error(a, errno, "making the folder %s/%s", s->dir, rel.p);
    FD_SCOPED fd = openat(s->dir_fd, rel.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return disk_error(a, errno, "opening the folder %s/%s", s->dir, rel.p);
    struct store_stage *st = xcalloc(1, sizeof(*st));
    *st = (struct store_stage){.s = s, .fd = fd_take(&fd), .rel = xstrdup(rel.p)};
    for (int what = 0; what <= ARTEFACT_ZIPHASH; what++) {
        struct slice path =
            arena_printf(a, "%s/%s/%s", s->dir, rel.p, stage_name((enum artefact)what));
        st->paths[what] = xstrdup(path.p);
    }
    *out = st;
    return NULL;
}

const char *store_stage_path(const struct store_stage *st, enum artefact what)
{
    return st->paths[what];
}

void store_stage_free(struct store_stage *st)
{
    if (!st)
        return;
    struct arena a = ARENA_INIT;
    if (!st->is_kept) {
        unlinkat(st->fd, INTENT_NAME, 0); /* first: it must not speak of half a stage */
        struct error *err =
            dir_remove(&a, JOIN(&a, slice_of(st->s->dir), S("/"), slice_of(st->rel)));
        if (err)
            log_error(LOG_WARN, "cannot remove a stage folder", err, NULL, 0);
    }
    close(st->fd);
    for (int what = 0; what <= ARTEFACT_ZIPHASH; what++)
        free(st->paths[what]);
    free(st->rel);
    free(st);
    arena_release(&a);
}

static bool is_number(const char *name)
{
    uint64_t n;
    return slice_parse_u64(slice_of(name), &n);
}

/* One stage of a dead process. What is finished is settled like what its commit finished. */
static struct error *recover_stage(struct store *s, struct arena *a, const char *owner_rel,
                                   const char *number)
{
    bool is_ours;
    const char *stage = JOIN(a, slice_of(owner_rel), S("/"), slice_of(number));
    const char *intent = JOIN(a, slice_of(stage), S("/" INTENT_NAME));
    TRY(recover_intent(s, a, intent, stage, &is_ours));
    if (!is_ours)
        return disk_unlink(s, a, intent);
    const char *done = JOIN(a, slice_of(owner_rel), S("/" DONE_PREFIX), slice_of(number));
    return disk_replace(a, s->dir_fd, intent, s->dir_fd, done);
}

static struct error *recover_stages(struct store *s, struct arena *a, const char *rel)
{
    DIR_SCOPED d = NULL;
    TRY(disk_open_dir(s, a, rel, &d));
    for (struct dirent *de; d && (de = readdir(d));) {
        if (is_number(de->d_name))
            TRY(recover_stage(s, a, rel, de->d_name));
    }
    return NULL;
}

/* Commits that were through, and of which a power loss may have taken what was not synced yet. */
static struct error *recover_done(struct store *s, struct arena *a, const char *rel)
{
    bool is_ours;
    struct done d;
    TRY(done_collect(s, a, rel, &d));
    for (size_t i = 0; i < d.count; i++)
        TRY(recover_intent(s, a, d.rels[i].p, NULL, &is_ours));
    return NULL;
}

static struct error *recover_owner(struct store *s, struct arena *a, const char *rel)
{
    struct done d;
    TRY(recover_done(s, a, rel));
    TRY(recover_stages(s, a, rel));
    TRY(done_collect(s, a, rel, &d));
    TRY(done_settle(s, a, &d));
    return dir_remove(a, JOIN(a, slice_of(s->dir), S("/"), slice_of(rel)));
}

/* Recovers the folder unless its owner lives. */
static void recover_if_dead(struct store *s, struct arena *a, const char *name)
{
    const char *rel = JOIN(a, S(STAGE_DIR "/"), slice_of(name));
    const char *lock = JOIN(a, slice_of(rel), S("/" OWNER_LOCK));
    FD_SCOPED fd = openat(s->dir_fd, lock, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return;
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
        return;
    struct error *err = recover_owner(s, a, rel);
    if (err)
        log_error(LOG_WARN, "half-done work of an earlier run stays in the store", err,
                  &LOG_STR("folder", slice_of(rel)), 1);
}

struct error *stage_recover(struct store *s, struct arena *a)
{
    FD_SCOPED all = -1;
    TRY(stage_lock(s, a, &all));
    DIR_SCOPED d = NULL;
    TRY(disk_open_dir(s, a, STAGE_DIR, &d));
    if (!d)
        return NULL;
    for (struct dirent *de; (de = readdir(d));) {
        if (de->d_name[0] != '.')
            recover_if_dead(s, a, de->d_name);
    }
    return NULL;
}
