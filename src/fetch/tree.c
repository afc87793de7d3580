#include "fetch/tree.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES (64u << 10)

static struct error *cannot_open(struct arena *a, const char *path, int err)
{
    if (err == ENOENT || err == ENOTDIR || err == ENAMETOOLONG)
        return error_new(a, STATUS_NOT_FOUND, "not found: there is no file %s", path);
    if (err == EACCES || err == EPERM)
        return error_new(a, STATUS_UPSTREAM_DENIED, "%s may not be read by this user", path);
    struct error *cause = error_errno(a, err, "opening %s", path);
    return error_as(a, STATUS_UPSTREAM_ERROR, cause, "a file upstream fails");
}

static struct error *copy(struct ctx *cx, const char *path, int fd, uint64_t max_bytes,
                          struct sink *sink)
{
    char block[BLOCK_BYTES];
    for (;;) {
        TRY(ctx_check(cx));
        ssize_t n = read(fd, block, sizeof(block));
        if (n == 0)
            return NULL;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_as(cx->arena, STATUS_UPSTREAM_ERROR,
                            error_errno(cx->arena, errno, "reading %s", path),
                            "a file upstream fails");
        if (sink->size + (size_t)n > max_bytes)
            return error_new(cx->arena, STATUS_TOO_LARGE,
                             "%s is larger than the %" PRIu64 " bytes that are allowed here", path,
                             max_bytes);
        TRY(sink_add(sink, cx->arena, slice_make(block, (size_t)n)));
    }
}

struct error *tree_get(struct ctx *cx, struct slice root, struct slice rel, uint64_t max_bytes,
                       struct sink *sink)
{
    struct stat st;
    const char *path = arena_printf(cx->arena, "%.*s/%.*s", SLICE_ARG(root), SLICE_ARG(rel)).p;
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return cannot_open(cx->arena, path, errno);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return cannot_open(cx->arena, path, ENOENT);
    return copy(cx, path, fd, max_bytes, sink);
}
