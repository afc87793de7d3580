/*
 * The stage: where zips are before they are published, and the journal of what is published.
 *
 * Each process has one folder under stage/, named after its process id and a random number, and
 * keeps its file `lock` locked (flock) while it lives. The lock, not the process id, tells whether
 * the owner is alive: ids are reused, and mean nothing across containers. At start, and when a
 * commit stumbles over half of a version, the folders whose lock is free are looked through:
 *   journal-<number>   intents: what was published or broke off is finished (recover.c), settled
 *   zip-<number>       belongs to an intent, or never got to a commit: dropped
 *   temp-<number>      dropped
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

const char *stage_rel(struct arena *a, const char *owner_rel, unsigned number)
{
    return arena_printf(a, "%s/zip-%u", owner_rel, number).p;
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
    if (s->owner.rel && atomic_load(&s->pending_count) == 0 && journal_is_empty(s)) {
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

struct error *owner_place(struct store *s, struct arena *a, struct slice body, int to_fd,
                          const char *to, bool *is_placed)
{
    const char *temp = owner_temp_name(s, a);
    struct error *err = disk_write(a, s->owner.fd, temp, body, 0444, false);
    if (!err)
        err = disk_place(a, s->owner.fd, temp, to_fd, to, is_placed);
    if (err || !*is_placed)
        unlinkat(s->owner.fd, temp, 0);
    return err;
}

struct error *store_stage_new(struct store *s, struct arena *a, struct store_stage **out)
{
    TRY(owner_ready(s, a));
    struct store_stage *st = xcalloc(1, sizeof(*st));
    st->s = s;
    st->number = atomic_fetch_add(&s->owner.next_number, 1);
    st->rel = stage_rel(&st->arena, s->owner.rel, st->number);
    st->path = JOIN(&st->arena, slice_of(s->dir), S("/"), slice_of(st->rel));
    *out = st;
    return NULL;
}

const char *store_stage_zip(const struct store_stage *st)
{
    return st->path;
}

void store_stage_free(struct store_stage *st)
{
    if (!st)
        return;
    if (!st->is_kept && unlinkat(st->s->dir_fd, st->rel, 0) < 0 && errno != ENOENT)
        log_error(LOG_WARN, "a staged zip cannot be removed",
                  error_errno(&st->arena, errno, "%s", st->path), NULL, 0);
    arena_release(&st->arena);
    free(st);
}

/* A later word on the version itself stands for what was said of its pieces. */
static bool is_superseded(const struct intent *list, size_t count, size_t at)
{
    for (size_t i = at + 1; i < count && list[at].kind == INTENT_PARTIAL; i++) {
        if (list[i].kind != INTENT_PARTIAL && slice_eq(list[i].mv.path, list[at].mv.path) &&
            slice_eq(list[i].mv.version, list[at].mv.version))
            return true;
    }
    return false;
}

static struct error *recover_owner(struct store *s, struct arena *a, const char *rel)
{
    size_t count;
    struct intent *list;
    TRY(journal_read(s, a, rel, &list, &count));
    for (size_t i = 0; i < count; i++) {
        if (!is_superseded(list, count, i))
            TRY(recover_intent(s, a, rel, &list[i]));
    }
    TRY(settle_intents(s, a, list, count));
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
