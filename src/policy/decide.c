/*
 * The first rule that is for a version decides. A fact that is not known makes a rule neither hit
 * nor miss: then the decision is put off (UNDECIDED), unless another demand of the rule is failed
 * already. Whether a fact that stays unknown is a reason to refuse, the demand says: an age that
 * nobody knows is too young, a licence that nobody knows is NOASSERTION.
 */
#include "base/glob.h"
#include "policy/policy_priv.h"
#include "policy/ranges.h"

/* What a rule makes of a version. */
enum match { MATCH_NO, MATCH_YES, MATCH_OPEN };

struct look {
    const struct policy *p;
    struct arena *a;
    const struct policy_subject *s;
    const struct policy_facts *facts;
    struct slice why;   /* the demand that is failed */
    unsigned needs;     /* facts that are missing */
    int64_t good_until; /* of exceptions that counted */
};

static const struct policy_facts nothing_known;

/* ---- selectors ---- */

static enum match match_versions(struct look *l, struct slice versions)
{
    if (versions.n == 0)
        return MATCH_YES;
    if (l->s->mv.version.n == 0) {
        l->needs |= POLICY_FACT_VERSION;
        return MATCH_OPEN;
    }
    return ranges_contain(versions, l->s->mv.version) ? MATCH_YES : MATCH_NO;
}

static enum match match_selectors(struct look *l, const struct policy_rule *r)
{
    if (r->paths.n && !module_match_prefix_patterns(r->paths, l->s->mv.path))
        return MATCH_NO;
    if (r->repositories.n && !glob_match_list(r->repositories, l->s->repository))
        return MATCH_NO;
    if (r->identities.n && !glob_match_list(r->identities, l->s->identity))
        return MATCH_NO;
    return match_versions(l, r->versions);
}

/* ---- demands: NULL is met, or open when needs says so; else why it is failed ---- */

/* "36 hours", "7 days": the largest unit that is whole enough for people. */
static struct slice age_text(struct arena *a, int64_t s)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(units) && s < 2 * units[i].seconds && s != units[i].seconds)
        i++;
    int64_t n = s / units[i].seconds;
    return arena_printf(a, "%" PRId64 " %s%s", n, units[i].name, n == 1 ? "" : "s");
}

static struct slice check_age(struct look *l, const struct policy_rule *r)
{
    const struct policy_facts *f = l->facts;
    if (r->min_age_s == 0)
        return S("");
    if (!(f->known & POLICY_FACT_AGE)) {
        l->needs |= POLICY_FACT_AGE;
        return S("");
    }
    int64_t least = (int64_t)r->min_age_s;
    if (f->since_unix_s <= 0)
        return arena_printf(l->a, "its age is not known, and must be %.*s",
                            SLICE_ARG(age_text(l->a, least)));
    int64_t age = l->s->now_unix_s - f->since_unix_s;
    if (age >= least)
        return S("");
    return arena_printf(l->a, "it is %.*s old and must be %.*s",
                        SLICE_ARG(age_text(l->a, age > 0 ? age : 0)),
                        SLICE_ARG(age_text(l->a, least)));
}

static struct slice check_signers(struct look *l, const struct policy_rule *r)
{
    if (r->only_signed.n == 0)
        return S("");
    if (!(l->facts->known & POLICY_FACT_SIGNERS)) {
        l->needs |= POLICY_FACT_SIGNERS;
        return S("");
    }
    for (size_t i = 0; i < l->facts->signer_count; i++) {
        if (glob_match_list(r->only_signed, l->facts->signers[i]))
            return S("");
    }
    return arena_printf(l->a, "it is not signed by %.*s", SLICE_ARG(r->only_signed));
}

static bool licence_is_fine(struct slice list, struct slice licence)
{
    bool is_listed = false, has_allowed = false;
    while (list.p) {
        struct slice pattern = slice_trim(slice_cut(&list, ','));
        bool is_denied = slice_starts(pattern, S("!"));
        if (is_denied)
            pattern = slice_skip(pattern, 1);
        if (glob_match(pattern, licence)) {
            if (is_denied)
                return false;
            is_listed = true;
        }
        has_allowed = has_allowed || !is_denied;
    }
    return is_listed || !has_allowed;
}

static struct slice check_licences(struct look *l, const struct policy_rule *r)
{
    if (r->licences.n == 0)
        return S("");
    if (!(l->facts->known & POLICY_FACT_LICENCES)) {
        l->needs |= POLICY_FACT_LICENCES;
        return S("");
    }
    for (size_t i = 0; i < l->facts->licence_count; i++) {
        struct slice licence = l->facts->licences[i];
        if (licence_is_fine(r->licences, licence))
            continue;
        if (slice_eq(licence, S("NOASSERTION")))
            return S("its licence is not known (NOASSERTION)");
        return arena_printf(l->a, "its licence %.*s is not allowed", SLICE_ARG(licence));
    }
    return S("");
}

