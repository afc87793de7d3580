/* The bounded queue between the threads that log and the one that writes: inside of ops. */
#ifndef MODGATE_OPS_LOG_RING_H
#define MODGATE_OPS_LOG_RING_H

#include "base/base.h"

struct log_ring;

/* size_bytes is a power of two. The memory is touched only as it is used. */
struct log_ring *log_ring_new(size_t size_bytes);
void log_ring_free(struct log_ring *r);
/* Puts one record in; false when there is no room. Never waits. [any] */
bool log_ring_put(struct log_ring *r, struct slice record);
/*
 * Takes whole records out, in the order in which they were put, as many as are ready and fit into
 * out; returns the bytes. Records are at most as long as out. One thread only.
 */
size_t log_ring_take(struct log_ring *r, char *out, size_t cap);
/* Bytes that are taken up, about. [any] */
size_t log_ring_used(const struct log_ring *r);
/* True when the next record is ready to be taken. The same thread. */
bool log_ring_is_ready(struct log_ring *r);

#endif
