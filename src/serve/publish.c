/*
 * PUT and DELETE of /<mount>/<module>/@v/<version>.zip: publishing and withdrawing.
 *
 * A PUT is judged by its header first (who, where, which version), so that most refusals cost the
 * client no upload; then its body goes to a file (upload.h), and a job verifies and stores it. The
 * answer comes when the version is durable: two lines for a go.sum.
 *
 * Both need somebody who is allowed to: a gateway without tokens publishes nothing, though
 * everybody may read.
 */
#include "serve/serve_priv.h"
#include "serve/upload.h"

#include "base/encode.h"

#include "repo/publish.h"

enum { REASON_MAX_BYTES = 300 };

/* ---- which version, and where ---- */

struct target {
    struct mount_table *mounts; /* the desk's */
    struct repository where;
    struct module_version mv;
};

static struct error *find_repository(struct arena *a, const struct mount *m, struct target *t)
{
    struct slice name = mount_name(m);
    for (size_t i = 0; repository_at(t->mounts, i, &t->where); i++) {
        if (slice_eq(t->where.name, name) && t->where.kind == REPO_HOSTED)
            return NULL;
    }
    return error_new(a, STATUS_METHOD_NOT_ALLOWED,
                     "%.*s is no hosted repository: only those are published to, below their own "
                     "mount",
                     SLICE_ARG(name.n ? name : S("this")));
}

static struct error *check_question(struct arena *a, const struct question *q, struct error *err)
{
    if (err && err->status == STATUS_NOT_FOUND)
        return error_as(a, STATUS_BAD_VERSION, err, "nothing can be published as that");
    if (err || q->kind == QUESTION_ZIP)
        return err;
    return error_new(a, STATUS_METHOD_NOT_ALLOWED,
                     "a version is published and withdrawn by its zip, …/@v/v1.2.3.zip");
}

/*
 * Finds the target. False: it was answered. Who asks must be found out even while reading is open
 * to all and nobody needs to be known; and whether he may comes before what is wrong with it.
 */
static bool is_admitted(struct serve *s, struct http_request *req, enum access_action action,
                        struct target *t)
{
    struct slice rest;
    struct question q = {0};
    struct arena *a = http_request_arena(req);
    struct note *n = note_of(req);
    n->route = ROUTE_PUBLISH;
    t->mounts = desk_of(s, req)->mounts;
    const struct mount *m = mount_route(t->mounts, http_request_path(req), &rest);
    n->repository = arena_dup(a, mount_name(m));
    struct error *misplaced = find_repository(a, m, t);
    if (misplaced && !access_is_active(s->o.access)) {
        respond_error(req, misplaced); /* no secret where everybody may read */
        return false;
    }
    if (!n->identity && !guard_enter(s, req))
        return false;
    struct error *err = question_parse(a, rest, &q);
    struct guard_need need = guard_need_of(&q, err);
    need.action = action;
    if (!guard_may(req, &need))
        return false;
    err = check_question(a, &q, err);
    if (!err)
        err = misplaced;
    if (err)
        respond_error(req, err);
    t->mv = q.mv;
    return !err;
}

/* ---- PUT ---- */

struct publishing {
    struct upload upload; /* first */
    struct serve *serve;
    struct mount_table *mounts; /* keeps the repository */
    struct repo *repo;
    struct repo_publication what;
    struct repo_published result;
    struct audit_record record;
};

static struct error *finish(struct upload *u, struct ctx *cx)
{
    struct publishing *p = (struct publishing *)u;
    if (!audit_admits())
        return error_new(cx->arena, STATUS_AUDIT_DOWN,
                         "nothing is published that cannot be recorded");
    p->what.stage = u->stage;
    struct error *err = repo_publish(p->repo, cx, &p->what, &p->result);
    p->record.h1 = p->result.h1;
    p->record.outcome = p->result.is_new ? S("published") : S("published-before");
    return audit_change(cx->arena, &p->record, err);
}

static void respond_published(struct publishing *p)
{
    struct http_request *req = p->upload.req;
    struct arena *a = http_request_arena(req);
    const struct repo_published *r = &p->result;
    struct module_version mv = p->what.mv;
    struct slice text = arena_printf(
        a, "%.*s %.*s %.*s\n%.*s %.*s/go.mod %.*s\n", SLICE_ARG(mv.path), SLICE_ARG(mv.version),
        SLICE_ARG(r->h1), SLICE_ARG(mv.path), SLICE_ARG(mv.version), SLICE_ARG(r->mod_h1));
    const struct http_header headers[] = {
        {S("content-type"), S("text/plain; charset=utf-8")},
        {S("cache-control"), S("no-store")},
        {S("etag"), arena_printf(a, "\"%.*s\"", SLICE_ARG(r->h1))},
        {S("location"), http_request_path(req)},
    };
    http_respond(req, r->is_new ? 201 : 200, headers, ARRAY_LEN(headers),
                 (struct http_body){.kind = HTTP_BODY_BYTES, .bytes = text});
}

