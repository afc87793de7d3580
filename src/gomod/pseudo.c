/*
 * A pseudo-version is read from its end: build metadata, revision, time. What stands before the
 * time tells the form, and from it the base. Decimals keep their digits, for they may be longer
 * than any machine word.
 */
#include "gomod/pseudo.h"

#include "gomod/semver.h"
#include "gomod/text.h"

#include <stdio.h>

enum { TIME_DIGITS = 14, SECONDS_OF_DAY = 86400 };

struct pseudo {
    struct slice base;  /* what stands before the time: "v1.0.0", "v1.2.4-0", "v1.2.3-pre.0" */
    struct slice time;  /* 14 digits */
    struct slice rev;   /* letters and digits */
    struct slice build; /* with its '+' */
};

static bool all_digits(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    return true;
}

/* The base before the '-' of the first form: a major version and zeros. */
static bool is_base_without_tag(struct slice base)
{
    return slice_find(base, '-') < 0 && slice_ends(base, S(".0.0"));
}

/* The base before the '.' of the other forms: a version whose last pre-release number is 0. */
static bool is_base_with_tag(struct slice base)
{
    return slice_ends(base, S("-0")) ? slice_find(base, '-') == (ptrdiff_t)base.n - 2
                                     : slice_find(base, '-') >= 0 && slice_ends(base, S(".0"));
}

static bool parse(struct slice v, struct pseudo *out)
{
    if (!semver_is_valid(v))
        return false;
    out->build = semver_build(v);
    v.n -= out->build.n;
    ptrdiff_t dash = slice_rfind(v, '-');
    if (dash < TIME_DIGITS + 1)
        return false;
    out->rev = slice_skip(v, (size_t)dash + 1);
    if (out->rev.n == 0 || slice_find(out->rev, '.') >= 0)
        return false;
    size_t time_at = (size_t)dash - TIME_DIGITS;
    out->time = slice_make(v.p + time_at, TIME_DIGITS);
    out->base = slice_head(v, time_at - 1);
    if (!all_digits(out->time))
        return false;
    char before = v.p[time_at - 1];
    return (before == '-' && is_base_without_tag(out->base)) ||
           (before == '.' && is_base_with_tag(out->base));
}

bool pseudo_is(struct slice v)
{
    struct pseudo parts;
    return parse(v, &parts);
}

/* Days since 1970 of a date of the proleptic Gregorian calendar; years count from March. */
static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct date {
    int64_t year, month, day;
};

