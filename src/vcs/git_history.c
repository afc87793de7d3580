/*
 * Ancestry. Both questions need the history behind a commit without gaps: once it is fetched, it
 * stays (git_fetch.c), and a tag whose commit is not in it is not in it, whatever else was tagged
 * since. The tags come from the refs, not from the mirror, whose own may be older.
 */
#include "gomod/semver.h"
#include "ops/log.h"
#include "ops/metrics.h"
#include "vcs/git_priv.h"

enum { TRIES = 3 };

struct candidate {
    struct slice tag;
    struct slice version; /* the tag without the prefix */
    struct slice hash;
    bool is_hit; /* on the commit or an ancestor */
};

struct search {
    struct candidate *best;  /* highest version first */
    struct candidate **hash; /* the same by hash */
    size_t count;
    size_t at; /* those before it are out */
    bool (*is_allowed)(void *arg, struct slice tag);
    void *arg;
};

static int by_version(const void *x, const void *y)
{
    const struct candidate *a = x, *b = y;
    int c = semver_compare(b->version, a->version);
    return c ? c : slice_cmp(a->tag, b->tag);
}

static int by_hash(const void *x, const void *y)
{
    const struct candidate *a = *(struct candidate *const *)x, *b = *(struct candidate *const *)y;
    return slice_cmp(a->hash, b->hash);
}

static void find_candidates(struct arena *a, const struct git_refs *refs, struct slice prefix,
                            struct search *s)
{
    const struct git_ref *rows;
    size_t count = git_refs_tags(refs, prefix, &rows);
    s->best = ARENA_ARRAY(a, struct candidate, count + 1);
    s->hash = ARENA_ARRAY(a, struct candidate *, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct slice tag = slice_skip(rows[i].name, strlen("refs/tags/"));
        struct slice version = slice_skip(tag, prefix.n);
        if (semver_is_valid(version))
            s->best[s->count++] =
                (struct candidate){.tag = tag, .version = version, .hash = rows[i].hash};
    }
    qsort(s->best, s->count, sizeof(*s->best), by_version);
    for (size_t i = 0; i < s->count; i++)
        s->hash[i] = &s->best[i];
    qsort(s->hash, s->count, sizeof(*s->hash), by_hash);
}

/* Marks the tags on one ancestor. */
static void mark(struct search *s, struct slice hash)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (slice_cmp(s->hash[mid]->hash, hash) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < s->count && slice_eq(s->hash[low]->hash, hash); low++)
        s->hash[low]->is_hit = true;
}

/* Whether no later ancestor can change the answer: the highest left is one, and allowed. */
static bool is_decided(struct search *s)
{
    while (s->at < s->count && s->best[s->at].is_hit) {
        if (s->is_allowed(s->arg, s->best[s->at].tag))
            return true;
        s->at++;
    }
    return s->at == s->count;
}

static struct slice result(struct search *s)
{
    for (; s->at < s->count; s->at++) {
        if (s->best[s->at].is_hit && s->is_allowed(s->arg, s->best[s->at].tag))
            return s->best[s->at].tag;
    }
    return S("");
}

/* Takes whole lines off what came. */
static void mark_lines(struct search *s, struct buf *b)
{
    struct slice rest = buf_slice(b);
    for (ptrdiff_t end; (end = slice_find(rest, '\n')) >= 0;) {
        mark(s, slice_head(rest, (size_t)end));
        rest = slice_skip(rest, (size_t)end + 1);
    }
    buf_drop(b, b->n - rest.n);
}

static struct error *walk(struct git_repo *r, struct ctx *cx, struct slice hash, struct search *s)
{
    const char *args[] = {"rev-list", "--end-of-options", arena_cstr(cx->arena, hash), "--", NULL};
    struct git_call call = {.args = args, .max_output_bytes = UINT64_MAX};
    struct proc *p;
    struct proc_result res;
    struct slice piece;
    bool is_there, is_over = false;
    GIT_LOCK_SCOPED(l);
    BUF_SCOPED(b);
    TRY(git_mirror_use(r, cx, &l, &is_there));
    if (!is_there)
        return error_new(cx->arena, STATUS_CORRUPT, "%s has no mirror", r->url);
    TRY(git_start(r, cx, &call, &p));
    struct error *err = NULL;
    do {
        err = proc_read(p, cx, &piece);
        buf_add(&b, piece);
        mark_lines(s, &b);
        is_over = is_decided(s);
    } while (!err && piece.n && !is_over);
    err = git_finish(r, cx, &call, p, err, &res);
    return is_over ? NULL : err;
}

