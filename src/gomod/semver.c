#include "gomod/semver.h"

/* The parts of a valid version; each is a part of the text that was parsed. */
struct semver {
    struct slice major, minor, patch; /* digits; minor and patch may be missing in short forms */
    struct slice prerelease;          /* with its '-' */
    struct slice build;               /* with its '+' */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_ident_char(char c)
{
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
}

static bool is_number(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_digit(s.p[i]))
            return false;
    }
    return s.n > 0;
}

/* Takes a decimal without leading zeros off the front of rest. */
static bool take_number(struct slice *rest, struct slice *number)
{
    size_t n = 0;
    while (n < rest->n && is_digit(rest->p[n]))
        n++;
    *number = slice_head(*rest, n);
    *rest = slice_skip(*rest, n);
    return n == 1 || (n > 1 && number->p[0] != '0');
}

static bool take_char(struct slice *rest, char c)
{
    if (rest->n == 0 || rest->p[0] != c)
        return false;
    *rest = slice_skip(*rest, 1);
    return true;
}

/*
 * Takes the identifiers that follow rest's first byte ('-' or '+') up to end. Numbers in a
 * pre-release must not have leading zeros.
 */
static bool take_idents(struct slice *rest, size_t end, bool is_prerelease, struct slice *out)
{
    *out = slice_head(*rest, end);
    *rest = slice_skip(*rest, end);
    struct slice idents = slice_skip(*out, 1);
    while (idents.p) {
        struct slice ident = slice_cut(&idents, '.');
        for (size_t i = 0; i < ident.n; i++) {
            if (!is_ident_char(ident.p[i]))
                return false;
        }
        if (ident.n == 0 || (is_prerelease && ident.n > 1 && ident.p[0] == '0' && is_number(ident)))
            return false;
    }
    return true;
}

static bool parse(struct slice v, struct semver *out)
{
    *out = (struct semver){0};
    struct slice rest = v;
    if (!take_char(&rest, 'v') || !take_number(&rest, &out->major))
        return false;
    if (rest.n == 0)
        return true;
    if (!take_char(&rest, '.') || !take_number(&rest, &out->minor))
        return false;
    if (rest.n == 0)
        return true;
    if (!take_char(&rest, '.') || !take_number(&rest, &out->patch))
        return false;
    if (rest.n && rest.p[0] == '-') {
        ptrdiff_t plus = slice_find(rest, '+');
        size_t end = plus < 0 ? rest.n : (size_t)plus;
        if (!take_idents(&rest, end, true, &out->prerelease))
            return false;
    }
    if (rest.n && rest.p[0] == '+')
        return take_idents(&rest, rest.n, false, &out->build);
    return rest.n == 0;
}

bool semver_is_valid(struct slice v)
{
    struct semver parts;
    return parse(v, &parts);
}

/* Decimals of any length, without leading zeros; a missing one is 0. */
static int compare_numbers(struct slice a, struct slice b)
{
    a = a.n ? a : S("0");
    b = b.n ? b : S("0");
    if (a.n != b.n)
        return a.n < b.n ? -1 : 1;
    return slice_cmp(a, b);
}

/* semver.org, 11.4.1 to 11.4.3: numbers by value and below words, words bytewise. */
static int compare_idents(struct slice a, struct slice b)
{
    bool a_is_number = is_number(a), b_is_number = is_number(b);
    if (a_is_number != b_is_number)
        return a_is_number ? -1 : 1;
    return a_is_number ? compare_numbers(a, b) : slice_cmp(a, b);
}

static int compare_prereleases(struct slice a, struct slice b)
{
    if (a.n == 0 || b.n == 0)
        return (a.n == 0) - (b.n == 0); /* a release is above its pre-releases */
    a = slice_skip(a, 1);
    b = slice_skip(b, 1);
    while (a.p && b.p) {
        int c = compare_idents(slice_cut(&a, '.'), slice_cut(&b, '.'));
        if (c)
            return c;
    }
    return (a.p != NULL) - (b.p != NULL); /* more identifiers are above fewer */
}

int semver_compare(struct slice v, struct slice w)
{
    struct semver a, b;
    bool a_ok = parse(v, &a), b_ok = parse(w, &b);
    if (!a_ok || !b_ok)
        return a_ok - b_ok;
    int c = compare_numbers(a.major, b.major);
    if (c == 0)
        c = compare_numbers(a.minor, b.minor);
    if (c == 0)
        c = compare_numbers(a.patch, b.patch);
    return c ? c : compare_prereleases(a.prerelease, b.prerelease);
}

struct slice semver_canonical(struct arena *a, struct slice v)
{
    struct semver parts;
    if (!parse(v, &parts))
        return S("");
    if (parts.patch.n)
        return slice_head(v, v.n - parts.build.n);
    return arena_printf(a, "%.*s%s", SLICE_ARG(v), parts.minor.n ? ".0" : ".0.0");
}

struct slice semver_major(struct slice v)
{
    struct semver parts;
    return parse(v, &parts) ? slice_head(v, 1 + parts.major.n) : S("");
}

struct slice semver_major_minor(struct arena *a, struct slice v)
{
    struct semver parts;
    if (!parse(v, &parts))
        return S("");
    if (parts.minor.n == 0)
        return arena_printf(a, "%.*s.0", SLICE_ARG(v));
    return slice_head(v, 1 + parts.major.n + 1 + parts.minor.n);
}

struct slice semver_prerelease(struct slice v)
{
    struct semver parts;
    return parse(v, &parts) && parts.prerelease.n ? parts.prerelease : S("");
}

struct slice semver_build(struct slice v)
{
    struct semver parts;
    return parse(v, &parts) && parts.build.n ? parts.build : S("");
}

static int compare_total(const void *a, const void *b)
{
    const struct slice *v = a, *w = b;
    int c = semver_compare(*v, *w);
    return c ? c : slice_cmp(*v, *w);
}

void semver_sort(struct slice *versions, size_t n)
{
    if (n)
        qsort(versions, n, sizeof(*versions), compare_total);
}
