#include "access/token_file.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

const char *token_file_path(struct arena *a, const char *data_dir)
{
    return arena_printf(a, "%s/access/tokens.json", data_dir).p;
}

static struct error *read_open_file(struct arena *a, int fd, struct tokens *out, struct stat *st)
{
    struct slice json;
    if (fstat(fd, st) < 0)
        return error_errno(a, errno, "stat");
    if (st->st_mode & 077)
        return error_new(a, STATUS_CORRUPT, "others may read it or write to it: chmod 600 it");
    TRY(file_read_fd(a, fd, TOKENS_FILE_MAX_BYTES, &json));
    return tokens_parse(a, json, out);
}

struct error *token_file_read(struct arena *a, const char *data_dir, struct tokens *out,
                              struct stat *st)
{
    struct stat own;
    const char *path = token_file_path(a, data_dir);
    st = st ? st : &own;
    memset(st, 0, sizeof(*st));
    *out = (struct tokens){0};
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return NULL;
    if (fd < 0)
        return error_errno(a, errno, "the tokens in %s", path);
    TRY_CTX(a, read_open_file(a, fd, out, st), "the tokens in %s", path);
    return NULL;
}

/* A command that root runs leaves a file that the gateway's user can read. */
static struct error *give_to_owner(struct arena *a, int fd, const char *data_dir)
{
    struct stat st;
    if (geteuid() != 0)
        return NULL;
    if (stat(data_dir, &st) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0)
        return error_errno(a, errno, "giving the file to the owner of %s", data_dir);
    return NULL;
}

static struct error *write_file(struct arena *a, const char *tmp, const char *data_dir,
                                struct slice json)
{
    FD_SCOPED fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_errno(a, errno, "creating %s", tmp);
    TRY(give_to_owner(a, fd, data_dir));
    TRY(fd_write_all(a, fd, json));
    return fsync(fd) < 0 ? error_errno(a, errno, "syncing %s", tmp) : NULL;
}

static struct error *replace_file(struct arena *a, const char *data_dir, struct slice json)
{
    const char *path = token_file_path(a, data_dir);
    const char *tmp = arena_printf(a, "%s.new", path).p;
    struct error *err = write_file(a, tmp, data_dir, json);
    if (!err && rename(tmp, path) < 0)
        err = error_errno(a, errno, "renaming %s", tmp);
    if (err) {
        unlink(tmp);
        return err;
    }
    return dir_sync(a, arena_printf(a, "%s/access", data_dir).p);
}

/* The lock is on a file of its own, for the other is replaced. Closing it lets go. */
static struct error *lock(struct arena *a, const char *data_dir, int *out)
{
    const char *dir = arena_printf(a, "%s/access", data_dir).p;
    const char *path = arena_printf(a, "%s/lock", dir).p;
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return error_errno(a, errno, "making the folder %s", dir);
    FD_SCOPED dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return error_errno(a, errno, "opening %s", dir);
    TRY(give_to_owner(a, dir_fd, data_dir));
    FD_SCOPED fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0)
        return error_errno(a, errno, "locking %s", path);
    TRY(give_to_owner(a, fd, data_dir));
    *out = fd_take(&fd);
    return NULL;
}

struct error *token_file_change(struct arena *a, const char *data_dir, token_change_fn change,
                                void *arg)
{
    struct tokens t;
    FD_SCOPED held = -1;
    TRY(lock(a, data_dir, &held));
    TRY(token_file_read(a, data_dir, &t, NULL));
    TRY(change(arg, a, &t));
    TRY_CTX(a, replace_file(a, data_dir, tokens_format(a, &t)), "writing the tokens");
    return NULL;
}
