/*
 * The checksum database that is kept here. What is in its log is answered at once; a lookup of
 * something that is not fetches the version through the repository, like a request for its zip
 * would, so that every rule about what may be stored holds, and appends what the store has. A
 * record once given never changes, whatever becomes of the version.
 *
 * It answers for private modules: it is the one checksum database that may know of them.
 */
#include "repo/repo_priv.h"

#include "base/file.h"

#include "ops/metrics.h"

#include "gomod/h1.h"
#include "store/sumlog.h"

enum { LOOKUP_FRESH_S = 600 };

bool repo_keeps_sumdb(const struct repo_host *h, struct slice name)
{
    for (size_t i = 0; h->log && i < h->name_count; i++) {
        if (slice_eq(h->names[i], name))
            return true;
    }
    return false;
}

bool is_hosted(const struct repo *r, const struct question *q)
{
    return question_is_sumdb(q->kind) && repo_keeps_sumdb(&r->o.host, q->sumdb);
}

/* ---- answers ---- */

/* etag: what tells one state of the answer from another, if there is something shorter than it. */
static void give(struct arena *a, struct slice body, struct slice etag, struct repo_answer *out)
{
    answer_bytes(a, body, out);
    out->freshness = REPO_FRESH;
    out->etag = etag;
    if (etag.n == 0)
        answer_etag(a, out);
}

static struct error *give_head(struct repo *r, struct arena *a, struct repo_answer *out)
{
    struct sumdb_head head;
    sumlog_head(r->o.host.log, a, &head);
    give(a, head.note, S(""), out);
    out->fresh_until_s = now_unix_s(); /* the next one may come at any time */
    return NULL;
}

static struct error *give_tile(struct repo *r, struct arena *a, const struct question *q,
                               struct repo_answer *out)
{
    struct slice data;
    TRY(sumlog_tile(r->o.host.log, a, q->tile, &data));
    if (q->is_tlog_tiles && q->tile.level == TILE_DATA)
        TRY(records_to_entries(a, data, &data));
    give(a, data, q->sumdb_rel, out); /* a tile has one state */
    return NULL;
}

/* The head is read after the record was found: so it covers it. */
static void give_record(struct repo *r, struct arena *a, const struct sumlog_record *record,
                        struct repo_answer *out)
{
    struct sumdb_head head;
    sumlog_head(r->o.host.log, a, &head);
    struct slice text = record_format(a, record->id, record->text);
    give(a, arena_printf(a, "%.*s%.*s", SLICE_ARG(text), SLICE_ARG(head.note)), S(""), out);
    out->fresh_until_s = now_unix_s() + LOOKUP_FRESH_S; /* under an old head it is as good */
}

static struct error *check_scope(const struct repo *r, const struct source_set *set,
                                 struct arena *a, const struct question *q)
{
    if (r->o.host.is_for_all || path_is_private(set, q->mv.path))
        return NULL;
    return error_new(a, STATUS_NOT_FOUND,
                     "%.*s is not private here, and %.*s is for private modules alone "
                     "(sumdb_host.scope)",
                     SLICE_ARG(q->mv.path), SLICE_ARG(q->sumdb));
}

static struct error *give_lookup(struct repo *r, const struct source_set *set, struct arena *a,
                                 const struct question *q, struct repo_answer *out)
{
    bool found;
    struct sumlog_record record;
    TRY(sumlog_find(r->o.host.log, a, q->mv, &found, &record));
    if (!found)
        return check_scope(r, set, a, q);
    give_record(r, a, &record, out);
    return NULL;
}

struct error *answer_hosted(struct repo *r, const struct source_set *set, struct arena *a,
                            const struct question *q, struct repo_answer *out)
{
    *out = (struct repo_answer){.fd = -1};
    switch (q->kind) {
    case QUESTION_SUM_SUPPORTED:
        give(a, S(""), S(""), out);
        return NULL;
    case QUESTION_SUM_LATEST:
        return give_head(r, a, out);
    case QUESTION_SUM_TILE:
        return give_tile(r, a, q, out);
    default:
        return give_lookup(r, set, a, q, out);
    }
}

/* ---- new records ---- */

/* What was stored while no database could be asked may yet turn out to be false. */
static struct error *refuse_doubted(struct resolve *r)
{
    if (!store_is_doubted(r->repo->o.store, r->cx->arena, r->q->mv))
        return NULL;
    return error_new(r->cx->arena, STATUS_UPSTREAM_DOWN,
                     "%.*s@%.*s was stored unverified, while the checksum database could not be "
                     "asked: it gets its record once it is checked",
                     SLICE_ARG(r->q->mv.path), SLICE_ARG(r->q->mv.version));
}

