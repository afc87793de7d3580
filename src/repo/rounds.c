/*
 * Rounds. Each lookup brings a signed head of its own, and proving it may move the gateway's head:
 * one at a time. So whoever comes first leads a round for all who wait then: their claims are
 * proven together, with one journey for all the tiles, and one write of the head. Those who come
 * meanwhile make up the next round. A lookup thus waits for the rest of a round and for its own:
 * its cost is the lookup's journey and the round's, however many run side by side.
 *
 * A leader works for others, so it goes on when its own client has left; its time is bounded. What
 * is written on the way, tiles before the head, is described in database.c.
 */
#include "repo/rounds.h"

#include "ops/log.h"

#include <pthread.h>

enum { MAX_ROUND = 128, MAX_FETCHERS = 16, FETCHER_STACK_BYTES = 512 << 10, MAX_TRIES = 4 };

/* ---- tiles for a round ---- */

/* One tile that has to be fetched. */
struct tile_job {
    struct tile t;
    struct arena arena; /* the thread's */
    struct slice data;
    struct error *err;
};

/* Where the tiles of a round come from: what it has got already, the store, the database. */
struct tile_bag {
    struct resolve *r;
    struct relay *relay;
    struct ctx cx;
    bool ignores_store; /* because what is stored seems damaged */
    bool has_used_store;
    struct tile_job *jobs; /* what was fetched; in the round's arena */
    size_t count, cap;
};

static bool find_job(const struct tile_bag *bag, struct tile t, struct slice *data)
{
    for (size_t i = 0; i < bag->count; i++) {
        const struct tile_job *job = &bag->jobs[i];
        if (job->t.level != t.level || job->t.n != t.n || job->t.width < t.width || job->err)
            continue;
        *data = slice_head(job->data, (size_t)t.width * SHA256_BYTES);
        return true;
    }
    return false;
}

static struct error *ask_tile(struct tile_bag *bag, struct ctx *cx, struct tile t,
                              struct slice *data)
{
    size_t n = (size_t)t.width * SHA256_BYTES;
    TRY(relay_ask(bag->r, cx, bag->relay, tile_format(cx->arena, t), data));
    if (data->n != n)
        return error_new(cx->arena, STATUS_BAD_ANSWER, "%s of %.*s has %zu bytes",
                         tile_format(cx->arena, t).p, SLICE_ARG(bag->relay->db->name), data->n);
    return NULL;
}

/* A database may keep only the full tile once there is one. */
static struct error *fetch_tile(struct tile_bag *bag, struct ctx *cx, struct tile t,
                                struct slice *data)
{
    struct tile full = {t.level, t.n, TILE_WIDTH};
    struct error *err = ask_tile(bag, cx, t, data);
    if (!err || t.width == TILE_WIDTH || status_class(err->status) != CLASS_ABSENT)
        return err;
    if (ask_tile(bag, cx, full, data))
        return err;
    data->n = (size_t)t.width * SHA256_BYTES;
    return NULL;
}

/* The jobs of one read, taken by one thread after the other. */
struct tile_fetch {
    struct tile_bag *bag;
    struct tile_job *jobs;
    size_t count;
    atomic_size_t next;
};

static void *fetch_some(void *arg)
{
    struct tile_fetch *f = arg;
    for (size_t i; (i = atomic_fetch_add(&f->next, 1)) < f->count;) {
        struct tile_job *job = &f->jobs[i];
        struct ctx cx = f->bag->cx;
        cx.arena = &job->arena;
        job->err = fetch_tile(f->bag, &cx, job->t, &job->data);
    }
    return NULL;
}

/* All at once, so that they cost one journey; the calling thread is one of the fetchers. */
static void fetch_all(struct tile_bag *bag, struct tile_job *jobs, size_t count)
{
    pthread_t threads[MAX_FETCHERS];
    pthread_attr_t attr;
    size_t started = 0;
    struct tile_fetch f = {.bag = bag, .jobs = jobs, .count = count};
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, FETCHER_STACK_BYTES);
    while (started + 1 < count && started < MAX_FETCHERS &&
           pthread_create(&threads[started], &attr, fetch_some, &f) == 0)
        started++;
    pthread_attr_destroy(&attr);
    fetch_some(&f);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

