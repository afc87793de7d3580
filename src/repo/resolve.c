/*
 * The worker's side of a miss: straight-line code that asks outside, checks what came, stores it,
 * and leaves the answer. One file per family of questions; here are the mutable ones, whose common
 * rule is:
 *
 * - The upstream answered: keep and give that.
 * - It says "absent": what is stored of the module is still offered; else remember the absence.
 * - It cannot be reached: give the last answer, however old; else what the store can tell.
 */
#include "repo/repo_priv.h"

#include "ops/log.h"

#include "gomod/pseudo.h"
#include "gomod/semver.h"

static struct error *ask_source(struct resolve *r, enum question_kind kind, struct slice *body)
{
    struct fetch_answer got;
    TRY(source_small(r, kind, r->q->mv, &got));
    *body = got.body;
    return NULL;
}

static struct error *fetch_list(struct resolve *r, struct slice *list)
{
    TRY(ask_source(r, QUESTION_LIST, list));
    if (!versions_is_list(*list))
        return error_new(r->cx->arena, STATUS_BAD_ANSWER,
                         "the list of %.*s from the upstream names no version",
                         SLICE_ARG(r->q->mv.path));
    *list = versions_normalise(r->cx->arena, *list);
    return NULL;
}

/* The tagged versions that are stored whole, as a list. */
static struct error *stored_list(struct resolve *r, struct slice *list)
{
    struct slice *versions;
    size_t count;
    BUF_SCOPED(b);
    TRY(store_versions(r->repo->o.store, r->cx->arena, r->q->mv.path, &versions, &count));
    for (size_t i = 0; i < count; i++) {
        buf_add(&b, versions[i]);
        buf_add_byte(&b, '\n');
    }
    *list = versions_normalise(r->cx->arena, buf_slice(&b));
    return NULL;
}

/* The .info of the version that is the latest of a list; NOT_FOUND for an empty list. */
static struct error *latest_of_list(struct resolve *r, struct slice list, struct slice *body)
{
    struct arena *a = r->cx->arena;
    size_t n = 0;
    struct slice *versions = ARENA_ARRAY(a, struct slice, list.n / 3 + 1);
    while (list.n)
        versions[n++] = slice_cut_line(&list);
    if (n == 0)
        return error_new(a, STATUS_NOT_FOUND, "there is no version of %.*s",
                         SLICE_ARG(r->q->mv.path));
    struct module_version mv = {r->q->mv.path, version_latest(versions, n)};
    return artefact_info(r, mv, body);
}

/* The list of the module: the one that is fresh here, else a new one. */
static struct error *current_list(struct resolve *r, struct slice *list)
{
    struct repo_answer known;
    struct question q = {.kind = QUESTION_LIST, .mv = {.path = r->q->mv.path}};
    TRY(module_rel(r->cx->arena, q.mv.path, "@v/list", &q.key));
    if (!answer_from_store(r->repo, r->set, r->cx->arena, &q, &known) &&
        known.freshness == REPO_FRESH && known.status == 200) {
        *list = known.body;
        return NULL;
    }
    return fetch_list(r, list);
}

static struct error *fetch_latest(struct resolve *r, struct slice *body)
{
    struct slice list, version;
    struct error *err = ask_source(r, QUESTION_LATEST, body);
    if (!err)
        return info_version(r->cx->arena, *body, &version);
    if (status_class(err->status) != CLASS_ABSENT)
        return err;
    struct error *list_err = current_list(r, &list); /* some mirrors have no @latest */
    if (list_err)
        return status_class(list_err->status) == CLASS_ABSENT ? err : list_err;
    return latest_of_list(r, list, body);
}

static struct error *fetch_query(struct resolve *r, struct slice *body)
{
    struct slice version;
    TRY(ask_source(r, QUESTION_QUERY, body));
    return info_version(r->cx->arena, *body, &version);
}

/* What the store alone can tell; an empty body when nothing. */
static struct error *from_stored_versions(struct resolve *r, struct slice *body)
{
    struct slice list = S("");
    *body = S("");
    if (r->q->kind != QUESTION_LIST && r->q->kind != QUESTION_LATEST)
        return NULL;
    TRY(stored_list(r, &list));
    if (r->q->kind == QUESTION_LIST || list.n == 0) {
        *body = list;
        return NULL;
    }
    return latest_of_list(r, list, body);
}

static struct error *fetch_mutable(struct resolve *r, struct slice *body)
{
    switch (r->q->kind) {
    case QUESTION_LIST:
        return fetch_list(r, body);
    case QUESTION_LATEST:
        return fetch_latest(r, body);
    default:
        return fetch_query(r, body);
    }
}

