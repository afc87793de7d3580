/*
 * Sets of versions as rules write them: alternatives separated by commas, each a row of comparisons
 * that must all hold:
 *
 *   >=v1.2.0 <v1.3.0, v1.0.5
 *
 * Operators: >= > <= < = !=. A version alone is that version; a short one (v1, v1.4) is all
 * versions that begin with it; * is every version. Order is semver's, as go compares: a pre-release
 * comes before its release, a pseudo-version is a pre-release, +incompatible does not count. All
 * pure. [any]
 */
#ifndef MODGATE_POLICY_RANGES_H
#define MODGATE_POLICY_RANGES_H

#include "base/base.h"

/* BAD_CONFIG: which word is wrong. */
struct error *ranges_check(struct arena *a, struct slice ranges) MUST_CHECK;
/* Whether the valid version lies in one of the ranges; empty ranges hold none. */
bool ranges_contain(struct slice ranges, struct slice version);

#endif
