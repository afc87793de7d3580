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
    sign_trust_free(set->s.trust);
    if (set->release_from)
        set->release_from(set->from_arg);
    arena_release(&set->arena);
    free(set);
}

struct error *repo_check_sumdb(struct arena *a, const char *sumdb)
{
    TRY_CTX(a, relays_check(a, slice_of(sumdb)), "sumdb");
    return NULL;
}

static void copy_moves(struct source_set *set, const struct rehome_rules *moves)
{
    struct rehome_rule *list = ARENA_ARRAY(&set->arena, struct rehome_rule, moves->count);
    for (size_t i = 0; i < moves->count; i++)
        list[i] = (struct rehome_rule){arena_dup(&set->arena, moves->list[i].from),
                                       arena_dup(&set->arena, moves->list[i].to)};
    set->s.moves.list = list;
}

struct error *repo_make_sources(struct arena *a, struct repo *r, const struct repo_sources *sources,
                                struct source_set **out)
{
    struct source_set *set = xcalloc(1, sizeof(*set));
    set->refs = 1;
    set->s = *sources;
    set->s.sumdb = arena_dup(&set->arena, slice_of(sources->sumdb)).p;
    struct error *err = relays_parse(a, r, set);
    if (err) {
        err = error_wrap(a, error_dup(a, err), "sumdb");
        repo_drop_sources(set);
        return err;
    }
    set->s.private_patterns = arena_dup(&set->arena, slice_of(sources->private_patterns)).p;
    set->s.refused_patterns = arena_dup(&set->arena, slice_of(sources->refused_patterns)).p;
    copy_moves(set, &sources->moves);
    *out = set;
    return NULL;
}

void repo_take_from(struct repo *r, struct source_set *set, struct repo *from,
                    void (*release)(void *arg), void *arg)
{
    set = set ? set : r->sources;
    set->from = from;
    set->release_from = release;
    set->from_arg = arg;
}

void repo_drop_sources(struct source_set *set)
{
    set->s.fetcher = NULL; /* these are the caller's again */
    set->s.vcs = NULL;
    set->s.trust = NULL;
    sources_drop(set);
}

void repo_discard(struct source_set *set)
{
    sources_drop(set);
}

void repo_take_up(struct repo *r, struct source_set *set)
{
    pthread_mutex_lock(&r->lock);
    struct source_set *old = r->sources;
    r->sources = set;
    pthread_mutex_unlock(&r->lock);
    sources_drop(old);
}

struct error *repo_set_sources(struct arena *a, struct repo *r, const struct repo_sources *sources)
{
    struct source_set *set;
    TRY(repo_make_sources(a, r, sources, &set));
    repo_take_up(r, set);
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
    sem_destroy(&r->verify_slots);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

bool repo_is_idle(struct repo *r)
{
    return flights_are_idle(r->flights) && atomic_load(&r->jobs) == 0;
}

static struct error *refuse_foreign(struct arena *a, const struct source_set *set,
                                    struct slice path)
{
    if (path_is_private(set, path))
        return NULL;
    return error_new(a, STATUS_NOT_FOUND, "%.*s is not one of the paths of this repository (%s)",
                     SLICE_ARG(path), set->s.private_patterns);
}

struct error *refuse_misplaced(const struct repo *r, struct arena *a, const struct source_set *set,
                               const struct question *q)
{
    struct slice path = q->mv.path;
    bool is_about_module = !question_is_sumdb(q->kind) || is_hosted(r, q);
    if (path.n == 0)
        return NULL;
    if (r->o.kind != REPO_PROXY && is_about_module)
        return refuse_foreign(a, set, path);
    bool is_own = r->o.kind != REPO_PROXY && path_is_private(set, path);
    if (is_own || !module_match_prefix_patterns(slice_of(set->s.refused_patterns), path))
        return NULL;
    return error_new(a, STATUS_DENIED,
                     "%.*s belongs to another repository of this gateway (setting repositories, "
                     "owns), so no mirror and no checksum database is asked for it",
                     SLICE_ARG(path));
}

struct error *refuse_private_sum(struct arena *a, const struct source_set *set,
                                 const struct question *q)
{
    if (!question_is_sumdb(q->kind) || !path_is_private(set, q->mv.path))
        return NULL;
    return error_new(
        a, STATUS_DENIED,
        "%.*s is private here (setting 'private', or owns of a repository): no checksum "
        "database is asked for it; set GONOSUMDB for it",
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
    TRY(refuse_misplaced(r, a, set, q));
    if (is_hosted(r, q))
        return answer_hosted(r, set, a, q, out);
    TRY(refuse_private_sum(a, set, q));
    TRY(refuse_unknown_sumdb(a, set, q));
    bool is_signature = q->kind == QUESTION_SIGNATURE; /* a worker's: it may have to be made */
    if (r->o.kind == REPO_HOSTED && !question_is_sumdb(q->kind) && !is_signature)
        return answer_published(r, set, a, q, out);
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

enum flight_leg repo_first_leg(struct repo *r, const struct question *q)
{
    return first_leg(r, q);
}

struct error *repo_fetch(struct repo *r, struct ctx *cx, const struct question *q,
                         enum flight_leg *leg, struct repo_answer *out)
{
    return repo_resolve(r, cx, q, leg, out);
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
