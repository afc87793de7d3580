/*
 * Reading a whole log, as its auditor: every record parses and is of a module version that has no
 * other record, every tile has just the hashes that follow from the records, the root is the
 * head's, and what was audited earlier is the beginning of it. Pure: tiles come through ops. [any]
 */
#ifndef MODGATE_SUMDB_AUDIT_H
#define MODGATE_SUMDB_AUDIT_H

#include "sumdb/record.h"
#include "sumdb/tile.h"

struct sumdb_audit_ops {
    void *arg;
    /*
     * A tile at just that width, of the head's tree. Classes ABSENT and INTEGRITY are findings;
     * other errors end the audit.
     */
    struct error *(*read)(void *arg, struct arena *a, struct tile t, struct slice *data);
    void (*finding)(void *arg, struct slice text);
    /* Now and then, while nothing was found: how far it is. May be NULL. */
    struct error *(*progress)(void *arg, struct arena *a);
};

/*
 * What an audit remembers. As a text it begins with the lines of audit_state_format(), and then has
 * four bytes for each record, by which repeated module versions are found.
 */
struct sumdb_audit_state {
    struct slice source;   /* whose log it is */
    struct tlog_tree tree; /* what was audited; may be less than a head's */
    struct slice note;     /* the newest head that was seen; empty: none */
    struct buf marks;
};

void audit_state_release(struct sumdb_audit_state *s);
void audit_state_format(struct buf *b, const struct sumdb_audit_state *s);
/* Slices are parts of text. BAD_SYNTAX. To be released in every case. */
struct error *audit_state_parse(struct arena *a, struct slice text,
                                struct sumdb_audit_state *out) MUST_CHECK;

/*
 * Audits from where *state is up to the head, and moves *state; its note is the caller's to set.
 * Returns an error when it cannot go on for a reason outside of the log.
 */
struct error *sumdb_audit(struct arena *a, const struct sumdb_audit_ops *ops,
                          const struct tlog_tree *head, struct sumdb_audit_state *state) MUST_CHECK;

#endif
