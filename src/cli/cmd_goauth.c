/*
 * modgate goauth: the go command's GOAUTH command (go help goauth) for one gateway.
 *
 *   GOAUTH="modgate goauth --url https://go.corp.example --token-file /etc/ci/token"
 *
 * go runs it before its first https request, without operands, and again with the URL when an
 * answer was 4xx (a token may have expired). It answers with the gateway's URL, a blank line, the
 * header, and a blank line; for a URL that is not the gateway's, with nothing. The gateway is named
 * by --url or MODGATE_URL alone: GOPROXY may list mirrors that are to see no credential.
 */
#include "cli/cli.h"

#include "base/ctx.h"
#include "base/file.h"

#include "net/http_client.h"
#include "net/url.h"

#include <jansson.h>
#include <stdio.h>

enum {
    SECRET_MAX_BYTES = 16 * 1024,
    ANSWER_MAX_BYTES = 64 * 1024,
    TIMEOUT_MS = 30000,
    CONNECT_MS = 10000,
};

struct goauth {
    struct arena arena;
    const char *url;
    const char *token_file;
    const char *token_env;
    const char *github_audience;
    const char *ca_file;
};

/* Whether u is the gateway's URL or lies below it: same host and port, a path that begins alike. */
static bool is_below(const struct url *u, const struct url *gateway)
{
    struct slice base = gateway->path;
    if (slice_ends(base, S("/")))
        base.n--;
    return url_same_origin(u, gateway) && slice_starts(u->path, base) &&
           (u->path.n == base.n || u->path.p[base.n] == '/' || u->path.p[base.n] == '?');
}

static struct error *read_gateway(struct goauth *g, struct url *out)
{
    struct arena *a = &g->arena;
    if (!g->url)
        g->url = getenv("MODGATE_URL");
    if (!g->url || !*g->url)
        return error_new(
            a, STATUS_BAD_USAGE,
            "give the gateway's address: --url https://go.corp.example, or MODGATE_URL");
    TRY(url_parse(a, slice_of(g->url), out));
    if (!slice_eq(out->scheme, S("https")) || out->user.p || slice_find(out->path, '?') >= 0)
        return error_new(a, STATUS_BAD_USAGE,
                         "%s is no https:// URL of a gateway: go sends credentials over https only",
                         g->url);
    return NULL;
}

/* ---- Where the token comes from */

static struct error *from_file(struct goauth *g, struct slice *out)
{
    return file_read(&g->arena, g->token_file, SECRET_MAX_BYTES, out);
}

static struct error *from_env(struct goauth *g, struct slice *out)
{
    const char *name = g->token_env ? g->token_env : "MODGATE_TOKEN";
    const char *value = getenv(name);
    if (!value || !*value)
        return error_new(&g->arena, STATUS_BAD_USAGE,
                         "the variable %s is not set; give --token-file, --token-env or "
                         "--github-audience",
                         name);
    *out = slice_of(value);
    return NULL;
}

static struct error *gather(void *arg, struct arena *a, struct slice data)
{
    buf_add(arg, data);
    return NULL;
}

static struct error *read_github_answer(struct arena *a, struct slice json, struct slice *out)
{
    json_t *root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
    const char *value = json_string_value(json_object_get(root, "value"));
    struct error *err = NULL;
    if (value)
        *out = arena_dup(a, slice_of(value));
    else
        err = error_new(a, STATUS_BAD_ANSWER, "the answer has no \"value\"");
    json_decref(root);
    return err;
}

static struct error *ask_github(struct goauth *g, struct http_client *client, const char *url,
                                const char *secret, struct slice *out)
{
    BUF_SCOPED(body);
    struct arena *a = &g->arena;
    struct http_response response;
    struct ctx cx = {.arena = a, .deadline_ms = now_ms() + TIMEOUT_MS};
    struct http_request rq = {
        .url = arena_printf(a, "%s&audience=%s", url, g->github_audience),
        .authorization = arena_printf(a, "bearer %s", secret).p,
        .max_bytes = ANSWER_MAX_BYTES,
        .sink = {.arg = &body, .body = gather},
    };
    TRY(http_get(client, &cx, &rq, &response));
    if (response.status != 200)
        return error_new(a, STATUS_BAD_ANSWER, "it answered %d", response.status);
    return read_github_answer(a, buf_slice(&body), out);
}

