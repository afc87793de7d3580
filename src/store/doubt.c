/*
 * Versions that were stored without being checked, because the checksum database could not be
 * asked. The mark is a file, made and synced before the first artefact is stored: so it survives
 * what the catalog, which can be lost and made anew from the tree, does not.
 */
#include "store/store_priv.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct error *doubt_rel(struct arena *a, struct module_version mv, struct names *n,
                               const char **rel)
{
    TRY(names_make(a, mv, n));
    *rel = JOIN(a, S(DOUBT_DIR "/"), n->escaped_path, S("/@v/"), n->escaped_version);
    return NULL;
}

struct error *store_doubt_set(struct store *s, struct arena *a, struct module_version mv)
{
    struct names n;
    const char *rel = NULL;
    TRY(doubt_rel(a, mv, &n, &rel));
    FD_SCOPED dir = -1;
    TRY(disk_dir(s, a, names_dir(a, DOUBT_DIR, &n), &dir));
    FD_SCOPED fd = openat(s->dir_fd, rel, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return disk_error(a, errno, "marking %s", rel);
    return disk_sync(a, dir, rel);
}

struct error *store_doubt_clear(struct store *s, struct arena *a, struct module_version mv)
{
    struct names n;
    const char *rel = NULL;
    TRY(doubt_rel(a, mv, &n, &rel));
    return disk_unlink(s, a, rel);
}

bool store_is_doubted(struct store *s, struct arena *a, struct module_version mv)
{
    struct names n;
    const char *rel = NULL;
    return !doubt_rel(a, mv, &n, &rel) && disk_exists(s, rel);
}

struct doubts {
    struct module_version *list;
    size_t count, max;
};

static struct error *note_doubt(void *arg, struct arena *a, struct slice rel)
{
    struct doubts *d = arg;
    ptrdiff_t at = slice_find_slice(rel, S("/@v/"));
    struct module_version *mv = &d->list[d->count];
    if (at < 0 || d->count == d->max)
        return NULL;
    struct error *err = module_unescape_path(a, slice_head(rel, (size_t)at), &mv->path);
    if (!err)
        err = module_unescape_version(a, slice_skip(rel, (size_t)at + 4), &mv->version);
    if (err)
        return NULL; /* not one of our files */
    mv->path = arena_dup(a, mv->path);
    mv->version = arena_dup(a, mv->version);
    d->count++;
    return NULL;
}

struct error *store_doubts(struct store *s, struct arena *a, size_t max,
                           struct module_version **list, size_t *count)
{
    const char *root = JOIN(a, slice_of(s->dir), S("/" DOUBT_DIR));
    struct doubts d = {ARENA_ARRAY(a, struct module_version, max + 1), 0, max};
    *list = d.list;
    *count = 0;
    if (!disk_exists(s, DOUBT_DIR))
        return NULL;
    TRY(dir_walk(a, root, note_doubt, &d));
    *count = d.count;
    return NULL;
}
