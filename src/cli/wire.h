/* What the commands that fetch and store share: from settings to a store and its sources. [any] */
#ifndef MODGATE_CLI_WIRE_H
#define MODGATE_CLI_WIRE_H

#include "base/base.h"

#include "access/access.h"
#include "config/config.h"
#include "ops/audit.h"
#include "repo/mounts.h"
#include "sign/sign.h"
#include "store/store.h"
#include "vcs/vcs.h"

/* NULL for an unset setting, which is "". */
static inline const char *setting_or_null(const char *s)
{
    return s[0] ? s : NULL;
}
/* Opens the store of the settings. The caller closes it. */
struct error *wire_store(struct arena *a, const struct settings *s, struct store **out) MUST_CHECK;
/*
 * Makes the sources of a repository; NULL: of the one that is there without settings for any. They
 * are the caller's until somebody took them.
 */
struct error *wire_sources(struct arena *a, const struct settings *s,
                           const struct setting_repository *r, struct repo_sources *out) MUST_CHECK;
void wire_sources_release(struct repo_sources *sources);
/* The keys of signing_trust; NULL when none is named. The caller frees it. */
struct error *wire_trust(struct arena *a, const struct settings *s,
                         struct sign_trust **out) MUST_CHECK;
/* Options of access control without lane and loops; they point into the settings and the arena. */
struct access_options wire_access(struct arena *a, const struct settings *s);
/* Its version control; the copies lie in its folder. The caller frees it. */
struct error *wire_vcs(struct arena *a, const struct settings *s,
                       const struct setting_repository *r, struct vcs **out) MUST_CHECK;

/* wire_mounts.c */
/* The folder of a repository's store. In the arena. */
const char *wire_folder(struct arena *a, const struct settings *s,
                        const struct setting_repository *r);
/* The repository of that name, which is not a group. BAD_USAGE. */
struct error *wire_find(struct arena *a, const struct settings *s, const char *name,
                        const struct setting_repository **out) MUST_CHECK;
/* Takes up the settings' repositories: see mounts_set(). */
struct error *wire_mounts(struct arena *a, const struct settings *s, struct mounts *m) MUST_CHECK;

/*
 * Reads the keys of the checksum database that is kept here and opens its log, if the settings name
 * one: else out->log is NULL. The arena outlives the host; the caller closes the log.
 */
struct error *wire_host(struct arena *a, const struct settings *s,
                        struct repo_host *out) MUST_CHECK;

/*
 * Reads a private key from where a setting says that it lies: a path, or credential:NAME in
 * $CREDENTIALS_DIRECTORY. *path is the file, for messages. BAD_CONFIG when everybody may read it.
 */
struct error *wire_key_file(struct arena *a, struct slice where, size_t max, const char **path,
                            struct slice *text) MUST_CHECK;
/* The key that lies at `where`; NULL when that is "". setting is its name, for messages. */
struct error *wire_sign_key(struct arena *a, const struct settings *s, const char *setting,
                            const char *where, struct sign_key **out) MUST_CHECK;
/* The key of signing.key; NULL when none is set. The caller frees it. */
struct error *wire_signer(struct arena *a, const struct settings *s,
                          struct sign_key **out) MUST_CHECK;

/*
 * Opens the audit of the settings, if they name one. has_writer: see audit_open(). Whoever opened
 * it closes it with wire_audit_close(), which does nothing without.
 */
struct error *wire_audit(struct arena *a, const struct settings *s, bool has_writer) MUST_CHECK;
/* Takes up what a reload may change. */
void wire_audit_reload(const struct settings *s);
void wire_audit_close(void);
/*
 * Records what a command is about to do, on behalf of whoever runs it, durably; nothing without an
 * audit. AUDIT_DOWN: it is not to be done. Not in a process that has the audit open.
 */
struct error *wire_audit_local(struct arena *a, const struct settings *s,
                               struct audit_record *r) MUST_CHECK;

#endif
