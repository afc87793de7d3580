/* Answers made of what is stored: no request goes out from here. */
#include "repo/repo_priv.h"

#include "base/encode.h"
#include "base/file.h"

#include "gomod/modzip.h"

void answer_bytes(struct arena *a, struct slice body, struct repo_answer *out)
{
    out->status = 200;
    out->fd = -1;
    out->body = body;
    out->size = body.n;
}

void answer_etag(struct arena *a, struct repo_answer *out)
{
    uint8_t sum[SHA256_BYTES];
    sha256(out->body, sum);
    out->etag = arena_printf(a, "sha256:%s", base64_encode(a, sum, sizeof(sum)).p);
}

void repo_answer_set_body(struct arena *a, struct repo_answer *answer, struct slice body)
{
    answer_bytes(a, body, answer);
    answer_etag(a, answer);
}

int64_t ttl_of(const struct source_set *set, enum question_kind kind)
{
    uint64_t ms = kind == QUESTION_SUM_LATEST ? set->s.head_ttl_ms : set->s.list_ttl_ms;
    return (int64_t)((ms + 999) / 1000);
}

static void set_query_version(struct arena *a, const struct question *q, struct repo_answer *out)
{
    if (q->kind == QUESTION_QUERY && info_version(a, out->body, &out->canonical_version))
        out->canonical_version = S("");
}

/* A list, @latest, query or head that was learnt from outside. */
static struct error *from_learnt(struct repo *r, const struct source_set *set, struct arena *a,
                                 const struct question *q, struct repo_answer *out)
{
    struct store_answer learnt;
    TRY(store_answer_get(r->o.store, a, answer_key(a, set, q), &learnt));
    int64_t now = now_unix_s();
    if (!learnt.found)
        return NULL;
    int64_t ttl = ttl_of(set, q->kind);
    int64_t stale = (int64_t)(set->s.stale_while_ms / 1000);
    int64_t age = now > learnt.learnt_unix_s ? now - learnt.learnt_unix_s : 0;
    if (learnt.status != 200) {
        ttl = (int64_t)(set->s.negative_ttl_ms / 1000);
        stale = 0;
        if (age >= ttl)
            return NULL;
    }
    answer_bytes(a, learnt.body, out);
    out->status = learnt.status;
    out->mtime_unix_s = learnt.learnt_unix_s;
    out->fresh_until_s = learnt.learnt_unix_s + ttl;
    out->freshness = age < ttl ? REPO_FRESH : age < ttl + stale ? REPO_STALE : REPO_OLD;
    answer_etag(a, out);
    set_query_version(a, q, out);
    return NULL;
}

static struct error *read_object(struct arena *a, struct store_object *o, struct repo_answer *out)
{
    FD_SCOPED fd = o->fd;
    TRY(file_read_fd(a, fd, MOD_MAX_BYTES, &out->body));
    answer_bytes(a, out->body, out);
    return NULL;
}

static enum artefact artefact_of(enum question_kind kind)
{
    return kind == QUESTION_ZIP   ? ARTEFACT_ZIP
           : kind == QUESTION_MOD ? ARTEFACT_MOD
                                  : ARTEFACT_INFO;
}

/* The h1 of a .mod; there is none of an .info, whose digest serves as well. */
static void set_artefact_etag(struct arena *a, enum question_kind kind, struct repo_answer *out)
{
    char h1[H1_BYTES + 1];
    if (kind != QUESTION_MOD) {
        answer_etag(a, out);
        return;
    }
    gomod_hash(out->body, h1);
    out->etag = arena_printf(a, "%s", h1);
}

void answer_new_artefact(struct arena *a, enum question_kind kind, struct slice body,
                         struct repo_answer *out)
{
    answer_bytes(a, body, out);
    out->freshness = REPO_FRESH;
    out->mtime_unix_s = now_unix_s();
    set_artefact_etag(a, kind, out);
}

/* What a mirror said of a path before it was private. */
static bool is_foreign_copy(struct repo *r, const struct source_set *set, struct arena *a,
                            struct module_version mv)
{
    return path_is_private(set, mv.path) && !store_is_pinned(r->o.store, a, mv);
}

static struct error *from_artefacts(struct repo *r, const struct source_set *set, struct arena *a,
                                    const struct question *q, struct repo_answer *out)
{
    bool found;
    struct store_object o;
    TRY(store_get(r->o.store, a, q->mv, artefact_of(q->kind), &found, &o));
    if (found && is_foreign_copy(r, set, a, q->mv)) {
        fd_cleanup(&o.fd);
        found = false;
    }
    if (!found)
        return from_learnt(r, set, a, q, out); /* an absence, if anything */
    out->freshness = REPO_FRESH;
    out->mtime_unix_s = o.mtime_unix_s;
    store_touch(r->o.store, q->mv);
    if (q->kind == QUESTION_ZIP || o.size > SMALL_MAX_BYTES) {
        out->status = 200;
        out->fd = o.fd;
        out->size = o.size;
        out->etag = o.has_h1 ? arena_printf(a, "%s", o.h1) : S("");
        return NULL;
    }
    TRY(read_object(a, &o, out));
    set_artefact_etag(a, q->kind, out);
    return NULL;
}

/* A record, a tile or a head; else an absence, if anything. */
static struct error *from_database(struct repo *r, const struct source_set *set, struct arena *a,
                                   const struct question *q, struct repo_answer *out)
{
    TRY(answer_from_database(set, a, q, out));
    return out->freshness == REPO_MISSING ? from_learnt(r, set, a, q, out) : NULL;
}

struct error *answer_from_store(struct repo *r, const struct source_set *set, struct arena *a,
                                const struct question *q, struct repo_answer *out)
{
    *out = (struct repo_answer){.fd = -1};
    switch (q->kind) {
    case QUESTION_INFO:
    case QUESTION_MOD:
    case QUESTION_ZIP:
        return from_artefacts(r, set, a, q, out);
    case QUESTION_LIST:
    case QUESTION_LATEST:
    case QUESTION_QUERY:
        return from_learnt(r, set, a, q, out);
    case QUESTION_SIGNATURE: /* its key is to be looked at first */
        return NULL;
    case QUESTION_SUM_LOOKUP:
    case QUESTION_SUM_TILE:
    case QUESTION_SUM_LATEST:
        return from_database(r, set, a, q, out);
    case QUESTION_SUM_SUPPORTED:
        out->freshness = REPO_FRESH;
        answer_bytes(a, S(""), out);
        return NULL;
    }
    BUG("question kind %d", q->kind);
}
