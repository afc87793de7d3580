/*
 * What claims of a verified token say about what its bearer may do: rules with patterns over
 * claims, each with scopes.
 *
 *   repository=acme/api, ref=refs/heads/release-*, environment=production
 *
 * All patterns of a rule must match; '*' stands for any run of characters. A claim that is a list
 * matches when one of its members does; true, false and whole numbers match as they are written.
 * Pure. [any]
 */
#ifndef MODGATE_ACCESS_CLAIMS_H
#define MODGATE_ACCESS_CLAIMS_H

#include "base/base.h"

#include <jansson.h>

enum { CLAIMS_MAX_PATTERNS = 32 };

struct claim_pattern {
    const char *name;
    struct slice glob;
};

struct claim_rule {
    struct claim_pattern *rows;
    size_t count;
};

/* In the arena or the text. BAD_CONFIG: malformed, or no pattern at all. */
struct error *claim_rule_parse(struct arena *a, struct slice text,
                               struct claim_rule *out) MUST_CHECK;
bool claim_rule_matches(const struct claim_rule *rule, const json_t *claims);

#endif
