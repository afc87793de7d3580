/* Globs over flat text: names of repositories and identities, claims, licences. Pure. [any] */
#ifndef MODGATE_BASE_GLOB_H
#define MODGATE_BASE_GLOB_H

#include "base/base.h"

/*
 * Whether text is what the glob says from its first byte to its last: '*' stands for any run of
 * bytes (slashes and dots too, and none), every other byte for itself.
 */
bool glob_match(struct slice glob, struct slice text);
/* Whether one of the comma-separated globs matches; blanks around a glob do not count. */
bool glob_match_list(struct slice globs, struct slice text);

#endif
