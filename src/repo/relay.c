/*
 * How checksum databases are reached: through a mirror's own /sumdb/ when it has one, else
 * straight, as the go command does. The go command tells its mirrors nothing of clients, and so
 * neither are the clients' headers passed on here.
 */
#include "repo/repo_priv.h"

#include "ops/log.h"

#include "config/defaults.h"

enum { MIRROR_UNKNOWN, MIRROR_YES, MIRROR_NO };

/* The key that a well-known name stands for; else the text itself. */
static struct slice known_key(struct slice text)
{
    return slice_eq(text, S(DEFAULT_SUMDB)) ? S(DEFAULT_SUMDB_KEY) : text;
}

/* cmd/go/internal/modfetch.dbDial: a host, and perhaps a path. */
static bool is_database_name(struct slice name)
{
    if (slice_find(name, '\\') >= 0 || slice_find(name, '?') >= 0 || slice_find(name, '#') >= 0)
        return false;
    while (name.p) {
        struct slice part = slice_cut(&name, '/');
        if (part.n == 0 || part.p[0] == '.' || part.p[0] == '-')
            return false;
    }
    return true;
}

static struct error *parse_url(struct arena *a, struct slice url, struct slice name,
                               struct relay *out)
{
    out->has_own_url = url.n > 0;
    if (!out->has_own_url)
        url = arena_printf(a, "https://%.*s", SLICE_ARG(name));
    if (!slice_starts(url, S("https://")) && !slice_starts(url, S("http://")))
        return error_new(a, STATUS_BAD_CONFIG, "'%.*s' is no http or https URL", SLICE_ARG(url));
    while (slice_ends(url, S("/")))
        url.n--;
    out->url = arena_dup(a, url);
    return NULL;
}

/* "name", "name+hash+key" or "name+hash+key url": go help environment, GOSUMDB. */
static struct error *parse_one(struct arena *a, struct slice text, struct note_verifier *v,
                               struct relay *out)
{
    struct slice url = slice_trim(text);
    struct slice key = slice_cut(&url, ' ');
    url = slice_trim(url);
    if (slice_eq(key, S(DEFAULT_SUMDB_MIRROR)) && url.n == 0) {
        key = S(DEFAULT_SUMDB);
        url = S("https://" DEFAULT_SUMDB_MIRROR);
    }
    struct error *err = note_verifier_parse(a, known_key(key), v);
    if (err)
        return error_as(a, STATUS_BAD_CONFIG, err,
                        "'%.*s' names a checksum database without a key that is known: write "
                        "name+hash+key",
                        SLICE_ARG(key));
    if (!is_database_name(v->name))
        return error_new(a, STATUS_BAD_CONFIG, "'%.*s' is no checksum database name",
                         SLICE_ARG(v->name));
    return parse_url(a, url, v->name, out);
}

static bool is_off(struct slice sumdb)
{
    return slice_eq(slice_trim(sumdb), S("off"));
}

/* The next entry of the setting; empty when there is none left. */
static struct slice cut_entry(struct slice *sumdb)
{
    struct slice one = S("");
    while (sumdb->p && one.n == 0)
        one = slice_trim(slice_cut(sumdb, ','));
    return one;
}

struct error *relays_check(struct arena *a, struct slice sumdb)
{
    struct note_verifier v;
    struct relay relay;
    if (is_off(sumdb))
        return NULL;
    for (struct slice one; (one = cut_entry(&sumdb)).n;)
        TRY(parse_one(a, one, &v, &relay));
    return NULL;
}

static struct error *add_relay(struct arena *a, struct repo *repo, struct slice text,
                               struct relay *out)
{
    struct note_verifier v;
    TRY(parse_one(a, text, &v, out));
    return databases_get(a, repo->o.databases, &v, &out->db);
}

struct error *relays_parse(struct arena *a, struct repo *repo, struct source_set *set)
{
    size_t n = 1;
    struct slice sumdb = slice_of(set->s.sumdb);
    for (size_t i = 0; i < sumdb.n; i++)
        n += sumdb.p[i] == ',';
    set->relays = ARENA_ARRAY(&set->arena, struct relay, n);
    if (is_off(sumdb))
        return NULL;
    for (struct slice one; (one = cut_entry(&sumdb)).n; set->relay_count++)
        TRY(error_dup(a, add_relay(&set->arena, repo, one, &set->relays[set->relay_count])));
    return NULL;
}

struct relay *relay_find(const struct source_set *set, struct slice name)
{
    for (size_t i = 0; i < set->relay_count; i++) {
        if (slice_eq(set->relays[i].db->name, name))
            return &set->relays[i];
    }
    return NULL;
}

static struct error *ask_mirror(struct resolve *r, struct ctx *cx, const struct relay *relay,
                                struct slice rel, struct fetch_answer *got)
{
    struct slice path =
        arena_printf(cx->arena, "sumdb/%.*s/%.*s", SLICE_ARG(relay->db->name), SLICE_ARG(rel));
    return fetch_small(r->set->s.fetcher, cx, path, SUMDB_MAX_BYTES, got);
}

/* Asks once whether the mirrors relay this database, as the go command does. */
static bool may_use_mirror(struct resolve *r, struct ctx *cx, struct relay *relay)
{
    struct fetch_answer got;
    if (relay->has_own_url)
        return false;
    int known = atomic_load(&relay->may_use_mirror);
    if (known != MIRROR_UNKNOWN)
        return known == MIRROR_YES;
    struct error *err = ask_mirror(r, cx, relay, S("supported"), &got);
    if (!err)
        atomic_store(&relay->may_use_mirror, MIRROR_YES);
    else if (status_class(err->status) == CLASS_ABSENT || err->status == STATUS_UPSTREAM_OFF)
        atomic_store(&relay->may_use_mirror, MIRROR_NO);
    return !err;
}

struct error *relay_ask(struct resolve *r, struct ctx *cx, struct relay *relay, struct slice rel,
                        struct slice *body)
{
    struct fetch_answer got;
    if (may_use_mirror(r, cx, relay)) {
        TRY(ask_mirror(r, cx, relay, rel, &got));
    } else {
        struct slice url =
            arena_printf(cx->arena, "%.*s/%.*s", SLICE_ARG(relay->url), SLICE_ARG(rel));
        TRY(fetch_url(r->set->s.fetcher, cx, url, SUMDB_MAX_BYTES, &got));
    }
    *body = got.body;
    return NULL;
}
