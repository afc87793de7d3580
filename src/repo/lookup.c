/*
 * What clients ask of a checksum database, and what checking artefacts needs of it.
 *
 * A record is given with the newest head that this gateway has proven, not with the one that came
 * with it: any signed head whose tree has the record is a good answer, and for this one every tile
 * that a client can ask for is stored. So a client with nothing can check everything that was ever
 * looked up here, whatever has become of the database.
 */
#include "repo/rounds.h"

#include "ops/log.h"

static struct slice head_note(struct database *d, struct arena *a)
{
    return database_head(d, a).note;
}

static struct slice lookup_body(struct database *d, struct arena *a, const struct sumdb_record *rec)
{
    struct slice record = record_format(a, rec->id, rec->text), note = head_note(d, a);
    return arena_printf(a, "%.*s%.*s", SLICE_ARG(record), SLICE_ARG(note));
}

/* ---- from the store ---- */

static void give_found(struct arena *a, struct slice body, struct repo_answer *out)
{
    out->freshness = REPO_FRESH;
    answer_bytes(a, body, out);
    answer_etag(a, out);
}

/* Good for as long as its head is; an older head would do, but a newer one tells clients more. */
static void give_record(const struct source_set *set, struct database *d, struct arena *a,
                        const struct sumdb_record *record, struct repo_answer *out)
{
    give_found(a, lookup_body(d, a, record), out);
    out->mtime_unix_s = now_unix_s();
    out->fresh_until_s = out->mtime_unix_s + ttl_of(set, QUESTION_SUM_LATEST);
}

static struct error *stored_lookup(const struct source_set *set, struct database *d,
                                   struct arena *a, const struct question *q,
                                   struct repo_answer *out)
{
    bool found;
    struct sumdb_record record;
    TRY(database_record(d, a, q->mv, &found, &record));
    if (found)
        give_record(set, d, a, &record, out);
    return NULL;
}

static struct error *stored_tile(struct database *d, struct arena *a, const struct question *q,
                                 struct repo_answer *out)
{
    bool found;
    struct slice data;
    TRY(database_tile(d, a, q->tile, &found, &data));
    if (found)
        give_found(a, data, out);
    return NULL;
}

static void stored_head(const struct source_set *set, struct database *d, struct arena *a,
                        struct repo_answer *out)
{
    int64_t ttl = ttl_of(set, QUESTION_SUM_LATEST);
    int64_t stale = (int64_t)(set->s.stale_while_ms / 1000);
    pthread_mutex_lock(&d->lock);
    int64_t learnt = d->learnt_unix_s;
    struct slice note = arena_dup(a, buf_slice(&d->note));
    pthread_mutex_unlock(&d->lock);
    if (note.n == 0)
        return;
    int64_t age = now_unix_s() - learnt;
    give_found(a, note, out);
    out->mtime_unix_s = learnt;
    out->fresh_until_s = learnt + ttl;
    out->freshness = age < ttl ? REPO_FRESH : age < ttl + stale ? REPO_STALE : REPO_OLD;
}

struct error *answer_from_database(const struct source_set *set, struct arena *a,
                                   const struct question *q, struct repo_answer *out)
{
    struct relay *relay = relay_find(set, q->sumdb);
    if (!relay)
        return NULL;
    if (q->kind == QUESTION_SUM_LOOKUP)
        return stored_lookup(set, relay->db, a, q, out);
    if (q->kind == QUESTION_SUM_TILE)
        return stored_tile(relay->db, a, q, out);
    stored_head(set, relay->db, a, out);
    return NULL;
}

/* ---- from the database ---- */

static struct error *ask_record(struct resolve *r, struct relay *relay, struct module_version mv,
                                struct sumdb_record *out)
{
    struct slice path, version, body, note;
    struct arena *a = r->cx->arena;
    struct sumdb_claim claim = {.has_record = true};
    TRY(module_escape_path(a, mv.path, &path));
    TRY(module_escape_version(a, mv.version, &version));
    struct slice rel = arena_printf(a, "lookup/%.*s@%.*s", SLICE_ARG(path), SLICE_ARG(version));
    TRY(relay_ask(r, r->cx, relay, rel, &body));
    TRY(sumdb_record_parse(a, body, mv, out, &note));
    TRY(sumdb_head_open(a, note, &relay->db->verifier, &claim.head));
    claim.record = *out;
    return round_prove(r, relay, &claim);
}

struct error *relay_record(struct resolve *r, struct relay *relay, struct module_version mv,
                           struct sumdb_record *out)
{
    bool found;
    struct arena *a = r->cx->arena;
    TRY(database_record(relay->db, a, mv, &found, out));
    if (found)
        return NULL;
    TRY_CTX(a, ask_record(r, relay, mv, out), "%.*s, asked for %.*s@%.*s",
            SLICE_ARG(relay->db->name), SLICE_ARG(mv.path), SLICE_ARG(mv.version));
    struct error *err = database_put_record(relay->db, a, mv, out);
    if (err)
        log_error(LOG_WARN, "a record was not kept", err,
                  (struct log_field[]){LOG_STR("module", mv.path), LOG_STR("version", mv.version)},
                  2);
    recheck_in_background(r->repo);
    return NULL;
}

