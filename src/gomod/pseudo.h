/*
 * Pseudo-versions: versions of commits without a tag. Three forms, after what the commit builds on:
 *   vX.0.0-yyyymmddhhmmss-abcdefabcdef         no older tag
 *   vX.Y.(Z+1)-0.yyyymmddhhmmss-abcdefabcdef   vX.Y.Z
 *   vX.Y.Z-pre.0.yyyymmddhhmmss-abcdefabcdef   vX.Y.Z-pre
 * the last two also with +incompatible. Source of the rules: go.dev/ref/mod#pseudo-versions and
 * golang.org/x/mod/module. All pure. [any]
 */
#ifndef MODGATE_GOMOD_PSEUDO_H
#define MODGATE_GOMOD_PSEUDO_H

#include "base/base.h"

/* True for anything of a pseudo-version's form, whether or not its time exists. */
bool pseudo_is(struct slice v);
/*
 * The pseudo-version of a commit of that time (Unix seconds, years 0 to 9999) and short hash. major
 * is "v2", or empty for v0; older is the tag below the commit, or empty. In the arena.
 */
struct slice pseudo_make(struct arena *a, struct slice major, struct slice older, int64_t unix_s,
                         struct slice rev);
/* The placeholder of a major version: vX.0.0-00010101000000-000000000000. In the arena. */
struct slice pseudo_zero(struct arena *a, struct slice major);
bool pseudo_is_zero(struct slice v);
/* The parts. Errors: BAD_VERSION. *rev is a part of v. */
struct error *pseudo_time(struct arena *a, struct slice v, int64_t *unix_s) MUST_CHECK;
struct error *pseudo_rev(struct arena *a, struct slice v, struct slice *rev) MUST_CHECK;
/* The version that it builds on, empty when there is none. In the arena. Errors: BAD_VERSION. */
struct error *pseudo_base(struct arena *a, struct slice v, struct slice *base) MUST_CHECK;
/* All that can be told without the repository: form, time and base. Errors: BAD_VERSION. */
struct error *pseudo_check(struct arena *a, struct slice v) MUST_CHECK;

#endif
