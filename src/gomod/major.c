/* Major versions in module paths, and the order of module versions. */
#include "gomod/module.h"
#include "gomod/semver.h"
#include "gomod/text.h"

/* Where the digits (and dots, if wanted) at the end of s begin. */
static size_t trailing_number(struct slice s, bool with_dots)
{
    size_t i = s.n;
    while (i > 0 && ((s.p[i - 1] >= '0' && s.p[i - 1] <= '9') || (with_dots && s.p[i - 1] == '.')))
        i--;
    return i;
}

/* gopkg.in/pkg.v3 and gopkg.in/user/pkg.v3: every path has a ".vN", N from 0. */
static bool split_gopkg_in(struct slice path, struct slice *prefix, struct slice *path_major)
{
    struct slice stable = path;
    if (slice_ends(path, S("-unstable")))
        stable.n -= sizeof("-unstable") - 1;
    size_t i = trailing_number(stable, false);
    if (i < 2 || path.p[i - 1] != 'v' || path.p[i - 2] != '.')
        return false;
    struct slice major = slice_skip(path, i - 2);
    if (major.n <= 2 || (major.p[2] == '0' && !slice_eq(major, S(".v0"))))
        return false;
    *prefix = slice_head(path, i - 2);
    *path_major = major;
    return true;
}

bool module_split_path_version(struct slice path, struct slice *prefix, struct slice *path_major)
{
    *prefix = path;
    *path_major = S("");
    if (slice_starts(path, S("gopkg.in/")))
        return split_gopkg_in(path, prefix, path_major);
    size_t i = trailing_number(path, true);
    if (i < 2 || i == path.n || path.p[i - 1] != 'v' || path.p[i - 2] != '/')
        return true;
    struct slice major = slice_skip(path, i - 2);
    if (slice_find(major, '.') >= 0 || major.p[2] == '0' || slice_eq(major, S("/v1")))
        return false;
    *prefix = slice_head(path, i - 2);
    *path_major = major;
    return true;
}

static struct slice without_unstable(struct slice path_major)
{
    if (slice_starts(path_major, S(".v")) && slice_ends(path_major, S("-unstable")))
        path_major.n -= sizeof("-unstable") - 1;
    return path_major;
}

bool module_match_path_major(struct slice version, struct slice path_major)
{
    path_major = without_unstable(path_major);
    /* An old mistake of the go command that is still found in go.mod files. */
    if (slice_starts(version, S("v0.0.0-")) && slice_eq(path_major, S(".v1")))
        return true;
    struct slice major = semver_major(version);
    if (path_major.n == 0)
        return slice_eq(major, S("v0")) || slice_eq(major, S("v1")) ||
               slice_eq(semver_build(version), S("+incompatible"));
    return slice_eq(major, slice_skip(path_major, 1));
}

struct error *module_check_path_major(struct arena *a, struct slice version,
                                      struct slice path_major)
{
    if (module_match_path_major(version, path_major))
        return NULL;
    struct slice wanted = slice_skip(without_unstable(path_major), 1);
    return error_new(a, STATUS_BAD_VERSION, "version %s invalid: should be %.*s, not %.*s",
                     text_quote(a, version), SLICE_ARG(wanted.n ? wanted : S("v0 or v1")),
                     SLICE_ARG(semver_major(version)));
}

struct slice module_path_major_prefix(struct slice path_major)
{
    return slice_skip(without_unstable(path_major), 1);
}

struct slice module_canonical_version(struct arena *a, struct slice version)
{
    if (slice_eq(semver_build(version), S("+incompatible"))) {
        struct slice core = semver_canonical(a, version);
        return arena_printf(a, "%.*s+incompatible", SLICE_ARG(core));
    }
    return semver_canonical(a, version);
}

static int compare_module_versions(const void *a, const void *b)
{
    const struct module_version *x = a, *y = b;
    int c = slice_cmp(x->path, y->path);
    if (c)
        return c;
    struct slice x_file = x->version, y_file = y->version;
    struct slice x_version = slice_cut(&x_file, '/'), y_version = slice_cut(&y_file, '/');
    c = semver_compare(x_version, y_version);
    if (c == 0)
        c = slice_cmp(x_version, y_version);
    if (c == 0)
        c = (x_file.p != NULL) - (y_file.p != NULL);
    return c ? c : slice_cmp(x_file, y_file);
}

void module_sort(struct module_version *list, size_t n)
{
    if (n)
        qsort(list, n, sizeof(*list), compare_module_versions);
}
