/* A file:// upstream: a GOPROXY tree in a folder. */
#ifndef MODGATE_FETCH_TREE_H
#define MODGATE_FETCH_TREE_H

#include "base/ctx.h"
#include "fetch/sink.h"

/*
 * Copies root/rel into the sink. Statuses as of a mirror: NOT_FOUND when there is no such file,
 * UPSTREAM_DENIED when it may not be read, UPSTREAM_ERROR on trouble, TOO_LARGE. rel has been
 * checked to stay below root. [worker]
 */
struct error *tree_get(struct ctx *cx, struct slice root, struct slice rel, uint64_t max_bytes,
                       struct sink *sink) MUST_CHECK;

#endif
