/*
 * One folder per repository, named after the URL's SHA-256: a bare repository that we lay out
 * ourselves (no `git init`). Beside it stands a lock file, of which two bytes are locked:
 *
 *   FETCH   exclusive: who writes the mirror
 *   USE     shared: who reads it; exclusive, together with FETCH: who deletes it
 *
 * The locks belong to an open file, not to a process, so they hold between threads and between
 * gateways on one data folder, and end with the process. Who reads waits for nobody while it holds
 * USE; so who waits for USE with FETCH in hand waits for a child that ends.
 *
 * HEAD is written last: a mirror without it is none. `complete` in it says that no history is
 * missing, and for which refs all tips are there. `description`, git's own file for the name of a
 * repository, holds the URL; its time is that of the last use.
 *
 * What a killed git leaves (*.lock, tmp_*) is removed by the next who may write.
 */
#include "base/file.h"
#include "ops/log.h"
#include "ops/metrics.h"
#include "vcs/git_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCK_STEP_MS = 20, TOUCH_SECONDS = 60, MEASURE_MS = 10 * 60 * 1000 };

/* ---- locks ---- */

/* True when it was taken. */
static bool try_lock(int fd, enum git_lock_kind kind, short type)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = kind, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

static struct error *take_lock(struct git_repo *r, struct ctx *cx, int fd, enum git_lock_kind kind,
                               short type)
{
    while (!try_lock(fd, kind, type)) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return error_errno(cx->arena, errno, "locking %s", r->lock_path);
        TRY_CTX(cx->arena, ctx_sleep(cx, LOCK_STEP_MS), "waiting for the mirror of %s", r->url);
    }
    return NULL;
}

