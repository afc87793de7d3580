/* What the commands that fetch and store share: from settings to a store and its sources. [any] */
#ifndef MODGATE_CLI_WIRE_H
#define MODGATE_CLI_WIRE_H

#include "base/base.h"

#include "access/access.h"
#include "config/config.h"
#include "repo/repo.h"
#include "store/store.h"
#include "vcs/vcs.h"

/* NULL for an unset setting, which is "". */
static inline const char *setting_or_null(const char *s)
{
    return s[0] ? s : NULL;
}
/* Opens the store of the settings. The caller closes it. */
struct error *wire_store(struct arena *a, const struct settings *s, struct store **out) MUST_CHECK;
/* Makes the sources; they are the caller's until repo_new() or repo_set_sources() took them. */
struct error *wire_sources(struct arena *a, const struct settings *s,
                           struct repo_sources *out) MUST_CHECK;
void wire_sources_release(struct repo_sources *sources);
/* Options of access control without lane and loops; they point into the settings and the arena. */
struct access_options wire_access(struct arena *a, const struct settings *s);
/* Version control by the settings; its copies lie in the data folder. The caller frees it. */
struct error *wire_vcs(struct arena *a, const struct settings *s, struct vcs **out) MUST_CHECK;

/*
 * Reads the keys of the checksum database that is kept here and opens its log, if the settings name
 * one: else out->log is NULL. The arena outlives the host; the caller closes the log.
 */
struct error *wire_host(struct arena *a, const struct settings *s,
                        struct repo_host *out) MUST_CHECK;

#endif
