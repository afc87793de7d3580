/*
 * The keys of TLS session tickets. Who steals a key can read what was recorded of the sessions that
 * it sealed; so a key seals for some hours only, opens for as many more, and is then overwritten.
 * (RFC 5077, 5.5; SSL_CTX_set_tlsext_ticket_key_evp_cb(3).)
 */
#ifndef MODGATE_HTTP_TICKETS_H
#define MODGATE_HTTP_TICKETS_H

#include "base/base.h"

#include <openssl/ssl.h>
#include <pthread.h>

enum { TICKET_NAME_BYTES = 16, TICKET_ROTATE_S = 4 * 3600 };

struct ticket_key {
    unsigned char name[TICKET_NAME_BYTES];
    unsigned char mac[32];
    unsigned char aes[32];
    int64_t made_s; /* on a clock that never goes back; 0 = there is none */
};

struct tickets {
    pthread_mutex_t lock;
    struct ticket_key newest;
    struct ticket_key before;
};

void tickets_init(struct tickets *t);
/* Overwrites the keys. */
void tickets_release(struct tickets *t);
/* Makes ctx seal and open its tickets with t, which outlives it. */
void tickets_attach(struct tickets *t, SSL_CTX *ctx);

/* The key to seal with at now_s, made when the newest is too old. [any] */
void tickets_seal_key(struct tickets *t, int64_t now_s, struct ticket_key *out);
/* The key of that name, if it still opens; *is_newest tells whether it seals too. [any] */
bool tickets_open_key(struct tickets *t, int64_t now_s, const unsigned char *name,
                      struct ticket_key *out, bool *is_newest);

#endif
