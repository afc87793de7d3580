/*
 * Checking audit files, line by line: whatever was changed, dropped, put in or moved is told with
 * its file and line. Pure but for what it calls. What it cannot see: records missing from the end,
 * unless a newer head or a later checkpoint is known; and a file whose hashes were all made anew
 * from some record on, unless checkpoints are verified with a key.
 */
#ifndef MODGATE_OPS_AUDIT_CHECK_H
#define MODGATE_OPS_AUDIT_CHECK_H

#include "ops/audit_line.h"

enum audit_verdict { AUDIT_IS_SIGNED, AUDIT_IS_FORGED, AUDIT_KEY_UNKNOWN };

struct audit_check {
    /* The caller's. */
    void (*on_fault)(void *arg, const char *file, uint64_t line, const char *what);
    /* Whether the signature of a checkpoint is that of the named key; NULL: not looked at. */
    enum audit_verdict (*verify)(void *arg, struct slice key_id, struct slice bytes,
                                 struct slice signature);
    void *arg;
    uint64_t known_seq; /* a record that is known from elsewhere; 0: none */
    struct slice known_hash;

    /* What came out. */
    uint64_t records, faults;
    uint64_t first_seq, last_seq;         /* 0: there was no record */
    uint64_t checkpoints;                 /* that were verified */
    uint64_t open_records;                /* after the last of these */
    char last_hash[AUDIT_HASH_CHARS + 1]; /* as its line says */
    char last_time[40], checkpoint_time[40];
    uint64_t checkpoint_seq;

    /* Its own. */
    struct sha256_stream *hasher; /* NULL until there is a line; audit_check_end() frees it */
    const char *file;
    uint64_t line, unread; /* lines that were no records, since the last one */
    bool has_seen_known, has_told_open;
};

/* The next file, in the order of the chain. The name is kept until the next call. */
void audit_check_file(struct audit_check *c, const char *name);
/* The next line of it, without its newline; is_whole: there was one. */
void audit_check_line(struct audit_check *c, struct slice line, bool is_whole);
/* After the last file. */
void audit_check_end(struct audit_check *c);

#endif
