#include "policy/ranges.h"

#include "gomod/semver.h"

static const char *const operators[] = {">=", "<=", "!=", ">", "<", "="};

/* Takes the operator off; empty: none stands there. */
static struct slice cut_operator(struct slice *word)
{
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        struct slice op = slice_of(operators[i]);
        if (slice_starts(*word, op)) {
            *word = slice_skip(*word, op.n);
            return op;
        }
    }
    return S("");
}

/* Takes the next word of an alternative; a blank may stand between an operator and its version. */
static bool next_word(struct slice *rest, struct slice *op, struct slice *version)
{
    *rest = slice_trim(*rest);
    if (rest->n == 0)
        return false;
    *op = cut_operator(rest);
    *rest = slice_trim(*rest);
    size_t n = 0;
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    *version = slice_head(*rest, n);
    *rest = slice_skip(*rest, n);
    return true;
}

static bool is_short(struct slice v)
{
    ptrdiff_t dot = slice_find(v, '.');
    return dot < 0 || slice_find(slice_skip(v, (size_t)dot + 1), '.') < 0;
}

struct error *ranges_check(struct arena *a, struct slice ranges)
{
    while (ranges.p) {
        struct slice one = slice_trim(slice_cut(&ranges, ',')), op, version;
        if (one.n == 0)
            return error_new(a, STATUS_BAD_CONFIG, "an empty range of versions");
        while (next_word(&one, &op, &version)) {
            if (op.n == 0 && slice_eq(version, S("*")))
                continue;
            if (!semver_is_valid(version))
                return error_new(a, STATUS_BAD_CONFIG,
                                 "'%.*s' is no version (ranges are written as in: >=v1.2.0 "
                                 "<v1.3.0, v1.0.5)",
                                 SLICE_ARG(slice_head(version, 60)));
        }
    }
    return NULL;
}

/* v1.4 of a range is all of v1.4.0, v1.4.1-rc.1, … */
static bool has_prefix(struct slice version, struct slice prefix)
{
    return slice_starts(version, prefix) && version.n > prefix.n && version.p[prefix.n] == '.';
}

static bool word_holds(struct slice op, struct slice bound, struct slice version)
{
    if (op.n == 0 && slice_eq(bound, S("*")))
        return true;
    if (op.n == 0 && is_short(bound))
        return has_prefix(version, bound);
    int c = semver_compare(version, bound);
    if (op.n == 0 || slice_eq(op, S("=")))
        return c == 0;
    if (slice_eq(op, S("!=")))
        return c != 0;
    if (op.n == 2 && c == 0)
        return true;
    return op.p[0] == '>' ? c > 0 : c < 0;
}

bool ranges_contain(struct slice ranges, struct slice version)
{
    while (ranges.n) {
        struct slice one = slice_cut(&ranges, ','), op, bound;
        bool holds = true;
        while (holds && next_word(&one, &op, &bound))
            holds = word_holds(op, bound, version);
        if (holds)
            return true;
    }
    return false;
}
