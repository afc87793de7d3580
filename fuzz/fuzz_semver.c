/* Lines are versions: their order is total, and the canonical form is canonical. */
#include "gomod/module.h"
#include "gomod/pseudo.h"
#include "gomod/semver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VERSIONS_MAX = 16 };

static void check_forms(struct arena *a, struct slice v)
{
    struct slice canonical = semver_canonical(a, v);
    if (semver_is_valid(v) != (canonical.n > 0))
        BUG("valid and canonical disagree");
    if (!semver_is_valid(v))
        return;
    if (!slice_eq(semver_canonical(a, canonical), canonical) || semver_compare(v, canonical) != 0)
        BUG("the canonical form is not canonical");
    if (!slice_starts(v, semver_major(v)) ||
        !slice_starts(semver_major_minor(a, v), semver_major(v)) ||
        !slice_starts(canonical, semver_major_minor(a, v)))
        BUG("the major version is not a beginning");
    if (!slice_ends(canonical, semver_prerelease(v)) || !slice_ends(v, semver_build(v)))
        BUG("the tails are no tails");
}

static int sign(int c)
{
    return (c > 0) - (c < 0);
}

static void check_order(const struct slice *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            if (sign(semver_compare(v[i], v[j])) != -sign(semver_compare(v[j], v[i])))
                BUG("the order depends on the direction");
        }
    }
}

static void check_lists(struct arena *a, struct slice *v, size_t n)
{
    struct slice latest = version_latest(v, n);
    semver_sort(v, n);
    for (size_t i = 1; i < n; i++) {
        if (semver_compare(v[i - 1], v[i]) > 0)
            BUG("not sorted");
    }
    size_t listed = versions_sort_for_list(v, n);
    for (size_t i = 0; i < listed; i++) {
        if (!slice_eq(module_canonical_version(a, v[i]), v[i]) || pseudo_is(v[i]))
            BUG("listed what is no version to list");
    }
    if (listed && latest.n == 0)
        BUG("versions are listed, but none is the latest");
    if (listed && !semver_prerelease(latest).n && semver_compare(v[listed - 1], latest) > 0 &&
        !semver_prerelease(v[listed - 1]).n)
        BUG("a listed release is above the latest");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct slice rest = slice_make((const char *)data, size), versions[VERSIONS_MAX] = {0};
    size_t n = 0;
    while (rest.p && n < VERSIONS_MAX) {
        versions[n] = slice_cut(&rest, '\n');
        check_forms(&a, versions[n++]);
    }
    check_order(versions, n);
    check_lists(&a, versions, n);
    arena_release(&a);
    return 0;
}