static struct slice check_vulnerabilities(struct look *l, const struct compiled *c)
{
    struct vuln_hit hit;
    if (!c->has_vulnerabilities)
        return S("");
    if (l->s->mv.version.n == 0) {
        l->needs |= POLICY_FACT_VERSION;
        return S("");
    }
    if (!vulns_find(l->p->spec.vulns, l->a, l->s->mv, c->least, &hit))
        return S("");
    return arena_printf(l->a, "it has the vulnerability %.*s%s%.*s", SLICE_ARG(hit.id),
                        hit.fixed.n ? ", fixed in " : "", SLICE_ARG(hit.fixed));
}

static bool has_demands(const struct compiled *c)
{
    return c->text->min_age_s || c->text->only_signed.n || c->text->licences.n ||
           c->has_vulnerabilities;
}

/* Whether the rule is for the version by its demands. */
static enum match match_demands(struct look *l, const struct compiled *c)
{
    struct slice why = check_vulnerabilities(l, c);
    if (why.n == 0)
        why = check_age(l, c->text);
    if (why.n == 0)
        why = check_signers(l, c->text);
    if (why.n == 0)
        why = check_licences(l, c->text);
    l->why = why;
    if (!has_demands(c))
        return MATCH_YES;
    if (why.n)
        return c->action == POLICY_ALLOW ? MATCH_NO : MATCH_YES;
    if (l->needs)
        return MATCH_OPEN;
    return c->action == POLICY_ALLOW ? MATCH_YES : MATCH_NO;
}

/* ---- exceptions and releases ---- */

/* An exception that is for the version and the rule; OPEN: it may be for some of the versions. */
static enum match match_exception(struct look *l, const struct compiled_exception *c,
                                  struct slice rule)
{
    const struct policy_exception *e = c->text;
    if (c->until_unix_s <= l->s->now_unix_s)
        return MATCH_NO;
    if (!slice_eq(e->rule, S("*")) && !slice_eq(e->rule, rule))
        return MATCH_NO;
    if (!module_match_prefix_patterns(e->paths, l->s->mv.path))
        return MATCH_NO;
    return match_versions(l, e->versions);
}

static enum match match_exceptions(struct look *l, struct slice rule)
{
    enum match found = MATCH_NO;
    for (size_t i = 0; i < l->p->spec.exception_count && found != MATCH_YES; i++) {
        const struct compiled_exception *c = &l->p->exceptions[i];
        enum match m = match_exception(l, c, rule);
        if (m == MATCH_NO)
            continue;
        found = m;
        if (c->until_unix_s < l->good_until)
            l->good_until = c->until_unix_s;
    }
    return found;
}

/* Whether some versions of the module were held, or released. */
static bool has_hold_of_some(const struct look *l, bool is_release)
{
    for (size_t i = 0; l->p->spec.holds && i < l->p->spec.holds->count; i++) {
        const struct hold *h = &l->p->spec.holds->rows[i];
        if (h->is_release == is_release && slice_eq(h->mv.path, l->s->mv.path))
            return true;
    }
    return false;
}

/* Of what a hold rule matches, what was released by hand is not held. */
static enum match match_release(struct look *l)
{
    const struct hold *h = holds_find(l->p->spec.holds, l->s->mv);
    if (h)
        return h->is_release ? MATCH_YES : MATCH_NO;
    if (l->s->mv.version.n || !has_hold_of_some(l, true))
        return MATCH_NO;
    l->needs |= POLICY_FACT_VERSION;
    return MATCH_OPEN;
}

static enum match without(enum match m, enum match exception)
{
    if (exception == MATCH_YES)
        return MATCH_NO;
    return exception == MATCH_OPEN ? MATCH_OPEN : m;
}

/* Whether a rule decides about the version. */
static enum match match_rule(struct look *l, const struct compiled *c)
{
    l->needs = 0;
    l->why = S("");
    enum match m = match_selectors(l, c->text);
    if (m != MATCH_NO) {
        enum match by_demand = match_demands(l, c);
        m = by_demand == MATCH_YES ? m : by_demand;
    }
    if (m != MATCH_NO && c->action != POLICY_ALLOW)
        m = without(m, match_exceptions(l, c->text->name));
    if (m != MATCH_NO && c->action == POLICY_HOLD)
        m = without(m, match_release(l));
    return m;
}

/* ---- decisions ---- */

static const struct hold *held_by_hand(const struct look *l)
{
    const struct hold *h = holds_find(l->p->spec.holds, l->s->mv);
    return h && !h->is_release ? h : NULL;
}

