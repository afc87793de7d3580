/*
 * Which files of a module go into its zip. The order of the questions is that of
 * golang.org/x/mod/zip: a file that stays out for an early reason is not judged by a later one, so
 * that a bad name in a nested module does no harm.
 */
#include "gomod/modzip_make.h"

#include "gomod/modfile.h"
#include "gomod/modzip_priv.h"
#include "gomod/text.h"

struct selection {
    const struct modzip_limits *limits;
    bool is_go_1_24;
    struct slice *nested; /* folders of nested modules, with the slash, sorted */
    size_t n_nested;
    struct modzip_name *names;
    size_t n_names;
    uint64_t content_bytes;
};

/* Takes the leading number off a Go version. */
static uint64_t take_number(struct slice *version)
{
    uint64_t n = 0;
    while (version->n && version->p[0] >= '0' && version->p[0] <= '9' && n < 1000000) {
        n = 10 * n + (uint64_t)(version->p[0] - '0');
        *version = slice_skip(*version, 1);
    }
    return n;
}

bool modzip_is_go_1_24(struct arena *a, struct slice go_mod)
{
    struct modfile mod;
    if (modfile_parse(a, S("go.mod"), go_mod, MODFILE_LAX, &mod))
        return false;
    struct slice version = mod.go;
    uint64_t major = take_number(&version), minor = 0;
    if (slice_starts(version, S("."))) {
        version = slice_skip(version, 1);
        minor = take_number(&version);
    }
    return major > 1 || (major == 1 && minor >= 24);
}

bool modzip_is_vendored(struct slice name, bool is_go_1_24)
{
    const struct slice root = S("vendor/"), inner = S("/vendor/");
    if (is_go_1_24 && slice_eq(name, S("vendor/modules.txt")))
        return true;
    if (slice_starts(name, root))
        return slice_find(slice_skip(name, root.n), '/') >= 0;
    ptrdiff_t at = slice_find_slice(name, inner);
    if (at < 0)
        return false;
    /* Before 1.24 the search for a package went on from byte 8 of the name, not from behind the
     * folder; checksums depend on it. */
    size_t from = is_go_1_24 ? (size_t)at + inner.n : inner.n;
    return slice_find(slice_skip(name, from), '/') >= 0;
}

bool modzip_is_vcs_folder(struct slice base_name)
{
    return slice_eq(base_name, S(".git")) || slice_eq(base_name, S(".hg")) ||
           slice_eq(base_name, S(".svn")) || slice_eq(base_name, S(".bzr"));
}

static struct slice folder_of(struct slice name)
{
    return slice_head(name, (size_t)(slice_rfind(name, '/') + 1));
}

static void find_nested(struct selection *s, const struct modzip_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct slice folder = folder_of(files[i].name);
        if (folder.n && files[i].kind == MODZIP_REGULAR &&
            slice_eq_nocase(slice_skip(files[i].name, folder.n), S("go.mod")))
            s->nested[s->n_nested++] = folder;
    }
    if (s->n_nested)
        qsort(s->nested, s->n_nested, sizeof(*s->nested), slice_cmp_qsort);
}

static bool is_nested(const struct selection *s, struct slice name)
{
    for (struct slice dir = folder_of(name); dir.n && s->n_nested;
         dir = folder_of(slice_head(dir, dir.n - 1))) {
        if (bsearch(&dir, s->nested, s->n_nested, sizeof(*s->nested), slice_cmp_qsort))
            return true;
    }
    return false;
}

/* As path.Clean leaves it, and below the root. */
static bool is_clean(struct slice name)
{
    if (name.n == 0)
        return false;
    while (name.p) {
        struct slice element = slice_cut(&name, '/');
        if (element.n == 0 || slice_eq(element, S(".")) || slice_eq(element, S("..")))
            return false;
    }
    return true;
}

/* Why a file stays out before its name is judged, or NULL. */
static const char *early_reason(const struct selection *s, struct slice name)
{
    if (modzip_is_vendored(name, s->is_go_1_24))
        return "is in a vendor folder";
    if (is_nested(s, name))
        return "is in another module";
    if (slice_eq(name, S(".hg_archival.txt")))
        return "is inserted by hg archive";
    return NULL;
}

static struct error *check_size(struct arena *a, struct slice name, uint64_t bytes, uint64_t max)
{
    if (bytes <= max)
        return NULL;
    return error_new(a, STATUS_TOO_LARGE, "%s has %llu bytes, at most %llu are allowed",
                     text_quote(a, name), (unsigned long long)bytes, (unsigned long long)max);
}

static struct error *take_size(struct arena *a, struct selection *s, const struct modzip_file *f)
{
    if (f->content_bytes > s->limits->content_bytes - s->content_bytes)
        return error_new(a, STATUS_TOO_LARGE, "the files together exceed %llu bytes",
                         (unsigned long long)s->limits->content_bytes);
    s->content_bytes += f->content_bytes;
    if (slice_eq(f->name, S("go.mod")))
        return check_size(a, f->name, f->content_bytes, s->limits->go_mod_bytes);
    if (slice_eq(f->name, S("LICENSE")))
        return check_size(a, f->name, f->content_bytes, s->limits->license_bytes);
    return NULL;
}

static struct error *select_file(struct arena *a, struct selection *s, struct modzip_file *f)
{
    if (!is_clean(f->name))
        return error_new(a, STATUS_BAD_ZIP, "%s is no clean relative path", text_quote(a, f->name));
    f->omitted = early_reason(s, f->name);
    if (f->omitted)
        return NULL;
    struct error *err = module_check_file_path(a, f->name);
    if (err)
        return error_as(a, STATUS_BAD_ZIP, err, "bad file name");
    if (slice_eq_nocase(f->name, S("go.mod")) && !slice_eq(f->name, S("go.mod")))
        return error_new(a, STATUS_BAD_ZIP, "%s must be spelled go.mod", text_quote(a, f->name));
    s->names[s->n_names++] =
        (struct modzip_name){.path = f->name, .is_dir = f->kind == MODZIP_FOLDER};
    if (f->kind == MODZIP_SYMLINK)
        f->omitted = "is a symbolic link";
    else if (f->kind != MODZIP_REGULAR)
        f->omitted = "is no regular file";
    else
        return take_size(a, s, f);
    return NULL;
}

static struct error *select_all(struct arena *a, struct selection *s, struct modzip_file *files,
                                size_t count)
{
    find_nested(s, files, count);
    for (size_t i = 0; i < count; i++)
        TRY(select_file(a, s, &files[i]));
    return modzip_check_collisions(a, s->names, s->n_names);
}

struct error *modzip_select(struct arena *a, struct modzip_file *files, size_t count,
                            struct slice go_mod, const struct modzip_limits *limits)
{
    struct selection s = {.limits = limits, .is_go_1_24 = modzip_is_go_1_24(a, go_mod)};
    s.nested = xcalloc(count, sizeof(*s.nested));
    s.names = xcalloc(count, sizeof(*s.names));
    struct error *err = select_all(a, &s, files, count);
    free(s.nested);
    free(s.names);
    return err;
}
