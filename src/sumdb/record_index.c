#include "sumdb/record_index.h"

#include "base/encode.h"

enum { FIRST_SLOTS = 1024 };

/* SHA-256, so that nobody can choose names that fill one place of the table. */
uint32_t record_index_hash(struct module_version mv)
{
    uint32_t hash;
    uint8_t sum[SHA256_BYTES];
    struct sha256_stream *h = sha256_new();
    sha256_add(h, mv.path.p, mv.path.n);
    sha256_add(h, "@", 1);
    sha256_add(h, mv.version.p, mv.version.n);
    sha256_sum(h, sum);
    sha256_free(h);
    memcpy(&hash, sum, sizeof(hash));
    return hash;
}

size_t record_index_find(const struct record_index *x, uint32_t hash, uint64_t *ids)
{
    size_t count = 0;
    if (!x->cap)
        return 0;
    for (size_t at = hash & (x->cap - 1); x->slots[at].id_plus_1; at = (at + 1) & (x->cap - 1)) {
        if (x->slots[at].hash == hash && count < INDEX_MAX_CANDIDATES)
            ids[count++] = x->slots[at].id_plus_1 - 1U;
    }
    return count;
}

static void put(struct record_index *x, struct index_slot slot)
{
    size_t at = slot.hash & (x->cap - 1);
    while (x->slots[at].id_plus_1)
        at = (at + 1) & (x->cap - 1);
    x->slots[at] = slot;
}

static void grow(struct record_index *x)
{
    struct record_index old = *x;
    x->cap = old.cap ? 2 * old.cap : FIRST_SLOTS;
    x->slots = xcalloc(x->cap, sizeof(*x->slots));
    /* From a free place on, so that records under one hash keep their order. */
    size_t start = 0;
    while (old.cap && old.slots[start].id_plus_1)
        start++;
    for (size_t i = 0; i < old.cap; i++) {
        struct index_slot slot = old.slots[(start + i) & (old.cap - 1)];
        if (slot.id_plus_1)
            put(x, slot);
    }
    free(old.slots);
}

bool record_index_add(struct record_index *x, uint32_t hash, uint64_t id)
{
    if (id >= UINT32_MAX)
        return false;
    if (2 * x->count >= x->cap)
        grow(x);
    put(x, (struct index_slot){hash, (uint32_t)(id + 1)});
    x->count++;
    return true;
}

void record_index_release(struct record_index *x)
{
    free(x->slots);
    *x = (struct record_index){0};
}