/* Makes the store have the whole version; perhaps in the other lane, like a request for its zip. */
static struct error *fetch_version(struct resolve *r)
{
    struct repo_answer got;
    struct arena *a = r->cx->arena;
    struct question q = {.kind = QUESTION_ZIP, .mv = r->q->mv};
    TRY(version_rel(a, q.mv, "zip", &q.key));
    TRY(repo_lookup(r->repo, a, &q, &got));
    if (got.freshness != REPO_FRESH) {
        enum flight_leg leg = r->leg;
        struct error *err = repo_resolve(r->repo, r->cx, &q, &leg, &got);
        r->wants_direct = leg != r->leg;
        if (err)
            return err;
    }
    fd_cleanup(&got.fd);
    if (got.status == 200)
        return NULL;
    return error_new(a, got.status == 410 ? STATUS_GONE : STATUS_NOT_FOUND, "%.*s",
                     SLICE_ARG(got.body));
}

static struct error *gone_meanwhile(struct resolve *r)
{
    return error_new(r->cx->arena, STATUS_OVERLOAD, "%.*s@%.*s was dropped while it was hashed",
                     SLICE_ARG(r->q->mv.path), SLICE_ARG(r->q->mv.version));
}

static struct error *stored_zip_h1(struct resolve *r, struct slice *h1)
{
    bool found;
    struct store_object o;
    TRY(store_get(r->repo->o.store, r->cx->arena, r->q->mv, ARTEFACT_ZIP, &found, &o));
    if (!found)
        return gone_meanwhile(r);
    fd_cleanup(&o.fd);
    if (!o.has_h1)
        return error_new(r->cx->arena, STATUS_CORRUPT, "the store has no hash of %.*s@%.*s",
                         SLICE_ARG(r->q->mv.path), SLICE_ARG(r->q->mv.version));
    *h1 = arena_dup(r->cx->arena, slice_of(o.h1));
    return NULL;
}

static struct error *stored_mod_h1(struct resolve *r, struct slice *h1)
{
    bool found;
    struct store_object o;
    struct slice body;
    char text[H1_TEXT_BYTES];
    TRY(store_get(r->repo->o.store, r->cx->arena, r->q->mv, ARTEFACT_MOD, &found, &o));
    if (!found)
        return gone_meanwhile(r);
    FD_SCOPED fd = o.fd;
    TRY(file_read_fd(r->cx->arena, fd, MOD_MAX_BYTES, &body));
    gomod_hash(body, text);
    *h1 = arena_dup(r->cx->arena, slice_of(text));
    return NULL;
}

static void note_figures(struct repo *r)
{
    struct sumlog_stats s = sumlog_stats(r->o.host.log);
    metric_set(METRIC_SUMDB_HOST_RECORDS, (int64_t)s.records);
    metric_set(METRIC_SUMDB_HOST_COMMITS, (int64_t)s.commits);
    metric_set(METRIC_SUMDB_HOST_SYNCS, (int64_t)s.syncs);
}

static struct error *append(struct resolve *r, struct sumlog_record *record)
{
    struct slice zip_h1, mod_h1;
    struct arena *a = r->cx->arena;
    TRY(fetch_version(r));
    TRY(refuse_doubted(r));
    TRY(stored_zip_h1(r, &zip_h1));
    TRY(stored_mod_h1(r, &mod_h1));
    TRY(sumlog_append(r->repo->o.host.log, a, record_make(a, r->q->mv, zip_h1, mod_h1), record));
    note_figures(r->repo);
    return NULL;
}

struct error *resolve_hosted(struct resolve *r)
{
    struct sumlog_record record;
    struct arena *a = r->cx->arena;
    TRY(answer_hosted(r->repo, r->set, a, r->q, r->out));
    if (r->out->freshness != REPO_MISSING)
        return NULL;
    struct error *err = module_check(a, r->q->mv);
    if (err)
        return error_as(a, STATUS_NOT_FOUND, err, "no such version");
    TRY_CTX(a, append(r, &record), "the record of %.*s@%.*s in %.*s", SLICE_ARG(r->q->mv.path),
            SLICE_ARG(r->q->mv.version), SLICE_ARG(r->q->sumdb));
    give_record(r->repo, a, &record, r->out);
    return NULL;
}
