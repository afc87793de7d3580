/*
 * Folders, small files and locks below the data folder.
 *
 * Locks: a byte of the file `lock`, picked by the hash of the name, under an open-file-description
 * lock: it holds between threads and between processes, goes away with its process, and leaves no
 * lock files behind. Two names that share a byte only wait for each other needlessly.
 */
#include "store/store_priv.h"

#include "base/encode.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_WAIT_MS = 60 * 1000 };

struct error *disk_not_absent(struct error *e)
{
    if (e->status == STATUS_NOT_FOUND)
        e->status = STATUS_IO;
    return e;
}

bool is_absent_errno(int err)
{
    return err == ENOENT || err == ENOTDIR || err == ENAMETOOLONG;
}

bool disk_exists(const struct store *s, const char *rel)
{
    return faccessat(s->dir_fd, rel, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void dir_cleanup(DIR **d)
{
    if (*d)
        closedir(*d);
}

struct error *disk_open_dir(const struct store *s, struct arena *a, const char *rel, DIR **d)
{
    FD_SCOPED fd = openat(s->dir_fd, rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *d = fd < 0 ? NULL : fdopendir(fd);
    if (!*d && !is_absent_errno(errno))
        return disk_error(a, errno, "reading the folder %s/%s", s->dir, rel);
    if (*d)
        fd_take(&fd); /* closedir() closes it */
    return NULL;
}

struct error *disk_open_object(const struct store *s, struct arena *a, const char *rel, bool *found,
                               struct store_object *out)
{
    struct stat st;
    FD_SCOPED fd = openat(s->dir_fd, rel, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *found = false;
    if (fd < 0 && is_absent_errno(errno))
        return NULL;
    if (fd < 0 || fstat(fd, &st) < 0)
        return disk_error(a, errno, "opening %s/%s", s->dir, rel);
    if (!S_ISREG(st.st_mode))
        return NULL;
    *out = (struct store_object){
        .fd = fd_take(&fd), .size = (uint64_t)st.st_size, .mtime_unix_s = st.st_mtime};
    *found = true;
    return NULL;
}

static off_t lock_offset(struct slice name)
{
    uint8_t sum[SHA256_BYTES];
    uint64_t h;
    sha256(name, sum);
    memcpy(&h, sum, sizeof(h));
    return (off_t)(h >> 2);
}

struct error *disk_make_dir(struct store *s, struct arena *a, const char *rel)
{
    char *path = arena_cstr(a, slice_of(rel));
    if (disk_exists(s, path))
        return NULL;
    for (char *slash = strchr(path, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdirat(s->dir_fd, path, 0755) < 0 && errno != EEXIST)
            return disk_error(a, errno, "making the folder %s/%s", s->dir, path);
        if (!slash)
            return NULL;
        *slash = '/';
    }
}

struct error *disk_dir(struct store *s, struct arena *a, const char *rel, int *fd)
{
    TRY(disk_make_dir(s, a, rel));
    *fd = openat(s->dir_fd, rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return disk_error(a, errno, "opening the folder %s/%s", s->dir, rel);
    return NULL;
}

struct error *disk_read_small(struct arena *a, int dir_fd, const char *name, struct slice *out)
{
    FD_SCOPED fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return disk_error(a, errno, "opening %s", name);
    TRY_CTX(a, file_read_fd(a, fd, SMALL_MAX_BYTES, out), "reading %s", name);
    return NULL;
}

struct error *disk_sync_all(struct store *s, struct arena *a)
{
    if (syncfs(s->dir_fd) < 0)
        return disk_error(a, errno, "syncing the file system of %s", s->dir);
    return NULL;
}

struct error *disk_sync(struct arena *a, int fd, const char *name)
{
    if (fsync(fd) < 0)
        return disk_error(a, errno, "syncing %s", name);
    return NULL;
}

struct error *disk_write(struct arena *a, int dir_fd, const char *name, struct slice data,
                         mode_t mode, bool is_synced)
{
    FD_SCOPED fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return disk_error(a, errno, "creating %s", name);
    TRY_CTX(a, fd_write_all(a, fd, data), "writing %s", name);
    return is_synced ? disk_sync(a, fd, name) : NULL;
}

struct error *disk_unlink(const struct store *s, struct arena *a, const char *rel)
{
    if (unlinkat(s->dir_fd, rel, 0) < 0 && !is_absent_errno(errno))
        return disk_error(a, errno, "removing %s/%s", s->dir, rel);
    return NULL;
}

/* For file systems that cannot rename without replacing. */
static int link_and_unlink(int from_fd, const char *from, int to_fd, const char *to)
{
    if (linkat(from_fd, from, to_fd, to, 0) < 0)
        return -1;
    return unlinkat(from_fd, from, 0);
}

struct error *disk_place(struct arena *a, int from_fd, const char *from, int to_fd, const char *to,
                         bool *is_placed)
{
    int rc = renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE);
    if (rc < 0 && (errno == EINVAL || errno == ENOSYS))
        rc = link_and_unlink(from_fd, from, to_fd, to);
    *is_placed = rc == 0;
    if (rc < 0 && errno != EEXIST)
        return disk_error(a, errno, "placing %s", to);
    return NULL;
}

struct error *disk_replace(struct arena *a, int from_fd, const char *from, int to_fd,
                           const char *to)
{
    if (renameat(from_fd, from, to_fd, to) < 0)
        return disk_error(a, errno, "replacing %s", to);
    return NULL;
}

static struct error *wait_for_lock(struct arena *a, const struct ctx *cx, struct slice name, int fd,
                                   off_t at)
{
    int64_t give_up_ms = now_ms() + LOCK_WAIT_MS;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    for (int64_t pause_us = 200; fcntl(fd, F_OFD_SETLK, &lock) < 0; pause_us += pause_us / 2) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return disk_error(a, errno, "locking %.*s in the store", SLICE_ARG(name));
        if (cx)
            TRY(ctx_check(cx));
        else if (now_ms() > give_up_ms)
            return error_new(a, STATUS_TIMEOUT, "another process keeps %.*s locked in the store",
                             SLICE_ARG(name));
        pause_us = pause_us > 20000 ? 20000 : pause_us;
        nanosleep(&(struct timespec){.tv_nsec = pause_us * 1000}, NULL);
    }
    return NULL;
}

struct error *lock_take(struct store *s, struct arena *a, const struct ctx *cx, struct slice name,
                        int *lock_fd)
{
    FD_SCOPED fd = openat(s->dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return disk_error(a, errno, "opening %s/" LOCK_FILE, s->dir);
    TRY(wait_for_lock(a, cx, name, fd, lock_offset(name)));
    *lock_fd = fd_take(&fd);
    return NULL;
}
