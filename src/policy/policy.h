/*
 * What a gateway gives to whom: ordered rules about module versions, and exceptions from them. The
 * first rule that is for a version decides; when none is, it is given. Facts go in, a decision
 * comes out: no clock, file or socket. All pure. [any]
 *
 * A rule has selectors (paths, versions, repositories, identities: which versions it is about) and
 * demands (age, signature, licences, vulnerabilities). A rule that denies or holds is for the
 * selected versions that fail one of its demands, or for all of them when it has none; a rule that
 * allows is for those that meet all its demands.
 */
#ifndef MODGATE_POLICY_POLICY_H
#define MODGATE_POLICY_POLICY_H

#include "gomod/module.h"
#include "policy/holds.h"
#include "policy/vulns.h"

struct policy;

enum policy_action { POLICY_ALLOW, POLICY_DENY, POLICY_HOLD };

/* A rule as it is written; an empty text is no condition. */
struct policy_rule {
    struct slice name;
    struct slice origin;          /* "modgate.yaml:12", for messages */
    struct slice action;          /* "allow", "deny" or "hold" */
    struct slice paths;           /* GOPRIVATE's globs */
    struct slice versions;        /* ranges, see ranges.h */
    struct slice repositories;    /* patterns of names, see pattern.h */
    struct slice identities;      /* the same */
    uint64_t min_age_s;           /* demand: so old at least; 0 = none */
    struct slice only_signed;     /* demand: signed by one of these names */
    struct slice licences;        /* demand: every licence matches one of the patterns, and none of
                                     those behind a "!" */
    struct slice vulnerabilities; /* demand: none is known; or none of this severity or above:
                                     "any", "low", "medium", "high", "critical" */
    struct slice reason;
    struct slice contact;
};

/* Whom a rule is not for. */
struct policy_exception {
    struct slice rule; /* a rule's name, or "*" */
    struct slice origin;
    struct slice paths, versions;
    struct slice reason, owner;
    struct slice
        expires; /* "2026-12-31", the last day on which it holds, in UTC; empty: for good */
};

struct policy_spec {
    const struct policy_rule *rules;
    size_t rule_count;
    const struct policy_exception *exceptions;
    size_t exception_count;
    struct slice contact;      /* for rules without one */
    const struct vulns *vulns; /* NULL: no vulnerability is known */
    const struct holds *holds; /* NULL: nothing was held or released by hand */
};

/*
 * Compiles the rules; what the spec names must outlive the policy, which lives in the arena.
 * BAD_CONFIG: the first thing that is wrong, with its origin.
 */
struct error *policy_new(struct arena *a, const struct policy_spec *spec,
                         struct policy **out) MUST_CHECK;

/* Facts about a version, as bits. */
enum policy_fact {
    POLICY_FACT_VERSION = 1, /* which version it is: not known of a list or a branch */
    POLICY_FACT_AGE = 2,
    POLICY_FACT_SIGNERS = 4,
    POLICY_FACT_LICENCES = 8,
};

struct policy_facts {
    unsigned known;       /* bits; VERSION is known when the subject has one */
    int64_t since_unix_s; /* AGE: from when the version's age counts; 0: nobody knows */
    const struct slice *signers;
    size_t signer_count;
    const struct slice *licences;
    size_t licence_count;
};

struct policy_subject {
    struct module_version mv; /* version may be empty */
    struct slice repository;
    struct slice identity;
    int64_t now_unix_s;
};

enum policy_verdict {
    POLICY_GIVE,
    POLICY_REFUSE,
    POLICY_UNDECIDED, /* depends on facts that are not known: see needs */
};

struct policy_decision {
    enum policy_verdict verdict;
    enum policy_action action;
    struct slice rule;         /* name; empty: no rule is for it */
    struct slice origin;       /* where it stands */
    struct slice why;          /* which demand was failed, as a sentence; may be empty */
    struct slice reason;       /* of the rule; may be empty */
    struct slice contact;      /* may be empty */
    unsigned needs;            /* of UNDECIDED: facts, as bits */
    int64_t good_until_unix_s; /* an exception that counted expires then; INT64_MAX: none did */
};

/*
 * Decides with the facts that are known; NULL: none is. Texts live in the arena or the policy. Of a
 * version that is given now, time alone changes nothing before good_until: it only gets older.
 */
void policy_decide(const struct policy *p, struct arena *a, const struct policy_subject *subject,
                   const struct policy_facts *facts, struct policy_decision *out);

/* Looks at each rule in turn: what policy_decide() found, as a line of text. */
typedef void (*policy_trace_fn)(void *arg, const struct policy_rule *rule, struct slice text);
void policy_trace(const struct policy *p, struct arena *a, const struct policy_subject *subject,
                  const struct policy_facts *facts, policy_trace_fn fn, void *arg);

/* Facts that the rules for this path may ask for, as bits; the subject's version counts when known.
 */
unsigned policy_needs(const struct policy *p, const struct policy_subject *subject);
/* Whether anything can be refused at all. */
bool policy_is_empty(const struct policy *p);
/* Whether a decision can depend on who asks. */
bool policy_has_identities(const struct policy *p);
/* The exceptions that have expired, with origin and owner, comma-separated; empty: none. */
struct slice policy_expired(const struct policy *p, struct arena *a, int64_t now_unix_s);
/* What differs between the rules of two policies: "added a, b; removed c; changed d". Empty:
 * nothing. */
struct slice policy_difference(const struct policy *old, const struct policy *now, struct arena *a);

#endif
