/*
 * Bytes of a log on disk. Parts are written in place behind what a head covers, and synced before a
 * head is; the head is a small file of its own that is replaced by renaming. The lock goes away
 * with its process.
 */
#include "store/sumlog_files.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define HEAD_FILE "head"
#define NEW_HEAD_FILE "head.new"
#define LOG_LOCK_FILE "lock"

enum { HEAD_MAX_BYTES = NOTE_MAX_BYTES };

static const char *const part_names[LOG_PARTS] = {
    "records", "ends",    "hashes0", "hashes1", "hashes2",
    "hashes3", "hashes4", "hashes5", "hashes6", "hashes7",
};

/* A file of the log that is gone is an error of ours, never an absent module. */
static struct error *fault(struct arena *a, const struct sumlog_files *f, const char *doing,
                           const char *name)
{
    struct error *err = error_errno(a, errno, "%s %s/%s", doing, f->dir, name);
    if (err->status == STATUS_NOT_FOUND)
        err->status = STATUS_IO;
    return err;
}

static struct error *part_fault(struct arena *a, const struct sumlog_files *f, const char *doing,
                                int part)
{
    return fault(a, f, doing, part_names[part]);
}

/* ---- opening ---- */

static void init(struct sumlog_files *f, const char *dir)
{
    *f = (struct sumlog_files){.dir = xstrdup(dir), .dir_fd = -1, .lock_fd = -1};
    for (int part = 0; part < LOG_PARTS; part++)
        f->parts[part] = -1;
}

static struct error *take_lock(struct arena *a, struct sumlog_files *f)
{
    f->lock_fd = openat(f->dir_fd, LOG_LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (f->lock_fd < 0)
        return fault(a, f, "opening", LOG_LOCK_FILE);
    if (flock(f->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return NULL;
    if (errno == EWOULDBLOCK)
        return error_new(a, STATUS_OVERLOAD,
                         "another process writes the log in %s: a checksum database has one writer",
                         f->dir);
    return fault(a, f, "locking", LOG_LOCK_FILE);
}

static struct error *open_parts(struct arena *a, struct sumlog_files *f, int flags)
{
    for (int part = 0; part < LOG_PARTS; part++) {
        f->parts[part] = openat(f->dir_fd, part_names[part], flags | O_CLOEXEC, 0644);
        if (f->parts[part] < 0 && !(errno == ENOENT && flags == O_RDONLY))
            return part_fault(a, f, "opening", part);
    }
    return NULL;
}

struct error *sumlog_files_open(struct arena *a, const char *dir, struct sumlog_files *out)
{
    init(out, dir);
    TRY(dir_make(a, dir));
    out->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->dir_fd < 0)
        return fault(a, out, "opening", ".");
    TRY(take_lock(a, out));
    TRY(open_parts(a, out, O_RDWR | O_CREAT));
    if (fsync(out->dir_fd) < 0)
        return fault(a, out, "syncing", ".");
    return NULL;
}

struct error *sumlog_files_open_reader(struct arena *a, const char *dir, struct sumlog_files *out)
{
    init(out, dir);
    out->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->dir_fd < 0)
        return error_errno(a, errno, "opening %s", dir);
    if (faccessat(out->dir_fd, HEAD_FILE, F_OK, 0) < 0)
        return error_errno(a, errno, "%s is no log of a checksum database: opening %s/" HEAD_FILE,
                           dir, dir);
    return open_parts(a, out, O_RDONLY);
}

void sumlog_files_close(struct sumlog_files *f)
{
    for (int part = 0; part < LOG_PARTS; part++)
        fd_cleanup(&f->parts[part]);
    fd_cleanup(&f->lock_fd);
    fd_cleanup(&f->dir_fd);
    free(f->dir);
    f->dir = NULL;
}

/* ---- the operations ---- */

static struct error *read_part(void *arg, struct arena *a, int part, uint64_t offset, size_t n,
                               struct slice *out)
{
    struct sumlog_files *f = arg;
    char *p = arena_alloc(a, n);
    size_t have = 0;
    while (have < n && f->parts[part] >= 0) {
        ssize_t got = pread(f->parts[part], p + have, n - have, (off_t)(offset + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return part_fault(a, f, "reading", part);
        if (got == 0)
            break;
        have += (size_t)got;
    }
    *out = slice_make(p, have);
    return NULL;
}

static struct error *write_part(void *arg, struct arena *a, int part, uint64_t offset,
                                struct slice data)
{
    struct sumlog_files *f = arg;
    f->is_unsynced[part] = true;
    while (data.n) {
        ssize_t done = pwrite(f->parts[part], data.p, data.n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return part_fault(a, f, "writing", part);
        data = slice_skip(data, (size_t)done);
        offset += (uint64_t)done;
    }
    return NULL;
}

static struct error *cut_part(void *arg, struct arena *a, int part, uint64_t size)
{
    struct sumlog_files *f = arg;
    off_t is = lseek(f->parts[part], 0, SEEK_END);
    if (is >= 0 && (uint64_t)is <= size)
        return NULL;
    f->is_unsynced[part] = true;
    if (is < 0 || ftruncate(f->parts[part], (off_t)size) < 0)
        return part_fault(a, f, "truncating", part);
    return NULL;
}

static struct error *sync_parts(void *arg, struct arena *a)
{
    struct sumlog_files *f = arg;
    for (int part = 0; part < LOG_PARTS; part++) {
        if (!f->is_unsynced[part])
            continue;
        if (fdatasync(f->parts[part]) < 0)
            return part_fault(a, f, "syncing", part);
        f->is_unsynced[part] = false;
        atomic_fetch_add(&f->syncs, 1);
    }
    return NULL;
}

static struct error *read_head(void *arg, struct arena *a, struct slice *note)
{
    struct sumlog_files *f = arg;
    *note = S("");
    FD_SCOPED fd = openat(f->dir_fd, HEAD_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return NULL;
    if (fd < 0)
        return fault(a, f, "opening", HEAD_FILE);
    TRY_CTX(a, file_read_fd(a, fd, HEAD_MAX_BYTES, note), "reading %s/" HEAD_FILE, f->dir);
    if (note->n == 0)
        return error_new(a, STATUS_CORRUPT, "%s/" HEAD_FILE " is empty", f->dir);
    return NULL;
}

static struct error *write_new_head(struct arena *a, struct sumlog_files *f, struct slice note)
{
    FD_SCOPED fd = openat(f->dir_fd, NEW_HEAD_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return fault(a, f, "creating", NEW_HEAD_FILE);
    TRY_CTX(a, fd_write_all(a, fd, note), "writing %s/" NEW_HEAD_FILE, f->dir);
    return fsync(fd) < 0 ? fault(a, f, "syncing", NEW_HEAD_FILE) : NULL;
}

static struct error *publish(void *arg, struct arena *a, struct slice note)
{
    struct sumlog_files *f = arg;
    TRY(write_new_head(a, f, note));
    if (renameat(f->dir_fd, NEW_HEAD_FILE, f->dir_fd, HEAD_FILE) < 0)
        return fault(a, f, "replacing", HEAD_FILE);
    if (fsync(f->dir_fd) < 0)
        return fault(a, f, "syncing", ".");
    atomic_fetch_add(&f->syncs, 2);
    return NULL;
}

struct sumdb_log_ops sumlog_files_ops(struct sumlog_files *f)
{
    return (struct sumdb_log_ops){f,          read_part, write_part, cut_part,
                                  sync_parts, read_head, publish};
}
