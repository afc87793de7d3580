/*
 * Policy on the way of a request. What a rule can tell by the name alone is refused before anything
 * is looked up or fetched. What needs facts (ages, licences), and lists, of which versions have to
 * be taken out, is judged by a worker once the answer is there; then the answer is in memory like
 * any other, and a hit costs nothing. Only rules about who asks are looked at on every hit, with
 * the facts that the entry keeps.
 *
 * A refusal is 403, never 404 or 410: the go command then asks nobody else. Licences and signatures
 * decide about the zip, without which nothing is built; ages and vulnerabilities about all that is
 * said of a version.
 */
#include "serve/serve_priv.h"

#include "base/file.h"

#include "ops/log.h"

#include <fcntl.h>
#include <unistd.h>

enum { JUDGE_MS = 60 * 1000 };

/* ---- the rules in use ---- */

struct rules {
    atomic_uint refs;
    struct arena *arena;
    const struct policy *policy;
    bool is_report;
    bool has_identities;
};

static void rules_drop(struct rules *r)
{
    if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    arena_release(r->arena);
    free(r->arena);
    free(r);
}

void rules_release(struct serve *s)
{
    rules_drop(s->rules);
    s->rules = NULL;
}

static struct rules *rules_take(struct serve *s)
{
    pthread_mutex_lock(&s->lock);
    struct rules *r = s->rules;
    if (r)
        atomic_fetch_add(&r->refs, 1);
    pthread_mutex_unlock(&s->lock);
    return r;
}

static void log_difference(const struct rules *old, const struct rules *now)
{
    struct arena a = ARENA_INIT;
    struct policy *none;
    struct policy_spec empty = {0};
    if (policy_new(&a, &empty, &none))
        BUG("no rules are no policy");
    struct slice text = policy_difference(old ? old->policy : none, now ? now->policy : none, &a);
    if (text.n)
        log_line(LOG_INFO, "policy rules changed", LOG_STR("difference", text));
    text = now ? policy_expired(now->policy, &a, now_unix_s()) : S("");
    if (text.n)
        log_line(LOG_WARN, "policy exceptions have expired and are ignored",
                 LOG_STR("exceptions", text));
    arena_release(&a);
}

void serve_set_policy(struct serve *s, struct arena *owner, const struct policy *policy,
                      bool is_report)
{
    struct rules *now = NULL;
    if (policy) {
        now = xcalloc(1, sizeof(*now));
        *now = (struct rules){1, owner, policy, is_report, policy_has_identities(policy)};
    }
    pthread_mutex_lock(&s->lock);
    struct rules *old = s->rules;
    s->rules = now;
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->has_rules, policy && !policy_is_empty(policy));
    log_difference(old, now);
    rules_drop(old);
    serve_forget(s);
}

/* ---- telling ---- */

static void report(const struct rules *r, struct http_request *req, struct slice identity,
                   struct module_version mv, const struct policy_decision *d)
{
    metric_add(r->is_report               ? METRIC_POLICY_REPORTED
               : d->action == POLICY_HOLD ? METRIC_POLICY_HELD
                                          : METRIC_POLICY_DENIED,
               1);
    log_line(LOG_WARN, r->is_report ? "policy would refuse" : "policy refused",
             LOG_STR("rule", d->rule), LOG_STR("origin", d->origin),
             LOG_STR("action", d->action == POLICY_HOLD ? S("hold") : S("deny")),
             LOG_STR("module", mv.path), LOG_STR("version", mv.version), LOG_STR("why", d->why),
             LOG_STR("identity", identity), LOG_STR("id", http_request_id(req)));
}

/* True when the request was answered with the refusal. */
static bool refuse(const struct rules *r, struct http_request *req, struct slice identity,
                   struct module_version mv, const struct policy_decision *d)
{
    report(r, req, identity, mv, d);
    if (!r->is_report)
        respond_denial(req, mv, d);
    return !r->is_report;
}

static struct policy_subject subject_of(struct slice repository, struct slice identity,
                                        struct module_version mv)
{
    return (struct policy_subject){mv, repository, identity, now_unix_s()};
}

