/* What a pseudo-version is taken apart into makes it again. */
#include "gomod/pseudo.h"
#include "gomod/semver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parts(struct arena *a, struct slice v)
{
    int64_t unix_s;
    struct slice rev, base;
    if (!pseudo_is(v)) {
        if (!pseudo_time(a, v, &unix_s) || !pseudo_rev(a, v, &rev) || !pseudo_base(a, v, &base) ||
            !pseudo_check(a, v))
            BUG("parts of what is no pseudo-version");
        return;
    }
    if (!semver_is_valid(v) || pseudo_rev(a, v, &rev))
        BUG("a pseudo-version is a version and has a revision");
    if (pseudo_check(a, v))
        return;
    if (pseudo_time(a, v, &unix_s) || pseudo_base(a, v, &base))
        BUG("a good pseudo-version has a time and a base");
    struct slice made = pseudo_make(a, semver_major(v), base, unix_s, rev);
    if (!slice_eq(made, v))
        BUG("the parts make another pseudo-version");
    if (base.n && semver_compare(base, v) >= 0)
        BUG("a pseudo-version is above its base");
}

/* Whatever the tag below, what is made is a pseudo-version. */
static void check_make(struct arena *a, struct slice older)
{
    struct slice v = pseudo_make(a, S("v1"), older, 1136214245, S("abcdef123456"));
    if (!pseudo_is(v))
        BUG("what was made is no pseudo-version");
    if (semver_is_valid(older) && semver_compare(older, v) >= 0)
        BUG("what was made is not above the older tag");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct slice v = slice_make((const char *)data, size);
    check_parts(&a, v);
    check_make(&a, v);
    arena_release(&a);
    return 0;
}
