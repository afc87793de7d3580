/*
 * The audit file and its chain: inside of ops. One thread at a time; several processes may write
 * the same file, one batch after the other. All calls block. [worker]
 */
#ifndef MODGATE_OPS_AUDIT_FILE_H
#define MODGATE_OPS_AUDIT_FILE_H

#include "ops/audit.h"
#include "ops/audit_line.h"

struct audit_file;

/*
 * Opens or makes the file at o->path, and cuts off what a crash left behind its last whole record.
 * CORRUPT: its last record is damaged, and nothing can follow it.
 */
struct error *audit_file_open(struct arena *a, const struct audit_options *o,
                              struct audit_file **out) MUST_CHECK;
void audit_file_close(struct audit_file *f);
/*
 * Appends a record for each line of bodies (the members of a record, "time" and "event" first, and
 * a newline), all of them or none; with checkpoints as they fall due. is_synced: they are durable
 * when it returns.
 */
struct error *audit_file_append(struct arena *a, struct audit_file *f, struct slice bodies,
                                bool is_synced) MUST_CHECK;
/* Makes durable what was appended. */
struct error *audit_file_sync(struct arena *a, struct audit_file *f) MUST_CHECK;
/* Whether there are records that no checkpoint of ours covers yet, and a key. */
bool audit_file_needs_checkpoint(const struct audit_file *f);
/* Appends a checkpoint if one is needed, and makes all durable. */
struct error *audit_file_checkpoint(struct arena *a, struct audit_file *f) MUST_CHECK;
/* The newest record: its number and hash. */
void audit_file_head(const struct audit_file *f, uint64_t *seq, char hash[AUDIT_HASH_CHARS + 1]);

#endif
