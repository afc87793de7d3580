/*
 * A client of a checksum database that believes nothing: what the database says is a claim until
 * tiles prove it. Sources of the rules: golang.org/x/mod/sumdb.Client. Pure: tiles come and go
 * through an ops struct. [any]
 *
 * The client has one head, the newest that it has seen, and it only moves forward. Whatever was
 * proven under a head can be proven under each later one with tiles that were kept:
 *
 * - proving a record keeps its tile and that tile's parents, as the tree of the head has them;
 * - moving the head from size m to n keeps, on each level, the tile in which the tree of m ended,
 *   as the tree of n has it, and the right edge of n. No other tile differs between the trees.
 */
#ifndef MODGATE_SUMDB_CLIENT_H
#define MODGATE_SUMDB_CLIENT_H

#include "sumdb/record.h"
#include "sumdb/tile.h"

struct sumdb_client_ops {
    void *arg;
    /* Tiles from the store, and what is not there from outside. */
    struct error *(*read)(void *arg, struct arena *a, const struct tile *tiles, size_t count,
                          struct slice *data);
    /* Keeps proven tiles; a tile that is kept already is only ever replaced by a wider one. */
    struct error *(*keep)(void *arg, struct arena *a, const struct tile_set *proven);
};

/* A head with a good signature, and perhaps a record that is in its tree. */
struct sumdb_claim {
    struct sumdb_head head;
    bool has_record;
    struct sumdb_record record;

    /* What came out. */
    struct error *err;     /* NULL: proven */
    bool is_fork;          /* the head contradicts the client's: no honest log signs both */
    struct slice evidence; /* of a fork: text with both heads and the proof, for third parties */
};

/*
 * Proves claims under the newest head among them and *current, which moves there; a claim whose
 * head contradicts *current fails alone. *current with size 0 has seen nothing yet and believes
 * the first signed head. Returns an error when tiles could not be read or kept: then nothing is
 * decided, and *current is as it was or further. A claim's err is MISMATCH (a tile or record is not
 * the tree's), FORKED or BAD_ANSWER.
 */
struct error *sumdb_prove(struct arena *a, const struct sumdb_client_ops *ops,
                          struct sumdb_head *current, struct sumdb_claim *claims,
                          size_t count) MUST_CHECK;

/*
 * The bytes of a tile of the head's tree, proven and kept; a hash tile at least t.width wide, a
 * data tile exactly. For a data tile records are the bytes to be judged. NOT_FOUND: the tree does
 * not reach so far; MISMATCH; else an error of ops.
 */
struct error *sumdb_prove_tile(struct arena *a, const struct sumdb_client_ops *ops,
                               const struct sumdb_head *head, struct tile t,
                               struct slice *data) MUST_CHECK;
struct error *sumdb_prove_records(struct arena *a, const struct sumdb_client_ops *ops,
                                  const struct sumdb_head *head, struct tile t,
                                  struct slice records) MUST_CHECK;

#endif
