/* What the files of policy share. */
#ifndef MODGATE_POLICY_POLICY_PRIV_H
#define MODGATE_POLICY_POLICY_PRIV_H

#include "policy/policy.h"

/* A rule, read. */
struct compiled {
    const struct policy_rule *text;
    enum policy_action action;
    bool has_vulnerabilities;
    enum severity least; /* of the vulnerabilities that it does not bear */
};

struct compiled_exception {
    const struct policy_exception *text;
    int64_t until_unix_s; /* the first second in which it does not hold; INT64_MAX: for good */
};

struct policy {
    struct policy_spec spec;
    struct compiled *rules;
    struct compiled_exception *exceptions;
};

#endif
