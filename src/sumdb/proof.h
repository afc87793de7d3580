/*
 * A proof that a record is in a log, to be checked without the log: the text form of
 * c2sp.org/tlog-proof, with the record itself as its extra data. All pure. [any]
 */
#ifndef MODGATE_SUMDB_PROOF_H
#define MODGATE_SUMDB_PROOF_H

#include "sumdb/record.h"

struct sumdb_proof {
    struct slice record;
    uint64_t id;
    struct tlog_proof path;
    struct slice note; /* the signed head */
};

struct slice sumdb_proof_format(struct arena *a, const struct sumdb_proof *p);
/* Slices are in the arena or parts of text. BAD_SYNTAX. */
struct error *sumdb_proof_parse(struct arena *a, struct slice text,
                                struct sumdb_proof *out) MUST_CHECK;
/*
 * Whether the record is in the tree of the head, and the head is signed by v (NULL: that is not
 * looked at); *tree is the head's. BAD_ANSWER: a head that is none or not so signed; MISMATCH.
 */
struct error *sumdb_proof_check(struct arena *a, const struct sumdb_proof *p,
                                const struct note_verifier *v, struct tlog_tree *tree) MUST_CHECK;

/* The tree of a note whose signatures are not looked at; false: it is none. */
bool sumdb_head_peek(struct arena *a, struct slice note, struct tlog_tree *tree);

#endif
