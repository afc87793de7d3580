/*
 * A ring of bytes for many writers and one reader, without a lock: a thread that logs is never held
 * up by another one that was put to sleep in the middle of it.
 *
 * A record is a 64-bit head and its bytes, rounded up to 8. A writer claims its place by moving
 * `claimed`, copies the bytes and then stores the head, which is the length plus one: from then on
 * the record is there. A place that was claimed but is not filled yet has the head 0, and the
 * reader stops before it. What holds that together: all of the ring that is not claimed is zero.
 * The reader makes it so before it moves `taken`, and writers claim only what lies before
 * `taken` + size. Both counters only grow; a place in the ring is a counter modulo the size.
 */
#include "ops/log_ring.h"

#include <stdatomic.h>

enum { HEAD_BYTES = 8 };

struct log_ring {
    _Alignas(64) _Atomic uint64_t claimed;
    _Alignas(64) _Atomic uint64_t taken;
    uint64_t size;
    char *bytes;
};

struct log_ring *log_ring_new(size_t size_bytes)
{
    if (size_bytes < 64 || (size_bytes & (size_bytes - 1)))
        BUG("a ring of %zu bytes", size_bytes);
    struct log_ring *r = aligned_alloc(64, sizeof(*r));
    if (!r)
        BUG("out of memory");
    *r = (struct log_ring){.size = size_bytes, .bytes = xcalloc(size_bytes, 1)};
    return r;
}

void log_ring_free(struct log_ring *r)
{
    if (!r)
        return;
    free(r->bytes);
    free(r);
}

static uint64_t record_size(size_t n)
{
    return HEAD_BYTES + ((n + 7) & ~(uint64_t)7);
}

static _Atomic uint64_t *head_at(struct log_ring *r, uint64_t position)
{
    return (_Atomic uint64_t *)(void *)(r->bytes + (position & (r->size - 1)));
}

/*
 * `taken` is read before `claimed`: who sees a record taken also sees its claim, so the difference
 * is never negative.
 */
static bool claim(struct log_ring *r, uint64_t need, uint64_t *place)
{
    for (;;) {
        uint64_t taken = atomic_load_explicit(&r->taken, memory_order_acquire);
        uint64_t at = atomic_load_explicit(&r->claimed, memory_order_relaxed);
        if (at - taken + need > r->size)
            return false;
        *place = at;
        if (atomic_compare_exchange_weak_explicit(&r->claimed, &at, at + need, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    }
}

bool log_ring_put(struct log_ring *r, struct slice record)
{
    uint64_t place;
    if (!claim(r, record_size(record.n), &place))
        return false;
    uint64_t start = (place + HEAD_BYTES) & (r->size - 1);
    uint64_t first = r->size - start < record.n ? r->size - start : record.n;
    memcpy(r->bytes + start, record.p, first);
    memcpy(r->bytes, record.p + first, record.n - first);
    /* Sequentially consistent, so that the caller may look afterwards whether the reader sleeps. */
    atomic_store(head_at(r, place), record.n + 1);
    return true;
}

/* Makes the range zero again, for the writers of the next lap. */
static void wipe(struct log_ring *r, uint64_t from, uint64_t n)
{
    uint64_t start = from & (r->size - 1);
    uint64_t first = r->size - start < n ? r->size - start : n;
    memset(r->bytes + start, 0, first);
    memset(r->bytes, 0, n - first);
}

static void copy_out(const struct log_ring *r, uint64_t from, char *out, size_t n)
{
    uint64_t start = from & (r->size - 1);
    uint64_t first = r->size - start < n ? r->size - start : n;
    memcpy(out, r->bytes + start, first);
    memcpy(out + first, r->bytes, n - first);
}

size_t log_ring_take(struct log_ring *r, char *out, size_t cap)
{
    uint64_t start = atomic_load_explicit(&r->taken, memory_order_relaxed);
    uint64_t at = start;
    size_t used = 0;
    while (at - start < r->size) {
        uint64_t head = atomic_load_explicit(head_at(r, at), memory_order_acquire);
        if (head == 0 || head - 1 > cap - used)
            break;
        size_t n = (size_t)(head - 1);
        copy_out(r, at + HEAD_BYTES, out + used, n);
        used += n;
        at += record_size(n);
    }
    wipe(r, start, at - start);
    atomic_store_explicit(&r->taken, at, memory_order_release);
    return used;
}

bool log_ring_is_ready(struct log_ring *r)
{
    return atomic_load(head_at(r, atomic_load(&r->taken))) != 0;
}

size_t log_ring_used(const struct log_ring *r)
{
    uint64_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);
    return (size_t)(atomic_load_explicit(&r->claimed, memory_order_relaxed) - taken);
}
