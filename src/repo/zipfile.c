/*
 * The pages of a mapped zip that were read are let go now and then, so that they do not count as
 * memory; those that are still wanted come back from the page cache.
 */
#include "repo/zipfile.h"

#include "base/file.h"

#include <sys/mman.h>

enum { DROP_STEP_BYTES = 4 << 20 };

struct page_drop {
    struct slice bytes;
    size_t since_drop;
};

static struct error *begin_entry(void *arg, struct arena *a, const struct modzip_entry *e)
{
    return NULL;
}

static struct error *drop_pages(void *arg, struct arena *a, struct slice piece)
{
    struct page_drop *d = arg;
    d->since_drop += piece.n;
    if (d->since_drop >= DROP_STEP_BYTES) {
        madvise((void *)d->bytes.p, d->bytes.n, MADV_DONTNEED);
        d->since_drop = 0;
    }
    return NULL;
}

static struct error *ignore_end(void *arg, struct arena *a)
{
    return NULL;
}

struct error *zipfile_verify(struct arena *a, int fd, struct module_version mv,
                             const struct modzip_limits *limits, struct modzip_result *out)
{
    __attribute__((cleanup(arena_release))) struct arena mapping = ARENA_INIT;
    struct page_drop drop = {0};
    struct modzip_observer observer = {begin_entry, drop_pages, ignore_end, &drop};
    struct error *err = file_map_fd(&mapping, fd, &drop.bytes);
    if (err)
        return error_dup(a, err);
    return modzip_verify_observed(a, drop.bytes, mv, limits, &observer, out);
}
