/*
 * Who asks, and whether they may: steps before anything is looked up. guard_enter() makes an
 * identity of the request's credentials and keeps it in the request's note; guard_may() says of
 * what is asked whether that identity may have it, and refuses if not: the same for what is there
 * and what is not, never with 404, after which the go command would ask the next proxy.
 *
 * While nobody needs to be known (access_is_active() is false) a request has no identity, and
 * everything is allowed.
 *
 *   health pages, /, /version            no credentials
 *   a module's files, lists, queries     read on its path
 *   checksum database: lookup            read on the module's path
 *     records of the whole log           read on everything: they name every module
 *     heads, tiles of hashes             read on something
 *   ?go-get=1                            read on something: it says no more than the settings do
 *   /metrics, details of /readyz         admin on everything, when reading must be allowed
 */
#include "serve/serve_priv.h"

#include "base/ctx.h"

struct guard_wait {
    struct issuer_waiter waiter;
    struct http_request *req;
    bool has_left;
};

static struct slice repository_of(const struct note *n)
{
    return n->repository.n ? n->repository : S("default");
}

/* ---- Waiting for the keys of an issuer */

static void on_keys(struct loop_task *task)
{
    struct guard_wait *w =
        (struct guard_wait *)((char *)task - offsetof(struct guard_wait, waiter.task));
    struct http_request *req = w->has_left ? NULL : w->req;
    free(w);
    if (req)
        http_request_again(req);
}

static void on_left(void *arg)
{
    ((struct guard_wait *)arg)->has_left = true;
}

/*
 * A request waits once: a key that the next fetch might bring is not worth another. One with a body
 * does not wait, because somebody must be known before the body is read.
 */
static void wait_for_keys(struct http_request *req, struct issuer *issuer)
{
    struct note *n = note_of(req);
    struct guard_wait *w = xcalloc(1, sizeof(*w));
    w->req = req;
    w->waiter.loop = http_request_loop(req);
    w->waiter.task.run = on_keys;
    bool may_wait = !n->has_waited && http_request_body_bytes(req) == 0;
    if (may_wait && http_request_park(req, on_left, w)) {
        n->has_waited = true;
        issuer_wait(issuer, &w->waiter);
    } else {
        free(w);
        respond_error(req, error_new(http_request_arena(req), STATUS_NO_KEYS,
                                     "the keys of their issuer are being fetched"));
    }
    issuer_unref(issuer);
}

/* ---- Who */

static bool admit(struct serve *s, struct http_request *req, const struct access_request *rq)
{
    struct note *n = note_of(req);
    struct arena *a = http_request_arena(req);
    n->retry_after_s = access_admit(s->o.access, a, n->identity, rq, &n->place);
    if (n->retry_after_s == 0)
        return true;
    respond_error(req, error_new(a, STATUS_TOO_MANY,
                                 "%.*s asks more than it may (access.rate, access.concurrency)",
                                 SLICE_ARG(n->identity->name)));
    return false;
}

bool guard_enter(struct serve *s, struct http_request *req)
{
    struct note *n = note_of(req);
    struct access_request rq = {
        .loop_index = http_request_loop_index(req),
        .authorization = http_request_header(req, S("authorization")),
        .certificate = http_request_certificate(req),
        .peer = http_request_peer(req),
    };
    struct access_answer answer;
    access_identify(s->o.access, http_request_arena(req), &rq, &answer);
    if (answer.wait) {
        wait_for_keys(req, answer.wait);
        return false;
    }
    n->identity = answer.who;
    n->credential_error = answer.err;
    if (answer.who)
        return admit(s, req, &rq);
    n->retry_after_s = answer.retry_after_s;
    respond_error(req, answer.err);
    return false;
}

void guard_leave(struct serve *s, struct note *n)
{
    access_leave(s->o.access, n->place);
    access_identity_unref(n->identity);
}

/* ---- What */

struct guard_need guard_need_of(const struct question *q, const struct error *err)
{
    /* What is malformed is nobody's; a version that cannot be is told of by 404, and so is
     * somebody's. */
    if (err && (status_class(err->status) != CLASS_ABSENT || q->mv.path.n == 0))
        return (struct guard_need){.kind = NEED_SOME};
    switch (q->kind) {
    case QUESTION_SUM_SUPPORTED:
    case QUESTION_SUM_LATEST:
        return (struct guard_need){.kind = NEED_SOME};
    case QUESTION_SUM_TILE:
        return (struct guard_need){.kind = q->tile.level == TILE_DATA ? NEED_ALL : NEED_SOME};
    default:
        return (struct guard_need){.kind = NEED_PATH, .path = q->mv.path};
    }
}

static bool is_allowed(const struct access_identity *who, struct slice repo,
                       const struct guard_need *need)
{
    switch (need->kind) {
    case NEED_PATH:
        return scopes_allow(&who->scopes, repo, need->path, need->action);
    case NEED_SOME:
        return scopes_allow_some(&who->scopes, repo, need->action);
    case NEED_ALL:
        return scopes_allow_all(&who->scopes, repo, need->action);
    case NEED_ADMIN: /* of the gateway itself, whose name only a glob that is all stars matches */
        return scopes_allow_all(&who->scopes, S(""), ACTION_ADMIN);
    }
    BUG("need %d", need->kind);
}

static struct slice need_text(struct arena *a, struct slice repo, const struct guard_need *need)
{
    const char *action = access_action_name(need->action);
    switch (need->kind) {
    case NEED_PATH:
        return arena_printf(a, "%s %.*s in the repository %.*s",
                            need->action == ACTION_ADMIN ? "administrate" : action,
                            SLICE_ARG(slice_head(need->path, 200)), SLICE_ARG(repo));
    case NEED_ADMIN:
        return S("administrate this gateway");
    default:
        return arena_printf(a, "%s %s in the repository %.*s", action,
                            need->kind == NEED_ALL ? "everything" : "anything", SLICE_ARG(repo));
    }
}

static struct error *refusal(struct http_request *req, const struct guard_need *need)
{
    const struct note *n = note_of(req);
    struct arena *a = http_request_arena(req);
    struct slice what = need_text(a, repository_of(n), need);
    if (n->credential_error)
        return n->credential_error;
    if (!n->identity || n->identity->is_anonymous)
        return error_new(a, STATUS_NO_CREDENTIALS, "to %.*s", SLICE_ARG(what));
    return error_new(a, STATUS_DENIED, "%.*s may not %.*s",
                     SLICE_ARG(slice_head(n->identity->name, 200)), SLICE_ARG(what));
}

bool guard_may(struct http_request *req, const struct guard_need *need)
{
    const struct note *n = note_of(req);
    bool is_open_to_all = need->kind != NEED_ADMIN && need->action == ACTION_READ;
    if (n->identity ? is_allowed(n->identity, repository_of(n), need) : is_open_to_all)
        return true;
    respond_error(req, refusal(req, need));
    return false;
}

bool guard_is_admin(struct serve *s, struct http_request *req)
{
    const struct note *n = note_of(req);
    const struct guard_need need = {.kind = NEED_ADMIN};
    return !access_is_required(s->o.access) ||
           (n->identity && is_allowed(n->identity, S(""), &need));
}
