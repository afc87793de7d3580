/*
 * Transparency logs: the Merkle tree of RFC 6962 over records, where its hashes are stored, and the
 * proofs of both kinds. Sources: RFC 6962, 2.1; golang.org/x/mod/sumdb/tlog. All pure. [any]
 *
 * A hash of the tree has the coordinates (level, n): the root of the full subtree over the records
 * [n << level, (n + 1) << level). In a dense order of all hashes it has an index: each record's
 * hash is followed by those of the subtrees that it completes.
 */
#ifndef MODGATE_SUMDB_TLOG_H
#define MODGATE_SUMDB_TLOG_H

#include "base/encode.h"

/* So many hashes make up the root of any tree, and a proof. */
enum { TLOG_MAX_PROOF = 64 };
/* Sizes are below, so that no index overflows. */
#define TLOG_MAX_SIZE ((uint64_t)1 << 62)

struct tlog_hash {
    uint8_t b[SHA256_BYTES];
};

struct tlog_tree {
    uint64_t size; /* records */
    struct tlog_hash root;
};

static inline bool tlog_hash_eq(const struct tlog_hash *a, const struct tlog_hash *b)
{
    return memcmp(a->b, b->b, SHA256_BYTES) == 0;
}
/* Base64 in the arena. */
struct slice tlog_hash_format(struct arena *a, const struct tlog_hash *h);

/* SHA-256(0x00 record) and SHA-256(0x01 left right). */
struct tlog_hash tlog_record_hash(struct slice record);
struct tlog_hash tlog_node_hash(const struct tlog_hash *left, const struct tlog_hash *right);

/* The index of (level, n), and back. */
uint64_t tlog_index(unsigned level, uint64_t n);
void tlog_index_split(uint64_t index, unsigned *level, uint64_t *n);
/* How many hashes a tree of that size has. */
uint64_t tlog_index_count(uint64_t size);

/* Where hashes come from: reads count of them by index, or says why it cannot. */
struct tlog_reader {
    void *arg;
    struct error *(*read)(void *arg, struct arena *a, const uint64_t *indexes, size_t count,
                          struct tlog_hash *out);
};

/* The hashes that come with record n, in order of index: its own and those it completes. */
struct error *tlog_new_hashes(struct arena *a, uint64_t n, const struct tlog_hash *record,
                              const struct tlog_reader *r, struct tlog_hash out[TLOG_MAX_PROOF],
                              size_t *count) MUST_CHECK;

/* The indexes of the full subtrees that make up records [0, size), widest first: their count. */
size_t tlog_root_indexes(uint64_t size, uint64_t out[TLOG_MAX_PROOF]);
/* The root made of the hashes at these indexes; count 0 is the empty tree. */
struct tlog_hash tlog_root_of(const struct tlog_hash *hashes, size_t count);
struct error *tlog_root(struct arena *a, uint64_t size, const struct tlog_reader *r,
                        struct tlog_hash *out) MUST_CHECK;

struct tlog_proof {
    struct tlog_hash hashes[TLOG_MAX_PROOF];
    size_t count;
};

/* That the tree of that size has record n; n < size. Errors are the reader's. */
struct error *tlog_prove_record(struct arena *a, uint64_t size, uint64_t n,
                                const struct tlog_reader *r, struct tlog_proof *out) MUST_CHECK;
bool tlog_check_record(const struct tlog_proof *p, const struct tlog_tree *tree, uint64_t n,
                       const struct tlog_hash *record);
/* That the tree of that size begins with the one of old_size; 1 <= old_size <= size. */
struct error *tlog_prove_tree(struct arena *a, uint64_t size, uint64_t old_size,
                              const struct tlog_reader *r, struct tlog_proof *out) MUST_CHECK;
bool tlog_check_tree(const struct tlog_proof *p, const struct tlog_tree *tree,
                     const struct tlog_tree *old);

#endif