static struct error *open_lock(struct git_repo *r, struct ctx *cx, struct git_lock *l)
{
    l->fd = open(r->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    return l->fd < 0 ? error_errno(cx->arena, errno, "%s", r->lock_path) : NULL;
}

void git_mirror_unlock(struct git_lock *l)
{
    fd_cleanup(&l->fd);
}

static bool exists(struct arena *a, const char *dir, const char *name)
{
    return access(arena_printf(a, "%s/%s", dir, name).p, F_OK) == 0;
}

/* For the order of eviction; a minute is close enough. */
static void touch(struct arena *a, const char *dir)
{
    struct stat st;
    const char *path = arena_printf(a, "%s/description", dir).p;
    if (stat(path, &st) == 0 && now_unix_s() - st.st_mtime > TOUCH_SECONDS)
        utimensat(AT_FDCWD, path, NULL, 0);
}

struct error *git_mirror_use(struct git_repo *r, struct ctx *cx, struct git_lock *l, bool *is_there)
{
    *is_there = false;
    if (!exists(cx->arena, r->dir, "HEAD"))
        return NULL;
    TRY(open_lock(r, cx, l));
    TRY(take_lock(r, cx, l->fd, GIT_LOCK_USE, F_RDLCK));
    *is_there = exists(cx->arena, r->dir, "HEAD");
    touch(cx->arena, r->dir);
    return NULL;
}

/* ---- making ---- */

static struct error *put(struct arena *a, const char *dir, const char *name, struct slice text)
{
    const char *path = arena_printf(a, "%s/%s", dir, name).p;
    FD_SCOPED fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_errno(a, errno, "%s", path);
    TRY_CTX(a, fd_write_all(a, fd, text), "%s", path);
    return NULL;
}

/* In git's quotes, in which a backslash escapes. */
static struct slice config_text(struct arena *a, struct git_repo *r, size_t hash_digits)
{
    BUF_SCOPED(b);
    bool is_sha256 = hash_digits == 64;
    buf_printf(&b, "[core]\n\trepositoryformatversion = %d\n\tfilemode = true\n\tbare = true\n",
               is_sha256);
    if (is_sha256)
        buf_printf(&b, "[extensions]\n\tobjectformat = sha256\n");
    buf_printf(&b, "[remote \"origin\"]\n\turl = \"");
    for (const char *p = r->url; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_add_byte(&b, '\\');
        buf_add_byte(&b, *p);
    }
    buf_printf(&b, "\"\n");
    return arena_dup(a, buf_slice(&b));
}

static struct error *make(struct git_repo *r, struct arena *a, size_t hash_digits)
{
    static const char *const folders[] = {"objects/info", "objects/pack", "refs", "info"};
    TRY(dir_remove(a, r->dir));
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        TRY(dir_make(a, arena_printf(a, "%s/%s", r->dir, folders[i]).p));
    TRY(put(a, r->dir, "description", arena_printf(a, "%s\n", r->url)));
    TRY(put(a, r->dir, "config", config_text(a, r, hash_digits)));
    /* Else an archive is not what is in the repository (cmd/go: ensureGitAttributes). */
    TRY(put(a, r->dir, "info/attributes", S("* -export-subst -export-ignore\n")));
    return put(a, r->dir, "HEAD", S("ref: refs/heads/none\n"));
}

/* ---- what a killed git left ---- */

static bool is_leftover(struct slice rel)
{
    struct slice name = slice_skip(rel, (size_t)(slice_rfind(rel, '/') + 1));
    return slice_ends(name, S(".lock")) || slice_starts(name, S("tmp_")) ||
           slice_find_slice(rel, S("objects/tmp_objdir-")) >= 0;
}

static struct error *remove_leftover(void *arg, struct arena *a, struct slice rel)
{
    if (is_leftover(rel))
        unlink(arena_printf(a, "%s/%.*s", (const char *)arg, SLICE_ARG(rel)).p);
    return NULL;
}

struct error *git_mirror_write(struct git_repo *r, struct ctx *cx, size_t hash_digits,
                               struct git_lock *l)
{
    TRY(open_lock(r, cx, l));
    TRY(take_lock(r, cx, l->fd, GIT_LOCK_FETCH, F_WRLCK));
    if (!exists(cx->arena, r->dir, "HEAD"))
        return make(r, cx->arena, hash_digits);
    touch(cx->arena, r->dir);
    struct arena scratch = ARENA_INIT;
    struct error *err = dir_walk(&scratch, r->dir, remove_leftover, (void *)(uintptr_t)r->dir);
    err = err ? error_dup(cx->arena, err) : NULL;
    arena_release(&scratch);
    return err;
}

/* ---- deleting ---- */

struct error *git_mirror_delete(struct git_repo *r, struct ctx *cx, struct git_lock *l)
{
    TRY(take_lock(r, cx, l->fd, GIT_LOCK_USE, F_WRLCK));
    struct error *err = dir_remove(cx->arena, r->dir);
    try_lock(l->fd, GIT_LOCK_USE, F_UNLCK);
    return err;
}

struct error *git_mirror_drop(struct git_repo *r, struct ctx *cx)
{
    GIT_LOCK_SCOPED(l);
    TRY(open_lock(r, cx, &l));
    TRY(take_lock(r, cx, l.fd, GIT_LOCK_FETCH, F_WRLCK));
    return git_mirror_delete(r, cx, &l);
}

/* ---- history ---- */

bool git_mirror_is_complete(struct git_repo *r, struct arena *a, struct slice *repo_sum)
{
    if (file_read(a, arena_printf(a, "%s/complete", r->dir).p, 256, repo_sum))
        return false;
    *repo_sum = slice_trim(*repo_sum);
    return true;
}

struct error *git_mirror_set_complete(struct git_repo *r, struct arena *a, struct slice repo_sum)
{
    return put(a, r->dir, "complete", repo_sum);
}

bool git_mirror_may_have(struct git_repo *r, struct arena *a, struct slice hash)
{
    enum { PACKED_MOST = 64 << 20 };
    struct slice packed;
    const char *keep = arena_printf(a, "refs/keep/%.*s", SLICE_ARG(hash)).p;
    if (!exists(a, r->dir, "HEAD"))
        return false;
    if (exists(a, r->dir, keep) || exists(a, r->dir, "complete"))
        return true;
    return !file_read(a, arena_printf(a, "%s/packed-refs", r->dir).p, PACKED_MOST, &packed) &&
           slice_find_slice(packed, slice_of(keep)) >= 0;
}

/* ---- sizes ---- */

static struct error *add_size(void *arg, struct arena *a, struct slice rel)
{
    struct stat st;
    struct {
        const char *dir;
        uint64_t bytes;
    } *sum = arg;
    if (lstat(arena_printf(a, "%s/%.*s", sum->dir, SLICE_ARG(rel)).p, &st) == 0)
        sum->bytes += (uint64_t)st.st_blocks * 512;
    return NULL;
}

uint64_t git_mirror_bytes(const char *dir)
{
    struct {
        const char *dir;
        uint64_t bytes;
    } sum = {.dir = dir};
    struct arena scratch = ARENA_INIT;
    /* What vanishes while it is counted is not there. */
    struct error *err UNUSED = dir_walk(&scratch, dir, add_size, &sum);
    arena_release(&scratch);
    return sum.bytes;
}

struct mirror {
    const char *dir;
    uint64_t bytes;
    int64_t used_at_s;
};

static int by_use(const void *x, const void *y)
{
    const struct mirror *a = x, *b = y;
    return (a->used_at_s > b->used_at_s) - (a->used_at_s < b->used_at_s);
}

static void close_dir(DIR **d)
{
    if (*d)
        closedir(*d);
}

/* All mirrors, least recently used first. */
static size_t list_mirrors(struct arena *a, const char *root, struct mirror **out)
{
    size_t n = 0, cap = 64;
    struct mirror *rows = ARENA_ARRAY(a, struct mirror, cap);
    __attribute__((cleanup(close_dir))) DIR *d = opendir(root);
    for (struct dirent *de; d && (de = readdir(d));) {
        struct stat st;
        const char *dir = arena_printf(a, "%s/%s", root, de->d_name).p;
        if (strlen(de->d_name) != 64 || stat(arena_printf(a, "%s/description", dir).p, &st) < 0)
            continue;
        if (n == cap) {
            struct mirror *more = ARENA_ARRAY(a, struct mirror, 2 * cap);
            memcpy(more, rows, n * sizeof(*rows));
            rows = more;
            cap *= 2;
        }
        rows[n++] =
            (struct mirror){.dir = dir, .bytes = git_mirror_bytes(dir), .used_at_s = st.st_mtime};
    }
    qsort(rows, n, sizeof(*rows), by_use);
    *out = rows;
    return n;
}

/* Deletes a mirror unless somebody reads or writes it. */
static bool evict(struct arena *a, const struct mirror *m)
{
    const char *lock = arena_printf(a, "%s.lock", m->dir).p;
    FD_SCOPED fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || !try_lock(fd, GIT_LOCK_FETCH, F_WRLCK) || !try_lock(fd, GIT_LOCK_USE, F_WRLCK))
        return false;
    struct error *err = dir_remove(a, m->dir);
    if (err)
        log_error(LOG_WARN, "a mirror of a repository cannot be deleted", err, NULL, 0);
    return !err;
}

