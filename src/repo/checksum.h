/*
 * Checking what is public against the checksum database before it is stored. Sources:
 * cmd/go/internal/modfetch.checkModSum, useSumDB.
 */
#ifndef MODGATE_REPO_CHECKSUM_H
#define MODGATE_REPO_CHECKSUM_H

#include "repo/repo_priv.h"

/* What the database says of a module version; in the arena of the job. */
struct checksums {
    struct database *db; /* NULL: there is nothing to compare with */
    bool is_doubtful;    /* because no database could be asked, and the settings say to go on */
    struct sumdb_record record;
};

/*
 * Finds out. No database is asked for paths that match `private`, and none when `sumdb` is off.
 * The first database that knows the version decides. Errors: SUMDB_DOWN (held: none could be
 * asked), DENIED (none knows it), FORKED, MISMATCH. [worker]
 */
struct error *checksums_find(struct resolve *r, struct module_version mv,
                             struct checksums *out) MUST_CHECK;

/* The same, asked beside a download by a thread of its own. */
struct checksum_ask;
/* NULL when the answer is at hand. The ask is over before r is. */
struct checksum_ask *checksum_ask_start(struct resolve *r, struct module_version mv);
/* Nobody wants the answer any more: ends the ask. NULL is fine. */
void checksum_ask_drop(struct checksum_ask *ask);
/* Waits for the answer, or finds it when ask is NULL; ends the ask. */
struct error *checksum_ask_wait(struct resolve *r, struct module_version mv,
                                struct checksum_ask *ask, struct checksums *out) MUST_CHECK;

/* Something that is to be stored, or is. */
struct suspect {
    struct module_version mv;
    enum artefact what; /* MOD or ZIP */
    const char *h1;
    struct slice origin;
};

/* NULL when the hash is what the database says, or there is nothing to compare with; else MISMATCH.
 */
struct error *checksum_compare(struct arena *a, const struct checksums *sums,
                               const struct suspect *s) MUST_CHECK;
/* What whoever looks into it needs: the hashes, the record and the signed head. */
struct slice checksum_evidence(struct arena *a, const struct checksums *sums,
                               const struct suspect *s, const struct error *err);
/* Logs and counts a mismatch; kept_err: what kept the evidence from being kept, or NULL. */
void checksum_report(const struct suspect *s, const struct error *err,
                     const struct error *kept_err);

#endif
