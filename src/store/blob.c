/*
 * What is known of checksum databases, by name: bytes that never change, where the first one that
 * is put wins, and bytes that are replaced. What is put is synced before it gets its name, because
 * nobody would ever ask again for one that a power loss has emptied; that the name itself may be
 * lost does no harm, unless the caller says so. Facts about modules are kept in the same way.
 */
#include "store/store_priv.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FACT_MAX_BYTES = 32 << 20 };

static struct error *rel_below(struct arena *a, struct slice dir, struct slice name,
                               const char **rel)
{
    if (!is_plain_rel_path(name))
        return error_new(a, STATUS_BAD_REQUEST, "'%.*s' is no name of a stored file",
                         SLICE_ARG(name));
    *rel = JOIN(a, dir, name);
    return NULL;
}

static struct error *blob_rel(struct arena *a, struct slice name, const char **rel)
{
    return rel_below(a, S(BLOBS_DIR "/"), name, rel);
}

struct error *store_blob_get(struct store *s, struct arena *a, struct slice name, bool *found,
                             struct store_object *out)
{
    const char *rel = NULL;
    *found = false;
    TRY(blob_rel(a, name, &rel));
    return disk_open_object(s, a, rel, found, out);
}

static struct error *place_blob(struct store *s, struct arena *a, const char *rel,
                                struct slice body)
{
    bool is_placed;
    const char *temp = owner_temp_name(s, a);
    struct error *err = disk_write(a, s->owner.fd, temp, body, 0444, true);
    if (!err)
        err = disk_place(a, s->owner.fd, temp, s->dir_fd, rel, &is_placed);
    if (err || !is_placed)
        unlinkat(s->owner.fd, temp, 0);
    return err;
}

struct error *store_blob_put(struct store *s, struct arena *a, struct slice name, struct slice body)
{
    const char *rel = NULL;
    TRY(blob_rel(a, name, &rel));
    if (disk_exists(s, rel))
        return NULL;
    TRY(owner_ready(s, a));
    struct slice path = slice_of(rel);
    TRY(disk_make_dir(s, a, arena_cstr(a, slice_head(path, (size_t)slice_rfind(path, '/')))));
    return place_blob(s, a, rel, body);
}

static struct error *replace(struct store *s, struct arena *a, const char *rel, struct slice body,
                             enum blob_sync sync)
{
    FD_SCOPED dir = -1;
    TRY(owner_ready(s, a));
    struct slice path = slice_of(rel);
    const char *folder = arena_cstr(a, slice_head(path, (size_t)slice_rfind(path, '/')));
    TRY(disk_dir(s, a, folder, &dir));
    const char *temp = owner_temp_name(s, a);
    struct error *err = disk_write(a, s->owner.fd, temp, body, 0444, sync != BLOB_UNSYNCED);
    if (!err)
        err = disk_replace(a, s->owner.fd, temp, s->dir_fd, rel);
    if (err)
        unlinkat(s->owner.fd, temp, 0);
    else if (sync == BLOB_DURABLE)
        err = disk_sync(a, dir, folder);
    return err;
}

struct error *store_blob_replace(struct store *s, struct arena *a, struct slice name,
                                 struct slice body, enum blob_sync sync)
{
    const char *rel = NULL;
    TRY(blob_rel(a, name, &rel));
    return replace(s, a, rel, body, sync);
}

struct error *store_blob_lock(struct store *s, struct ctx *cx, struct slice name, int *lock_fd)
{
    return lock_take(s, cx->arena, cx, slice_of(JOIN(cx->arena, S(BLOBS_DIR "/"), name)), lock_fd);
}

struct error *store_fact_get(struct store *s, struct arena *a, struct slice name, bool *found,
                             struct slice *body)
{
    const char *rel = NULL;
    struct store_object o;
    *found = false;
    TRY(rel_below(a, S(FACTS_DIR "/"), name, &rel));
    TRY(disk_open_object(s, a, rel, found, &o));
    if (!*found)
        return NULL;
    FD_SCOPED fd = o.fd;
    return file_read_fd(a, fd, FACT_MAX_BYTES, body);
}

struct error *store_fact_put(struct store *s, struct arena *a, struct slice name, struct slice body)
{
    const char *rel = NULL;
    TRY(rel_below(a, S(FACTS_DIR "/"), name, &rel));
    return replace(s, a, rel, body, BLOB_SYNCED);
}

struct error *store_fact_lock(struct store *s, struct ctx *cx, struct slice name, int *lock_fd)
{
    return lock_take(s, cx->arena, cx, slice_of(JOIN(cx->arena, S(FACTS_DIR "/"), name)), lock_fd);
}
