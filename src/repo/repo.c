/*
 * The repository's face: sources that a reload can swap, lookups for the loops, flights for what is
 * missing, and eviction when the store has grown beyond its size.
 */
#include "repo/repo_priv.h"

#include "ops/log.h"
#include "ops/metrics.h"

#include "gomod/module.h"

struct source_set *sources_take(struct repo *r)
{
    pthread_mutex_lock(&r->lock);
    struct source_set *set = r->sources;
    atomic_fetch_add(&set->refs, 1);
    pthread_mutex_unlock(&r->lock);
    return set;
}

void sources_drop(void *arg)
{
    struct source_set *set = arg;
    if (!set || atomic_fetch_sub(&set->refs, 1) != 1)
        return;
    fetcher_free(set->s.fetcher);
    vcs_free(set->s.vcs);
    arena_release(&set->arena);
    free(set);
}

struct error *repo_check_sumdb(struct arena *a, const char *sumdb)
{
    TRY_CTX(a, relays_check(a, slice_of(sumdb)), "sumdb");
    return NULL;
}

struct error *repo_set_sources(struct arena *a, struct repo *r, const struct repo_sources *sources)
{
    struct source_set *set = xcalloc(1, sizeof(*set));
    set->refs = 1;
    set->s = *sources;
    set->s.sumdb = arena_dup(&set->arena, slice_of(sources->sumdb)).p;
    struct error *err = relays_parse(a, r, set);
    if (err) {
        set->s.fetcher = NULL; /* both are the caller's again */
        set->s.vcs = NULL;
        sources_drop(set);
        return error_wrap(a, err, "sumdb");
    }
    set->s.private_patterns = arena_dup(&set->arena, slice_of(sources->private_patterns)).p;
    pthread_mutex_lock(&r->lock);
    struct source_set *old = r->sources;
    r->sources = set;
    pthread_mutex_unlock(&r->lock);
    sources_drop(old);
    return NULL;
}

/*
 * The go command that asks for the .info of a version asks for its .mod next (go mod download, go
 * get). Its fetch, and the way to the checksum database, are over by then.
 */
static bool mod_is_next(void *repo, struct arena *a, const struct question *q,
                        struct question *next)
{
    if (q->kind != QUESTION_INFO)
        return false;
    struct slice stem = slice_head(q->key, q->key.n - strlen("info"));
    *next = *q;
    next->kind = QUESTION_MOD;
    next->key = arena_printf(a, "%.*smod", SLICE_ARG(stem));
    return true;
}

struct error *repo_new(struct arena *a, const struct repo_options *o,
                       const struct repo_sources *sources, struct repo **out)
{
    struct repo *r = xcalloc(1, sizeof(*r));
    r->o = *o;
    pthread_mutex_init(&r->lock, NULL);
    sem_init(&r->verify_slots, 0, usable_cores());
    r->flights = flights_new(&(struct flights_options){
        .lanes = {[FLIGHT_UPSTREAM] = o->upstream_lane, [FLIGHT_DIRECT] = o->vcs_lane},
        .choose = first_leg,
        .work = repo_resolve,
        .next = mod_is_next,
        .arg = r,
    });
    struct error *err = repo_set_sources(a, r, sources);
    if (err) {
        repo_free(r);
        return err;
    }
    *out = r;
    atomic_store(&r->has_doubts, true); /* of an earlier run, perhaps */
    recheck_in_background(r);
    return NULL;
}

void repo_on_forget(struct repo *r, void (*fn)(void *arg), void *arg)
{
    r->forget_arg = arg;
    r->on_forget = fn;
}

void repo_cancel(struct repo *r)
{
    atomic_store(&r->is_cancelled, true);
    flights_cancel(r->flights);
}

void repo_free(struct repo *r)
{
    if (!r)
        return;
    flights_free(r->flights);
    sources_drop(r->sources);
    for (struct database *next; r->databases; r->databases = next) {
        next = r->databases->next;
        database_free(r->databases);
    }
    sem_destroy(&r->verify_slots);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

struct error *refuse_private_sum(struct arena *a, const struct source_set *set,
                                 const struct question *q)
{
    if (!question_is_sumdb(q->kind) || !path_is_private(set, q->mv.path))
        return NULL;
    return error_new(a, STATUS_DENIED,
                     "%.*s is private here (setting 'private'): no checksum database is asked for "
                     "it; set GONOSUMDB for it",
                     SLICE_ARG(q->mv.path));
}

static struct error *refuse_unknown_sumdb(struct arena *a, const struct source_set *set,
                                          const struct question *q)
{
    if (!question_is_sumdb(q->kind) || (!q->is_tlog_tiles && relay_find(set, q->sumdb)))
        return NULL;
    return error_new(a, STATUS_NOT_FOUND, "the checksum database %.*s is not relayed here",
                     SLICE_ARG(q->sumdb));
}

static struct error *lookup(struct repo *r, const struct source_set *set, struct arena *a,
                            const struct question *q, struct repo_answer *out)
{
    if (is_hosted(r, q))
        return answer_hosted(r, set, a, q, out);
    TRY(refuse_private_sum(a, set, q));
    TRY(refuse_unknown_sumdb(a, set, q));
    return answer_from_store(r, set, a, q, out);
}

struct error *repo_lookup(struct repo *r, struct arena *a, const struct question *q,
                          struct repo_answer *out)
{
    struct source_set *set = sources_take(r);
    struct error *err = lookup(r, set, a, q, out);
    sources_drop(set);
    return err;
}

bool repo_join(struct repo *r, const struct question *q, struct flight_waiter *w)
{
    return flights_join(r->flights, q, w);
}

void repo_refresh(struct repo *r, const struct question *q)
{
    flights_refresh(r->flights, q);
}

struct error *repo_get(struct repo *r, struct ctx *cx, const struct question *q,
                       struct repo_answer *out)
{
    TRY(repo_lookup(r, cx->arena, q, out));
    if (out->freshness == REPO_FRESH && out->status == 200)
        return NULL;
    enum flight_leg leg = first_leg(r, q), next = leg;
    struct error *err = repo_resolve(r, cx, q, &next, out);
    return next == leg ? err : repo_resolve(r, cx, q, &next, out);
}

struct lane *repo_lane(struct repo *r, const struct question *q)
{
    return first_leg(r, q) == FLIGHT_DIRECT ? r->o.vcs_lane : r->o.upstream_lane;
}

void repo_upstream_stats(struct repo *r, struct arena *a, struct fetch_upstream_stats **rows,
                         size_t *count)
{
    struct source_set *set = sources_take(r);
    arena_on_release(a, sources_drop, set); /* the rows' names live in the fetcher */
    fetcher_stats(set->s.fetcher, a, rows, count);
}

void repo_sumdb_stats(struct repo *r, struct arena *a, struct repo_sumdb_stats **rows,
                      size_t *count)
{
    struct source_set *set = sources_take(r);
    *count = set->relay_count;
    *rows = ARENA_ARRAY(a, struct repo_sumdb_stats, *count);
    for (size_t i = 0; i < *count; i++) {
        struct database *d = set->relays[i].db;
        pthread_mutex_lock(&d->lock);
        (*rows)[i] = (struct repo_sumdb_stats){
            .name = arena_dup(a, d->name),
            .size = d->tree.size,
            .evidence = arena_dup(a, slice_of(d->fork)),
            .behind = d->behind,
        };
        pthread_mutex_unlock(&d->lock);
    }
    sources_drop(set);
}
