/*
 * Sizes and durations as people write them. Both are a decimal number, perhaps with a fraction, and
 * a unit; the arithmetic is exact: a value that is not a whole number of bytes or milliseconds, or
 * that is beyond 64 bits, is refused and never rounded.
 */
#include "config/config_priv.h"

struct unit {
    const char *name;
    uint64_t factor;
};

#define K 1000ULL
#define KI 1024ULL

/* Largest first within each kind, for formatting. */
static const struct unit binary_units[] = {
    {"TiB", KI *KI *KI *KI}, {"GiB", KI *KI *KI}, {"MiB", KI *KI}, {"KiB", KI}};
static const struct unit decimal_units[] = {
    {"TB", K *K *K *K}, {"GB", K *K *K}, {"MB", K *K}, {"kB", K}};

static const struct unit time_units[] = {
    {"h", 3600 * K *K *K}, {"m", 60 * K *K *K}, {"s", K *K *K}, {"ms", K *K}, {"us", K},
    {"\xc2\xb5s", K},      {"\xce\xbcs", K},    {"ns", 1},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct slice take_digits(struct slice *rest)
{
    size_t n = 0;
    while (n < rest->n && is_digit(rest->p[n]))
        n++;
    struct slice digits = slice_head(*rest, n);
    *rest = slice_skip(*rest, n);
    return digits;
}

struct decimal {
    uint64_t whole;
    uint64_t fraction;       /* its digits as a number … */
    uint64_t fraction_scale; /* … over this power of ten */
};

/* "12", "12.5" or ".5" at the start of rest; at most 9 digits behind the point. */
static bool take_decimal(struct slice *rest, struct decimal *out)
{
    struct slice whole = take_digits(rest), fraction = S("");
    if (rest->n && rest->p[0] == '.') {
        *rest = slice_skip(*rest, 1);
        fraction = take_digits(rest);
    }
    *out = (struct decimal){.fraction_scale = 1};
    if (whole.n + fraction.n == 0 || fraction.n > 9)
        return false;
    for (size_t i = 0; i < fraction.n; i++) {
        out->fraction = out->fraction * 10 + (uint64_t)(fraction.p[i] - '0');
        out->fraction_scale *= 10;
    }
    return whole.n == 0 || slice_parse_u64(whole, &out->whole);
}

/* d * factor, added to *sum; false when it is not whole or beyond 64 bits. */
static bool add_product(const struct decimal *d, uint64_t factor, uint64_t *sum)
{
    uint64_t whole, fraction;
    if (__builtin_mul_overflow(d->whole, factor, &whole) ||
        __builtin_mul_overflow(d->fraction, factor, &fraction) || fraction % d->fraction_scale)
        return false;
    return !__builtin_add_overflow(*sum, whole, sum) &&
           !__builtin_add_overflow(*sum, fraction / d->fraction_scale, sum);
}

static const struct unit *find_size_unit(struct slice name)
{
    static const struct unit bytes = {"B", 1};
    for (size_t i = 0; i < ARRAY_LEN(binary_units); i++) {
        if (slice_eq_nocase(name, slice_of(binary_units[i].name)))
            return &binary_units[i];
        if (slice_eq_nocase(name, slice_of(decimal_units[i].name)))
            return &decimal_units[i];
    }
    return name.n == 0 || slice_eq_nocase(name, S("B")) ? &bytes : NULL;
}

/* "10G" means 10^9 to one reader and 2^30 to the next: neither is guessed. */
static bool is_ambiguous_unit(struct slice name)
{
    return name.n == 1 && strchr("kKmMgGtT", name.p[0]);
}

static struct error *ambiguous_size(struct arena *a, struct slice text, struct slice unit)
{
    char c = unit.p[0] == 'k' || unit.p[0] == 'K' ? 'K' : unit.p[0];
    c = c >= 'a' ? (char)(c - 'a' + 'A') : c;
    return error_new(a, STATUS_BAD_CONFIG,
                     "%s can be read in two ways: write %c%s (1000s) or %ciB "
                     "(1024s)",
                     quoted(a, text), c == 'K' ? 'k' : c, "B", c);
}

struct error *config_parse_bytes(struct arena *a, struct slice text, uint64_t *bytes)
{
    struct decimal d;
    struct slice rest = text;
    uint64_t sum = 0;
    bool has_number = take_decimal(&rest, &d);
    struct slice unit_name = rest.n && rest.p[0] == ' ' ? slice_skip(rest, 1) : rest;
    if (has_number && is_ambiguous_unit(unit_name))
        return ambiguous_size(a, text, unit_name);
    const struct unit *unit = has_number ? find_size_unit(unit_name) : NULL;
    if (!unit)
        return error_new(a, STATUS_BAD_CONFIG,
                         "%s is not a size: write bytes, or a number with kB, MB, GB, TB, KiB, "
                         "MiB, GiB or TiB",
                         quoted(a, text));
    if (!add_product(&d, unit->factor, &sum))
        return error_new(a, STATUS_BAD_CONFIG, "%s is not a whole number of bytes below 2^64",
                         quoted(a, text));
    *bytes = sum;
    return NULL;
}

/* The unit at the start of rest: the letters up to the next digit, point or end. */
static const struct unit *take_time_unit(struct slice *rest)
{
    size_t n = 0;
    while (n < rest->n && !is_digit(rest->p[n]) && rest->p[n] != '.')
        n++;
    struct slice name = slice_head(*rest, n);
    *rest = slice_skip(*rest, n);
    for (size_t i = 0; i < ARRAY_LEN(time_units); i++) {
        if (slice_eq(name, slice_of(time_units[i].name)))
            return &time_units[i];
    }
    return NULL;
}

struct error *config_parse_duration(struct arena *a, struct slice text, uint64_t *ms)
{
    struct slice rest = text;
    uint64_t ns = 0;
    bool fits = true, is_zero = slice_eq(text, S("0"));
    bool is_duration = text.n > 0;
    while (is_duration && rest.n && !is_zero) {
        struct decimal d;
        is_duration = take_decimal(&rest, &d);
        const struct unit *unit = is_duration ? take_time_unit(&rest) : NULL;
        is_duration = unit != NULL;
        if (unit)
            fits = add_product(&d, unit->factor, &ns) && fits;
    }
    if (!is_duration)
        return error_new(a, STATUS_BAD_CONFIG,
                         "%s is not a duration: write a number and h, m, s or ms, like 1m30s",
                         quoted(a, text));
    if (!fits || ns % (K * K))
        return error_new(a, STATUS_BAD_CONFIG,
                         "%s is not a whole number of milliseconds, or too long", quoted(a, text));
    *ms = ns / (K * K);
    return NULL;
}

struct slice config_format_bytes(struct arena *a, uint64_t bytes)
{
    for (size_t i = 0; bytes && i < ARRAY_LEN(binary_units); i++) {
        const struct unit *units[] = {&binary_units[i], &decimal_units[i]};
        for (size_t k = 0; k < 2; k++) {
            if (bytes % units[k]->factor == 0)
                return arena_printf(a, "%" PRIu64 "%s", bytes / units[k]->factor, units[k]->name);
        }
    }
    return arena_printf(a, "%" PRIu64, bytes);
}

struct slice config_format_duration(struct arena *a, uint64_t ms)
{
    static const struct unit units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    BUF_SCOPED(b);
    if (ms == 0)
        return S("0s");
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (ms / units[i].factor)
            buf_printf(&b, "%" PRIu64 "%s", ms / units[i].factor, units[i].name);
        ms %= units[i].factor;
    }
    return arena_dup(a, buf_slice(&b));
}