/* Whether the commit is or descends from old. */
static struct error *compare(struct git_repo *r, struct ctx *cx, struct slice old,
                             struct slice hash, bool *out)
{
    const char *args[] = {"merge-base",
                          "--is-ancestor",
                          "--",
                          arena_cstr(cx->arena, old),
                          arena_cstr(cx->arena, hash),
                          NULL};
    struct git_call call = {.args = args, .max_output_bytes = 1 << 10};
    struct proc_result res;
    struct slice output;
    bool is_there;
    GIT_LOCK_SCOPED(l);
    TRY(git_mirror_use(r, cx, &l, &is_there));
    if (!is_there)
        return error_new(cx->arena, STATUS_CORRUPT, "%s has no mirror", r->url);
    TRY(git_run(r, cx, &call, &output, &res));
    *out = res.exit_code == 0;
    return NULL;
}

/* After a try that failed: NULL when another may succeed. */
static struct error *prepare_again(struct git_repo *r, struct ctx *cx, const struct git_refs *refs,
                                   struct slice hash, struct error *err)
{
    struct git_item item = {.max_bytes = GIT_COMMIT_MAX_BYTES};
    if (err->status != STATUS_CORRUPT)
        return err;
    item.name = arena_printf(cx->arena, "%.*s^{commit}", SLICE_ARG(hash));
    struct error *damage = git_read_items(r, cx, &item, 1);
    if (!damage && item.found == GIT_ABSENT)
        return git_read_present(r, cx, hash, S(""), &item, 1);
    struct slice sum;
    if (!damage && git_mirror_is_complete(r, cx->arena, &sum) && !slice_eq(sum, refs->repo_sum))
        return git_fetch_history(r, cx, refs);
    log_error(LOG_WARN, "a mirror of a repository is fetched anew", err, NULL, 0);
    metric_add(METRIC_VCS_REPAIRS, 1);
    return git_mirror_drop(r, cx);
}

static struct error *need_history(struct git_repo *r, struct ctx *cx, const struct git_refs *refs)
{
    struct slice sum;
    return git_mirror_is_complete(r, cx->arena, &sum) ? NULL : git_fetch_history(r, cx, refs);
}

struct error *git_op_recent_tag(struct codehost *h, struct ctx *cx, struct slice hash,
                                struct slice prefix,
                                bool (*is_allowed)(void *arg, struct slice tag), void *arg,
                                struct slice *tag)
{
    struct git_repo *r = git_repo_of(h);
    const struct git_refs *refs;
    struct search s = {.is_allowed = is_allowed, .arg = arg};
    *tag = S("");
    TRY(git_repo_refs(r, cx, r->git->o.refs_ttl_ms, &refs));
    find_candidates(cx->arena, refs, prefix, &s);
    mark(&s, hash);
    if (is_decided(&s)) {
        *tag = result(&s);
        return NULL;
    }
    struct error *err = NULL;
    for (int i = 0; i < TRIES; i++) {
        TRY(need_history(r, cx, refs));
        err = walk(r, cx, hash, &s);
        if (!err) {
            *tag = result(&s);
            return NULL;
        }
        TRY(prepare_again(r, cx, refs, hash, err));
    }
    return err;
}

struct error *git_op_descends_from(struct codehost *h, struct ctx *cx, struct slice hash,
                                   struct slice tag, bool *out)
{
    struct git_repo *r = git_repo_of(h);
    const struct git_refs *refs;
    struct error *err = NULL;
    *out = false;
    TRY(git_repo_refs(r, cx, r->git->o.refs_ttl_ms, &refs));
    const struct git_ref *row =
        git_refs_find(refs, arena_printf(cx->arena, "refs/tags/%.*s", SLICE_ARG(tag)));
    if (!row)
        return NULL;
    *out = slice_eq(row->hash, hash);
    if (*out)
        return NULL;
    for (int i = 0; i < TRIES; i++) {
        TRY(need_history(r, cx, refs));
        err = compare(r, cx, row->hash, hash, out);
        if (!err)
            return NULL;
        TRY(prepare_again(r, cx, refs, hash, err));
    }
    return err;
}
