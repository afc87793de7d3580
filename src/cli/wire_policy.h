/* Policy rules: from settings, and from what commands left in the data folder, to a policy. */
#ifndef MODGATE_CLI_WIRE_POLICY_H
#define MODGATE_CLI_WIRE_POLICY_H

#include "base/base.h"

#include "config/config.h"
#include "policy/policy.h"

#include <sys/stat.h>

/* Below the data folder: what was held and released by hand, and the vulnerability database. */
#define POLICY_HOLDS_FILE "policy/holds"
#define POLICY_VULNDB_DIR "policy/vulndb"
/* In that: the table that was made at its import. */
#define POLICY_VULNS_FILE POLICY_VULNDB_DIR "/vulns"

/*
 * The policy of the settings, with what the data folder has; all of it in the arena. BAD_CONFIG;
 * CORRUPT for a file of the data folder. [worker]
 */
struct error *wire_policy(struct arena *a, const struct settings *s,
                          struct policy **out) MUST_CHECK;
/* What was held and released by hand. [worker] */
struct error *wire_holds(struct arena *a, const char *data_dir, struct holds *out) MUST_CHECK;
bool policy_is_report(const struct settings *s);

/* Tells whether the two files have changed. */
struct policy_stamp {
    struct {
        ino_t inode;
        struct timespec changed;
        off_t bytes;
    } files[2];
};
struct policy_stamp policy_stamp_of(const char *data_dir);
bool policy_stamp_eq(const struct policy_stamp *a, const struct policy_stamp *b);

#endif