/* An audience goes into a URL as it is. */
static bool is_plain(const char *text)
{
    for (const char *p = text; *p; p++) {
        bool is_word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                       (*p >= '0' && *p <= '9') || strchr("-._~:/", *p);
        if (!is_word)
            return false;
    }
    return *text != '\0';
}

static struct error *from_github(struct goauth *g, struct slice *out)
{
    struct http_client *client;
    struct http_client_options o = {
        .ca_file = g->ca_file, .connect_timeout_ms = CONNECT_MS, .stall_timeout_ms = CONNECT_MS};
    const char *url = getenv("ACTIONS_ID_TOKEN_REQUEST_URL");
    const char *secret = getenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    if (!is_plain(g->github_audience))
        return error_new(&g->arena, STATUS_BAD_USAGE, "'%s' cannot be an audience",
                         g->github_audience);
    if (!url || !secret)
        return error_new(&g->arena, STATUS_BAD_USAGE,
                         "ACTIONS_ID_TOKEN_REQUEST_URL and …_TOKEN are not set; the job needs "
                         "permissions: id-token: write");
    TRY(http_client_new(&g->arena, &o, &client));
    struct error *err = ask_github(g, client, url, secret, out);
    http_client_free(client);
    return err ? error_wrap(&g->arena, err, "asking ACTIONS_ID_TOKEN_REQUEST_URL for a token")
               : NULL;
}

/* ---- The answer */

static struct error *read_token(struct goauth *g, struct slice *out)
{
    if (g->token_file)
        TRY(from_file(g, out));
    else if (g->github_audience)
        TRY(from_github(g, out));
    else
        TRY(from_env(g, out));
    *out = slice_trim(*out);
    for (size_t i = 0; i < out->n; i++) {
        if (out->p[i] <= ' ' || out->p[i] >= 0x7f)
            return error_new(&g->arena, STATUS_BAD_USAGE, "the token is not one printable word");
    }
    return out->n ? NULL : error_new(&g->arena, STATUS_BAD_USAGE, "the token is empty");
}

static struct error *answer(struct goauth *g, const char *asked)
{
    struct url gateway, u;
    struct slice token;
    TRY(read_gateway(g, &gateway));
    if (asked)
        TRY(url_parse(&g->arena, slice_of(asked), &u));
    if (asked && !is_below(&u, &gateway))
        return NULL;
    TRY(read_token(g, &token));
    printf("%s\n\nAuthorization: Bearer %.*s\n\n", g->url, SLICE_ARG(token));
    return NULL;
}

int cmd_goauth(int argc, char **argv)
{
    struct goauth g = {.arena = ARENA_INIT};
    const struct cli_option options[] = {
        {"url", 0, "URL", "The gateway, as it stands in GOPROXY; else MODGATE_URL.", &g.url, 0},
        {"token-file", 0, "FILE", "File with the token.", &g.token_file, 0},
        {"token-env", 0, "NAME", "Variable with the token; else MODGATE_TOKEN.", &g.token_env, 0},
        {"github-audience", 0, "AUDIENCE",
         "Ask GitHub Actions for a token for that audience, in a job that may have id tokens.",
         &g.github_audience, 0},
        {"ca-file", 0, "FILE", "Certificates trusted besides the system's, for --github-audience.",
         &g.ca_file, 0},
    };
    int operands =
        cli_parse(argc, argv, "modgate goauth [options] [URL]", options, ARRAY_LEN(options));
    if (operands > 1)
        return cli_usage_error(argv[0], "takes at most one URL, which the go command gives");
    struct error *err = answer(&g, operands ? argv[1] : NULL);
    int code = EXIT_FINE;
    if (err && err->status == STATUS_BAD_USAGE)
        code = cli_usage_error(argv[0], "%s", error_chain(&g.arena, err).p);
    else if (err)
        code = cli_fail(argv[0], err);
    arena_release(&g.arena);
    return code;
}