static struct slice identity_of(struct http_request *req)
{
    const struct note *n = note_of(req);
    return n->identity ? n->identity->name : S("anonymous");
}

static struct slice repository_of(struct http_request *req)
{
    const struct note *n = note_of(req);
    return n->repository.n ? n->repository : S("default");
}

/* What the rules are asked about: a list and a name that is no version have none yet. */
static struct module_version version_of(const struct question *q)
{
    struct module_version mv = q->mv;
    if (q->kind == QUESTION_QUERY)
        mv.version = S("");
    return mv;
}

/* ---- by the name ---- */

bool verdict_refuses(struct serve *s, struct http_request *req, const struct question *q)
{
    struct policy_decision d;
    struct rules *r = q->mv.path.n ? rules_take(s) : NULL;
    if (!r)
        return false;
    struct slice identity = identity_of(req);
    struct policy_subject subject = subject_of(repository_of(req), identity, version_of(q));
    policy_decide(r->policy, http_request_arena(req), &subject, NULL, &d);
    bool is_answered = d.verdict == POLICY_REFUSE && refuse(r, req, identity, subject.mv, &d);
    if (d.good_until_unix_s != INT64_MAX)
        note_of(req)->allowed_until_s = d.good_until_unix_s;
    rules_drop(r);
    return is_answered;
}

/* Whether facts, or versions of a list, have to be looked at by a worker. */
static bool wants_look(enum question_kind kind, struct module_version mv,
                       const struct policy_decision *d)
{
    const unsigned all = POLICY_FACT_AGE | POLICY_FACT_LICENCES | POLICY_FACT_SIGNERS;
    if (d->verdict != POLICY_UNDECIDED)
        return false;
    return mv.version.n == 0 || d->needs & (kind == QUESTION_ZIP ? all : (unsigned)POLICY_FACT_AGE);
}

enum hit_verdict verdict_of_hit(struct serve *s, struct http_request *req, const struct entry *e)
{
    struct policy_decision d;
    struct rules *r = e->mv.path.n ? rules_take(s) : NULL;
    if (!r)
        return HIT_GIVE;
    enum hit_verdict out = HIT_GIVE;
    struct slice identity = identity_of(req);
    struct policy_subject subject = subject_of(repository_of(req), identity, e->mv);
    policy_decide(r->policy, http_request_arena(req), &subject, &e->facts, &d);
    if (d.verdict == POLICY_REFUSE && refuse(r, req, identity, e->mv, &d))
        out = HIT_ANSWERED;
    else if (wants_look(e->kind, e->mv, &d))
        out = HIT_LOOK;
    rules_drop(r);
    return out;
}

/* ---- by facts: what a worker does ---- */

static struct error *ask_repo(void *arg, struct ctx *cx, const struct question *q,
                              struct repo_answer *out)
{
    struct judging *j = arg;
    if (j->may_fetch)
        return mount_get(j->e.mount, cx, q, out);
    TRY(mount_lookup(j->e.mount, cx->arena, q, out));
    if (out->freshness != REPO_MISSING)
        return NULL;
    return error_new(cx->arena, STATUS_NOT_STORED, "%.*s is not stored here", SLICE_ARG(q->key));
}

struct facts_source judge_source(struct judging *j)
{
    return (struct facts_source){j->serve->o.store, ask_repo, j};
}

bool judge_needs_age(const struct judging *j, struct module_version mv)
{
    struct policy_subject subject = subject_of(j->repository, j->identity, mv);
    return policy_needs(j->rules->policy, &subject) & POLICY_FACT_AGE;
}

/* Decides with j->facts; a version that is refused is noted. */
static bool decide(struct judging *j, struct module_version mv)
{
    struct policy_decision d;
    struct policy_subject subject = subject_of(j->repository, j->identity, mv);
    policy_decide(j->rules->policy, &j->arena, &subject, &j->facts, &d);
    if (d.good_until_unix_s != INT64_MAX &&
        (!j->allowed_until_s || d.good_until_unix_s < j->allowed_until_s))
        j->allowed_until_s = d.good_until_unix_s;
    if (d.verdict != POLICY_REFUSE)
        return true;
    j->decision = d;
    j->refused = mv;
    return false;
}

