/*
 * Settings that are a list of rules, `pattern = value`. Of RULES and LIST_RULES the first that
 * matches counts; the patterns of FILE_RULES and SECRET_RULES are places (a host, perhaps with a
 * path), of which the longest that fits counts. As a text, rules are separated by ';' or a line
 * break; in the file they may also be a mapping, whose order is kept. A kind that may have one
 * value for everything takes it without a pattern too; it becomes the rule with the pattern "*",
 * after which no other can be reached.
 *
 * Whether a part of a text is a rule or such a value is told by its first '=': in a URL there can
 * be one only behind "://". No message shows the value of a secret rule.
 */
#include "config/config_priv.h"

enum { RULES_MAX = 1000 };

bool kind_has_rules(enum setting_kind kind)
{
    return kind == SETTING_RULES || kind == SETTING_LIST_RULES || kind == SETTING_FILE_RULES ||
           kind == SETTING_SECRET_RULES;
}

static bool may_stand_alone(enum setting_kind kind)
{
    return kind == SETTING_LIST_RULES || kind == SETTING_FILE_RULES;
}

bool rules_are_one(enum setting_kind kind, const struct setting_rules *r)
{
    return may_stand_alone(kind) && r->count == 1 && strcmp(r->rows[0].pattern, "*") == 0;
}

static struct error *check_pattern(struct arena *a, struct slice pattern)
{
    const char *shown = quoted(a, pattern);
    if (pattern.n == 0)
        return error_new(a, STATUS_BAD_CONFIG, "a rule without a pattern before its '='");
    if (!is_printable(pattern))
        return error_new(a, STATUS_BAD_CONFIG, "%s is not printable text in UTF-8", shown);
    if (slice_find_slice(pattern, S("://")) >= 0)
        return error_new(a, STATUS_BAD_CONFIG,
                         "%s is a URL; a pattern is a path, like git.example.com/team", shown);
    if (slice_find(pattern, ';') >= 0 || slice_find(pattern, '=') >= 0)
        return error_new(a, STATUS_BAD_CONFIG, "%s: no ; and no = can stand in a pattern", shown);
    return NULL;
}

/* A rule that no question can come to is a mistake. */
static struct error *check_reach(struct arena *a, enum setting_kind kind,
                                 const struct setting_rules *r, struct slice pattern)
{
    bool is_by_order = kind == SETTING_RULES || kind == SETTING_LIST_RULES;
    for (size_t i = 0; i < r->count; i++) {
        struct slice before = slice_of(r->rows[i].pattern);
        if (slice_eq(before, pattern) || (is_by_order && slice_eq(before, S("*"))))
            return error_new(a, STATUS_BAD_CONFIG, "%s is never reached: %s comes before it",
                             quoted(a, pattern), quoted(a, before));
    }
    return NULL;
}

static void append(struct arena *a, struct setting_rules *r, struct setting_rule rule)
{
    size_t n = r->count;
    if ((n & (n - 1)) == 0) { /* full at each power of two */
        struct setting_rule *more = ARENA_ARRAY(a, struct setting_rule, n ? 2 * n : 1);
        if (n)
            memcpy(more, r->rows, n * sizeof(*more));
        r->rows = more;
    }
    r->rows[r->count++] = rule;
}

struct error *rules_add(struct arena *a, enum setting_kind kind, struct setting_rules *r,
                        struct slice pattern, struct slice value, struct slice origin)
{
    TRY(check_pattern(a, pattern));
    TRY(check_reach(a, kind, r, pattern));
    if (value.n == 0)
        return error_new(a, STATUS_BAD_CONFIG, "the rule for %s has no value", quoted(a, pattern));
    if (!is_printable(value))
        return error_new(a, STATUS_BAD_CONFIG,
                         "the value of the rule for %s is not printable text in UTF-8",
                         quoted(a, pattern));
    if (r->count == RULES_MAX)
        return error_new(a, STATUS_BAD_CONFIG, "more than %d rules", RULES_MAX);
    append(a, r,
           (struct setting_rule){
               .pattern = arena_cstr(a, pattern), .value = arena_cstr(a, value), .origin = origin});
    return NULL;
}

/* Where the pattern of a part ends, or -1 when the part is a value alone. */
static ptrdiff_t pattern_end(struct slice part)
{
    ptrdiff_t sign = slice_find(part, '='), scheme = slice_find_slice(part, S("://"));
    return scheme >= 0 && scheme < sign ? -1 : sign;
}

static struct error *add_part(struct arena *a, enum setting_kind kind, struct slice part,
                              struct slice origin, struct setting_rules *r)
{
    ptrdiff_t end = pattern_end(part);
    if (end >= 0)
        return rules_add(a, kind, r, slice_trim(slice_head(part, (size_t)end)),
                         slice_trim(slice_skip(part, (size_t)end + 1)), origin);
    if (may_stand_alone(kind))
        return rules_add(a, kind, r, S("*"), part, origin);
    if (kind == SETTING_SECRET_RULES)
        return error_new(a, STATUS_BAD_CONFIG, "rule %zu is not of the form PATTERN=VALUE",
                         r->count + 1);
    return error_new(a, STATUS_BAD_CONFIG, "%s is not of the form PATTERN=VALUE", quoted(a, part));
}

struct error *rules_parse(struct arena *a, enum setting_kind kind, struct slice text,
                          struct slice origin, struct setting_rules *out)
{
    struct setting_rules r = {0};
    for (size_t i = 0, start = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != ';' && text.p[i] != '\n')
            continue;
        struct slice part = slice_trim(slice_make(text.p + start, i - start));
        if (part.n)
            TRY(add_part(a, kind, part, origin, &r));
        start = i + 1;
    }
    *out = r;
    return NULL;
}

struct slice rules_format(struct arena *a, enum setting_kind kind, const struct setting_rules *r)
{
    BUF_SCOPED(b);
    if (rules_are_one(kind, r))
        return slice_of(r->rows[0].value);
    for (size_t i = 0; i < r->count; i++)
        buf_printf(&b, "%s%s=%s", i ? ";" : "", r->rows[i].pattern, r->rows[i].value);
    return arena_dup(a, buf_slice(&b));
}

/* "user:***" or "***"; what only says where the secret is stays as it is. */
static struct slice masked_secret(struct arena *a, struct slice value)
{
    struct slice rest = value;
    struct slice user = slice_cut(&rest, ':');
    if (slice_starts(value, S("file:")) || slice_starts(value, S("env:")))
        return value;
    return rest.p ? arena_printf(a, "%.*s:" MASK, SLICE_ARG(user)) : S(MASK);
}

struct slice rule_shown(struct arena *a, enum setting_kind kind, const struct setting_rule *rule)
{
    if (kind == SETTING_SECRET_RULES)
        return masked_secret(a, slice_of(rule->value));
    return kind == SETTING_LIST_RULES ? config_mask_urls(a, slice_of(rule->value))
                                      : slice_of(rule->value);
}

struct slice rules_shown(struct arena *a, enum setting_kind kind, const struct setting_rules *r)
{
    struct setting_rules shown = {.rows = ARENA_ARRAY(a, struct setting_rule, r->count),
                                  .count = r->count};
    for (size_t i = 0; i < r->count; i++) {
        shown.rows[i] = r->rows[i];
        shown.rows[i].value = arena_cstr(a, rule_shown(a, kind, &r->rows[i]));
    }
    return rules_format(a, kind, &shown);
}

struct slice config_mask_rules(struct arena *a, enum setting_id id, const struct setting_rules *r)
{
    return rules_shown(a, setting_info(id)->kind, r);
}
