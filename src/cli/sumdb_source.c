#include "cli/sumdb_source.h"

#include "gomod/module.h"
#include "sumdb/proof.h"

#include <unistd.h>

enum {
    CONNECT_TIMEOUT_MS = 10000,
    STALL_TIMEOUT_MS = 30000,
    TRIES = 4,
    FIRST_PAUSE_MS = 500,
    ANSWER_MAX_BYTES = 8 << 20, /* 256 records of the largest size */
};

static struct error *open_url(struct arena *a, const char *place, const char *ca_file,
                              struct sumdb_source *out)
{
    struct http_client_options o = {ca_file, CONNECT_TIMEOUT_MS, STALL_TIMEOUT_MS};
    out->url = slice_of(place);
    while (slice_ends(out->url, S("/")))
        out->url.n--;
    return http_client_new(a, &o, &out->client);
}

static struct error *open_folder(struct arena *a, const char *place, struct sumdb_source *out)
{
    const char *inner = arena_printf(a, "%s/sumdb-host", place).p;
    TRY(sumlog_files_open_reader(a, access(inner, F_OK) == 0 ? inner : place, &out->files));
    out->ops = sumlog_files_ops(&out->files);
    return NULL;
}

struct error *sumdb_source_open(struct arena *a, const char *place, const char *ca_file,
                                struct sumdb_source *out)
{
    struct slice text = slice_of(place);
    *out = (struct sumdb_source){0};
    if (slice_starts(text, S("https://")) || slice_starts(text, S("http://")))
        return open_url(a, place, ca_file, out);
    return open_folder(a, place, out);
}

void sumdb_source_close(struct sumdb_source *s)
{
    if (s->files.dir)
        sumlog_files_close(&s->files);
    http_client_free(s->client);
}

/* ---- over HTTP ---- */

struct download {
    struct buf body;
};

static struct error *take_body(void *arg, struct arena *a, struct slice data)
{
    buf_add(&((struct download *)arg)->body, data);
    return NULL;
}

static struct error *status_error(struct arena *a, struct slice url, const struct http_response *r)
{
    enum status status = r->status == 404                       ? STATUS_NOT_FOUND
                         : r->status == 410                     ? STATUS_GONE
                         : r->status == 429 || r->status >= 500 ? STATUS_UPSTREAM_ERROR
                                                                : STATUS_UPSTREAM_DENIED;
    struct slice detail = r->detail;
    return error_new(a, status, "%.*s: %d %.*s", SLICE_ARG(url), r->status,
                     SLICE_ARG(slice_cut_line(&detail)));
}

static struct error *get_once(struct sumdb_source *s, struct ctx *cx, struct slice url,
                              bool is_retry, struct slice *body)
{
    struct http_response r;
    struct download d = {BUF_INIT};
    struct http_request rq = {
        .url = url,
        .max_bytes = ANSWER_MAX_BYTES,
        .needs_fresh_connection = is_retry,
        .sink = {.arg = &d, .body = take_body},
    };
    struct error *err = http_get(s->client, cx, &rq, &r);
    if (!err && r.status != 200)
        err = status_error(cx->arena, url, &r);
    *body = err ? S("") : arena_dup(cx->arena, buf_slice(&d.body));
    buf_release(&d.body);
    return err;
}

static struct error *get(struct sumdb_source *s, struct arena *a, struct slice rel,
                         struct slice *body)
{
    struct ctx cx = {.arena = a};
    struct slice url = arena_printf(a, "%.*s/%.*s", SLICE_ARG(s->url), SLICE_ARG(rel));
    int64_t pause_ms = FIRST_PAUSE_MS;
    struct error *err = get_once(s, &cx, url, false, body);
    for (int i = 1; i < TRIES && err && status_may_retry(err->status); i++, pause_ms *= 2) {
        TRY(ctx_sleep(&cx, pause_ms));
        err = get_once(s, &cx, url, true, body);
    }
    return err;
}

/* A server need not keep a partial tile once it has a wider one: then the whole one will do. */
static struct error *get_tile(struct sumdb_source *s, struct arena *a, struct tile t,
                              struct slice *data)
{
    struct error *err = get(s, a, tile_format(a, t), data);
    if (!err || t.width == TILE_WIDTH || status_class(err->status) != CLASS_ABSENT)
        return err;
    struct slice whole;
    struct tile wide = {t.level, t.n, TILE_WIDTH};
    if (get(s, a, tile_format(a, wide), &whole))
        return err;
    *data = slice_head(whole, (size_t)t.width * SHA256_BYTES);
    if (t.level == TILE_DATA && !records_head(whole, t.width, data))
        return error_new(a, STATUS_CORRUPT, "%s is malformed", tile_format(a, wide).p);
    return NULL;
}

/* ---- from a folder ---- */

static struct error *read_tile(struct sumdb_source *s, struct arena *a, struct tile t,
                               struct slice *data)
{
    bool is_good;
    TRY(sumdb_log_tile(a, &s->ops, s->size, t, data));
    if (t.level != TILE_DATA)
        return NULL;
    TRY(sumdb_log_check_ends(a, &s->ops, t.n << TILE_HEIGHT, *data, &is_good));
    if (is_good)
        return NULL;
    return error_new(a, STATUS_CORRUPT, "its records do not end where %s/ends says", s->files.dir);
}

/* ---- both ---- */

struct error *sumdb_source_head(struct sumdb_source *s, struct arena *a, struct slice *note)
{
    struct tlog_tree tree;
    if (s->url.n)
        return get(s, a, S("latest"), note);
    TRY(s->ops.read_head(s->ops.arg, a, note));
    s->size = sumdb_head_peek(a, *note, &tree) ? tree.size : 0;
    return NULL;
}

struct error *sumdb_source_tile(struct sumdb_source *s, struct arena *a, struct tile t,
                                struct slice *data)
{
    return s->url.n ? get_tile(s, a, t, data) : read_tile(s, a, t, data);
}

struct error *sumdb_source_lookup(struct sumdb_source *s, struct arena *a, struct module_version mv,
                                  struct slice *answer)
{
    struct slice path, version;
    if (!s->url.n)
        return error_new(a, STATUS_BAD_USAGE, "a module version is looked up at a URL");
    TRY(module_escape_path(a, mv.path, &path));
    TRY(module_escape_version(a, mv.version, &version));
    return get(s, a, arena_printf(a, "lookup/%.*s@%.*s", SLICE_ARG(path), SLICE_ARG(version)),
               answer);
}