static struct tile_job *add_jobs(struct tile_bag *bag, struct arena *a, size_t count)
{
    if (bag->count + count > bag->cap) {
        struct tile_job *old = bag->jobs;
        bag->cap = 2 * bag->cap + count;
        bag->jobs = ARENA_ARRAY(a, struct tile_job, bag->cap);
        if (old)
            memcpy(bag->jobs, old, bag->count * sizeof(*old));
    }
    bag->count += count;
    return &bag->jobs[bag->count - count];
}

static struct error *fetch_missing(struct tile_bag *bag, struct arena *a, const struct tile *tiles,
                                   const size_t *missing, size_t count, struct slice *data)
{
    struct error *err = NULL;
    struct tile_job *jobs = add_jobs(bag, bag->cx.arena, count);
    for (size_t i = 0; i < count; i++)
        jobs[i] = (struct tile_job){.t = tiles[missing[i]]};
    fetch_all(bag, jobs, count);
    for (size_t i = 0; i < count; i++) {
        struct tile_job *job = &jobs[i];
        if (job->err && !err)
            err = error_wrap(a, error_dup(a, job->err), "%s of %.*s", tile_format(a, job->t).p,
                             SLICE_ARG(bag->relay->db->name));
        job->data = data[missing[i]] = arena_dup(bag->cx.arena, job->data);
        arena_release(&job->arena);
        job->arena = ARENA_INIT;
    }
    return err;
}

static struct error *read_tiles(void *arg, struct arena *a, const struct tile *tiles, size_t count,
                                struct slice *data)
{
    struct tile_bag *bag = arg;
    size_t *missing = ARENA_ARRAY(a, size_t, count), missing_count = 0;
    for (size_t i = 0; i < count; i++) {
        bool found = find_job(bag, tiles[i], &data[i]);
        if (!found && !bag->ignores_store) {
            TRY(database_tile(bag->relay->db, bag->cx.arena, tiles[i], &found, &data[i]));
            bag->has_used_store = bag->has_used_store || found;
        }
        if (!found)
            missing[missing_count++] = i;
    }
    return missing_count ? fetch_missing(bag, a, tiles, missing, missing_count, data) : NULL;
}

/* A store that cannot be written keeps nobody from an answer: a later round fetches again. */
static struct error *keep_tiles(void *arg, struct arena *a, const struct tile_set *proven)
{
    struct tile_bag *bag = arg;
    for (size_t i = 0; i < proven->count; i++) {
        struct error *err = database_put_tile(bag->relay->db, &bag->cx, proven->tiles[i],
                                              proven->data[i], bag->ignores_store);
        if (err)
            log_error(LOG_WARN, "a tile was not kept", err, &LOG_STR("sumdb", bag->relay->db->name),
                      1);
        if (err)
            break;
    }
    return NULL;
}

static struct sumdb_client_ops ops_of(struct tile_bag *bag)
{
    return (struct sumdb_client_ops){bag, read_tiles, keep_tiles};
}

/* ---- one round ---- */

struct round_item {
    struct sumdb_claim *claim;
    struct arena *arena; /* of who waits: for its error */
    int64_t deadline_ms;
    struct error *err;
    bool is_done;
    struct round_item *next;
};

static bool has_mismatch(const struct sumdb_claim *claims, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (claims[i].err && claims[i].err->status == STATUS_MISMATCH)
            return true;
    }
    return false;
}

/* With what is stored first; when that does not fit, with what the database says alone. */
static struct error *prove(struct tile_bag *bag, struct sumdb_head *current,
                           struct sumdb_claim *claims, size_t count)
{
    struct sumdb_client_ops ops = ops_of(bag);
    TRY(sumdb_prove(bag->cx.arena, &ops, current, claims, count));
    if (!has_mismatch(claims, count) || !bag->has_used_store)
        return NULL;
    bag->ignores_store = true;
    struct error *err = sumdb_prove(bag->cx.arena, &ops, current, claims, count);
    bag->ignores_store = false;
    return err;
}

/* The head is only in memory while the store cannot be written: the next start has an older one. */
static void advance(struct tile_bag *bag, const struct sumdb_head *head, bool *is_overtaken)
{
    struct database *d = bag->relay->db;
    struct error *err = database_advance(d, &bag->cx, head, is_overtaken);
    if (err)
        log_error(LOG_WARN, "the head of a checksum database was not kept", err,
                  &LOG_STR("sumdb", d->name), 1);
}

