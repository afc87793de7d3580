/*
 * Where a body goes: memory or a file, hashed as it arrives. It survives a broken transfer, so that
 * the next try can go on where the last one stopped. Used by one thread at a time.
 */
#ifndef MODGATE_FETCH_SINK_H
#define MODGATE_FETCH_SINK_H

#include "base/base.h"
#include "base/encode.h"

struct sink {
    int fd;         /* -1: memory */
    struct buf buf; /* the body, when fd is -1 */
    uint64_t size;  /* bytes so far */
    struct sha256_stream *hash;
    /* What a later try needs to go on. */
    struct buf validator; /* If-Range; empty = it cannot */
};

/* fd is -1 for memory; a file stays the caller's. */
void sink_init(struct sink *s, int fd);
void sink_release(struct sink *s);
struct error *sink_add(struct sink *s, struct arena *a, struct slice data) MUST_CHECK;
/* Forgets what came so far. */
struct error *sink_restart(struct sink *s, struct arena *a) MUST_CHECK;
/* Whether a Range request may go on from s->size. */
bool sink_can_resume(const struct sink *s);

#endif
