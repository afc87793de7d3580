/*
 * What the audit gets to know of requests: each module request that was answered, and each refusal
 * by a rule, before it is sent. A refusal waits for its record in the queue of the audit, parked
 * like a request that waits for a fetch; so a record that cannot be written holds up no loop.
 */
#include "serve/serve_priv.h"

#include "ops/audit.h"

static const struct slice outcomes[] = {
    [RESULT_HIT] = S("hit"),
    [RESULT_MISS] = S("miss"),
    [RESULT_STALE] = S("stale"),
    [RESULT_NEGATIVE] = S("absent"),
};

/* "192.0.2.1" of "192.0.2.1:4711", "2001:db8::1" of "[2001:db8::1]:4711". */
static struct slice address_of(struct slice peer)
{
    ptrdiff_t colon = slice_rfind(peer, ':');
    struct slice host = colon < 0 ? peer : slice_head(peer, (size_t)colon);
    if (slice_starts(host, S("[")) && slice_ends(host, S("]")))
        return slice_make(host.p + 1, host.n - 2);
    return host;
}

/* The h1 of a zip or a go.mod, which is its entity tag. */
static struct slice h1_of(const struct note *n)
{
    struct slice etag = n->entry ? n->entry->etag : S("");
    bool is_h1 = slice_starts(etag, S("\"h1:")) && slice_ends(etag, S("\""));
    return is_h1 ? slice_make(etag.p + 1, etag.n - 2) : S("");
}

static struct audit_record record_of(struct http_request *req, const struct note *n)
{
    return (struct audit_record){
        .module = n->mv.path,
        .version = n->mv.version,
        .h1 = h1_of(n),
        .artefact = metric_route_label(n->route),
        .repository = n->repository,
        .identity = n->identity ? n->identity->name : S(""),
        .ip = address_of(http_request_peer(req)),
        .agent = http_request_header(req, S("user-agent")),
        .request_id = http_request_id(req),
    };
}

/* ---- answers ---- */

static struct slice outcome_of(const struct note *n, const struct http_done *done)
{
    if (done->status == 0 || !done->is_whole)
        return S("broken-off");
    if (done->status >= 400)
        return done->status == 404 || done->status == 410 ? S("absent") : S("failed");
    return n->has_result ? outcomes[n->result] : S("given");
}

void audit_answer(struct http_request *req, const struct note *n, const struct http_done *done)
{
    bool is_hit = n->has_result && n->result != RESULT_MISS;
    if (!n->mv.path.n || n->is_recorded || !audit_wants_download(is_hit))
        return;
    struct audit_record r = record_of(req, n);
    r.event = AUDIT_DOWNLOAD;
    r.outcome = outcome_of(n, done);
    r.status = done->status;
    r.bytes = done->body_bytes_sent;
    r.at_ns = done->ended_ns;
    audit_event(&r);
}

bool audit_blocks(struct http_request *req, bool is_hit)
{
    if (audit_admits() || !audit_wants_download(is_hit))
        return false;
    note_of(req)->is_recorded = true; /* nothing is given */
    respond_error(req, error_new(http_request_arena(req), STATUS_AUDIT_DOWN,
                                 "nothing is given that cannot be recorded"));
    return true;
}

/* ---- changes ---- */

struct audit_record audit_caller(struct http_request *req, struct arena *a)
{
    struct audit_record r = record_of(req, note_of(req));
    struct slice *texts[] = {&r.module,   &r.version, &r.h1,    &r.repository,
                             &r.identity, &r.ip,      &r.agent, &r.request_id};
    note_of(req)->is_recorded = true;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = arena_dup(a, *texts[i]);
    r.event = AUDIT_PUBLISH;
    return r;
}

struct error *audit_change(struct arena *a, struct audit_record *r, struct error *err)
{
    if (err) {
        r->outcome = S("refused");
        r->detail = error_chain(a, err);
    }
    struct error *unrecorded = audit_event_durable(a, r);
    return err ? err : unrecorded;
}

/* ---- refusals ---- */

struct refusal {
    struct audit_ticket ticket;
    struct loop_task task;
    struct http_request *req;
    struct loop *loop;
    struct arena arena; /* of err: the request may go before the record is there */
    const struct error *err;
    struct slice denial; /* the answer, when a policy rule refuses */
    bool has_left;
};

static void end_refusal(struct loop_task *task)
{
    struct refusal *r = (struct refusal *)((char *)task - offsetof(struct refusal, task));
    if (!r->ticket.is_recorded)
        r->err = error_new(&r->arena, STATUS_AUDIT_DOWN, "no refusal goes unrecorded");
    if (!r->has_left && r->ticket.is_recorded && r->denial.n)
        respond_denial_text(r->req, r->denial);
    else if (!r->has_left)
        respond_error(r->req, r->err);
    arena_release(&r->arena);
    free(r);
}

static void on_recorded(struct audit_ticket *t, bool is_recorded)
{
    struct refusal *r = (struct refusal *)t;
    loop_post(r->loop, &r->task);
}

static void leave_refusal(void *arg)
{
    ((struct refusal *)arg)->has_left = true;
}

/* What is asked for, of whoever was refused before it was looked at. */
static void find_module(struct http_request *req, struct note *n)
{
    struct question q;
    if (!n->mv.path.n && n->rest.p && !question_parse(http_request_arena(req), n->rest, &q)) {
        n->mv = q.mv;
        n->route = route_of(q.kind);
    }
}

static void make_refusal_record(struct http_request *req, struct arena *a, const struct error *err,
                                struct audit_record *out)
{
    const struct note *n = note_of(req);
    *out = record_of(req, n);
    out->event = AUDIT_DENY;
    out->outcome = S("denied");
    out->status = status_http(err->status);
    out->rule = n->rule;
    out->detail =
        arena_printf(a, "%.*s: %s", SLICE_ARG(http_request_path(req)), error_chain(a, err).p);
}

bool audit_refusal(struct http_request *req, const struct error *err, struct slice denial)
{
    struct audit_record record;
    struct note *n = note_of(req);
    if (n->is_recorded || !audit_is_on())
        return false;
    n->is_recorded = true;
    find_module(req, n);
    struct refusal *r = xcalloc(1, sizeof(*r));
    *r = (struct refusal){.ticket.on_done = on_recorded,
                          .task.run = end_refusal,
                          .req = req,
                          .loop = http_request_loop(req)};
    make_refusal_record(req, &r->arena, err, &record);
    /* A body that is on its way cannot wait for anything: it is refused before it is read. */
    if (http_request_body_bytes(req) || !http_request_park(req, leave_refusal, r)) {
        audit_event(&record);
        arena_release(&r->arena);
        free(r);
        return false;
    }
    r->err = error_dup(&r->arena, err);
    r->denial = arena_dup(&r->arena, denial);
    audit_submit(&r->ticket, &record);
    return true;
}