bool judge_since(struct judging *j, struct module_version mv, int64_t since_unix_s)
{
    j->facts = (struct policy_facts){.known = POLICY_FACT_AGE, .since_unix_s = since_unix_s};
    return decide(j, mv);
}

static struct error *find_age(struct judging *j, struct module_version mv)
{
    struct facts_source src = judge_source(j);
    if (!judge_needs_age(j, mv))
        return NULL;
    j->facts.known |= POLICY_FACT_AGE;
    return facts_since(&src, &j->cx, mv.path, slice_make(NULL, 0), &mv.version, 1,
                       &j->facts.since_unix_s);
}

struct error *judge_version(struct judging *j, struct module_version mv, bool *is_given)
{
    j->facts = (struct policy_facts){0};
    TRY(find_age(j, mv));
    *is_given = decide(j, mv);
    return NULL;
}

static struct error *find_signers(struct judging *j)
{
    struct signed_zip zip = {.fd = j->answer.fd, .h1 = j->answer.etag};
    TRY(mount_signers(j->e.mount, &j->cx, j->q.mv, &zip));
    j->facts.known |= POLICY_FACT_SIGNERS;
    j->facts.signers = zip.signers;
    j->facts.signer_count = zip.signer_count;
    return NULL;
}

static struct error *judge_zip(struct judging *j)
{
    bool known;
    struct facts_source src = judge_source(j);
    struct licences *ls = ARENA_NEW(&j->arena, struct licences);
    struct policy_subject subject = subject_of(j->repository, j->identity, j->q.mv);
    TRY(find_age(j, j->q.mv));
    if (policy_needs(j->rules->policy, &subject) & POLICY_FACT_LICENCES) {
        TRY(facts_licences(&src, &j->cx, j->q.mv, j->answer.fd, j->answer.etag, &known, ls));
        j->facts.known |= POLICY_FACT_LICENCES;
        j->facts.licences = ls->ids;
        j->facts.licence_count = ls->count;
    }
    if (policy_needs(j->rules->policy, &subject) & POLICY_FACT_SIGNERS)
        TRY(find_signers(j));
    j->is_refused = !decide(j, j->q.mv);
    return NULL;
}

static struct error *judge_query(struct judging *j)
{
    bool is_given;
    struct module_version mv = {j->q.mv.path, S("")};
    TRY(facts_info_version(&j->arena, j->answer.body, &mv.version));
    TRY(judge_version(j, mv, &is_given));
    j->is_refused = !is_given;
    return NULL;
}

static struct error *judge(struct judging *j)
{
    bool is_given = true;
    switch (j->q.kind) {
    case QUESTION_LIST:
        return judge_list(j);
    case QUESTION_LATEST:
        return judge_latest(j);
    case QUESTION_QUERY:
        return judge_query(j);
    case QUESTION_ZIP:
        return judge_zip(j);
    default:
        TRY(judge_version(j, j->q.mv, &is_given));
        j->is_refused = !is_given;
        return NULL;
    }
}

/* ---- by facts: how a worker gets there and back ---- */

static void free_judging(struct judging *j)
{
    fd_cleanup(&j->answer.fd);
    rules_drop(j->rules);
    mount_table_drop(j->e.mounts);
    arena_release(&j->arena);
    free(j);
}

static void give_judged(struct judging *j)
{
    struct note *n = note_of(j->req);
    if (j->allowed_until_s && (!n->allowed_until_s || j->allowed_until_s < n->allowed_until_s))
        n->allowed_until_s = j->allowed_until_s;
    bool has_identities = j->rules->has_identities, is_fixed = question_is_immutable(j->q.kind);
    give_now(j->serve, j->req,
             &(struct gift){
                 .e = &j->e,
                 .q = &j->q,
                 .answer = &j->answer,
                 .generation = j->generation,
                 .cache_status = j->cache_status,
                 .facts = has_identities ? &j->facts : NULL,
                 .mv = j->q.mv,
                 .is_for_one = has_identities && !is_fixed,
             });
}

