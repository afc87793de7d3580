/*
 * The public checksum database, relayed: through the mirror's own /sumdb/ when it has one, else
 * straight. Lookups and tiles never change and are kept for ever; heads are fresh for moments. What
 * the client gets is what the database signed: it verifies for itself.
 */
#include "repo/repo_priv.h"

#include "ops/log.h"

enum { MIRROR_UNKNOWN, MIRROR_YES, MIRROR_NO };

/* "name", "name+hash+key" or "name+hash+key url": go help environment, GOSUMDB. */
static struct error *parse_one(struct arena *a, struct slice text, struct relay *out)
{
    struct slice url = slice_trim(text);
    struct slice name = slice_cut(&url, ' ');
    url = slice_trim(url);
    struct slice key = name;
    name = slice_cut(&key, '+');
    if (name.n == 0 || name.p[0] == '.' || name.p[0] == '-' || slice_find(name, '\\') >= 0)
        return error_new(a, STATUS_BAD_CONFIG, "'%.*s' is no checksum database name",
                         SLICE_ARG(text));
    out->has_own_url = url.n > 0;
    if (!out->has_own_url)
        url = arena_printf(a, "https://%.*s", SLICE_ARG(name));
    if (!slice_starts(url, S("https://")) && !slice_starts(url, S("http://")))
        return error_new(a, STATUS_BAD_CONFIG, "'%.*s' is no http or https URL", SLICE_ARG(url));
    while (slice_ends(url, S("/")))
        url.n--;
    out->name = name;
    out->url = arena_dup(a, url);
    return NULL;
}

struct error *relays_parse(struct arena *a, struct slice sumdb, struct relay **out, size_t *count)
{
    size_t n = 1;
    for (size_t i = 0; i < sumdb.n; i++)
        n += sumdb.p[i] == ',';
    *out = ARENA_ARRAY(a, struct relay, n);
    *count = 0;
    if (slice_eq(slice_trim(sumdb), S("off")))
        return NULL;
    while (sumdb.p) {
        struct slice one = slice_trim(slice_cut(&sumdb, ','));
        if (one.n)
            TRY(parse_one(a, one, &(*out)[(*count)++]));
    }
    return NULL;
}

struct relay *relay_find(const struct source_set *set, struct slice name)
{
    for (size_t i = 0; i < set->relay_count; i++) {
        if (slice_eq(set->relays[i].name, name))
            return &set->relays[i];
    }
    return NULL;
}

static struct error *ask_mirror(struct resolve *r, const struct relay *relay, struct slice rel,
                                struct fetch_answer *got)
{
    struct slice path =
        arena_printf(r->cx->arena, "sumdb/%.*s/%.*s", SLICE_ARG(relay->name), SLICE_ARG(rel));
    return fetch_small(r->set->s.fetcher, r->cx, path, SUMDB_MAX_BYTES, got);
}

/* Asks once whether the mirrors relay this database, as the go command does. */
static bool may_use_mirror(struct resolve *r, struct relay *relay)
{
    struct fetch_answer got;
    if (relay->has_own_url)
        return false;
    int known = atomic_load(&relay->may_use_mirror);
    if (known != MIRROR_UNKNOWN)
        return known == MIRROR_YES;
    struct error *err = ask_mirror(r, relay, S("supported"), &got);
    if (!err)
        atomic_store(&relay->may_use_mirror, MIRROR_YES);
    else if (status_class(err->status) == CLASS_ABSENT || err->status == STATUS_UPSTREAM_OFF)
        atomic_store(&relay->may_use_mirror, MIRROR_NO);
    return !err;
}

static struct error *ask(struct resolve *r, struct relay *relay, struct slice *body)
{
    struct fetch_answer got;
    struct arena *a = r->cx->arena;
    if (may_use_mirror(r, relay)) {
        TRY(ask_mirror(r, relay, r->q->sumdb_rel, &got));
    } else {
        struct slice url =
            arena_printf(a, "%.*s/%.*s", SLICE_ARG(relay->url), SLICE_ARG(r->q->sumdb_rel));
        TRY(fetch_url(r->set->s.fetcher, r->cx, url, SUMDB_MAX_BYTES, &got));
    }
    *body = got.body;
    return NULL;
}

/* A lookup must hold the line that was asked for; a hash tile must have its full width. */
static struct error *check_shape(struct resolve *r, struct slice body)
{
    struct arena *a = r->cx->arena;
    const struct question *q = r->q;
    struct slice line =
        arena_printf(a, "\n%.*s %.*s h1:", SLICE_ARG(q->mv.path), SLICE_ARG(q->mv.version));
    if (q->kind == QUESTION_SUM_LOOKUP && slice_find_slice(body, line) < 0)
        return error_new(a, STATUS_BAD_ANSWER, "the lookup of %.*s@%.*s in %.*s does not name it",
                         SLICE_ARG(q->mv.path), SLICE_ARG(q->mv.version), SLICE_ARG(q->sumdb));
    if (q->kind == QUESTION_SUM_TILE &&
        (body.n == 0 || (slice_find_slice(q->sumdb_rel, S("/data/")) < 0 && body.n % 32)))
        return error_new(a, STATUS_BAD_ANSWER, "%.*s of %.*s has %zu bytes",
                         SLICE_ARG(q->sumdb_rel), SLICE_ARG(q->sumdb), body.n);
    if (q->kind == QUESTION_SUM_LATEST && !slice_starts(body, S("go.sum database tree\n")))
        return error_new(a, STATUS_BAD_ANSWER, "the head of %.*s is no signed tree",
                         SLICE_ARG(q->sumdb));
    return NULL;
}

static void keep(struct resolve *r, struct slice body)
{
    struct arena *a = r->cx->arena;
    struct slice name =
        arena_printf(a, "%.*s/%.*s", SLICE_ARG(r->q->sumdb), SLICE_ARG(r->q->sumdb_rel));
    if (r->q->kind == QUESTION_SUM_LATEST) {
        keep_answer(r, 200, body);
        return;
    }
    struct error *err = store_blob_put(r->repo->o.store, a, name, body);
    if (err)
        log_error(LOG_WARN, "an answer was not kept", err,
                  (struct log_field[]){LOG_STR("key", r->q->key)}, 1);
}

/* The head that was last seen, while no newer one can be had. */
static struct error *stale_head(struct resolve *r, struct error *err)
{
    struct repo_answer last;
    if (r->q->kind != QUESTION_SUM_LATEST ||
        answer_from_store(r->repo, r->set, r->cx->arena, r->q, &last) || last.status != 200)
        return err;
    *r->out = last;
    r->out->freshness = REPO_STALE;
    return NULL;
}

struct error *resolve_sumdb(struct resolve *r)
{
    struct slice body;
    struct relay *relay = relay_find(r->set, r->q->sumdb);
    if (!relay)
        return error_new(r->cx->arena, STATUS_NOT_FOUND,
                         "the checksum database %.*s is not relayed here", SLICE_ARG(r->q->sumdb));
    struct error *err = ask(r, relay, &body);
    if (!err)
        err = check_shape(r, body);
    if (err && status_class(err->status) == CLASS_ABSENT)
        keep_answer(r, status_http(err->status), error_chain(r->cx->arena, err));
    if (err)
        return stale_head(r, err);
    keep(r, body);
    give_answer(r, body, REPO_FRESH);
    return NULL;
}
