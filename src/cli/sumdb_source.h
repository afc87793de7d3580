/*
 * Where a command reads a checksum database from: its URL, or the folder in which a gateway keeps
 * its own (or the data folder above that). What is read is not to be believed. All block.
 */
#ifndef MODGATE_CLI_SUMDB_SOURCE_H
#define MODGATE_CLI_SUMDB_SOURCE_H

#include "base/ctx.h"

#include "net/http_client.h"
#include "store/sumlog_files.h"
#include "sumdb/record.h"
#include "sumdb/tile.h"

struct sumdb_source {
    struct slice url;           /* without a last '/'; empty: a folder */
    struct http_client *client; /* of an URL */
    struct sumlog_files files;  /* of a folder */
    struct sumdb_log_ops ops;
    uint64_t size; /* of the head that was read last */
};

/* place is an http or https URL, or a folder; ca_file may be NULL. Closed after an error too. */
struct error *sumdb_source_open(struct arena *a, const char *place, const char *ca_file,
                                struct sumdb_source *out) MUST_CHECK;
void sumdb_source_close(struct sumdb_source *s);
/* The newest signed head. */
struct error *sumdb_source_head(struct sumdb_source *s, struct arena *a,
                                struct slice *note) MUST_CHECK;
/* A tile at just its width. */
struct error *sumdb_source_tile(struct sumdb_source *s, struct arena *a, struct tile t,
                                struct slice *data) MUST_CHECK;
/* The answer to a lookup; URLs only (BAD_USAGE). */
struct error *sumdb_source_lookup(struct sumdb_source *s, struct arena *a, struct module_version mv,
                                  struct slice *answer) MUST_CHECK;

#endif
