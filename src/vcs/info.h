/* The .info of a version (source of the form: cmd/go/internal/modfetch.RevInfo). Pure. [any] */
#ifndef MODGATE_VCS_INFO_H
#define MODGATE_VCS_INFO_H

#include "vcs/codehost.h"

/* {"Version":…,"Time":…,"Origin":{…}} as the go command writes it, in the arena; origin NULL:
 * without. */
struct slice vcs_info_json(struct arena *a, struct slice version, int64_t time_unix_s,
                           const struct vcs_origin *origin);

#endif
