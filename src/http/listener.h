/* Listening sockets of a server. */
#ifndef MODGATE_HTTP_LISTENER_H
#define MODGATE_HTTP_LISTENER_H

#include "http/conn.h"

/* Binds the address once for each loop. On an error listener_release() cleans up. [any] */
struct error *listener_open(struct arena *a, struct listener *l, const char *address,
                            unsigned loops) MUST_CHECK;
void listener_release(struct listener *l, unsigned loops);
/* Begins to accept on the loop. [loop, or before it runs] */
struct error *accepter_open(struct arena *a, struct accepter *acc, struct http_loop *home,
                            struct listener *l) MUST_CHECK;
/* Accepts what the kernel has answered already. [loop] */
void accepter_take_queued(struct accepter *acc);
/* Closes the socket. [loop] */
void accepter_close(struct accepter *acc);

#endif
