/*
 * A hosted repository: what was published is all that there is, so every question is answered from
 * the store, and what is not there is known to be absent. Lists and @latest are made of the
 * versions that are stored: they are right at every moment.
 */
#include "repo/publish.h"
#include "repo/repo_priv.h"

#include "base/file.h"

#include "gomod/semver.h"

static void give(const struct source_set *set, struct arena *a, const struct question *q,
                 struct slice body, struct repo_answer *out)
{
    answer_bytes(a, body, out);
    out->freshness = REPO_FRESH;
    out->mtime_unix_s = now_unix_s();
    out->fresh_until_s = out->mtime_unix_s + ttl_of(set, q->kind);
    answer_etag(a, out);
}

static void give_absent(const struct source_set *set, struct arena *a, const struct question *q,
                        struct repo_answer *out)
{
    bool has_version = q->mv.version.n > 0;
    struct slice why =
        arena_printf(a, "nothing was published here as %.*s%s%.*s", SLICE_ARG(q->mv.path),
                     has_version ? "@" : "", SLICE_ARG(q->mv.version));
    give(set, a, q, why, out);
    out->status = 404;
    out->fresh_until_s = now_unix_s() + (int64_t)(set->s.negative_ttl_ms / 1000);
}

static struct error *give_list(struct repo *r, const struct source_set *set, struct arena *a,
                               const struct question *q, struct repo_answer *out)
{
    struct slice *versions;
    size_t count;
    BUF_SCOPED(b);
    TRY(store_versions(r->o.store, a, q->mv.path, &versions, &count));
    for (size_t i = 0; i < count; i++)
        buf_printf(&b, "%.*s\n", SLICE_ARG(versions[i]));
    if (count)
        give(set, a, q, versions_normalise(a, buf_slice(&b)), out);
    else
        give_absent(set, a, q, out);
    return NULL;
}

static struct error *give_latest(struct repo *r, const struct source_set *set, struct arena *a,
                                 const struct question *q, struct repo_answer *out)
{
    struct slice *versions;
    size_t count;
    struct question info = {.kind = QUESTION_INFO, .mv = {.path = q->mv.path}};
    TRY(store_versions(r->o.store, a, q->mv.path, &versions, &count));
    info.mv.version = version_latest(versions, count);
    if (info.mv.version.n == 0) {
        give_absent(set, a, q, out);
        return NULL;
    }
    TRY(version_rel(a, info.mv, "info", &info.key));
    TRY(answer_from_store(r, set, a, &info, out));
    if (out->freshness != REPO_FRESH || out->status != 200)
        return NULL;
    FD_SCOPED fd = out->fd; /* of a large one */
    if (fd >= 0)
        TRY(file_read_fd(a, fd, INFO_MAX_BYTES, &out->body));
    give(set, a, q, out->body, out);
    return NULL;
}

struct error *answer_published(struct repo *r, const struct source_set *set, struct arena *a,
                               const struct question *q, struct repo_answer *out)
{
    *out = (struct repo_answer){.fd = -1};
    if (q->kind == QUESTION_LIST)
        return give_list(r, set, a, q, out);
    if (q->kind == QUESTION_LATEST)
        return give_latest(r, set, a, q, out);
    if (q->kind != QUESTION_QUERY)
        TRY(answer_from_store(r, set, a, q, out));
    if (out->freshness == REPO_FRESH && out->status == 200)
        return NULL;
    /* A refusal, not an absence: after that go would ask the next proxy for the same name. */
    if (q->kind != QUESTION_QUERY)
        TRY(repo_check_withdrawn(r, a, q->mv));
    give_absent(set, a, q, out);
    return NULL;
}

struct error *resolve_published(struct resolve *r)
{
    struct arena *a = r->cx->arena;
    TRY(answer_published(r->repo, r->set, a, r->q, r->out));
    return r->out->status == 200 ? NULL
                                 : error_new(a, STATUS_NOT_FOUND, "%.*s", SLICE_ARG(r->out->body));
}
