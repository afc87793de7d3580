/* Reading rules: every mistake is found here, so that deciding cannot fail. */
#include "policy/policy_priv.h"
#include "policy/ranges.h"
#include "policy/seen.h"

static const char *const action_names[] = {
    [POLICY_ALLOW] = "allow", [POLICY_DENY] = "deny", [POLICY_HOLD] = "hold"};

static struct error *read_action(struct arena *a, struct slice text, enum policy_action *out)
{
    for (size_t i = 0; i < ARRAY_LEN(action_names); i++) {
        if (slice_eq(text, slice_of(action_names[i]))) {
            *out = (enum policy_action)i;
            return NULL;
        }
    }
    return error_new(a, STATUS_BAD_CONFIG, "the action is allow, deny or hold, not '%.*s'",
                     SLICE_ARG(slice_head(text, 60)));
}

static struct error *read_vulnerabilities(struct arena *a, struct compiled *c)
{
    struct slice text = c->text->vulnerabilities;
    c->has_vulnerabilities = text.n > 0;
    c->least = severity_parse(text);
    if (text.n == 0 || slice_eq(text, S("any")) || c->least != SEVERITY_UNKNOWN)
        return NULL;
    return error_new(a, STATUS_BAD_CONFIG,
                     "vulnerabilities is any, low, medium, high or critical, not '%.*s'",
                     SLICE_ARG(slice_head(text, 60)));
}

static struct error *check_versions(struct arena *a, struct slice versions)
{
    if (versions.n)
        TRY_CTX(a, ranges_check(a, versions), "versions");
    return NULL;
}

/* An empty list would match nothing: a rule that seems to be there and is not. */
static struct error *check_list(struct arena *a, const char *field, struct slice list)
{
    if (list.n == 0)
        return NULL;
    while (list.p) {
        if (slice_trim(slice_cut(&list, ',')).n == 0)
            return error_new(a, STATUS_BAD_CONFIG, "%s has an empty entry", field);
    }
    return NULL;
}

/* GOPRIVATE's globs take blanks as letters: a list with them matches nothing, silently. */
static struct error *check_paths(struct arena *a, struct slice paths)
{
    TRY(check_list(a, "paths", paths));
    if (slice_find(paths, ' ') >= 0)
        return error_new(a, STATUS_BAD_CONFIG,
                         "paths has a blank; entries are separated by a comma "
                         "alone");
    return NULL;
}

static struct error *check_name(struct arena *a, const struct policy_spec *spec, size_t index)
{
    struct slice name = spec->rules[index].name;
    if (name.n == 0 || name.n > 64)
        return error_new(a, STATUS_BAD_CONFIG, "a rule needs a name of at most 64 letters");
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c <= ' ' || c == ',' || c == '*' || c >= 0x7f)
            return error_new(
                a, STATUS_BAD_CONFIG,
                "the rule's name has letters that are not taken: blank, comma, star and "
                "what is not ASCII");
    }
    for (size_t i = 0; i < index; i++) {
        if (slice_eq(spec->rules[i].name, name))
            return error_new(a, STATUS_BAD_CONFIG, "two rules have the name %.*s", SLICE_ARG(name));
    }
    return NULL;
}

static struct error *compile_rule(struct arena *a, const struct policy_spec *spec, size_t index,
                                  struct compiled *c)
{
    const struct policy_rule *r = c->text = &spec->rules[index];
    TRY(check_name(a, spec, index));
    TRY(read_action(a, r->action, &c->action));
    TRY(read_vulnerabilities(a, c));
    TRY(check_paths(a, r->paths));
    TRY(check_versions(a, r->versions));
    TRY(check_list(a, "repositories", r->repositories));
    TRY(check_list(a, "identities", r->identities));
    TRY(check_list(a, "only_signed", r->only_signed));
    return check_list(a, "licences", r->licences);
}

/* "2026-12-31": the first second after that day. */
static bool parse_day(struct slice s, int64_t *end_unix_s)
{
    if (!seen_parse_day(s, end_unix_s))
        return false;
    *end_unix_s += 86400;
    return true;
}

static bool has_rule(const struct policy_spec *spec, struct slice name)
{
    for (size_t i = 0; i < spec->rule_count; i++) {
        if (slice_eq(spec->rules[i].name, name))
            return true;
    }
    return slice_eq(name, S("*"));
}

static struct error *compile_exception(struct arena *a, const struct policy_spec *spec,
                                       struct compiled_exception *c)
{
    const struct policy_exception *e = c->text;
    c->until_unix_s = INT64_MAX;
    if (!has_rule(spec, e->rule))
        return error_new(a, STATUS_BAD_CONFIG, "there is no rule '%.*s'",
                         SLICE_ARG(slice_head(e->rule, 60)));
    if (e->paths.n == 0)
        return error_new(a, STATUS_BAD_CONFIG, "an exception says for which paths it is");
    TRY(check_paths(a, e->paths));
    TRY(check_versions(a, e->versions));
    if (e->expires.n && !parse_day(e->expires, &c->until_unix_s))
        return error_new(a, STATUS_BAD_CONFIG, "expires is a day as in 2026-12-31, not '%.*s'",
                         SLICE_ARG(slice_head(e->expires, 60)));
    return NULL;
}

