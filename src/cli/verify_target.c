#include "cli/verify_target.h"

#include <stdio.h>
#include <sys/stat.h>

static bool is_there(struct arena *a, const char *dir, const char *name, mode_t type)
{
    struct stat st;
    return stat(arena_printf(a, "%s/%s", dir, name).p, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

/* What only a store has beside its tree. */
static bool is_store(struct arena *a, const char *dir)
{
    return is_there(a, dir, "catalog.db", S_IFREG) || is_there(a, dir, "stage", S_IFDIR);
}

static enum target_kind kind_of(struct arena *a, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return TARGET_UNKNOWN;
    if (S_ISREG(st.st_mode))
        return slice_ends(slice_of(path), S(".sum")) ? TARGET_GO_SUM : TARGET_UNKNOWN;
    if (is_there(a, path, "cache/download", S_IFDIR))
        return is_store(a, path) ? TARGET_STORE : TARGET_MODCACHE;
    return is_there(a, path, "modules.txt", S_IFREG) ? TARGET_VENDOR : TARGET_UNKNOWN;
}

struct error *target_recognize(struct arena *a, const char *path, enum target_kind *kind)
{
    *kind = kind_of(a, path);
    if (*kind != TARGET_UNKNOWN)
        return NULL;
    return error_new(a, STATUS_BAD_USAGE,
                     "%s is no store, no module cache (both have cache/download), no vendor folder "
                     "(modules.txt) and no go.sum",
                     path);
}

struct verify_tree *target_tree(struct arena *a, const char *dir)
{
    struct verify_tree *t = ARENA_NEW(a, struct verify_tree);
    t->root = arena_printf(a, "%s/cache/download", dir).p;
    t->needs_all = is_store(a, dir);
    t->modcache = t->needs_all ? NULL : dir;
    return t;
}

struct verify_tree *target_partial_tree(struct arena *a, const char *dir)
{
    if (!is_there(a, dir, "partial", S_IFDIR))
        return NULL;
    struct verify_tree *t = ARENA_NEW(a, struct verify_tree);
    t->root = arena_printf(a, "%s/partial", dir).p;
    return t;
}

const char *target_modcache(struct arena *a)
{
    const char *modcache = getenv("GOMODCACHE"), *gopath = getenv("GOPATH"), *home = getenv("HOME");
    if (modcache && *modcache)
        return modcache;
    struct slice list = slice_of(gopath), first = slice_cut(&list, ':');
    if (first.n)
        return arena_printf(a, "%.*s/pkg/mod", SLICE_ARG(first)).p;
    return arena_printf(a, "%s/go/pkg/mod", home ? home : "").p;
}
