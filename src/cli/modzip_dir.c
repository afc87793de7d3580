#include "cli/modzip_dir.h"

#include "base/file.h"
#include "cli/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { READ_BYTES = 128 << 10 };

struct dir_hasher {
    const char *dir;
    struct slice prefix;
    struct h1_builder h1;
    struct sha256_stream *sha;
    struct dir_totals totals;
    char buf[READ_BYTES];
};

static struct error *hash_file(struct dir_hasher *h, struct arena *a, const char *path,
                               uint8_t sum[SHA256_BYTES])
{
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_errno(a, errno, "%s", path);
    sha256_reset(h->sha);
    for (ssize_t n = 1; n;) {
        n = read(fd, h->buf, sizeof(h->buf));
        if (n < 0 && errno != EINTR)
            return error_errno(a, errno, "%s", path);
        if (n > 0)
            sha256_add(h->sha, h->buf, (size_t)n);
        h->totals.bytes += n > 0 ? (size_t)n : 0;
    }
    sha256_sum(h->sha, sum);
    return NULL;
}

static struct error *hash_entry(void *arg, struct arena *a, const struct walk_entry *e, bool *skip)
{
    struct dir_hasher *h = arg;
    uint8_t sum[SHA256_BYTES];
    if (e->kind == WALK_FOLDER)
        return NULL;
    if (e->kind == WALK_OTHER)
        return error_new(a, STATUS_IO, "%s/%s is no file", h->dir, e->path.p);
    TRY(hash_file(h, a, arena_printf(a, "%s/%s", h->dir, e->path.p).p, sum));
    struct slice name = e->path;
    if (h->prefix.n)
        name = arena_printf(a, "%.*s/%s", SLICE_ARG(h->prefix), e->path.p);
    h1_add(&h->h1, name, sum);
    h->totals.files++;
    return NULL;
}

struct error *dir_hash(struct arena *a, const char *dir, struct slice prefix,
                       char h1[H1_TEXT_BYTES], struct dir_totals *totals)
{
    struct dir_hasher *h = xmalloc(sizeof(*h));
    h->dir = dir;
    h->prefix = prefix;
    h->h1 = H1_BUILDER_INIT;
    h->sha = sha256_new();
    h->totals = (struct dir_totals){0};
    struct error *err = walk(a, dir, hash_entry, h);
    if (!err)
        err = h1_sum(&h->h1, a, h1);
    *totals = h->totals;
    sha256_free(h->sha);
    h1_release(&h->h1);
    free(h);
    return err;
}