static void on_judged(struct loop_task *task)
{
    struct judging *j = (struct judging *)((char *)task - offsetof(struct judging, task));
    if (atomic_load(&j->has_left)) {
        free_judging(j);
        return;
    }
    if (j->err)
        respond_error(j->req, j->err);
    else if (!j->is_refused || !refuse(j->rules, j->req, j->identity, j->refused, &j->decision))
        give_judged(j);
    free_judging(j);
}

static void run_judging(struct job *job)
{
    struct judging *j = (struct judging *)job;
    j->cx = (struct ctx){
        .arena = &j->arena, .deadline_ms = now_ms() + JUDGE_MS, .cancelled = &j->has_left};
    j->err = judge(j);
    loop_post(j->loop, &j->task);
}

static void leave_judging(void *arg)
{
    atomic_store(&((struct judging *)arg)->has_left, true);
}

/* Copies the answer: what it lies in is gone when its giver returns. */
static bool keep_answer_of(struct judging *j, const struct repo_answer *answer)
{
    j->answer = *answer;
    j->answer.fd = answer->fd < 0 ? -1 : fcntl(answer->fd, F_DUPFD_CLOEXEC, 3);
    j->answer.body = arena_dup(&j->arena, answer->body);
    j->answer.etag = arena_dup(&j->arena, answer->etag);
    j->answer.canonical_version = arena_dup(&j->arena, answer->canonical_version);
    return answer->fd < 0 || j->answer.fd >= 0;
}

static struct judging *judging_new(struct serve *s, struct http_request *req, struct rules *r,
                                   const struct gift *g)
{
    struct judging *j = xcalloc(1, sizeof(*j));
    j->job.run = run_judging;
    j->task.run = on_judged;
    j->serve = s;
    j->req = req;
    j->loop = http_request_loop(req);
    j->rules = r;
    j->identity = arena_dup(&j->arena, identity_of(req));
    j->repository = arena_dup(&j->arena, repository_of(req));
    j->generation = g->generation;
    j->cache_status = g->cache_status;
    j->may_fetch = !forbids_fetch(req);
    j->is_report = r->is_report;
    j->e = *g->e;
    mount_table_ref(j->e.mounts);
    question_copy(&j->arena, g->q, &j->q);
    if (keep_answer_of(j, g->answer))
        return j;
    free_judging(j);
    return NULL;
}

/* Whether a worker has to look: at lists of which rules refuse some versions, and for facts. */
static bool is_open(const struct rules *r, struct http_request *req, const struct gift *g)
{
    struct policy_decision d;
    const struct question *q = g->q;
    struct policy_subject subject = subject_of(repository_of(req), identity_of(req), version_of(q));
    if (g->answer->status != 200 || q->mv.path.n == 0)
        return false;
    policy_decide(r->policy, http_request_arena(req), &subject, NULL, &d);
    return wants_look(q->kind, subject.mv, &d);
}

static void answer_overload(struct http_request *req)
{
    respond_error(req, error_new(http_request_arena(req), STATUS_OVERLOAD,
                                 "too many requests wait for a decision by policy rules"));
}

bool verdict_takes_over(struct serve *s, struct http_request *req, const struct gift *g)
{
    struct rules *r = rules_take(s);
    if (!r)
        return false;
    if (!is_open(r, req, g)) {
        struct policy_facts nothing = {0};
        struct gift own = *g;
        own.mv = version_of(g->q);
        own.facts = r->has_identities && own.mv.path.n ? &nothing : NULL;
        give_now(s, req, &own);
        rules_drop(r);
        return true;
    }
    struct judging *j = judging_new(s, req, r, g);
    if (!j || !http_request_park(req, leave_judging, j)) {
        if (j)
            free_judging(j);
        answer_overload(req);
        return true;
    }
    if (!lane_submit(mount_lane(j->e.mount, &j->q), &j->job, LANE_INTERACTIVE)) {
        free_judging(j);
        answer_overload(req);
    }
    return true;
}