/* Measures all, deletes what is too much, and says what is left. */
static uint64_t make_room(struct git_repo *r, struct arena *a)
{
    struct mirror *rows;
    uint64_t total = 0, most = r->git->o.max_bytes;
    size_t count = list_mirrors(a, r->git->o.dir, &rows);
    for (size_t i = 0; i < count; i++)
        total += rows[i].bytes;
    for (size_t i = 0; i < count && total > most && most; i++) {
        if (strcmp(rows[i].dir, r->dir) == 0 || !evict(a, &rows[i]))
            continue;
        total -= rows[i].bytes;
        metric_add(METRIC_VCS_EVICTIONS, 1);
    }
    return total;
}

/* Adds to the sum; true when it is over the limit, or old: other gateways may share the folder. */
static bool add_growth(struct git *g, uint64_t before, uint64_t after)
{
    pthread_mutex_lock(&g->lock);
    g->mirrors_bytes += after - before; /* wraps back when it shrank */
    bool is_due = !g->measured_at_ms || now_ms() - g->measured_at_ms > MEASURE_MS ||
                  (g->o.max_bytes && g->mirrors_bytes > g->o.max_bytes);
    if (is_due)
        g->measured_at_ms = now_ms();
    metric_set(METRIC_VCS_BYTES, (int64_t)g->mirrors_bytes);
    pthread_mutex_unlock(&g->lock);
    return is_due;
}

void git_mirror_grown(struct git_repo *r, uint64_t before, uint64_t after)
{
    struct git *g = r->git;
    if (!add_growth(g, before, after))
        return;
    struct arena scratch = ARENA_INIT;
    uint64_t total = make_room(r, &scratch);
    arena_release(&scratch);
    pthread_mutex_lock(&g->lock);
    g->mirrors_bytes = total;
    metric_set(METRIC_VCS_BYTES, (int64_t)total);
    pthread_mutex_unlock(&g->lock);
}
