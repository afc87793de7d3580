#include "base/file.h"

#include "base/encode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_cleanup(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Pipes and devices have no size and no place to read from: they are read to their end. */
static ssize_t read_at(int fd, bool is_regular, char *p, size_t n, size_t at)
{
    for (;;) {
        ssize_t got = is_regular ? pread(fd, p, n, (off_t)at) : read(fd, p, n);
        if (got >= 0 || errno != EINTR)
            return got;
    }
}

static struct error *too_large(struct arena *a, size_t max)
{
    return error_new(a, STATUS_TOO_LARGE, "more than %zu bytes", max);
}

/* Reads until the end into a block that holds the size that the file had, and more if it grew. */
struct error *file_read_fd(struct arena *a, int fd, size_t max, struct slice *out)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return error_errno(a, errno, "stat");
    if (st.st_size < 0 || (uint64_t)st.st_size > max)
        return too_large(a, max);
    size_t cap = st.st_size ? (size_t)st.st_size + 1 : 4096, got = 0;
    char *p = arena_alloc(a, cap);
    for (;;) {
        ssize_t n = read_at(fd, S_ISREG(st.st_mode), p + got, cap - got, got);
        if (n < 0)
            return error_errno(a, errno, "read");
        got += (size_t)n;
        if (got > max)
            return too_large(a, max);
        if (n == 0)
            break;
        if (got == cap) {
            p = memcpy(arena_alloc(a, 2 * cap), p, got);
            cap *= 2;
        }
    }
    p[got] = '\0';
    *out = slice_make(p, got);
    return NULL;
}

struct error *file_read(struct arena *a, const char *path, size_t max, struct slice *out)
{
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(a, errno, "%s", path);
    TRY_CTX(a, file_read_fd(a, fd, max, out), "%s", path);
    return NULL;
}

struct mapping {
    void *p;
    size_t n;
};

static void unmap(void *arg)
{
    struct mapping *m = arg;
    munmap(m->p, m->n);
}

struct error *file_map_fd(struct arena *a, int fd, struct slice *out)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return error_errno(a, errno, "stat");
    *out = S("");
    if (st.st_size == 0)
        return NULL;
    struct mapping *m = ARENA_NEW(a, struct mapping);
    m->n = (size_t)st.st_size;
    m->p = mmap(NULL, m->n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (m->p == MAP_FAILED)
        return error_errno(a, errno, "mmap");
    arena_on_release(a, unmap, m);
    *out = slice_make(m->p, m->n);
    return NULL;
}

struct error *file_map(struct arena *a, const char *path, struct slice *out)
{
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(a, errno, "%s", path);
    TRY_CTX(a, file_map_fd(a, fd, out), "%s", path);
    return NULL;
}

struct error *fd_write_all(struct arena *a, int fd, struct slice data)
{
    while (data.n) {
        ssize_t n = write(fd, data.p, data.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(a, errno, "write");
        data = slice_skip(data, (size_t)n);
    }
    return NULL;
}

struct error *fd_write_all_at(struct arena *a, int fd, uint64_t offset, struct slice data)
{
    while (data.n) {
        ssize_t n = pwrite(fd, data.p, data.n, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(a, errno, "write");
        data = slice_skip(data, (size_t)n);
        offset += (uint64_t)n;
    }
    return NULL;
}

/* The folder that path lies in. */
static char *parent_of(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return arena_cstr(a, S("."));
    return arena_cstr(a, slash == path ? S("/") : slice_make(path, (size_t)(slash - path)));
}

static struct error *write_and_sync(struct arena *a, const char *path, struct slice data)
{
    FD_SCOPED fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_errno(a, errno, "create");
    TRY(fd_write_all(a, fd, data));
    if (fsync(fd) < 0)
        return error_errno(a, errno, "fsync");
    return NULL;
}

struct error *file_write_durable(struct arena *a, const char *path, struct slice data)
{
    uint8_t salt[8];
    char salt_hex[17];
    random_bytes(salt, sizeof(salt));
    hex_encode(salt, sizeof(salt), salt_hex);
    struct slice tmp = arena_printf(a, "%s.tmp-%s", path, salt_hex);
    struct error *err = write_and_sync(a, tmp.p, data);
    if (!err && rename(tmp.p, path) < 0)
        err = error_errno(a, errno, "rename");
    if (err) {
        unlink(tmp.p);
        return error_wrap(a, err, "writing %s", path);
    }
    return dir_sync(a, parent_of(a, path));
}

struct error *dir_make(struct arena *a, const char *path)
{
    if (mkdir(path, 0755) == 0)
        return NULL;
    if (errno == ENOENT && strchr(path + 1, '/')) {
        TRY(dir_make(a, parent_of(a, path)));
        if (mkdir(path, 0755) == 0)
            return NULL;
    }
    struct stat st;
    int err = errno;
    if (err == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return NULL;
    return error_errno(a, err, "making the folder %s", path);
}

struct error *dir_sync(struct arena *a, const char *path)
{
    FD_SCOPED fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return error_errno(a, errno, "syncing the folder %s", path);
    return NULL;
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void close_dir(DIR **d)
{
    if (*d)
        closedir(*d);
}

struct error *dir_remove(struct arena *a, const char *path)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return NULL;
    if (errno != EISDIR && errno != EPERM)
        return error_errno(a, errno, "removing %s", path);
    {
        __attribute__((cleanup(close_dir))) DIR *d = opendir(path);
        if (!d)
            return error_errno(a, errno, "removing %s", path);
        for (struct dirent *de; (de = readdir(d));) {
            if (!is_dot(de->d_name))
                TRY(dir_remove(a, arena_printf(a, "%s/%s", path, de->d_name).p));
        }
    }
    if (rmdir(path) < 0 && errno != ENOENT)
        return error_errno(a, errno, "removing %s", path);
    return NULL;
}

static int keep_names(const struct dirent *de)
{
    return !is_dot(de->d_name);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void free_names(struct dirent **names, int n)
{
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

static struct error *walk(struct arena *a, const char *root, struct slice rel, dir_walk_fn fn,
                          void *arg);

static struct error *walk_entry(struct arena *a, const char *root, struct slice rel, dir_walk_fn fn,
                                void *arg)
{
    struct stat st;
    struct slice full = arena_printf(a, "%s/%.*s", root, SLICE_ARG(rel));
    if (lstat(full.p, &st) < 0)
        return errno == ENOENT ? NULL : error_errno(a, errno, "%s", full.p);
    if (S_ISREG(st.st_mode))
        return fn(arg, a, rel);
    return S_ISDIR(st.st_mode) ? walk(a, root, rel, fn, arg) : NULL;
}

static struct error *walk(struct arena *a, const char *root, struct slice rel, dir_walk_fn fn,
                          void *arg)
{
    struct dirent **names;
    struct slice dir = arena_printf(a, "%s/%.*s", root, SLICE_ARG(rel));
    int n = scandir(dir.p, &names, keep_names, by_bytes);
    if (n < 0)
        return errno == ENOENT ? NULL : error_errno(a, errno, "%s", dir.p);
    struct error *err = NULL;
    for (int i = 0; i < n && !err; i++) {
        struct slice sub = rel.n ? arena_printf(a, "%.*s/%s", SLICE_ARG(rel), names[i]->d_name)
                                 : arena_printf(a, "%s", names[i]->d_name);
        err = walk_entry(a, root, sub, fn, arg);
    }
    free_names(names, n);
    return err;
}

struct error *dir_walk(struct arena *a, const char *root, dir_walk_fn fn, void *arg)
{
    return walk(a, root, S(""), fn, arg);
}
