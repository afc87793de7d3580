/*
 * Commits and files out of the mirror: several names go to one `git cat-file --batch`, which
 * answers
 * "<hash> <type> <size>" LF body LF, or "<name> missing", in the order asked. A name that is
 * missing while git complains is not absent: the mirror is damaged.
 */
#include "ops/log.h"
#include "ops/metrics.h"
#include "vcs/git_priv.h"

enum { TRIES = 3 };

struct reading {
    struct git_item *items;
    size_t count;
    size_t at;
    struct arena *a;
    struct buf line; /* of the head that is being read */
    struct buf body;
    uint64_t left; /* of the body, and 1 for its LF */
    bool in_body;
    bool is_broken; /* not what --batch says */
};

static void end_body(struct reading *rd)
{
    struct git_item *it = &rd->items[rd->at++];
    rd->in_body = false;
    if (it->found == GIT_FOUND)
        it->body = arena_dup(rd->a, slice_head(buf_slice(&rd->body), rd->body.n - 1));
    buf_clear(&rd->body);
}

/* "<hash> commit 123", or "<what was asked> missing". */
static void take_head(struct reading *rd, struct slice line)
{
    struct git_item *it = &rd->items[rd->at];
    uint64_t size;
    ptrdiff_t space = slice_rfind(line, ' ');
    struct slice last = slice_skip(line, (size_t)(space + 1));
    if (slice_eq(last, S("missing")) || slice_eq(last, S("ambiguous"))) {
        it->found = last.p[0] == 'a' ? GIT_AMBIGUOUS : GIT_ABSENT;
        rd->at++;
        return;
    }
    struct slice hash = slice_cut(&line, ' '), type = slice_cut(&line, ' ');
    rd->is_broken = !slice_parse_u64(last, &size) || hash.n < 40 || hash.n >= VCS_HASH_BYTES;
    /* A folder or submodule is no file. */
    bool is_file = slice_eq(type, S("blob")) || slice_eq(type, S("commit"));
    it->found = !is_file ? GIT_ABSENT : size > it->max_bytes ? GIT_LARGE : GIT_FOUND;
    it->hash = arena_dup(rd->a, hash);
    rd->left = size + 1;
    rd->in_body = true;
}

static struct slice take_body(struct reading *rd, struct slice piece)
{
    size_t n = piece.n < rd->left ? piece.n : (size_t)rd->left;
    if (rd->items[rd->at].found == GIT_FOUND)
        buf_add(&rd->body, slice_head(piece, n));
    rd->left -= n;
    if (rd->left == 0)
        end_body(rd);
    return slice_skip(piece, n);
}

static struct slice take_line(struct reading *rd, struct slice piece)
{
    ptrdiff_t end = slice_find(piece, '\n');
    buf_add(&rd->line, slice_head(piece, end < 0 ? piece.n : (size_t)end));
    if (end < 0)
        return slice_skip(piece, piece.n);
    take_head(rd, buf_slice(&rd->line));
    buf_clear(&rd->line);
    return slice_skip(piece, (size_t)end + 1);
}

static struct error *take_output(struct reading *rd, struct proc *p, struct ctx *cx)
{
    struct slice piece;
    do {
        TRY(proc_read(p, cx, &piece));
        for (struct slice rest = piece; rest.n && rd->at < rd->count && !rd->is_broken;)
            rest = rd->in_body ? take_body(rd, rest) : take_line(rd, rest);
    } while (piece.n);
    return NULL;
}

/* Whether something could not be read. That a name means something else than a commit is no fault.
 */
static bool complains(struct slice errors)
{
    while (errors.p) {
        struct slice line = slice_cut_line(&errors);
        if (slice_starts(line, S("error:")) &&
            slice_find_slice(line, S("expected commit type")) < 0)
            return true;
    }
    return false;
}

static struct error *run_batch(struct git_repo *r, struct ctx *cx, struct reading *rd,
                               struct slice input)
{
    static const char *const args[] = {"cat-file", "--batch", NULL};
    struct git_call call = {.args = args, .input = input, .max_output_bytes = 64 << 10};
    struct proc *p;
    struct proc_result res;
    for (size_t i = 0; i < rd->count; i++)
        call.max_output_bytes += 2 * rd->items[i].max_bytes + GIT_OBJECT_MAX_BYTES;
    TRY(git_start(r, cx, &call, &p));
    struct error *err = take_output(rd, p, cx);
    TRY(git_finish(r, cx, &call, p, err, &res));
    bool is_short = rd->at < rd->count || rd->is_broken;
    bool has_absent = is_short;
    for (size_t i = 0; i < rd->count; i++)
        has_absent = has_absent || rd->items[i].found == GIT_ABSENT;
    if (!is_short && !(has_absent && complains(res.errors)))
        return NULL;
    /* git may end well, and yet have said that it could not read something. */
    return git_outcome(cx->arena, slice_of(r->url), &res, false);
}

/* A line break would ask for something else; no path that counts has one. */
static bool can_ask(struct slice name)
{
    return slice_find(name, '\n') < 0 && slice_find(name, '\0') < 0;
}

struct error *git_read_items(struct git_repo *r, struct ctx *cx, struct git_item *items,
                             size_t count)
{
    bool is_there;
    GIT_LOCK_SCOPED(l);
    BUF_SCOPED(input);
    for (size_t i = 0; i < count; i++) {
        items[i].found = GIT_ABSENT;
        items[i].body = S("");
        buf_printf(&input, "%.*s\n", SLICE_ARG(can_ask(items[i].name) ? items[i].name : S(":")));
    }
    TRY(git_mirror_use(r, cx, &l, &is_there));
    if (!is_there || !count)
        return NULL;
    struct reading rd = {.items = items, .count = count, .a = cx->arena};
    struct error *err = run_batch(r, cx, &rd, buf_slice(&input));
    buf_release(&rd.line);
    buf_release(&rd.body);
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