static struct error *resolve_lookup(struct resolve *r, struct relay *relay)
{
    struct sumdb_record record;
    struct arena *a = r->cx->arena;
    struct error *err = relay_record(r, relay, r->q->mv, &record);
    if (err && status_class(err->status) == CLASS_ABSENT)
        keep_answer(r, status_http(err->status), error_chain(a, err));
    if (err)
        return err;
    give_record(r->set, relay->db, a, &record, r->out);
    return NULL;
}

/* Asks for the newest head and takes it up. */
static struct error *refresh_head(struct resolve *r, struct relay *relay)
{
    struct slice note;
    struct sumdb_claim claim = {.has_record = false};
    TRY(relay_ask(r, r->cx, relay, S("latest"), &note));
    TRY(sumdb_head_open(r->cx->arena, note, &relay->db->verifier, &claim.head));
    TRY(round_prove(r, relay, &claim));
    database_note_latest(relay->db, claim.head.tree.size);
    return NULL;
}

/* The newest head that is known, when there is no news of it. */
static struct error *resolve_latest(struct resolve *r, struct relay *relay)
{
    struct arena *a = r->cx->arena;
    struct error *err = refresh_head(r, relay);
    stored_head(r->set, relay->db, a, r->out);
    if (r->out->freshness == REPO_MISSING)
        return err ? err
                   : error_new(a, STATUS_NOT_FOUND, "%.*s is empty", SLICE_ARG(relay->db->name));
    if (err) {
        r->out->freshness = REPO_STALE;
        log_error(LOG_WARN, "served an old head: there is no newer one", err,
                  &LOG_STR("sumdb", relay->db->name), 1);
    }
    return NULL;
}

static bool is_in_tree(struct tile t, const struct sumdb_head *head)
{
    struct tile whole;
    uint64_t last = (t.n << TILE_HEIGHT) + t.width - 1;
    return tile_with(t.level, last, head->tree.size, &whole);
}

/* The records of a data tile; a database may keep only the full one once there is one. */
static struct error *ask_records(struct resolve *r, struct relay *relay, struct tile t,
                                 struct slice *data)
{
    struct arena *a = r->cx->arena;
    struct tile full = {t.level, t.n, TILE_WIDTH};
    struct error *err = relay_ask(r, r->cx, relay, tile_format(a, t), data);
    if (!err || t.width == TILE_WIDTH || status_class(err->status) != CLASS_ABSENT)
        return err;
    if (relay_ask(r, r->cx, relay, tile_format(a, full), data) ||
        !records_head(*data, t.width, data))
        return err;
    return NULL;
}

static struct error *tile_of_head(struct resolve *r, struct relay *relay,
                                  const struct sumdb_head *head, struct tile t, struct slice *data)
{
    if (t.level != TILE_DATA)
        return round_prove_tile(r, relay, head, t, data);
    TRY(ask_records(r, relay, t, data));
    TRY(round_prove_records(r, relay, head, t, *data));
    struct error *err = database_put_tile(relay->db, r->cx, t, *data, false);
    if (err)
        log_error(LOG_WARN, "a tile was not kept", err, &LOG_STR("key", r->q->key), 1);
    return NULL;
}

/* A tile beyond the head may be one of a newer tree, which somebody saw elsewhere. */
static struct error *resolve_tile(struct resolve *r, struct relay *relay)
{
    struct slice data;
    struct tile t = r->q->tile;
    struct arena *a = r->cx->arena;
    struct sumdb_head head = database_head(relay->db, a);
    if (!is_in_tree(t, &head)) {
        TRY(refresh_head(r, relay));
        head = database_head(relay->db, a);
    }
    if (!is_in_tree(t, &head))
        return error_new(a, STATUS_NOT_FOUND, "the tree of %.*s has no %.*s",
                         SLICE_ARG(relay->db->name), SLICE_ARG(r->q->sumdb_rel));
    TRY(tile_of_head(r, relay, &head, t, &data));
    if (t.level != TILE_DATA)
        data = slice_head(data, (size_t)t.width * SHA256_BYTES);
    give_found(a, data, r->out);
    return NULL;
}

struct error *resolve_sumdb(struct resolve *r)
{
    struct relay *relay = relay_find(r->set, r->q->sumdb);
    if (!relay)
        return error_new(r->cx->arena, STATUS_NOT_FOUND,
                         "the checksum database %.*s is not relayed here", SLICE_ARG(r->q->sumdb));
    if (r->q->kind == QUESTION_SUM_LOOKUP)
        return resolve_lookup(r, relay);
    if (r->q->kind == QUESTION_SUM_TILE)
        return resolve_tile(r, relay);
    return resolve_latest(r, relay);
}
