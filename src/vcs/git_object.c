/*
 * Commits and files out of the mirror, by name, several at once. A name that is missing while git
 * complains is not absent: the mirror is damaged.
 */
#include "ops/log.h"
#include "ops/metrics.h"
#include "vcs/git_priv.h"

enum { TRIES = 3 };

struct reading {
    struct ctx *cx;
    struct git_item *items;
    struct git_item *item; /* whose body comes */
    struct buf body;
};

static struct error *take_head(void *arg, size_t i, const struct git_head *h)
{
    struct reading *rd = arg;
    struct git_item *it = rd->item = &rd->items[i];
    it->found = h->found;
    if (h->found != GIT_FOUND)
        return NULL;
    /* A folder or submodule is no file. */
    bool is_file = slice_eq(h->type, S("blob")) || slice_eq(h->type, S("commit"));
    if (is_file && h->bytes > it->max_bytes + GIT_OBJECT_MAX_BYTES)
        return error_new(rd->cx->arena, STATUS_TOO_LARGE, "%.*s has %" PRIu64 " bytes",
                         SLICE_ARG(it->name), h->bytes);
    it->found = !is_file ? GIT_ABSENT : h->bytes > it->max_bytes ? GIT_LARGE : GIT_FOUND;
    it->hash = arena_dup(rd->cx->arena, h->hash);
    return NULL;
}

static struct error *take_piece(void *arg, struct slice piece)
{
    struct reading *rd = arg;
    if (rd->item->found == GIT_FOUND)
        buf_add(&rd->body, piece);
    return NULL;
}

static struct error *end_body(void *arg)
{
    struct reading *rd = arg;
    if (rd->item->found == GIT_FOUND)
        rd->item->body = arena_dup(rd->cx->arena, buf_slice(&rd->body));
    buf_clear(&rd->body);
    return NULL;
}

static struct error *read_once(struct git_repo *r, struct ctx *cx, struct git_item *items,
                               size_t count, bool *try_again)
{
    struct git_reader *reader;
    struct reading rd = {.cx = cx, .items = items};
    const struct git_answers to = {take_head, take_piece, end_body, &rd};
    struct slice *names = ARENA_ARRAY(cx->arena, struct slice, count);
    for (size_t i = 0; i < count; i++)
        names[i] = items[i].name;
    *try_again = false;
    TRY(git_reader_open(r, cx, &reader));
    struct error *err = git_reader_ask(reader, cx, names, count, &to);
    buf_release(&rd.body);
    return git_reader_close(reader, cx, err, try_again);
}

struct error *git_read_items(struct git_repo *r, struct ctx *cx, struct git_item *items,
                             size_t count)
{
    bool is_there, try_again;
    struct error *err;
    GIT_LOCK_SCOPED(l);
    for (size_t i = 0; i < count; i++) {
        items[i].found = GIT_ABSENT;
        items[i].body = S("");
    }
    TRY(git_mirror_use(r, cx, &l, &is_there));
    if (!is_there || !count)
        return NULL;
    do {
        err = read_once(r, cx, items, count, &try_again);
    } while (err && try_again);
    return err;
}

int64_t git_commit_time(struct slice body)
{
    while (body.n) {
        struct slice line = slice_cut_line(&body);
        if (line.n == 0)
            break;
        if (!slice_starts(line, S("committer ")))
            continue;
        struct slice rest = slice_skip(line, (size_t)(slice_rfind(line, '>') + 1));
        uint64_t t;
        rest = slice_trim(rest);
        return slice_parse_u64(slice_cut(&rest, ' '), &t) && t < INT64_MAX ? (int64_t)t : 0;
    }
    return 0;
}

/* A tip is fetched alone; anything else only with the history. */
struct error *git_fetch_commit(struct git_repo *r, struct ctx *cx, struct slice hash,
                               struct slice ref)
{
    const struct git_refs *refs;
    const struct git_ref *row;
    if (ref.n)
        return git_fetch(r, cx, ref, hash);
    TRY(git_repo_refs(r, cx, r->git->o.refs_ttl_ms, &refs));
    if (git_refs_with_hash(refs, hash, &row) && slice_eq(row->hash, hash))
        return git_fetch(r, cx, row->name, hash);
    return git_fetch_history(r, cx, refs);
}

static struct error *drop_damaged(struct git_repo *r, struct ctx *cx, const struct error *err)
{
    log_error(LOG_WARN, "a mirror of a repository is fetched anew", err, NULL, 0);
    metric_add(METRIC_VCS_REPAIRS, 1);
    return git_mirror_drop(r, cx);
}

struct error *git_read_present(struct git_repo *r, struct ctx *cx, struct slice hash,
                               struct slice ref, struct git_item *items, size_t count)
{
    struct error *err = NULL;
    if (!git_mirror_may_have(r, cx->arena, hash))
        TRY(git_fetch_commit(r, cx, hash, ref));
    for (int i = 0; i < TRIES; i++) {
        err = git_read_items(r, cx, items, count);
        if (err && err->status != STATUS_CORRUPT)
            return err;
        if (!err && items[0].found != GIT_ABSENT)
            return NULL;
        if (err)
            TRY(drop_damaged(r, cx, err));
        else if (i > 0)
            break;
        TRY(git_fetch_commit(r, cx, hash, ref));
    }
    if (err)
        return err;
    return error_new(cx->arena, STATUS_NOT_FOUND, "%s has no commit %.*s", r->url, SLICE_ARG(hash));
}
