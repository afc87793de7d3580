#include "cli/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

struct walker {
    struct arena *a;
    const char *root;
    walk_fn fn;
    void *arg;
};

struct names {
    struct dirent **list;
    int n;
};

static void free_names(struct names *names)
{
    for (int i = 0; i < names->n; i++)
        free(names->list[i]);
    free(names->list);
}

static int keep_name(const struct dirent *de)
{
    return strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* For file systems that do not tell in the folder. */
static unsigned char stat_type(struct walker *w, struct slice path)
{
    struct stat st;
    if (lstat(arena_printf(w->a, "%s/%.*s", w->root, SLICE_ARG(path)).p, &st) < 0)
        return DT_UNKNOWN;
    return (unsigned char)IFTODT(st.st_mode);
}

static enum walk_kind kind_of(unsigned char type)
{
    switch (type) {
    case DT_REG:
        return WALK_FILE;
    case DT_DIR:
        return WALK_FOLDER;
    case DT_LNK:
        return WALK_SYMLINK;
    default:
        return WALK_OTHER;
    }
}

static struct error *walk_folder(struct walker *w, struct slice folder);

static struct error *walk_name(struct walker *w, struct slice folder, const struct dirent *de)
{
    bool skip = false;
    struct slice path = folder.n ? arena_printf(w->a, "%.*s/%s", SLICE_ARG(folder), de->d_name)
                                 : arena_dup(w->a, slice_of(de->d_name));
    unsigned char type = de->d_type == DT_UNKNOWN ? stat_type(w, path) : de->d_type;
    struct walk_entry e = {.path = path, .kind = kind_of(type)};
    TRY(w->fn(w->arg, w->a, &e, &skip));
    return e.kind == WALK_FOLDER && !skip ? walk_folder(w, path) : NULL;
}

static struct error *walk_folder(struct walker *w, struct slice folder)
{
    __attribute__((cleanup(free_names))) struct names names = {0};
    const char *path =
        folder.n ? arena_printf(w->a, "%s/%.*s", w->root, SLICE_ARG(folder)).p : w->root;
    names.n = scandir(path, &names.list, keep_name, by_bytes);
    if (names.n < 0 && errno == ENOENT && folder.n)
        return NULL;
    if (names.n < 0)
        return error_errno(w->a, errno, "%s", path);
    for (int i = 0; i < names.n; i++)
        TRY(walk_name(w, folder, names.list[i]));
    return NULL;
}

struct error *walk(struct arena *a, const char *root, walk_fn fn, void *arg)
{
    struct walker w = {.a = a, .root = root, .fn = fn, .arg = arg};
    return walk_folder(&w, S(""));
}
