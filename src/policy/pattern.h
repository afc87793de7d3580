/* Lists of patterns of names: identities, repositories, licences. All pure. [any] */
#ifndef MODGATE_POLICY_PATTERN_H
#define MODGATE_POLICY_PATTERN_H

#include "base/base.h"

/* Whether the pattern, in which * stands for any text and all else for itself, is the whole of
 * text. */
bool pattern_matches(struct slice pattern, struct slice text);
/* Whether one of the comma-separated patterns matches; blanks around them do not count. */
bool patterns_match(struct slice patterns, struct slice text);

#endif
