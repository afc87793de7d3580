/* The bytes of a log in memory, which can fail at any step and lose what was not synced. */
#ifndef MODGATE_TESTS_UNIT_SUMDB_MEMLOG_H
#define MODGATE_TESTS_UNIT_SUMDB_MEMLOG_H

#include "sumdb/log.h"

struct memlog {
    struct buf parts[LOG_PARTS], durable[LOG_PARTS];
    struct buf head;
    size_t steps;   /* writes, cuts, syncs and publications so far */
    size_t fail_at; /* from this step on everything fails; 0: nothing does */
    bool fails_once;
    size_t syncs;
};

static inline struct error *memlog_step(struct memlog *m, struct arena *a)
{
    m->steps++;
    if (!m->fail_at || m->steps < m->fail_at || (m->fails_once && m->steps > m->fail_at))
        return NULL;
    return error_new(a, STATUS_NO_SPACE, "step %zu fails", m->steps);
}

static inline struct error *memlog_read(void *arg, struct arena *a, int part, uint64_t offset,
                                        size_t n, struct slice *out)
{
    struct memlog *m = arg;
    *out = arena_dup(a, slice_head(slice_skip(buf_slice(&m->parts[part]), offset), n));
    return NULL;
}

static inline struct error *memlog_write(void *arg, struct arena *a, int part, uint64_t offset,
                                         struct slice data)
{
    struct memlog *m = arg;
    struct buf *b = &m->parts[part];
    TRY(memlog_step(m, a));
    if (offset > b->n)
        BUG("a hole in part %d", part);
    buf_reserve(b, data.n);
    memcpy(b->p + offset, data.p, data.n);
    if (offset + data.n > b->n)
        b->n = offset + data.n;
    return NULL;
}

static inline struct error *memlog_cut(void *arg, struct arena *a, int part, uint64_t size)
{
    struct memlog *m = arg;
    TRY(memlog_step(m, a));
    if (m->parts[part].n > size)
        m->parts[part].n = size;
    return NULL;
}

static inline void memlog_copy(struct buf *to, struct slice from)
{
    buf_clear(to);
    buf_add(to, from);
}

static inline struct error *memlog_sync(void *arg, struct arena *a)
{
    struct memlog *m = arg;
    TRY(memlog_step(m, a));
    m->syncs++;
    for (int part = 0; part < LOG_PARTS; part++)
        memlog_copy(&m->durable[part], buf_slice(&m->parts[part]));
    return NULL;
}

static inline struct error *memlog_read_head(void *arg, struct arena *a, struct slice *note)
{
    struct memlog *m = arg;
    *note = arena_dup(a, buf_slice(&m->head));
    return NULL;
}

static inline struct error *memlog_publish(void *arg, struct arena *a, struct slice note)
{
    struct memlog *m = arg;
    TRY(memlog_step(m, a));
    memlog_copy(&m->head, note);
    return NULL;
}

static inline struct sumdb_log_ops memlog_ops(struct memlog *m)
{
    return (struct sumdb_log_ops){
        m, memlog_read, memlog_write, memlog_cut, memlog_sync, memlog_read_head, memlog_publish,
    };
}

static inline void memlog_release(struct memlog *m)
{
    for (int part = 0; part < LOG_PARTS; part++) {
        buf_release(&m->parts[part]);
        buf_release(&m->durable[part]);
    }
    buf_release(&m->head);
}

#endif