static struct error *prove_and_advance(struct tile_bag *bag, struct sumdb_claim *claims,
                                       size_t count)
{
    struct database *d = bag->relay->db;
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        bool is_overtaken = false;
        struct sumdb_head current = database_head(d, bag->cx.arena);
        uint64_t size = current.tree.size;
        TRY(prove(bag, &current, claims, count));
        if (current.tree.size > size)
            advance(bag, &current, &is_overtaken);
        if (!is_overtaken)
            return NULL;
    }
    return error_new(bag->cx.arena, STATUS_OVERLOAD,
                     "other processes move the head of %.*s too fast", SLICE_ARG(d->name));
}

static void run_round(struct resolve *r, struct relay *relay, struct round_item *items)
{
    struct arena a = ARENA_INIT;
    size_t count = 0;
    struct sumdb_claim *claims = ARENA_ARRAY(&a, struct sumdb_claim, MAX_ROUND);
    struct tile_bag bag = {.r = r, .relay = relay, .cx = *r->cx};
    bag.cx.arena = &a;
    bag.cx.cancelled = &r->repo->is_cancelled;
    for (struct round_item *i = items; i; i = i->next) {
        claims[count++] = *i->claim;
        if (i->deadline_ms > bag.cx.deadline_ms)
            bag.cx.deadline_ms = i->deadline_ms;
    }
    struct error *err = prove_and_advance(&bag, claims, count);
    count = 0;
    for (struct round_item *i = items; i; i = i->next, count++) {
        struct sumdb_claim *claim = &claims[count];
        if (claim->is_fork)
            database_report_fork(relay->db, &a, claim->evidence);
        i->err = error_dup(i->arena, claim->err ? claim->err : err);
    }
    arena_release(&a);
}

/* ---- who leads ---- */

/* At most MAX_ROUND of those who wait; the rest waits on. Lock held. */
static struct round_item *take_queue(struct database *d)
{
    struct round_item *items = d->queue, **end = &items;
    for (int i = 0; i < MAX_ROUND && *end; i++)
        end = &(*end)->next;
    d->queue = *end;
    *end = NULL;
    return items;
}

/* Lock held; it is given back while the round runs. */
static void lead(struct resolve *r, struct relay *relay)
{
    struct database *d = relay->db;
    struct round_item *items = take_queue(d);
    d->has_leader = true;
    pthread_mutex_unlock(&d->lock);
    run_round(r, relay, items);
    pthread_mutex_lock(&d->lock);
    d->has_leader = false;
    for (struct round_item *next; items; items = next) {
        next = items->next; /* once it is done, it may be gone */
        items->is_done = true;
    }
    pthread_cond_broadcast(&d->changed);
}

struct error *round_prove(struct resolve *r, struct relay *relay, struct sumdb_claim *claim)
{
    struct database *d = relay->db;
    struct round_item item = {
        .claim = claim, .arena = r->cx->arena, .deadline_ms = r->cx->deadline_ms};
    pthread_mutex_lock(&d->lock);
    item.next = d->queue;
    d->queue = &item;
    while (!item.is_done) {
        if (d->has_leader)
            pthread_cond_wait(&d->changed, &d->lock);
        else
            lead(r, relay);
    }
    pthread_mutex_unlock(&d->lock);
    return item.err;
}

/* ---- tiles by themselves ---- */

/* What is stored may be damaged: once more without it. */
static struct error *prove_tile(struct resolve *r, struct relay *relay,
                                const struct sumdb_head *head, struct tile t, struct slice records,
                                struct slice *data)
{
    struct tile_bag bag = {.r = r, .relay = relay, .cx = *r->cx};
    struct sumdb_client_ops ops = ops_of(&bag);
    struct error *err;
    do {
        bag.ignores_store = bag.has_used_store;
        err = t.level == TILE_DATA ? sumdb_prove_records(r->cx->arena, &ops, head, t, records)
                                   : sumdb_prove_tile(r->cx->arena, &ops, head, t, data);
    } while (err && err->status == STATUS_MISMATCH && bag.has_used_store && !bag.ignores_store);
    return err;
}

struct error *round_prove_tile(struct resolve *r, struct relay *relay,
                               const struct sumdb_head *head, struct tile t, struct slice *data)
{
    return prove_tile(r, relay, head, t, S(""), data);
}

struct error *round_prove_records(struct resolve *r, struct relay *relay,
                                  const struct sumdb_head *head, struct tile t,
                                  struct slice records)
{
    struct slice none;
    return prove_tile(r, relay, head, t, records, &none);
}
