/* What access.c and identify.c share. */
#ifndef MODGATE_ACCESS_ACCESS_PRIV_H
#define MODGATE_ACCESS_ACCESS_PRIV_H

#include "access/rules.h"
#include "access/throttle.h"

#include <pthread.h>

enum { CACHE_SETS = 256, CACHE_WAYS = 4 };

/* What one loop uses; nobody else touches it. */
struct access_loop {
    unsigned generation; /* of which rules and tokens are */
    struct rules *rules;
    struct token_set *tokens;
    struct access_identity *anonymous;
    struct access_identity *cache[CACHE_SETS][CACHE_WAYS]; /* what was verified, newest first */
};

struct access {
    char *data_dir;
    struct lane *lane;
    unsigned loop_count;
    struct access_loop *loops;
    struct throttle *throttle;
    struct quota *quota;
    atomic_bool is_active;
    atomic_bool is_required;
    atomic_bool cancelled;
    atomic_uint generation; /* grows when rules or tokens are swapped */
    pthread_mutex_t lock;   /* of the two below, and of is_ending */
    struct rules *rules;
    struct token_set *tokens;
    pthread_cond_t ending;
    bool is_ending;
    bool has_thread;
    pthread_t thread;
};

/* Drops what the loop holds. */
void access_loop_release(struct access_loop *l);

#endif
