/* Several answers to one question as one. Pure. */
#include "repo/mounts_priv.h"
#include "repo/repo_priv.h"

#include "gomod/semver.h"

/* As fresh as the least fresh part, and for as long as the first of them ages. */
static void take_times(const struct repo_answer *parts, size_t count, struct repo_answer *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct repo_answer *p = &parts[i];
        bool is_worse = p->freshness == REPO_MISSING ||
                        (out->freshness != REPO_MISSING && p->freshness > out->freshness);
        if (i == 0 || is_worse)
            out->freshness = p->freshness;
        if (i == 0 || p->fresh_until_s < out->fresh_until_s)
            out->fresh_until_s = p->fresh_until_s;
        if (i == 0 || p->mtime_unix_s > out->mtime_unix_s)
            out->mtime_unix_s = p->mtime_unix_s;
    }
}

static struct slice merge_lists(struct arena *a, const struct repo_answer *parts, size_t count)
{
    BUF_SCOPED(all);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].status != 200)
            continue;
        buf_add(&all, parts[i].body);
        buf_add_byte(&all, '\n');
    }
    return versions_normalise(a, buf_slice(&all));
}

static struct error *highest(struct arena *a, const struct repo_answer *parts, size_t count,
                             struct slice *body)
{
    struct slice *versions = ARENA_ARRAY(a, struct slice, count);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].status == 200)
            TRY(info_version(a, parts[i].body, &versions[i]));
    }
    struct slice best = version_latest(versions, count);
    for (size_t i = count; i-- > 0;) { /* of equal ones the first member's */
        if (versions[i].n && (slice_eq(versions[i], best) || best.n == 0))
            *body = parts[i].body;
    }
    return NULL;
}

struct error *merge_answers(struct arena *a, enum question_kind kind,
                            const struct repo_answer *parts, size_t count, struct repo_answer *out)
{
    struct slice body = parts[count - 1].body;
    bool is_found = false;
    *out = (struct repo_answer){.fd = -1};
    take_times(parts, count, out);
    for (size_t i = 0; i < count; i++)
        is_found |= parts[i].freshness != REPO_MISSING && parts[i].status == 200;
    if (out->freshness == REPO_MISSING)
        return NULL;
    if (is_found && kind == QUESTION_LIST)
        body = merge_lists(a, parts, count);
    else if (is_found)
        TRY(highest(a, parts, count, &body));
    answer_bytes(a, body, out);
    out->status = is_found ? 200 : parts[count - 1].status;
    answer_etag(a, out);
    return NULL;
}
