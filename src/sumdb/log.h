/*
 * An append-only log in the format of the Go checksum database: records go in, tiles and signed
 * heads come out. Pure: bytes come and go through an ops struct. Sources: go.dev/ref/mod#checksum-
 * database, golang.org/x/mod/sumdb (Server), c2sp.org/tlog-tiles.
 *
 * A log is the head that was published last and some parts, each of which only grows:
 *
 *   records      what data tiles have: each record's text and a blank line
 *   ends         of each record, where it ends in that: 8 bytes, little-endian
 *   hashes 0…7   of each level of tiles all its hashes, one after the other
 *
 * So every tile, whole or partial, is a range of one part. Only the records and the head are
 * believed: the others are made anew, where they differ, whenever the log is opened.
 *
 * A head is signed when everything below it is durable, and it is durable before anybody is told.
 * Records behind the head that was published last are taken up when the log is opened: should
 * somebody have seen them under a head that was lost, they are where they were.
 *
 * One thread at a time opens, appends and frees; reading by size is for [any] thread meanwhile.
 */
#ifndef MODGATE_SUMDB_LOG_H
#define MODGATE_SUMDB_LOG_H

#include "sumdb/record.h"
#include "sumdb/tile.h"

/* The parts; the hashes of level i are LOG_HASHES + i. */
enum { LOG_RECORDS, LOG_ENDS, LOG_HASHES, LOG_PARTS = LOG_HASHES + TILE_MAX_LEVEL + 1 };
enum { LOG_RECORD_MAX_BYTES = 16 << 10 };

struct sumdb_log_ops {
    void *arg;
    /* At most n bytes; fewer only where the part ends. [any] */
    struct error *(*read)(void *arg, struct arena *a, int part, uint64_t offset, size_t n,
                          struct slice *out);
    /* Writes over what is there, and beyond. */
    struct error *(*write)(void *arg, struct arena *a, int part, uint64_t offset,
                           struct slice data);
    /* The part ends there from now on; it may be shorter already. */
    struct error *(*cut)(void *arg, struct arena *a, int part, uint64_t size);
    /* All that was written is durable. */
    struct error *(*sync)(void *arg, struct arena *a);
    /* The note that was published last; empty: none ever was. */
    struct error *(*read_head)(void *arg, struct arena *a, struct slice *note);
    /* Replaces it, at once and durably. */
    struct error *(*publish)(void *arg, struct arena *a, struct slice note);
};

struct sumdb_log;

/*
 * Told of each record when a log is opened, in order. *is_known: its module version has an earlier
 * record. mv is a part of text.
 */
typedef struct error *(*sumdb_log_record_fn)(void *arg, struct arena *a, uint64_t id,
                                             struct module_version mv, struct slice text,
                                             bool *is_known);

struct sumdb_log_options {
    struct sumdb_log_ops ops;
    const struct note_signer *signers; /* at least one; copied */
    size_t signer_count;
    sumdb_log_record_fn on_record;
    void *on_record_arg;
};

/*
 * Opens a log, or begins one with the signed head of no records. Reads all of its records, makes
 * good what a crash left behind, and signs the head anew when the keys are others. CORRUPT: the log
 * is behind its head or contradicts it, and nothing was changed; else the errors of ops.
 */
struct error *sumdb_log_open(struct arena *a, const struct sumdb_log_options *o,
                             struct sumdb_log **out) MUST_CHECK;
void sumdb_log_free(struct sumdb_log *log);

/*
 * Appends records as one batch, with one head; *first is the id of the first. Texts are those of
 * record_make(). On error nothing was appended. When it cannot be known what is on the disk, all
 * later appends fail too, until the log is opened anew; reading goes on.
 */
struct error *sumdb_log_append(struct arena *a, struct sumdb_log *log, const struct slice *texts,
                               size_t count, uint64_t *first) MUST_CHECK;
/* The published head. Its note is valid until the next append. */
const struct sumdb_head *sumdb_log_head(const struct sumdb_log *log);

/*
 * Whether a database can be served under this name: a host, perhaps with a port and a path, that
 * the go command takes (cmd/go/internal/modfetch/sumdb.go, dbDial) and that no path below /sumdb/
 * can be mistaken for.
 */
bool sumdb_name_is_servable(struct slice name);

/* The record of a module version, both lines. */
struct slice record_make(struct arena *a, struct module_version mv, struct slice zip_h1,
                         struct slice go_mod_h1);
/* The module version that a record's two lines are about; false when it has another form. */
bool record_module(struct slice text, struct module_version *out);

/*
 * What the log of that size has; NOT_FOUND beyond it. size is that of a head that was published.
 * [any]
 */
struct error *sumdb_log_tile(struct arena *a, const struct sumdb_log_ops *ops, uint64_t size,
                             struct tile t, struct slice *data) MUST_CHECK;
struct error *sumdb_log_record(struct arena *a, const struct sumdb_log_ops *ops, uint64_t size,
                               uint64_t id, struct slice *text) MUST_CHECK;
/* Whether the ends of these records, of which first is the first, are where they must be. [any] */
struct error *sumdb_log_check_ends(struct arena *a, const struct sumdb_log_ops *ops, uint64_t first,
                                   struct slice records, bool *is_good) MUST_CHECK;
/* A data tile as an entry bundle of tlog-tiles: each record behind its length in two bytes. */
struct error *records_to_entries(struct arena *a, struct slice data, struct slice *out) MUST_CHECK;

#endif