static void answer(struct upload *u)
{
    if (u->err)
        respond_error(u->req, u->err);
    else
        respond_published((struct publishing *)u);
}

static void release(struct upload *u)
{
    struct publishing *p = (struct publishing *)u;
    atomic_fetch_sub(&p->serve->uploads, 1);
    mount_table_drop(p->mounts);
    free(p);
}

static struct error *check_size(struct serve *s, struct http_request *req)
{
    uint64_t n = http_request_body_bytes(req), max = atomic_load(&s->publish_max_bytes);
    struct arena *a = http_request_arena(req);
    if (n == 0)
        return error_new(a, STATUS_BAD_REQUEST, "the body is the module's zip, and there is none");
    if (n == UINT64_MAX || n <= max)
        return NULL;
    return error_new(a, STATUS_TOO_LARGE,
                     "the zip has %" PRIu64 " bytes, at most %" PRIu64
                     " may be published here (setting publish.max_size)",
                     n, max);
}

static struct publishing *publishing_new(struct serve *s, struct http_request *req,
                                         const struct target *t)
{
    struct publishing *p = xcalloc(1, sizeof(*p));
    struct arena *a = &p->upload.arena;
    p->upload.req = req;
    p->upload.lane = s->o.publish_lane;
    p->upload.store = t->where.store;
    p->upload.finish = finish;
    p->upload.answer = answer;
    p->upload.release = release;
    p->serve = s;
    p->mounts = mount_table_ref(t->mounts);
    p->repo = t->where.repo;
    p->what.mv.path = arena_dup(a, t->mv.path);
    p->what.mv.version = arena_dup(a, t->mv.version);
    p->what.publisher = arena_dup(a, note_of(req)->identity->name);
    note_of(req)->mv = t->mv;
    p->record = audit_caller(req, a);
    p->what.h1 = arena_dup(a, http_request_header(req, S("x-modgate-h1")));
    p->what.signature = arena_dup(a, http_request_header(req, S("x-modgate-signature")));
    return p;
}

static void publishing_drop(struct publishing *p)
{
    mount_table_drop(p->mounts);
    arena_release(&p->upload.arena);
    free(p);
}

static struct error *begin(struct serve *s, struct http_request *req, const struct target *t)
{
    struct arena *a = http_request_arena(req);
    TRY(check_size(s, req));
    struct publishing *p = publishing_new(s, req, t);
    struct error *err =
        claims_parse(&p->upload.arena, http_request_header(req, S("x-modgate-time")),
                     http_request_header(req, S("x-modgate-origin")), now_unix_s(), &p->what);
    if (!err)
        err = repo_may_publish(p->repo, a, t->mv, p->what.h1);
    if (!err && atomic_fetch_add(&s->uploads, 1) >= s->o.max_uploads) {
        atomic_fetch_sub(&s->uploads, 1);
        err = error_new(a, STATUS_OVERLOAD, "too many uploads are under way (publish.uploads)");
    }
    if (!err) {
        upload_start(&p->upload, atomic_load(&s->publish_max_bytes));
        return NULL;
    }
    err = error_dup(a, err);
    publishing_drop(p);
    return err;
}

static void put(struct serve *s, struct http_request *req)
{
    struct target t;
    if (!is_admitted(s, req, ACTION_PUBLISH, &t))
        return;
    struct error *err = begin(s, req, &t);
    if (err)
        respond_error(req, err);
}

/* ---- DELETE ---- */

struct withdrawal {
    struct job job;
    struct loop_task task;
    struct http_request *req; /* NULL: the client has left */
    struct loop *loop;
    struct arena arena;
    struct mount_table *mounts; /* keeps the repository */
    struct repo *repo;
    struct module_version mv;
    struct store_tombstone tombstone;
    struct error *err;
    struct audit_record record;
};

static void withdrawal_free(struct withdrawal *w)
{
    mount_table_drop(w->mounts);
    arena_release(&w->arena);
    free(w);
}

