/*
 * Which records may be those of a module version: a table of hashes in memory. It tells candidates,
 * oldest first; whoever asks compares them with the record itself. Pure, not locked. [any]
 */
#ifndef MODGATE_SUMDB_RECORD_INDEX_H
#define MODGATE_SUMDB_RECORD_INDEX_H

#include "gomod/module.h"

struct index_slot {
    uint32_t hash;
    uint32_t id_plus_1; /* 0: free */
};

/* Zeroed: empty. */
struct record_index {
    struct index_slot *slots; /* a power of two, at most half of them taken */
    size_t cap, count;
};

enum { INDEX_MAX_CANDIDATES = 16 };

uint32_t record_index_hash(struct module_version mv);
/* The ids under a hash, at most INDEX_MAX_CANDIDATES: how many. */
size_t record_index_find(const struct record_index *x, uint32_t hash, uint64_t *ids);
/* False: there are more records than an index can have. */
bool record_index_add(struct record_index *x, uint32_t hash, uint64_t id);
void record_index_release(struct record_index *x);

#endif
