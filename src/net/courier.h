/*
 * The courier: one thread that drives all transfers of a client in one libcurl multi handle, so
 * that they share connections.
 */
#ifndef MODGATE_NET_COURIER_H
#define MODGATE_NET_COURIER_H

#include "net/transfer.h"

struct courier;

/* Starts the thread. [any] */
struct courier *courier_new(void);
/* Ends it; no transfer may be under way. [any] */
void courier_free(struct courier *c);
/* Runs an opened transfer and returns when it is over: t->code and t->err tell how. [worker] */
void courier_run(struct courier *c, struct transfer *t);

#endif
