/*
 * A vendor folder. Nothing in it carries a checksum, and it holds parts of modules only, so this is
 * what can be said: modules.txt agrees with go.mod, as the go command demands; every file is, byte
 * for byte, the file of the same name in its module's zip in the module cache or store;
 * and that zip is the one that go.sum knows. Modules that are not in the cache, or are replaced by
 * a folder, are noted as not compared.
 */
#include "base/file.h"
#include "cli/modzip_dir.h"
#include "cli/verify.h"
#include "cli/walk.h"
#include "gomod/vendor.h"

enum { MODULES_TXT_BYTES = 16 << 20 };

struct vendor {
    struct verify_report *report;
    const char *dir;
    struct vendor_list list;
    struct owned *owned; /* one for each module of the list */
};

/* The files of one module, as they are found. */
struct owned {
    struct slice *files; /* on the heap */
    size_t count, cap;
};

static void complain(void *arg, struct module_version mod, const char *why)
{
    struct vendor *vd = arg;
    BUF_SCOPED(file);
    buf_printf(&file, "%s/modules.txt", vd->dir);
    verify_bad_file(vd->report, mod, file.p, "%.*s: %s", SLICE_ARG(mod.path), why);
}

static bool is_below(struct slice path, struct slice dir)
{
    return path.n > dir.n && slice_starts(path, dir) && path.p[dir.n] == '/';
}

/* The module with the longest path that the file lies in; -1: none. */
static ptrdiff_t owner_of(const struct vendor_list *list, struct slice file)
{
    ptrdiff_t best = -1;
    for (size_t i = 0; i < list->n; i++) {
        const struct vendor_module *m = &list->modules[i];
        if (m->has_packages && is_below(file, m->mod.path) &&
            (best < 0 || m->mod.path.n > list->modules[best].mod.path.n))
            best = (ptrdiff_t)i;
    }
    return best;
}

static void own(struct owned *o, struct slice file)
{
    if (o->count == o->cap) {
        o->cap = o->cap ? 2 * o->cap : 16;
        o->files = xrealloc(o->files, o->cap * sizeof(*o->files));
    }
    o->files[o->count++] = file;
}

static struct error *take_file(void *arg, struct arena *a, const struct walk_entry *e, bool *skip)
{
    struct vendor *vd = arg;
    if (e->kind == WALK_FOLDER || slice_eq(e->path, S("modules.txt")))
        return NULL;
    const char *full = arena_printf(a, "%s/%s", vd->dir, e->path.p).p;
    ptrdiff_t i = owner_of(&vd->list, e->path);
    if (e->kind != WALK_FILE)
        verify_bad_file(vd->report, (struct module_version){0}, full, "is no regular file");
    else if (i < 0)
        verify_bad_file(vd->report, (struct module_version){0}, full,
                        "belongs to no module of modules.txt");
    else
        own(&vd->owned[i], slice_skip(e->path, vd->list.modules[i].mod.path.n + 1));
    return NULL;
}

/* The files of one module become one item of the list. */
static struct error *list_module(struct arena *a, struct vendor *vd, size_t i,
                                 const struct verify_tree *tree, const struct gosum *sum,
                                 struct verify_list *list)
{
    const struct vendor_module *m = &vd->list.modules[i];
    const struct owned *o = &vd->owned[i];
    struct verify_version v;
    if (o->count == 0)
        return NULL;
    const char *dir = arena_printf(a, "%s/%.*s", vd->dir, SLICE_ARG(m->mod.path)).p;
    if (m->with.path.n && m->with.version.n == 0) {
        verify_note(vd->report, dir, "%zu files not compared: %.*s is replaced by a folder",
                    o->count, SLICE_ARG(m->mod.path));
        return NULL;
    }
    TRY(verify_find(a, tree, m->with.path.n ? m->with : m->mod, &v));
    if (!(v.members & MEMBER_ZIP)) {
        verify_note(vd->report, dir, "%zu files not compared: the zip of %.*s@%.*s is not in %s",
                    o->count, SLICE_ARG(v.mv.path), SLICE_ARG(v.mv.version), tree->root);
        return NULL;
    }
    v.go_sum = sum;
    v.vendor = dir;
    v.vendored.count = o->count;
    v.vendored.list = ARENA_ARRAY(a, struct slice, o->count);
    memcpy(v.vendored.list, o->files, o->count * sizeof(*o->files));
    qsort(v.vendored.list, o->count, sizeof(*v.vendored.list), slice_cmp_qsort);
    verify_list_add(list, &v);
    return NULL;
}

static struct error *check_go_mod(struct arena *a, struct vendor *vd)
{
    const char *path = arena_printf(a, "%s/../go.mod", vd->dir).p;
    struct slice text;
    struct modfile mod;
    if (vd->list.is_workspace) {
        verify_note(vd->report, vd->dir, "made by go work vendor: not compared with go.mod files");
        return NULL;
    }
    TRY(file_read(a, path, MODFILE_MAX_BYTES, &text));
    TRY(modfile_parse(a, slice_of(path), text, MODFILE_STRICT, &mod));
    vendor_check(&vd->list, &mod, complain, vd);
    return NULL;
}

static struct error *read_sum(struct arena *a, struct vendor *vd, struct gosum **sum)
{
    const char *path =
        arena_printf(a, "%s/../go%s.sum", vd->dir, vd->list.is_workspace ? ".work" : "").p;
    struct slice text;
    *sum = ARENA_NEW(a, struct gosum);
    TRY(file_read(a, path, GOSUM_MAX_BYTES, &text));
    return gosum_parse(a, slice_of(path), text, *sum);
}

static struct error *list_files(struct arena *a, struct vendor *vd, const struct verify_tree *tree,
                                const struct gosum *sum, struct verify_list *list)
{
    TRY(walk(a, vd->dir, take_file, vd));
    for (size_t i = 0; i < vd->list.n; i++)
        TRY(list_module(a, vd, i, tree, sum, list));
    return NULL;
}

struct error *verify_list_vendor(struct arena *a, struct verify_report *r, const char *dir,
                                 const struct verify_tree *tree, struct verify_list *list)
{
    struct vendor vd = {.report = r, .dir = dir};
    struct slice text;
    struct gosum *sum;
    TRY(file_read(a, arena_printf(a, "%s/modules.txt", dir).p, MODULES_TXT_BYTES, &text));
    TRY_CTX(a, vendor_parse(a, text, &vd.list), "%s/modules.txt", dir);
    TRY(check_go_mod(a, &vd));
    TRY(read_sum(a, &vd, &sum));
    vd.owned = xcalloc(vd.list.n, sizeof(*vd.owned));
    struct error *err = list_files(a, &vd, tree, sum, list);
    for (size_t i = 0; i < vd.list.n; i++)
        free(vd.owned[i].files);
    free(vd.owned);
    return err;
}
