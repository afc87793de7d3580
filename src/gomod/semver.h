/*
 * Semantic versions as the go command writes them: with a leading v, and with the short forms vX
 * and vX.Y, which stand for vX.0.0 and vX.Y.0. Source of the rules: semver.org 2.0.0 and
 * golang.org/x/mod/semver. All pure. [any]
 */
#ifndef MODGATE_GOMOD_SEMVER_H
#define MODGATE_GOMOD_SEMVER_H

#include "base/base.h"

bool semver_is_valid(struct slice v);
/*
 * Negative, zero or positive as v is less than, equal to or greater than w. Build metadata is
 * ignored; an invalid version is less than any valid one and equal to any other invalid one.
 */
int semver_compare(struct slice v, struct slice w);
/* The three-number form without build metadata; empty when v is invalid. In the arena or in v. */
struct slice semver_canonical(struct arena *a, struct slice v);
/* "v2" of v2.1.0; empty when v is invalid. A part of v. */
struct slice semver_major(struct slice v);
/* "v2.1" of v2.1.0; empty when v is invalid. In the arena or in v. */
struct slice semver_major_minor(struct arena *a, struct slice v);
/* "-pre" of v2.1.0-pre+meta; empty when there is none or v is invalid. A part of v. */
struct slice semver_prerelease(struct slice v);
/* "+meta" of v2.1.0-pre+meta; empty when there is none or v is invalid. A part of v. */
struct slice semver_build(struct slice v);
/* Sorts upwards by semver_compare, equal ones bytewise. */
void semver_sort(struct slice *versions, size_t n);

/*
 * What @latest answers for these versions: the highest release, else the highest pre-release, else
 * the pseudo-version of the latest commit. Entries that are not canonical are passed over; empty
 * when none is left. +incompatible versions count as any other: whoever knows that the newest
 * compatible version has a go.mod file leaves them out. (go.dev/ref/mod#version-queries)
 */
struct slice version_latest(const struct slice *versions, size_t n);
/*
 * Makes the array what @v/list holds: canonical versions without pseudo-versions and repetitions,
 * upwards. Returns how many are left. (go.dev/ref/mod#goproxy-protocol)
 */
size_t versions_sort_for_list(struct slice *versions, size_t n);

#endif
