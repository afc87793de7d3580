/*
 * The pages that are not modules: a word for browsers, health, version, metrics. /readyz looks at
 * the disk and so is answered by a worker.
 */
#include "serve/serve_priv.h"

static void page_root(struct serve *s, struct http_request *req)
{
    respond_text(req, 200, "text/plain; charset=utf-8",
                 S("modgate " MODGATE_VERSION ", a gateway for Go modules.\n"
                   "Use it: go env -w GOPROXY=<this address>\n"
                   "Pages: /healthz /readyz?verbose /version /metrics\n"));
}

static void page_healthz(struct serve *s, struct http_request *req)
{
    respond_text(req, 200, "text/plain; charset=utf-8", S("ok\n"));
}

static void page_version(struct serve *s, struct http_request *req)
{
    respond_text(req, 200, "application/json",
                 S("{\"name\":\"modgate\",\"version\":\"" MODGATE_VERSION "\"}\n"));
}

bool signing_key_handle(struct serve *s, struct http_request *req, struct slice rest)
{
    if (!slice_eq(rest, S("/v1/signature/key")))
        return false;
    note_of(req)->route = ROUTE_SIGNATURE;
    if (s->o.signing_key_pem.n)
        respond_text(req, 200, "application/x-pem-file", s->o.signing_key_pem);
    else
        respond_error(req, error_new(http_request_arena(req), STATUS_NOT_FOUND,
                                     "this gateway signs nothing (signing.key)"));
    return true;
}

static void run_page(struct job *job)
{
    struct page *p = (struct page *)job;
    struct arena a = ARENA_INIT;
    p->make(p, &a);
    arena_release(&a);
    loop_post(p->loop, &p->task);
}

static void send_page(struct loop_task *task)
{
    struct page *p = (struct page *)((char *)task - offsetof(struct page, task));
    if (!p->has_left)
        respond_text(p->req, p->status, p->content_type, buf_slice(&p->text));
    buf_release(&p->text);
    free(p->file);
    free(p);
}

static void leave_page(void *arg)
{
    ((struct page *)arg)->has_left = true;
}

/* file may be NULL. */
static void make_page(struct serve *s, struct http_request *req,
                      void (*make)(struct page *p, struct arena *a), const char *file)
{
    struct page *p = xcalloc(1, sizeof(*p));
    *p = (struct page){
        .job.run = run_page,
        .task.run = send_page,
        .serve = s,
        .req = req,
        .loop = http_request_loop(req),
        .make = make,
        .status = 200,
        .has_details = guard_is_admin(s, req),
        .content_type = "text/plain; charset=utf-8",
        .file = file ? xstrdup(file) : NULL,
    };
    if (http_request_park(req, leave_page, p) &&
        lane_submit(s->o.admin_lane, &p->job, LANE_INTERACTIVE))
        return;
    free(p->file);
    free(p);
    respond_error(req, error_new(http_request_arena(req), STATUS_OVERLOAD,
                                 "too many pages are being made at once"));
}

static void page_readyz(struct serve *s, struct http_request *req)
{
    make_page(s, req, make_readiness, NULL);
}

static void page_metrics(struct serve *s, struct http_request *req)
{
    const struct guard_need need = {.kind = NEED_ADMIN};
    bool is_open = atomic_load_explicit(&s->has_open_metrics, memory_order_relaxed);
    if (access_is_required(s->o.access) && !is_open && !guard_may(req, &need))
        return;
    make_page(s, req, make_metrics, NULL);
}

static const struct {
    const char *path;
    void (*answer)(struct serve *s, struct http_request *req);
} pages[] = {
    {"/", page_root},         {"/healthz", page_healthz}, {"/livez", page_healthz},
    {"/readyz", page_readyz}, {"/version", page_version}, {"/metrics", page_metrics},
};

bool pages_is_probe(const struct http_request *req)
{
    struct slice path = http_request_path(req);
    bool is_page = slice_eq(path, S("/healthz")) || slice_eq(path, S("/livez"));
    return is_page && http_request_query(req).n == 0;
}

static bool vulndb_handle(struct serve *s, struct http_request *req, struct slice path)
{
    struct arena *a = http_request_arena(req);
    if (!slice_starts(path, S("/vulndb/")))
        return false;
    struct slice name = slice_skip(path, 8);
    const struct guard_need need = {.kind = NEED_SOME};
    note_of(req)->route = ROUTE_VULNDB;
    if (!guard_may(req, &need))
        return true;
    if (vulndb_has_name(name))
        make_page(s, req, make_vulndb, arena_cstr(a, name));
    else
        respond_error(
            req, error_new(a, STATUS_UNKNOWN_ROUTE, "a vulnerability database has index/ and ID/"));
    return true;
}

bool pages_handle(struct serve *s, struct http_request *req, struct slice path)
{
    if (vulndb_handle(s, req, path))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (!slice_eq(path, slice_of(pages[i].path)))
            continue;
        note_of(req)->route = ROUTE_ADMIN;
        pages[i].answer(s, req);
        return true;
    }
    return false;
}
