/*
 * The list of upstreams, walked as the go command walks GOPROXY (cmd/go/internal/modfetch,
 * TryProxies): the next entry is tried after an absence, or after any error when '|' follows; and
 * the error that is told in the end is the last failure, or, when all were absences, the last of
 * these. So a module counts as absent only when every upstream that was asked said so.
 *
 * An upstream outside the list (a checksum database) gets a mirror of its own, with breaker and
 * figures, when it is asked first.
 */
#include "fetch/fetch.h"
#include "fetch/goproxy_list.h"
#include "fetch/mirror.h"
#include "fetch/tree.h"

#include "base/file.h"
#include "gomod/module.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define REL_MAX_BYTES 4096
#define MAX_OTHER_ORIGINS 16

struct entry {
    struct goproxy_entry spec;
    struct mirror *mirror;     /* of kind MIRROR */
    const char *authorization; /* its own, from the URL; NULL = look it up */
};

struct route {
    struct slice patterns;
    size_t first; /* of its entries */
    size_t count;
};

struct fetcher {
    struct arena arena; /* strings of the options */
    struct fetch_options options;
    struct http_client *client;
    struct credentials credentials;
    struct entry *entries; /* of all routes */
    size_t count;
    struct route *routes;
    size_t route_count;
    struct mirror **mirrors; /* one per URL, whatever the routes that name it */
    size_t mirror_count;
    pthread_mutex_t lock; /* of others and other_count */
    struct mirror *others[MAX_OTHER_ORIGINS];
    size_t other_count;
};

static struct mirror *mirror_new(struct fetcher *f, struct slice name)
{
    struct mirror *m = xcalloc(1, sizeof(*m));
    mirror_init(m, name, f->client, &f->options);
    return m;
}

static void mirror_free(struct mirror *m)
{
    if (!m)
        return;
    mirror_release(m);
    free(m);
}

static struct mirror *mirror_of_url(struct fetcher *f, struct slice url)
{
    for (size_t i = 0; i < f->mirror_count; i++)
        if (slice_eq(f->mirrors[i]->name, url))
            return f->mirrors[i];
    return f->mirrors[f->mirror_count++] = mirror_new(f, url);
}

static void add_entry(struct fetcher *f, const struct goproxy_entry *spec)
{
    struct entry *e = &f->entries[f->count++];
    e->spec = *spec;
    if (spec->kind != GOPROXY_MIRROR)
        return;
    e->mirror = mirror_of_url(f, spec->url);
    if (spec->user.p)
        e->authorization = credentials_basic(&f->arena, spec->user, spec->password);
}

static struct error *set_up_routes(struct fetcher *f, const struct fetch_options *o)
{
    struct goproxy_entry **specs = ARENA_ARRAY(&f->arena, struct goproxy_entry *, o->route_count);
    size_t total = 0;
    f->route_count = o->route_count;
    f->routes = ARENA_ARRAY(&f->arena, struct route, f->route_count);
    for (size_t i = 0; i < f->route_count; i++) {
        struct slice list = arena_dup(&f->arena, slice_of(o->routes[i].goproxy));
        struct route *r = &f->routes[i];
        r->patterns = arena_dup(&f->arena, slice_of(o->routes[i].patterns));
        r->first = total;
        TRY(goproxy_parse(&f->arena, list, &specs[i], &r->count));
        total += r->count;
    }
    f->entries = ARENA_ARRAY(&f->arena, struct entry, total);
    f->mirrors = ARENA_ARRAY(&f->arena, struct mirror *, total);
    for (size_t i = 0; i < f->route_count; i++)
        for (size_t k = 0; k < f->routes[i].count; k++)
            add_entry(f, &specs[i][k]);
    return NULL;
}

static struct error *set_up(struct fetcher *f, const struct fetch_options *o)
{
    const struct credentials_options known = {o->credentials, o->credential_count, o->netrc_file};
    struct http_client_options http = {
        .ca_file = o->ca_file,
        .connect_timeout_ms = o->connect_timeout_ms,
        .stall_timeout_ms = o->stall_timeout_ms,
    };
    TRY(credentials_load(&f->arena, &known, &f->credentials));
    TRY(http_client_new(&f->arena, &http, &f->client));
    return set_up_routes(f, o);
}

struct error *fetcher_new(struct arena *a, const struct fetch_options *o, struct fetcher **out)
{
    struct fetcher *f = xcalloc(1, sizeof(*f));
    pthread_mutex_init(&f->lock, NULL);
    f->options = *o;
    struct error *err = error_dup(a, set_up(f, o));
    if (err)
        fetcher_free(f);
    else
        *out = f;
    return err;
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->mirror_count; i++)
        mirror_free(f->mirrors[i]);
    for (size_t i = 0; i < f->other_count; i++)
        mirror_free(f->others[i]);
    http_client_free(f->client);
    pthread_mutex_destroy(&f->lock);
    arena_release(&f->arena);
    free(f);
}