struct error *policy_new(struct arena *a, const struct policy_spec *spec, struct policy **out)
{
    struct policy *p = ARENA_NEW(a, struct policy);
    p->spec = *spec;
    p->rules = ARENA_ARRAY(a, struct compiled, spec->rule_count);
    p->exceptions = ARENA_ARRAY(a, struct compiled_exception, spec->exception_count);
    for (size_t i = 0; i < spec->rule_count; i++)
        TRY_CTX(a, compile_rule(a, spec, i, &p->rules[i]), "%.*s: policy_rules",
                SLICE_ARG(spec->rules[i].origin));
    for (size_t i = 0; i < spec->exception_count; i++) {
        p->exceptions[i].text = &spec->exceptions[i];
        TRY_CTX(a, compile_exception(a, spec, &p->exceptions[i]), "%.*s: policy_exceptions",
                SLICE_ARG(spec->exceptions[i].origin));
    }
    *out = p;
    return NULL;
}

/* ---- what people are told about a policy as a whole ---- */

bool policy_is_empty(const struct policy *p)
{
    return p->spec.rule_count == 0 && (!p->spec.holds || p->spec.holds->count == 0);
}

bool policy_has_identities(const struct policy *p)
{
    for (size_t i = 0; i < p->spec.rule_count; i++) {
        if (p->spec.rules[i].identities.n)
            return true;
    }
    return false;
}

static void add_name(struct buf *b, struct slice name)
{
    buf_printf(b, "%s%.*s", b->n ? ", " : "", SLICE_ARG(name));
}

struct slice policy_expired(const struct policy *p, struct arena *a, int64_t now_unix_s)
{
    BUF_SCOPED(b);
    for (size_t i = 0; i < p->spec.exception_count; i++) {
        const struct policy_exception *e = p->exceptions[i].text;
        if (p->exceptions[i].until_unix_s > now_unix_s)
            continue;
        add_name(&b, arena_printf(a, "%.*s (%.*s, %.*s, expired %.*s%s%.*s)", SLICE_ARG(e->rule),
                                  SLICE_ARG(e->paths), SLICE_ARG(e->origin), SLICE_ARG(e->expires),
                                  e->owner.n ? ", owner " : "", SLICE_ARG(e->owner)));
    }
    return arena_dup(a, buf_slice(&b));
}

static const struct policy_rule *rule_named(const struct policy *p, struct slice name)
{
    for (size_t i = 0; i < p->spec.rule_count; i++) {
        if (slice_eq(p->spec.rules[i].name, name))
            return &p->spec.rules[i];
    }
    return NULL;
}

static bool is_same_rule(const struct policy_rule *x, const struct policy_rule *y)
{
    return slice_eq(x->action, y->action) && slice_eq(x->paths, y->paths) &&
           slice_eq(x->versions, y->versions) && slice_eq(x->repositories, y->repositories) &&
           slice_eq(x->identities, y->identities) && x->min_age_s == y->min_age_s &&
           slice_eq(x->only_signed, y->only_signed) && slice_eq(x->licences, y->licences) &&
           slice_eq(x->vulnerabilities, y->vulnerabilities) && slice_eq(x->reason, y->reason) &&
           slice_eq(x->contact, y->contact);
}

static void add_part(struct buf *all, const char *word, struct buf *names)
{
    if (names->n)
        buf_printf(all, "%s%s %.*s", all->n ? "; " : "", word, SLICE_ARG(buf_slice(names)));
}

/* Whether the rules that both have stand in another order. */
static bool is_reordered(const struct policy *old, const struct policy *now)
{
    size_t at = 0;
    for (size_t i = 0; i < now->spec.rule_count; i++) {
        if (!rule_named(old, now->spec.rules[i].name))
            continue;
        while (!rule_named(now, old->spec.rules[at].name))
            at++;
        if (!slice_eq(old->spec.rules[at++].name, now->spec.rules[i].name))
            return true;
    }
    return false;
}

struct slice policy_difference(const struct policy *old, const struct policy *now, struct arena *a)
{
    BUF_SCOPED(all);
    BUF_SCOPED(added);
    BUF_SCOPED(removed);
    BUF_SCOPED(changed);
    for (size_t i = 0; i < now->spec.rule_count; i++) {
        const struct policy_rule *before = rule_named(old, now->spec.rules[i].name);
        if (!before)
            add_name(&added, now->spec.rules[i].name);
        else if (!is_same_rule(before, &now->spec.rules[i]))
            add_name(&changed, now->spec.rules[i].name);
    }
    for (size_t i = 0; i < old->spec.rule_count; i++) {
        if (!rule_named(now, old->spec.rules[i].name))
            add_name(&removed, old->spec.rules[i].name);
    }
    add_part(&all, "added", &added);
    add_part(&all, "removed", &removed);
    add_part(&all, "changed", &changed);
    if (is_reordered(old, now))
        buf_printf(&all, "%sanother order", all.n ? "; " : "");
    return arena_dup(a, buf_slice(&all));
}