static void run_withdraw(struct job *job)
{
    struct withdrawal *w = (struct withdrawal *)job;
    struct ctx cx = {.arena = &w->arena};
    w->err = audit_admits() ? repo_withdraw(w->repo, &cx, w->mv, &w->tombstone)
                            : error_new(&w->arena, STATUS_AUDIT_DOWN,
                                        "nothing is withdrawn that cannot be recorded");
    w->record.outcome = S("withdrawn");
    w->record.detail = w->tombstone.reason;
    w->err = audit_change(&w->arena, &w->record, w->err);
    loop_post(w->loop, &w->task);
}

static void on_withdrawn(struct loop_task *task)
{
    struct withdrawal *w =
        (struct withdrawal *)(void *)((char *)task - offsetof(struct withdrawal, task));
    if (w->req && w->err)
        respond_error(w->req, w->err);
    else if (w->req)
        respond_text(w->req, 200, "text/plain; charset=utf-8",
                     arena_printf(&w->arena,
                                  "withdrew %.*s@%.*s\nit can never be published again; whoever "
                                  "asks for it is told: %.*s\n",
                                  SLICE_ARG(w->mv.path), SLICE_ARG(w->mv.version),
                                  SLICE_ARG(w->tombstone.reason)));
    withdrawal_free(w);
}

static void on_gone(void *arg)
{
    ((struct withdrawal *)arg)->req = NULL;
}

/* "%C3%A4" is ä. What is no escape stays as it is. */
static struct slice percent_decode(struct arena *a, struct slice text)
{
    BUF_SCOPED(b);
    for (size_t i = 0; i < text.n; i++) {
        uint8_t byte = (uint8_t)text.p[i];
        struct slice digits = slice_head(slice_skip(text, i + 1), 2);
        if (byte == '%' && digits.n == 2 && hex_decode(digits, &byte))
            i += 2;
        buf_add_byte(&b, (char)byte);
    }
    return arena_dup(a, buf_slice(&b));
}

/* The header x-modgate-reason, or reason=… of the query. */
static struct error *read_reason(struct http_request *req, struct arena *a, struct slice *out)
{
    struct slice raw = http_request_header(req, S("x-modgate-reason"));
    struct slice query = http_request_query(req);
    while (!raw.p && query.n) {
        struct slice value = slice_cut(&query, '&');
        struct slice name = slice_cut(&value, '=');
        if (slice_eq(name, S("reason")))
            raw = value;
    }
    *out = slice_trim(percent_decode(a, raw));
    if (out->n && out->n <= REASON_MAX_BYTES && slice_is_utf8(*out))
        return NULL;
    return error_new(a, STATUS_BAD_REQUEST,
                     "say why, in at most %d bytes of UTF-8: in the header x-modgate-reason, or as "
                     "?reason=…",
                     REASON_MAX_BYTES);
}

static void start_withdrawal(struct serve *s, struct http_request *req, const struct target *t,
                             struct slice reason)
{
    struct withdrawal *w = xcalloc(1, sizeof(*w));
    w->job.run = run_withdraw;
    w->task.run = on_withdrawn;
    w->req = req;
    w->loop = http_request_loop(req);
    w->mounts = mount_table_ref(t->mounts);
    w->repo = t->where.repo;
    w->mv.path = arena_dup(&w->arena, t->mv.path);
    w->mv.version = arena_dup(&w->arena, t->mv.version);
    w->tombstone.withdrawn_unix_s = now_unix_s();
    w->tombstone.who = arena_dup(&w->arena, note_of(req)->identity->name);
    w->tombstone.reason = arena_dup(&w->arena, reason);
    note_of(req)->mv = t->mv;
    w->record = audit_caller(req, &w->arena);
    if (http_request_park(req, on_gone, w) &&
        lane_submit(s->o.publish_lane, &w->job, LANE_INTERACTIVE))
        return;
    withdrawal_free(w);
    respond_error(req, error_new(http_request_arena(req), STATUS_OVERLOAD,
                                 "too many versions are being published or withdrawn"));
}

static void delete (struct serve *s, struct http_request *req)
{
    struct target t;
    struct slice reason;
    if (!is_admitted(s, req, ACTION_ADMIN, &t))
        return;
    struct error *err = read_reason(req, http_request_arena(req), &reason);
    if (err)
        respond_error(req, err);
    else
        start_withdrawal(s, req, &t, reason);
}

/* ---- both ---- */

bool publish_handle(struct serve *s, struct http_request *req)
{
    struct slice method = http_request_method(req);
    bool is_put = slice_eq(method, S("PUT"));
    if (!is_put && !slice_eq(method, S("DELETE")))
        return false;
    if (is_put)
        put(s, req);
    else
        delete (s, req);
    return true;
}

void serve_header(void *serve, struct http_request *req)
{
    struct serve *s = serve;
    if (slice_eq(http_request_method(req), S("PUT")))
        put(s, req);
}