/* As go's url.PathEscape, but slashes stay. */
static struct slice path_escape(struct arena *a, struct slice rel)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_.~$&+=:@/";
    char *p = arena_alloc(a, 3 * rel.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < rel.n; i++) {
        if (rel.p[i] && strchr(plain, rel.p[i])) {
            p[n++] = rel.p[i];
            continue;
        }
        p[n++] = '%';
        p[n++] = "0123456789ABCDEF"[(unsigned char)rel.p[i] >> 4];
        p[n++] = "0123456789ABCDEF"[(unsigned char)rel.p[i] & 15];
    }
    return slice_make(p, n);
}

/* A path below the upstream's root: no way up, no empty element, no control bytes. */
static struct error *check_rel(struct arena *a, struct slice rel)
{
    struct slice rest = rel;
    bool ok = rel.n > 0 && rel.n <= REL_MAX_BYTES;
    for (size_t i = 0; ok && i < rel.n; i++)
        ok = (unsigned char)rel.p[i] >= 0x20 && rel.p[i] != 0x7f;
    while (ok && rest.p) {
        struct slice element = slice_cut(&rest, '/');
        ok = element.n && !slice_eq(element, S(".")) && !slice_eq(element, S(".."));
    }
    return ok ? NULL : error_new(a, STATUS_BAD_REQUEST, "this path is not one that a mirror has");
}

static struct error *get_from_mirror(struct fetcher *f, struct ctx *cx, struct entry *e,
                                     struct slice rel, uint64_t max_bytes, struct sink *sink)
{
    struct url url;
    struct slice escaped = path_escape(cx->arena, rel);
    struct slice text =
        arena_printf(cx->arena, "%.*s/%.*s", SLICE_ARG(e->spec.url), SLICE_ARG(escaped));
    TRY(url_parse(cx->arena, text, &url));
    const char *found = credentials_find(&f->credentials, &url);
    struct want w = {
        .url = text,
        .authorization = e->authorization ? e->authorization : found,
        .max_bytes = max_bytes,
        .sink = sink,
    };
    return mirror_get(e->mirror, cx, &w);
}

static struct error *get_from_entry(struct fetcher *f, struct ctx *cx, struct entry *e,
                                    struct slice rel, uint64_t max_bytes, struct sink *sink)
{
    switch (e->spec.kind) {
    case GOPROXY_MIRROR:
        return get_from_mirror(f, cx, e, rel, max_bytes, sink);
    case GOPROXY_TREE:
        return tree_get(cx, e->spec.path, rel, max_bytes, sink);
    case GOPROXY_DIRECT:
        return error_new(cx->arena, STATUS_UPSTREAM_OFF,
                         "the list of upstreams goes on with version control ('direct')");
    case GOPROXY_OFF:
    default:
        return error_new(cx->arena, STATUS_UPSTREAM_OFF,
                         "fetching is switched off ('off' in the list of upstreams)");
    }
}

static bool is_absent(const struct error *err)
{
    return status_class(err->status) == CLASS_ABSENT;
}

/* "off" says nothing that an upstream before it has not said; "direct" has more to say than all. */
static struct error *better_of(struct error *best, struct error *err, enum goproxy_kind kind)
{
    if (!best || kind == GOPROXY_DIRECT)
        return err;
    if (kind == GOPROXY_OFF || (is_absent(err) && !is_absent(best)))
        return best;
    return err;
}

static bool is_final(struct ctx *cx, const struct error *err)
{
    return err->status == STATUS_CANCELLED || ctx_check(cx) != NULL;
}

/* The module path that a request is about; what is not about a module stands for itself. */
static struct slice path_of(struct arena *a, struct slice rel)
{
    struct slice path;
    ptrdiff_t end = slice_find_slice(rel, S("/@"));
    if (end < 0 || module_unescape_path(a, slice_head(rel, (size_t)end), &path))
        return rel;
    return path;
}

/* NULL when there is none. */
static const struct route *route_of(const struct fetcher *f, struct slice path)
{
    for (size_t i = 0; i < f->route_count; i++) {
        if (module_match_prefix_patterns(f->routes[i].patterns, path))
            return &f->routes[i];
    }
    return NULL;
}

static struct error *find_route(struct fetcher *f, struct arena *a, struct slice rel,
                                const struct route **out)
{
    struct slice path = path_of(a, rel);
    *out = route_of(f, path);
    if (*out)
        return NULL;
    return error_new(a, STATUS_UPSTREAM_OFF, "no rule of the setting upstream is for %.*s",
                     SLICE_ARG(path));
}

bool fetcher_is_direct(const struct fetcher *f, struct slice path)
{
    const struct route *r = route_of(f, path);
    return r && f->entries[r->first].spec.kind == GOPROXY_DIRECT;
}