static struct date date_of_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    return (struct date){.year = year_of_era + era * 400 + (month <= 2),
                         .month = month,
                         .day = day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

static struct slice format_time(struct arena *a, int64_t unix_s)
{
    int64_t days = unix_s / SECONDS_OF_DAY - (unix_s % SECONDS_OF_DAY < 0);
    int64_t s = unix_s - days * SECONDS_OF_DAY;
    struct date d = date_of_days(days);
    return arena_printf(a, "%04d%02d%02d%02d%02d%02d", (int)d.year, (int)d.month, (int)d.day,
                        (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
}

static int64_t decimal(struct slice s, size_t at, size_t n)
{
    int64_t v = 0;
    for (size_t i = at; i < at + n; i++)
        v = v * 10 + (s.p[i] - '0');
    return v;
}

/* False for a month 13, a 30th of February, an hour 24 and the like. */
static bool parse_time(struct slice digits, int64_t *unix_s)
{
    struct date d = {decimal(digits, 0, 4), decimal(digits, 4, 2), decimal(digits, 6, 2)};
    int64_t hour = decimal(digits, 8, 2), minute = decimal(digits, 10, 2);
    int64_t second = decimal(digits, 12, 2);
    if (d.month < 1 || d.month > 12 || d.day < 1 || hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t days = days_of_date(d.year, d.month, d.day);
    if (date_of_days(days).month != d.month)
        return false;
    *unix_s = days * SECONDS_OF_DAY + hour * 3600 + minute * 60 + second;
    return true;
}

/* A decimal plus one. */
static struct slice incremented(struct arena *a, struct slice digits)
{
    char *p = arena_cstr(a, digits);
    size_t i = digits.n;
    while (i > 0 && p[i - 1] == '9')
        p[--i] = '0';
    if (i == 0)
        return arena_printf(a, "1%s", p);
    p[i - 1]++;
    return slice_make(p, digits.n);
}

/* A decimal above zero minus one. */
static struct slice decremented(struct arena *a, struct slice digits)
{
    char *p = arena_cstr(a, digits);
    size_t i = digits.n - 1;
    while (p[i] == '0')
        p[i--] = '9';
    p[i]--;
    bool lost_a_digit = p[0] == '0' && digits.n > 1;
    return slice_make(p + lost_a_digit, digits.n - lost_a_digit);
}

static struct slice make(struct arena *a, struct slice major, struct slice older, struct slice time,
                         struct slice rev)
{
    struct slice build = semver_build(older);
    older = semver_canonical(a, older);
    if (older.n == 0)
        return arena_printf(a, "%.*s.0.0-%.*s-%.*s", SLICE_ARG(major.n ? major : S("v0")),
                            SLICE_ARG(time), SLICE_ARG(rev));
    if (semver_prerelease(older).n)
        return arena_printf(a, "%.*s.0.%.*s-%.*s%.*s", SLICE_ARG(older), SLICE_ARG(time),
                            SLICE_ARG(rev), SLICE_ARG(build));
    size_t patch_at = (size_t)slice_rfind(older, '.') + 1;
    struct slice patch = incremented(a, slice_skip(older, patch_at));
    return arena_printf(a, "%.*s%.*s-0.%.*s-%.*s%.*s", SLICE_ARG(slice_head(older, patch_at)),
                        SLICE_ARG(patch), SLICE_ARG(time), SLICE_ARG(rev), SLICE_ARG(build));
}

struct slice pseudo_make(struct arena *a, struct slice major, struct slice older, int64_t unix_s,
                         struct slice rev)
{
    return make(a, major, older, format_time(a, unix_s), rev);
}

struct slice pseudo_zero(struct arena *a, struct slice major)
{
    return make(a, major, S(""), S("00010101000000"), S("000000000000"));
}

bool pseudo_is_zero(struct slice v)
{
    struct slice major = semver_major(v);
    return major.n && slice_eq(slice_skip(v, major.n), S(".0.0-00010101000000-000000000000"));
}

static struct error *invalid(struct arena *a, struct slice v, const char *why)
{
    return error_new(a, STATUS_BAD_VERSION, "pseudo-version %s invalid: %s", text_quote(a, v), why);
}

struct error *pseudo_time(struct arena *a, struct slice v, int64_t *unix_s)
{
    struct pseudo parts;
    if (!parse(v, &parts))
        return invalid(a, v, "syntax error");
    if (!parse_time(parts.time, unix_s))
        return invalid(a, v, arena_printf(a, "malformed time %.*s", SLICE_ARG(parts.time)).p);
    return NULL;
}

struct error *pseudo_rev(struct arena *a, struct slice v, struct slice *rev)
{
    struct pseudo parts;
    if (!parse(v, &parts))
        return invalid(a, v, "syntax error");
    *rev = parts.rev;
    return NULL;
}

/* vX.Y.(Z+1)-0 gives vX.Y.Z. */
static struct error *base_of_next_patch(struct arena *a, struct slice v, struct pseudo parts,
                                        struct slice *base)
{
    struct slice next = slice_head(parts.base, parts.base.n - 2);
    size_t patch_at = (size_t)slice_rfind(next, '.') + 1;
    struct slice patch = slice_skip(next, patch_at);
    if (slice_eq(patch, S("0")))
        return invalid(a, v, "the version before it would have a negative patch number");
    patch = decremented(a, patch);
    *base = arena_printf(a, "%.*s%.*s%.*s", SLICE_ARG(slice_head(next, patch_at)), SLICE_ARG(patch),
                         SLICE_ARG(parts.build));
    return NULL;
}

struct error *pseudo_base(struct arena *a, struct slice v, struct slice *base)
{
    struct pseudo parts;
    if (!parse(v, &parts))
        return invalid(a, v, "syntax error");
    if (slice_find(parts.base, '-') < 0) {
        *base = S("");
        return parts.build.n ? invalid(a, v, "it has build metadata but no base version") : NULL;
    }
    if (slice_ends(parts.base, S("-0")))
        return base_of_next_patch(a, v, parts, base);
    *base = arena_printf(a, "%.*s%.*s", SLICE_ARG(slice_head(parts.base, parts.base.n - 2)),
                         SLICE_ARG(parts.build));
    return NULL;
}

struct error *pseudo_check(struct arena *a, struct slice v)
{
    int64_t unix_s;
    struct slice base;
    TRY(pseudo_time(a, v, &unix_s));
    return pseudo_base(a, v, &base);
}
