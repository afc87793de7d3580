/*
 * Which of several sources served a version first. A symbolic link is made by one call that fails
 * when there is one already, and read by one call: it holds the name and points to no file.
 */
#include "store/store_priv.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

static struct error *folder_of(struct arena *a, struct slice group, struct module_version mv,
                               const char **folder, const char **name)
{
    struct names n;
    TRY(names_make(a, mv, &n));
    *folder = JOIN(a, S(SERVED_DIR "/"), group, S("/"), n.escaped_path, S("/@v"));
    *name = JOIN(a, n.escaped_version);
    return NULL;
}

struct error *store_served_get(struct store *s, struct arena *a, struct slice group,
                               struct module_version mv, struct slice *source)
{
    char text[NAME_MAX];
    const char *folder, *name;
    *source = S("");
    TRY(folder_of(a, group, mv, &folder, &name));
    const char *rel = JOIN(a, slice_of(folder), S("/"), slice_of(name));
    ssize_t n = readlinkat(s->dir_fd, rel, text, sizeof(text));
    if (n < 0 && !is_absent_errno(errno))
        return disk_error(a, errno, "reading %s/%s", s->dir, rel);
    if (n > 0)
        *source = arena_dup(a, slice_make(text, (size_t)n));
    return NULL;
}

struct error *store_served_put(struct store *s, struct arena *a, struct slice group,
                               struct module_version mv, struct slice source, bool is_replacing)
{
    FD_SCOPED dir = -1;
    const char *folder, *name;
    TRY(folder_of(a, group, mv, &folder, &name));
    if (s->is_read_only)
        return error_new(a, STATUS_READ_ONLY, "the store %s cannot be written", s->dir);
    TRY(disk_dir(s, a, folder, &dir));
    if (is_replacing && unlinkat(dir, name, 0) < 0 && !is_absent_errno(errno))
        return disk_error(a, errno, "replacing %s/%s", folder, name);
    if (symlinkat(arena_cstr(a, source), dir, name) < 0 && errno != EEXIST)
        return disk_error(a, errno, "making %s/%s", folder, name);
    return disk_sync(a, dir, folder);
}
