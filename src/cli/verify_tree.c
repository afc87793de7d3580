/*
 * Which versions a GOPROXY tree holds. The walk gives one row for each file, in the order of the
 * file system; sorted by version they are merged. What is no part of a version is noted: halves of
 * files that an interrupted writer left, folders that nothing vouches for.
 */
#include "cli/verify.h"

#include "cli/walk.h"
#include "gomod/module.h"

#include <errno.h>
#include <sys/stat.h>

static const struct {
    const char *suffix;
    unsigned member;
} members[] = {
    {".info", MEMBER_INFO},       {".mod", MEMBER_MOD},   {".zip", MEMBER_ZIP},
    {".ziphash", MEMBER_ZIPHASH}, {".lock", MEMBER_LOCK}, {".partial", MEMBER_PARTIAL},
    {".zip.sig", MEMBER_ZIPSIG},
};

struct lister {
    struct verify_report *report;
    const struct verify_tree *tree;
    struct verify_list *list;
};

void verify_list_add(struct verify_list *list, const struct verify_version *v)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 256;
        list->versions = xrealloc(list->versions, list->cap * sizeof(*list->versions));
    }
    list->versions[list->count++] = *v;
}

/* The member that a file is by its name; 0 for none. *version is what stands before the suffix. */
static unsigned member_of(struct slice name, struct slice *version)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        struct slice suffix = slice_of(members[i].suffix);
        if (name.n > suffix.n && slice_ends(name, suffix)) {
            *version = slice_head(name, name.n - suffix.n);
            return members[i].member;
        }
    }
    return 0;
}

static uint64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* The extracted folder, if it is there. */
static const char *find_folder(struct arena *a, const struct verify_tree *tree,
                               struct slice escaped_path, struct slice escaped_version)
{
    struct stat st;
    if (!tree->modcache)
        return NULL;
    const char *path = arena_printf(a, "%s/%.*s@%.*s", tree->modcache, SLICE_ARG(escaped_path),
                                    SLICE_ARG(escaped_version))
                           .p;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? path : NULL;
}

static void note(struct lister *l, struct arena *a, struct slice path, const char *why)
{
    verify_note(l->report, arena_printf(a, "%s/%.*s", l->tree->root, SLICE_ARG(path)).p, "%s", why);
}

static void list_file(struct lister *l, struct arena *a, struct slice path)
{
    ptrdiff_t at = slice_find_slice(path, S("/@v/"));
    struct slice name = at < 0 ? S("") : slice_skip(path, (size_t)at + 4), version;
    if (slice_eq(name, S("list")) || slice_ends(path, S("/@latest")))
        return;
    unsigned member = member_of(name, &version);
    struct verify_version v = {.tree = l->tree, .members = member};
    if (!member || module_unescape_path(a, slice_head(path, (size_t)at), &v.mv.path) ||
        module_unescape_version(a, version, &v.mv.version)) {
        note(l, a, path, "is no file of a module version: left over?");
        return;
    }
    struct slice stem = slice_head(path, (size_t)at + 4 + version.n);
    v.stem = arena_printf(a, "%s/%.*s", l->tree->root, SLICE_ARG(stem)).p;
    if (member == MEMBER_ZIP)
        v.zip_bytes = size_of(arena_printf(a, "%s.zip", v.stem).p);
    verify_list_add(l->list, &v);
}

static struct error *list_entry(void *arg, struct arena *a, const struct walk_entry *e, bool *skip)
{
    struct lister *l = arg;
    if (e->kind == WALK_FOLDER)
        *skip = slice_eq(e->path, S("sumdb"));
    else if (e->kind == WALK_FILE)
        list_file(l, a, e->path);
    else
        note(l, a, e->path, "is no regular file");
    return NULL;
}

static int by_stem(const void *a, const void *b)
{
    return strcmp(((const struct verify_version *)a)->stem,
                  ((const struct verify_version *)b)->stem);
}

/* Makes one row of the rows of each version, from index `from` on. */
static void merge(struct arena *a, struct verify_list *list, size_t from)
{
    struct verify_version *rows = list->versions + from;
    size_t n = list->count - from, kept = 0;
    if (n == 0)
        return;
    qsort(rows, n, sizeof(*rows), by_stem);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || strcmp(rows[kept - 1].stem, rows[i].stem) != 0) {
            rows[kept++] = rows[i];
            continue;
        }
        rows[kept - 1].members |= rows[i].members;
        rows[kept - 1].zip_bytes += rows[i].zip_bytes;
    }
    list->count = from + kept;
}

static void find_folders(struct arena *a, struct verify_list *list, size_t from)
{
    for (size_t i = from; i < list->count; i++) {
        struct verify_version *v = &list->versions[i];
        struct slice stem = slice_skip(slice_of(v->stem), strlen(v->tree->root) + 1);
        size_t at = (size_t)slice_find_slice(stem, S("/@v/"));
        if (!(v->members & MEMBER_PARTIAL))
            v->folder = find_folder(a, v->tree, slice_head(stem, at), slice_skip(stem, at + 4));
    }
}

/* Walks the extracted folders of a module cache, without what is in them. */
static struct error *collect_folder(void *arg, struct arena *a, const struct walk_entry *e,
                                    bool *skip)
{
    struct lister *l = arg;
    if (e->kind != WALK_FOLDER)
        return NULL;
    *skip = slice_eq(e->path, S("cache")) || slice_find(e->path, '@') >= 0;
    if (slice_find(e->path, '@') < 0)
        return NULL;
    struct slice version = e->path, path = slice_cut(&version, '@');
    struct verify_version v = {.tree = l->tree};
    if (module_unescape_path(a, path, &v.mv.path) ||
        module_unescape_version(a, version, &v.mv.version))
        return NULL;
    v.stem =
        arena_printf(a, "%s/%.*s/@v/%.*s", l->tree->root, SLICE_ARG(path), SLICE_ARG(version)).p;
    verify_list_add(l->list, &v);
    return NULL;
}

struct error *verify_list_tree(struct arena *a, struct verify_report *r,
                               const struct verify_tree *tree, struct verify_list *list)
{
    struct lister l = {.report = r, .tree = tree, .list = list};
    size_t from = list->count;
    TRY(walk(a, tree->root, list_entry, &l));
    if (tree->modcache)
        TRY(walk(a, tree->modcache, collect_folder, &l));
    merge(a, list, from);
    find_folders(a, list, from);
    return NULL;
}

unsigned verify_members(struct arena *a, const char *stem, uint64_t *zip_bytes)
{
    struct stat st;
    unsigned found = 0;
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (stat(arena_printf(a, "%s%s", stem, members[i].suffix).p, &st) < 0)
            continue;
        found |= members[i].member;
        if (members[i].member == MEMBER_ZIP)
            *zip_bytes = (uint64_t)st.st_size;
    }
    return found;
}

struct error *verify_find(struct arena *a, const struct verify_tree *tree, struct module_version mv,
                          struct verify_version *out)
{
    struct slice path, version;
    TRY(module_escape_path(a, mv.path, &path));
    TRY(module_escape_version(a, mv.version, &version));
    *out = (struct verify_version){.tree = tree, .mv = mv};
    out->stem =
        arena_printf(a, "%s/%.*s/@v/%.*s", tree->root, SLICE_ARG(path), SLICE_ARG(version)).p;
    out->members = verify_members(a, out->stem, &out->zip_bytes);
    if (!(out->members & MEMBER_PARTIAL))
        out->folder = find_folder(a, tree, path, version);
    return NULL;
}
