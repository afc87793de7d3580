/* Proving what a checksum database says, together with others who ask at the same time. */
#ifndef MODGATE_REPO_ROUNDS_H
#define MODGATE_REPO_ROUNDS_H

#include "repo/repo_priv.h"

/*
 * Proves the claim, and moves the database's head forward when the claim's is newer. A fork is
 * reported. Errors: FORKED, MISMATCH, BAD_ANSWER; classes UPSTREAM and TIMEOUT when a tile could
 * not be had. The claim and what it points to are not touched after the call. [worker]
 */
struct error *round_prove(struct resolve *r, struct relay *relay,
                          struct sumdb_claim *claim) MUST_CHECK;
/*
 * The bytes of a hash tile of the head's tree, at least as wide, or checks those of a data tile.
 * Errors as sumdb_prove_tile(). [worker]
 */
struct error *round_prove_tile(struct resolve *r, struct relay *relay,
                               const struct sumdb_head *head, struct tile t,
                               struct slice *data) MUST_CHECK;
struct error *round_prove_records(struct resolve *r, struct relay *relay,
                                  const struct sumdb_head *head, struct tile t,
                                  struct slice records) MUST_CHECK;

#endif
