/*
 * The log of a checksum database of our own, on disk: one folder, one process that writes it.
 *
 *   <dir>/records, ends, hashes0 … hashes7   the parts, see sumdb/log.h
 *   <dir>/head                               the signed head, replaced by newer ones only
 *   <dir>/lock                               held by the process that has the log open
 *
 * Whoever appends waits until its record is below a durable head. Those that wait at the same time
 * share one batch, and so one round of fsync. Which module versions are in the log is kept in
 * memory, 16 to 32 bytes for each, and made anew at start from the records.
 */
#ifndef MODGATE_STORE_SUMLOG_H
#define MODGATE_STORE_SUMLOG_H

#include "sumdb/log.h"

struct sumlog;

struct sumlog_options {
    const char *dir;
    const struct note_signer *signers; /* all sign each head; copied */
    size_t signer_count;
};

/*
 * Opens or begins the log; see sumdb_log_open(). OVERLOAD: another process has it open. [worker]
 */
struct error *sumlog_open(struct arena *a, const struct sumlog_options *o,
                          struct sumlog **out) MUST_CHECK;
/* Nobody may be in a call. NULL is fine. [worker] */
void sumlog_close(struct sumlog *l);

/* The newest head, in the arena. [any] */
void sumlog_head(struct sumlog *l, struct arena *a, struct sumdb_head *out);

struct sumlog_record {
    uint64_t id;
    struct slice text; /* in the arena */
};
/* The record of a module version: at most some short reads of the files. [any] */
struct error *sumlog_find(struct sumlog *l, struct arena *a, struct module_version mv, bool *found,
                          struct sumlog_record *out) MUST_CHECK;
/*
 * Appends a record (of record_make()), unless its module version has one already: out is what the
 * log has. It is below the head when this returns. [worker]
 */
struct error *sumlog_append(struct sumlog *l, struct arena *a, struct slice text,
                            struct sumlog_record *out) MUST_CHECK;
/* A tile of the newest head's tree, or NOT_FOUND. [any] */
struct error *sumlog_tile(struct sumlog *l, struct arena *a, struct tile t,
                          struct slice *data) MUST_CHECK;

struct sumlog_stats {
    uint64_t records;  /* in the log */
    uint64_t appended; /* by this process */
    uint64_t commits;  /* batches that it took */
    uint64_t syncs;    /* calls of fsync and fdatasync for them */
};
/* [any] */
struct sumlog_stats sumlog_stats(struct sumlog *l);

#endif
