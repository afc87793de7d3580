/* Names that differ in case only, as Go's strings.EqualFold sees them. All pure. [any] */
#ifndef MODGATE_GOMOD_FOLD_H
#define MODGATE_GOMOD_FOLD_H

#include "base/base.h"

/*
 * One representative for all runes that differ in case only: rune_fold(a) == rune_fold(b) exactly
 * when strings.EqualFold says so of the two. For ASCII it is the lower case.
 */
uint32_t rune_fold(uint32_t rune);
/*
 * Orders slash-separated paths of valid UTF-8 by their folded runes, '/' before all others, so that
 * what lies in one folder stands together. Zero when they differ in case only.
 */
int path_fold_cmp(struct slice a, struct slice b);

#endif