/* What was held by hand, before any rule: true when that decides. */
static bool take_up_held(const struct look *l, struct policy_decision *out)
{
    const struct hold *h = held_by_hand(l);
    bool is_some = !h && l->s->mv.version.n == 0 && has_hold_of_some(l, false);
    if (!h && !is_some)
        return false;
    *out = (struct policy_decision){
        .verdict = h ? POLICY_REFUSE : POLICY_UNDECIDED,
        .action = POLICY_HOLD,
        .rule = S("hold"),
        .origin = S("modgate policy hold"),
        .why = S("it was held back by hand"),
        .reason = h ? h->reason : S(""),
        .contact = l->p->spec.contact,
        .needs = h ? 0 : POLICY_FACT_VERSION,
        .good_until_unix_s = INT64_MAX,
    };
    return h != NULL;
}

/*
 * Takes up what a rule found; true: those behind it do not count. Behind a refusal that is open
 * they do: what is refused further on is refused either way, and all else stays open.
 */
static bool take_up(const struct look *l, const struct compiled *c, enum match m,
                    struct policy_decision *out)
{
    bool was_open = out->rule.n > 0, is_refusal = c->action != POLICY_ALLOW;
    if (was_open && (m == MATCH_OPEN || !is_refusal)) {
        out->needs |= l->needs;
        return !is_refusal;
    }
    out->verdict = m == MATCH_OPEN             ? POLICY_UNDECIDED
                   : c->action == POLICY_ALLOW ? POLICY_GIVE
                                               : POLICY_REFUSE;
    out->action = c->action;
    out->rule = c->text->name;
    out->origin = c->text->origin;
    out->why = l->why;
    out->reason = c->text->reason;
    out->contact = c->text->contact.n ? c->text->contact : l->p->spec.contact;
    out->needs = m == MATCH_OPEN ? l->needs : 0;
    return m == MATCH_YES || !is_refusal;
}

static struct look look_at(const struct policy *p, struct arena *a,
                           const struct policy_subject *subject, const struct policy_facts *facts)
{
    return (struct look){.p = p,
                         .a = a,
                         .s = subject,
                         .facts = facts ? facts : &nothing_known,
                         .good_until = INT64_MAX};
}

void policy_decide(const struct policy *p, struct arena *a, const struct policy_subject *subject,
                   const struct policy_facts *facts, struct policy_decision *out)
{
    struct look l = look_at(p, a, subject, facts);
    *out = (struct policy_decision){.verdict = POLICY_GIVE};
    if (take_up_held(&l, out))
        return;
    for (size_t i = 0; i < p->spec.rule_count; i++) {
        enum match m = match_rule(&l, &p->rules[i]);
        if (m != MATCH_NO && take_up(&l, &p->rules[i], m, out))
            break;
    }
    out->good_until_unix_s = l.good_until;
}

static struct slice trace_text(const struct look *l, const struct compiled *c, enum match m)
{
    static const char *const verdicts[] = {"allows it", "denies it", "holds it"};
    if (m == MATCH_NO)
        return l->why.n && c->action == POLICY_ALLOW
                   ? arena_printf(l->a, "is not for it: %.*s", SLICE_ARG(l->why))
                   : S("is not for it");
    if (m == MATCH_OPEN)
        return S("cannot be told yet: facts are missing that come with the version");
    return arena_printf(l->a, "%s%s%.*s", verdicts[c->action], l->why.n ? ": " : "",
                        SLICE_ARG(l->why));
}

void policy_trace(const struct policy *p, struct arena *a, const struct policy_subject *subject,
                  const struct policy_facts *facts, policy_trace_fn fn, void *arg)
{
    struct look l = look_at(p, a, subject, facts);
    for (size_t i = 0; i < p->spec.rule_count; i++) {
        enum match m = match_rule(&l, &p->rules[i]);
        fn(arg, p->rules[i].text, trace_text(&l, &p->rules[i], m));
    }
}

static unsigned demands_of(const struct compiled *c)
{
    return (c->text->min_age_s ? (unsigned)POLICY_FACT_AGE : 0) |
           (c->text->only_signed.n ? (unsigned)POLICY_FACT_SIGNERS : 0) |
           (c->text->licences.n ? (unsigned)POLICY_FACT_LICENCES : 0) |
           (c->has_vulnerabilities ? (unsigned)POLICY_FACT_VERSION : 0);
}

unsigned policy_needs(const struct policy *p, const struct policy_subject *subject)
{
    unsigned needs = 0;
    struct look l = look_at(p, NULL, subject, NULL);
    for (size_t i = 0; i < p->spec.rule_count; i++) {
        if (match_selectors(&l, p->rules[i].text) != MATCH_NO)
            needs |= demands_of(&p->rules[i]);
    }
    return needs | l.needs;
}
