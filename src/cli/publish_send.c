#include "cli/publish.h"

#include "base/file.h"

#include "net/credentials.h"

enum {
    TOKEN_MAX_BYTES = 64 << 10,
    CONNECT_TIMEOUT_MS = 30 * 1000,
    STALL_TIMEOUT_MS = 10 * 60 * 1000, /* the server verifies all of it before it answers */
    ANSWER_MAX_BYTES = 64 << 10,
};

static bool is_this_host(struct slice host)
{
    return slice_eq_nocase(host, S("localhost")) || slice_eq(host, S("::1")) ||
           slice_starts(host, S("127."));
}

static struct error *read_token(struct arena *a, const struct publish_flags *f, struct slice *token)
{
    const char *variable = getenv("MODGATE_TOKEN");
    *token = slice_of(variable ? variable : "");
    if (f->token_file)
        TRY(file_read(a, f->token_file, TOKEN_MAX_BYTES, token));
    *token = slice_trim(*token);
    for (size_t i = 0; i < token->n; i++) {
        if ((unsigned char)token->p[i] <= ' ' || (unsigned char)token->p[i] >= 0x7f)
            return error_new(a, STATUS_BAD_USAGE, "the token of %s is not one word",
                             f->token_file ? f->token_file : "MODGATE_TOKEN");
    }
    if (f->token_file && token->n == 0)
        return error_new(a, STATUS_BAD_USAGE, "%s holds no token", f->token_file);
    return NULL;
}

/* A token, else what the netrc file has for the host (over https only, as for go). */
static struct error *find_credential(struct arena *a, const struct publish_flags *f,
                                     const struct url *u, struct publish_server *out)
{
    struct slice token;
    struct credentials known;
    TRY(read_token(a, f, &token));
    if (token.n == 0) {
        TRY(credentials_load(a, &(struct credentials_options){0}, &known));
        out->authorization = credentials_find(&known, u);
        return NULL;
    }
    if (slice_eq(u->scheme, S("http")) && !is_this_host(u->host) && !f->plain_http)
        return error_new(a, STATUS_BAD_USAGE,
                         "the token would go to %.*s in the clear: use https, or --plain-http if "
                         "that is meant",
                         SLICE_ARG(u->host));
    out->authorization = arena_printf(a, "Bearer %.*s", SLICE_ARG(token)).p;
    return NULL;
}

struct error *publish_server_open(struct arena *a, const struct publish_flags *f,
                                  struct publish_server *out)
{
    struct url u;
    const char *to = f->to ? f->to : getenv("MODGATE_PUBLISH_URL");
    struct slice url = slice_of(to ? to : "");
    *out = (struct publish_server){0};
    if (url.n == 0)
        return error_new(a, STATUS_BAD_USAGE,
                         "no repository is named: give --to https://HOST/REPOSITORY");
    while (slice_ends(url, S("/")))
        url.n--;
    TRY(url_parse(a, url, &u));
    bool is_http = slice_eq(u.scheme, S("https")) || slice_eq(u.scheme, S("http"));
    if (!is_http || u.user.p || slice_find(url, '?') >= 0 || slice_find(url, '#') >= 0)
        return error_new(a, STATUS_BAD_USAGE,
                         "--to must be an http or https URL without user, query or fragment");
    out->url = url;
    TRY(find_credential(a, f, &u, out));
    const struct http_client_options o = {.ca_file = f->ca_file,
                                          .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                          .stall_timeout_ms = STALL_TIMEOUT_MS};
    return http_client_new(a, &o, &out->client);
}

void publish_server_close(struct publish_server *s)
{
    http_client_free(s->client);
}

static struct error *keep(void *arg, struct arena *a, struct slice data)
{
    buf_add(arg, data);
    return NULL;
}

/* What a refusal means for whoever publishes. */
static enum status status_of(int http)
{
    switch (http) {
    case 401:
    case 403:
        return STATUS_DENIED;
    case 404:
        return STATUS_NOT_FOUND;
    case 409:
        return STATUS_CONFLICT;
    case 413:
        return STATUS_TOO_LARGE;
    case 422:
        return STATUS_BAD_UPLOAD;
    case 503:
        return STATUS_OVERLOAD;
    default:
        return http >= 500 ? STATUS_UPSTREAM_ERROR : STATUS_BAD_ANSWER;
    }
}

static struct error *refusal(struct arena *a, const struct http_response *r)
{
    struct slice said = slice_trim(r->detail);
    return error_new(a, status_of(r->status), "%.*s answered %d%s%.*s", SLICE_ARG(r->url),
                     r->status, said.n ? ":\n" : "", SLICE_ARG(said));
}

struct error *publish_ask(struct arena *a, const struct publish_server *s,
                          const struct publish_request *rq, int *status, struct slice *text)
{
    BUF_SCOPED(body);
    struct slice path, version;
    struct http_response response;
    struct ctx cx = {.arena = a};
    TRY(module_escape_path(a, rq->mv.path, &path));
    TRY(module_escape_version(a, rq->mv.version, &version));
    const struct http_upload upload = {.method = rq->method, .fd = rq->fd, .bytes = rq->bytes};
    const struct http_request request = {
        .url = arena_printf(a, "%.*s/%.*s/@v/%.*s.zip", SLICE_ARG(s->url), SLICE_ARG(path),
                            SLICE_ARG(version)),
        .headers = rq->headers,
        .header_count = rq->header_count,
        .authorization = s->authorization,
        .max_bytes = ANSWER_MAX_BYTES,
        .upload = &upload,
        .sink = {.arg = &body, .body = keep},
    };
    TRY(http_send(s->client, &cx, &request, &response));
    *status = response.status;
    if (response.status < 200 || response.status > 299)
        return refusal(a, &response);
    *text = arena_dup(a, buf_slice(&body));
    return NULL;
}