/* Walks the list; out->upstream is the entry that answered last. */
static struct error *walk(struct fetcher *f, struct ctx *cx, struct slice rel, uint64_t max_bytes,
                          struct sink *sink, struct fetch_answer *out)
{
    struct error *best = NULL;
    const struct route *r;
    *out = (struct fetch_answer){.upstream = S("")};
    TRY(check_rel(cx->arena, rel));
    TRY(find_route(f, cx->arena, rel, &r));
    for (size_t i = 0; i < r->count; i++) {
        struct entry *e = &f->entries[r->first + i];
        TRY(sink_restart(sink, cx->arena));
        struct error *err = get_from_entry(f, cx, e, rel, max_bytes, sink);
        out->upstream = e->spec.url;
        out->reached_direct = e->spec.kind == GOPROXY_DIRECT;
        if (!err)
            return NULL;
        best = better_of(best, err, e->spec.kind);
        if (is_final(cx, err) || (!is_absent(err) && !e->spec.falls_on_error))
            break;
    }
    return best;
}

static void fill_answer(struct fetch_answer *out, struct arena *a, struct sink *sink,
                        struct slice from)
{
    *out = (struct fetch_answer){.size = sink->size, .upstream = arena_dup(a, from)};
    sha256_sum(sink->hash, out->sha256);
    if (sink->fd < 0)
        out->body = arena_dup(a, buf_slice(&sink->buf));
}

struct error *fetch_small(struct fetcher *f, struct ctx *cx, struct slice rel, size_t max_bytes,
                          struct fetch_answer *out)
{
    __attribute__((cleanup(sink_release))) struct sink sink;
    sink_init(&sink, -1);
    TRY(walk(f, cx, rel, max_bytes, &sink, out));
    fill_answer(out, cx->arena, &sink, out->upstream);
    return NULL;
}

struct error *fetch_file(struct fetcher *f, struct ctx *cx, struct slice rel, const char *dest_path,
                         uint64_t max_bytes, struct fetch_answer *out)
{
    __attribute__((cleanup(sink_release))) struct sink sink;
    FD_SCOPED fd = open(dest_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    sink_init(&sink, fd);
    if (fd < 0)
        return error_errno(cx->arena, errno, "creating %s", dest_path);
    struct error *err = walk(f, cx, rel, max_bytes, &sink, out);
    if (err)
        unlink(dest_path);
    else
        fill_answer(out, cx->arena, &sink, out->upstream);
    return err;
}

/* The mirror of an origin, made when it is asked first; NULL when there are too many. */
static struct mirror *mirror_of_origin(struct fetcher *f, struct slice origin)
{
    struct mirror *found = NULL;
    for (size_t i = 0; i < f->mirror_count; i++)
        if (slice_eq(f->mirrors[i]->name, origin))
            return f->mirrors[i];
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->other_count && !found; i++)
        if (slice_eq(f->others[i]->name, origin))
            found = f->others[i];
    if (!found && f->other_count < MAX_OTHER_ORIGINS)
        found = f->others[f->other_count++] = mirror_new(f, arena_dup(&f->arena, origin));
    pthread_mutex_unlock(&f->lock);
    return found;
}

static struct error *get_url(struct fetcher *f, struct ctx *cx, struct slice url,
                             uint64_t max_bytes, struct sink *sink, struct fetch_answer *out)
{
    struct url parsed;
    TRY(url_parse(cx->arena, url, &parsed));
    struct slice origin = url_origin(cx->arena, &parsed);
    struct mirror *m = mirror_of_origin(f, origin);
    if (!m)
        return error_new(cx->arena, STATUS_BAD_REQUEST, "more than %d other upstreams",
                         MAX_OTHER_ORIGINS);
    struct want w = {
        .url = url_redacted(cx->arena, &parsed),
        .authorization = credentials_find(&f->credentials, &parsed),
        .max_bytes = max_bytes,
        .sink = sink,
    };
    TRY(mirror_get(m, cx, &w));
    fill_answer(out, cx->arena, sink, origin);
    return NULL;
}

struct error *fetch_url(struct fetcher *f, struct ctx *cx, struct slice url, size_t max_bytes,
                        struct fetch_answer *out)
{
    __attribute__((cleanup(sink_release))) struct sink sink;
    sink_init(&sink, -1);
    return get_url(f, cx, url, max_bytes, &sink, out);
}

struct error *fetch_url_file(struct fetcher *f, struct ctx *cx, struct slice url,
                             const char *dest_path, uint64_t max_bytes, struct fetch_answer *out)
{
    __attribute__((cleanup(sink_release))) struct sink sink;
    FD_SCOPED fd = open(dest_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    sink_init(&sink, fd);
    if (fd < 0)
        return error_errno(cx->arena, errno, "creating %s", dest_path);
    struct error *err = get_url(f, cx, url, max_bytes, &sink, out);
    if (err)
        unlink(dest_path);
    return err;
}

void fetcher_stats(struct fetcher *f, struct arena *a, struct fetch_upstream_stats **rows,
                   size_t *count)
{
    pthread_mutex_lock(&f->lock);
    *rows = ARENA_ARRAY(a, struct fetch_upstream_stats, f->mirror_count + f->other_count);
    *count = 0;
    for (size_t i = 0; i < f->mirror_count; i++)
        (*rows)[(*count)++] = mirror_stats(f->mirrors[i], a);
    for (size_t i = 0; i < f->other_count; i++)
        (*rows)[(*count)++] = mirror_stats(f->others[i], a);
    pthread_mutex_unlock(&f->lock);
}
