#include "base/file.h"
#include "cli/verify.h"
#include "cli/walk.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Extracted folders are read-only. */
static struct error *make_writable(void *arg, struct arena *a, const struct walk_entry *e,
                                   bool *skip)
{
    /* The walk opens a folder after this call. */
    if (e->kind == WALK_FOLDER)
        chmod(arena_printf(a, "%s/%s", (const char *)arg, e->path.p).p, 0755);
    return NULL;
}

static struct error *remove_folder(struct arena *a, const char *folder)
{
    chmod(folder, 0755);
    TRY(walk(a, folder, make_writable, (void *)(uintptr_t)folder));
    return dir_remove(a, folder);
}

/* Takes the version out of the tree's own list, if there is one. */
static struct error *remove_from_list(struct arena *a, const struct verify_version *v)
{
    const char *end = strrchr(v->stem, '/');
    struct slice dir = slice_make(v->stem, (size_t)(end - v->stem)), text;
    const char *path = arena_printf(a, "%.*s/list", SLICE_ARG(dir)).p;
    struct error *err = file_read(a, path, 16 << 20, &text);
    if (err)
        return err->status == STATUS_NOT_FOUND ? NULL : err;
    BUF_SCOPED(kept);
    bool is_named = false;
    while (text.n) {
        struct slice line = slice_cut(&text, '\n');
        if (slice_eq(line, v->mv.version))
            is_named = true;
        else
            buf_printf(&kept, "%.*s\n", SLICE_ARG(line));
    }
    return is_named ? file_write_durable(a, path, buf_slice(&kept)) : NULL;
}

/* `.info` goes first: without it the version is not there for the go command. */
static struct error *purge(struct arena *a, struct verify_version *v)
{
    static const char *const suffixes[] = {".info", ".ziphash", ".zip.sig", ".zip",
                                           ".mod",  ".partial", ".lock"};
    TRY(remove_from_list(a, v));
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        const char *path = arena_printf(a, "%s%s", v->stem, suffixes[i]).p;
        if (unlink(path) < 0 && errno != ENOENT)
            return error_errno(a, errno, "removing %s", path);
    }
    return v->folder ? remove_folder(a, v->folder) : NULL;
}

struct error *verify_purge(struct arena *a, struct verify_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct verify_version *v = &list->versions[i];
        if (!v->is_bad || v->vendor)
            continue;
        TRY(purge(a, v));
        v->is_purged = true;
        fprintf(stderr, "removed %.*s@%.*s\n", SLICE_ARG(v->mv.path), SLICE_ARG(v->mv.version));
    }
    return NULL;
}