void keep_answer(struct resolve *r, int status, struct slice body)
{
    struct error *err = store_answer_put(r->repo->o.store, r->cx->arena,
                                         answer_key(r->cx->arena, r->set, r->q), status, body);
    if (err)
        log_error(LOG_WARN, "an answer was not kept", err,
                  (struct log_field[]){LOG_STR("key", r->q->key)}, 1);
}

void give_answer(struct resolve *r, struct slice body, enum repo_freshness freshness)
{
    answer_bytes(r->cx->arena, body, r->out);
    r->out->freshness = freshness;
    r->out->mtime_unix_s = now_unix_s();
    r->out->fresh_until_s = freshness == REPO_FRESH ? now_unix_s() + ttl_of(r->set, r->q->kind) : 0;
    answer_etag(r->cx->arena, r->out);
    if (r->q->kind == QUESTION_QUERY &&
        info_version(r->cx->arena, body, &r->out->canonical_version))
        r->out->canonical_version = S("");
}

static struct error *give_absent(struct resolve *r, struct error *err)
{
    struct slice body;
    if (!from_stored_versions(r, &body) && body.n) {
        keep_answer(r, 200, body);
        give_answer(r, body, REPO_FRESH);
        return NULL;
    }
    keep_answer(r, status_http(err->status), error_chain(r->cx->arena, err));
    return err;
}

static struct error *give_stale(struct resolve *r, struct error *err)
{
    struct slice body;
    struct arena *a = r->cx->arena;
    struct repo_answer last;
    if (!answer_from_store(r->repo, r->set, a, r->q, &last) && last.freshness != REPO_MISSING &&
        last.status == 200) {
        *r->out = last;
        r->out->freshness = REPO_STALE;
    } else if (!from_stored_versions(r, &body) && body.n) {
        give_answer(r, body, REPO_STALE);
    } else {
        return err;
    }
    log_error(LOG_WARN, "served stale: the upstream did not answer", err,
              (struct log_field[]){LOG_STR("key", r->q->key)}, 1);
    return NULL;
}

static struct error *resolve_mutable(struct resolve *r)
{
    struct slice body = S("");
    struct error *err = fetch_mutable(r, &body);
    if (err && r->wants_direct)
        return err;
    if (err && status_class(err->status) == CLASS_ABSENT)
        return give_absent(r, err);
    if (err)
        return give_stale(r, err);
    keep_answer(r, 200, body);
    give_answer(r, body, REPO_FRESH);
    return NULL;
}

/* With an old answer in hand nobody waits long for a new one. */
static int64_t time_allowed_ms(struct resolve *r)
{
    struct repo_answer last;
    if (!question_is_immutable(r->q->kind) && r->q->kind != QUESTION_SIGNATURE &&
        !answer_from_store(r->repo, r->set, r->cx->arena, r->q, &last) &&
        last.freshness != REPO_MISSING)
        return OLD_REFRESH_MS;
    return (int64_t)r->set->s.total_timeout_ms;
}

/* The question was well-formed, or it would not be here: what is malformed or too large came from
 * outside. */
static struct error *blame_upstream(struct arena *a, struct error *err)
{
    if (!err || status_class(err->status) != CLASS_INVALID || err->status == STATUS_BAD_CONFIG)
        return err;
    return error_as(a, STATUS_BAD_ANSWER, err, "what the upstream sent cannot be used");
}

struct error *repo_resolve(void *repo, struct ctx *cx, const struct question *q,
                           enum flight_leg *leg, struct repo_answer *out)
{
    struct source_set *set = sources_take(repo);
    struct resolve r = {.repo = repo, .set = set, .cx = cx, .q = q, .out = out, .leg = *leg};
    arena_on_release(cx->arena, sources_drop, set); /* what was opened of it lives in the arena */
    *out = (struct repo_answer){.fd = -1};
    cx->deadline_ms = ctx_deadline_in(cx, time_allowed_ms(&r));
    bool is_ours = is_hosted(r.repo, q);
    struct error *err = refuse_misplaced(r.repo, cx->arena, r.set, q);
    if (!err && !is_ours)
        err = refuse_private_sum(cx->arena, r.set, q);
    if (!err)
        err = ctx_check(cx);
    if (!err && is_ours)
        err = resolve_hosted(&r);
    else if (!err && question_is_sumdb(q->kind))
        err = resolve_sumdb(&r);
    else if (!err && q->kind == QUESTION_SIGNATURE)
        err = resolve_signature(&r);
    else if (!err && r.repo->o.kind == REPO_HOSTED)
        err = resolve_published(&r);
    else if (!err && question_is_immutable(q->kind))
        err = resolve_artefact(&r);
    else if (!err)
        err = resolve_mutable(&r);
    if (err && r.wants_direct)
        *leg = FLIGHT_DIRECT;
    return blame_upstream(cx->arena, err);
}
