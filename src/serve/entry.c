#include "serve/serve_priv.h"

#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

/*
 * How long an open file is used without looking whether it is still there, and how long a small
 * artefact is given from memory before the store hears that it is in use.
 */
enum { FILE_GOOD_SECONDS = 60, SMALL_GOOD_SECONDS = 600 };

static const struct {
    enum metric_route route;
    const char *content_type;
    const char *cache_control; /* of a 200, behind public or private; NULL: from its freshness */
} kinds[] = {
    [QUESTION_LIST] = {ROUTE_LIST, "text/plain; charset=utf-8", NULL},
    [QUESTION_LATEST] = {ROUTE_LATEST, "application/json", NULL},
    [QUESTION_QUERY] = {ROUTE_INFO, "application/json", NULL},
    [QUESTION_INFO] = {ROUTE_INFO, "application/json", "max-age=86400, immutable"},
    [QUESTION_MOD] = {ROUTE_MOD, "text/plain; charset=utf-8", "max-age=604800, immutable"},
    [QUESTION_ZIP] = {ROUTE_ZIP, "application/zip", "max-age=604800, immutable"},
    [QUESTION_SIGNATURE] = {ROUTE_SIGNATURE, "text/plain; charset=utf-8", NULL},
    [QUESTION_SUM_SUPPORTED] = {ROUTE_SUMDB_SUPPORTED, "text/plain; charset=utf-8",
                                "max-age=86400"},
    [QUESTION_SUM_LOOKUP] = {ROUTE_SUMDB_LOOKUP, "text/plain; charset=utf-8", NULL},
    [QUESTION_SUM_TILE] = {ROUTE_SUMDB_TILE, "application/octet-stream",
                           "max-age=604800, immutable"},
    [QUESTION_SUM_LATEST] = {ROUTE_SUMDB_LATEST, "text/plain; charset=utf-8", NULL},
};

enum metric_route route_of(enum question_kind kind)
{
    return kinds[kind].route;
}

static void add_header(struct entry *e, struct slice name, struct slice value)
{
    if (e->header_count == ARRAY_LEN(e->headers))
        BUG("more headers than an entry holds");
    e->headers[e->header_count++] = (struct http_header){name, value};
}

/*
 * What clients and caches between may keep: for as long as it is fresh, and at least a moment.
 * "public" lets a shared cache give it to others, even what needed credentials (RFC 9111, 3.5).
 */
static struct slice cache_control(struct entry *e, bool is_private,
                                  const struct repo_answer *answer, int64_t now_s)
{
    const char *whose = is_private ? "private" : "public";
    if (e->status == 200 && kinds[e->kind].cache_control)
        return arena_printf(&e->arena, "%s, %s", whose, kinds[e->kind].cache_control);
    int64_t left = answer->fresh_until_s - now_s;
    return arena_printf(&e->arena, "%s, max-age=%" PRId64, whose, left > 0 ? left : 0);
}

static void add_query_location(struct entry *e, struct slice key, struct slice version)
{
    ptrdiff_t at = slice_find_slice(key, S("/@v/"));
    struct slice escaped;
    if (version.n == 0 || at < 0 || module_escape_version(&e->arena, version, &escaped))
        return;
    add_header(e, S("content-location"),
               arena_printf(&e->arena, "%.*s/@v/%.*s.info", (int)at, key.p, SLICE_ARG(escaped)));
}

static void set_headers(struct entry *e, bool is_private, const struct repo_answer *answer,
                        int64_t now_s)
{
    bool is_found = e->status == 200;
    const char *type = is_found ? kinds[e->kind].content_type : "text/plain; charset=utf-8";
    add_header(e, S("content-type"), slice_of(type));
    add_header(e, S("cache-control"), cache_control(e, is_private, answer, now_s));
    if (is_found && answer->etag.n) {
        e->etag = arena_printf(&e->arena, "\"%.*s\"", SLICE_ARG(answer->etag));
        add_header(e, S("etag"), e->etag);
    }
    if (is_found && e->mtime_unix_s) {
        char date[30];
        time_http(e->mtime_unix_s, date);
        add_header(e, S("last-modified"), arena_dup(&e->arena, slice_of(date)));
    }
    if (is_found)
        add_header(e, S("accept-ranges"), S("bytes"));
    add_query_location(e, e->key, answer->canonical_version);
    if (answer->key_id.n)
        add_header(e, S("signature-key"), arena_dup(&e->arena, answer->key_id));
}

static int64_t good_until(const struct entry *e, const struct repo_answer *answer, int64_t now_s)
{
    if (e->fd >= 0)
        return now_s + FILE_GOOD_SECONDS;
    if (e->status == 200 && question_is_immutable(e->kind))
        return now_s + SMALL_GOOD_SECONDS;
    return answer->fresh_until_s;
}

struct entry *entry_new(const struct entry_about *about, const struct repo_answer *answer)
{
    int fd = answer->fd < 0 ? -1 : fcntl(answer->fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0 && answer->fd >= 0)
        return NULL;
    int64_t now_s = now_unix_s();
    struct entry *e = xcalloc(1, sizeof(*e));
    e->refs = 1;
    e->kind = about->kind;
    e->need = (struct guard_need){about->need.kind, arena_dup(&e->arena, about->need.path),
                                  about->need.action};
    e->status = answer->status;
    e->fd = fd;
    e->size = answer->size;
    e->mtime_unix_s = answer->mtime_unix_s;
    e->key = arena_dup(&e->arena, about->key);
    e->of.path = arena_dup(&e->arena, about->mv.path);
    e->of.version = arena_dup(&e->arena, about->mv.version);
    e->body = arena_dup(&e->arena, answer->body);
    if (e->status != 200) {
        enum status status = e->status == 410 ? STATUS_GONE : STATUS_NOT_FOUND;
        e->body = refusal_text(&e->arena, status, answer->body);
        e->size = e->body.n;
    }
    set_headers(e, about->is_private, answer, now_s);
    e->good_until_s = good_until(e, answer, now_s);
    return e;
}

void entry_set_facts(struct entry *e, struct module_version mv, const struct policy_facts *facts)
{
    struct slice *signers = ARENA_ARRAY(&e->arena, struct slice, facts->signer_count);
    struct slice *licences = ARENA_ARRAY(&e->arena, struct slice, facts->licence_count);
    for (size_t i = 0; i < facts->signer_count; i++)
        signers[i] = arena_dup(&e->arena, facts->signers[i]);
    for (size_t i = 0; i < facts->licence_count; i++)
        licences[i] = arena_dup(&e->arena, facts->licences[i]);
    e->mv =
        (struct module_version){arena_dup(&e->arena, mv.path), arena_dup(&e->arena, mv.version)};
    e->facts = *facts;
    e->facts.signers = signers;
    e->facts.licences = licences;
}

void entry_ref(struct entry *e)
{
    e->refs++;
}

void entry_unref(struct entry *e)
{
    if (--e->refs)
        return;
    fd_cleanup(&e->fd);
    arena_release(&e->arena);
    free(e);
}
