/*
 * Problem: what is read of a version (its commit, a go.mod or two, trees, files) are small reads,
 * and a git process for each costs more than the reads.
 *
 * Design: `git cat-file` as a conversation: names go in, and for each comes
 * "<hash> <type> <size>" LF body LF, or "<name> missing", in the order asked: with --batch at once,
 * in three writes for each object; with --batch-command, which newer gits have, when it is told to
 * flush, in as few writes as there can be. Who has read gives
 * the process back, and the next who reads of that repository takes it; many at once have one each.
 * A few wait like that for a while; a thread of its own ends those nobody has taken.
 *
 * What stays true: only a reader that has answered everything and has never complained is given
 * back. One that was given back may have been left behind (its mirror was deleted and made anew,
 * packs were joined): it is not taken when the mirror is another one, and when it fails all the
 * same, that says nothing of the mirror: then a new one is asked. git keeps parts of what it has
 * read in memory, so one that has read much is not given back either.
 */
#include "ops/log.h"
#include "vcs/git_priv.h"

#include <sys/stat.h>
#include <time.h>

enum {
    IDLE_MOST = 16,
    IDLE_MS = 60 * 1000,
    ASK_BYTES = 16 << 10, /* of names at once */
};
#define READ_MOST_BYTES ((uint64_t)64 << 20)

struct git_reader {
    struct git_reader *next; /* among the idle ones, most recently used first */
    struct git_repo *repo;
    struct stat mirror; /* its HEAD, by which it is known */
    struct arena arena; /* of the child */
    struct proc *p;
    int64_t idle_since_ms;
    uint64_t read_bytes;
    bool was_idle;
    bool is_over;   /* its output has ended */
    bool is_broken; /* not what --batch says */
    bool has_absent;
    /* of the answer that is being read */
    const struct git_answers *to;
    size_t at;
    struct buf line;
    uint64_t left; /* of the body, and 1 for its LF */
    bool in_body;
};

static bool has_commands(const struct git_repo *r)
{
    return r->git->version >= 236;
}

/* ---- one reader ---- */

static void free_reader(struct git_reader *rd)
{
    buf_release(&rd->line);
    arena_release(&rd->arena);
    free(rd);
}

/* Ends one that is idle. */
static void end_idle(struct git_reader *rd)
{
    struct proc_result res;
    struct ctx cx = {.arena = &rd->arena};
    struct error *err UNUSED = proc_finish(rd->p, &cx, &res); /* nobody asks how it went */
    free_reader(rd);
}

static struct error *start(struct git_repo *r, struct ctx *cx, const struct stat *mirror,
                           struct git_reader **out)
{
    static const char *const batch[] = {"cat-file", "--batch", NULL};
    static const char *const commands[] = {"cat-file", "--batch-command", "--buffer", NULL};
    const struct git_call call = {.args = has_commands(r) ? commands : batch,
                                  .is_conversation = true,
                                  .max_output_bytes = UINT64_MAX};
    struct git_reader *rd = xcalloc(1, sizeof(*rd));
    struct ctx own = *cx;
    own.arena = &rd->arena;
    rd->repo = r;
    rd->mirror = *mirror;
    struct error *err = git_start(r, &own, &call, &rd->p);
    err = err ? error_dup(cx->arena, err) : NULL;
    if (err)
        free_reader(rd);
    else
        *out = rd;
    return err;
}

/* ---- those that are idle ---- */

static bool is_same_mirror(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static struct git_reader *unlink_reader(struct git_readers *pool, struct git_reader **at)
{
    struct git_reader *rd = *at;
    *at = rd->next;
    pool->count--;
    return rd;
}

/* One of that repository, or the one that has been idle for longest when r is NULL. */
static struct git_reader **find_idle(struct git_readers *pool, const struct git_repo *r)
{
    struct git_reader **at = &pool->idle;
    while (*at && (r ? (*at)->repo != r : (*at)->next != NULL))
        at = &(*at)->next;
    return at;
}

static struct git_reader *take_idle(struct git_readers *pool, const struct git_repo *r)
{
    pthread_mutex_lock(&pool->lock);
    struct git_reader **at = find_idle(pool, r), *rd = *at;
    if (rd)
        unlink_reader(pool, at);
    pthread_mutex_unlock(&pool->lock);
    return rd;
}

/* Sleeps until the oldest idle one is due, or something changes. Called with the lock held. */
static void wait_for_due(struct git_readers *pool, const struct git_reader *oldest)
{
    int64_t due_ms = oldest ? oldest->idle_since_ms + IDLE_MS : 0;
    struct timespec until = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000};
    if (oldest)
        pthread_cond_timedwait(&pool->changed, &pool->lock, &until);
    else
        pthread_cond_wait(&pool->changed, &pool->lock);
}

static void *end_old_ones(void *arg)
{
    struct git_readers *pool = arg;
    pthread_mutex_lock(&pool->lock);
    while (!pool->is_closing) {
        struct git_reader **at = find_idle(pool, NULL);
        if (!*at || now_ms() - (*at)->idle_since_ms < IDLE_MS) {
            wait_for_due(pool, *at);
            continue;
        }
        struct git_reader *rd = unlink_reader(pool, at);
        pthread_mutex_unlock(&pool->lock);
        end_idle(rd);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void give_back(struct git_readers *pool, struct git_reader *rd)
{
    struct git_reader *surplus = NULL;
    rd->idle_since_ms = now_ms();
    rd->was_idle = true;
    pthread_mutex_lock(&pool->lock);
    if (pool->count == IDLE_MOST)
        surplus = unlink_reader(pool, find_idle(pool, NULL));
    rd->next = pool->idle;
    pool->idle = rd;
    pool->count++;
    if (!pool->has_thread)
        pool->has_thread = pthread_create(&pool->thread, NULL, end_old_ones, pool) == 0;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    if (surplus)
        end_idle(surplus);
}

void git_readers_init(struct git_readers *pool)
{
    pthread_condattr_t attr;
    *pool = (struct git_readers){0};
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, &attr);
    pthread_condattr_destroy(&attr);
}

void git_readers_forget(struct git_readers *pool, const struct git_repo *r)
{
    for (struct git_reader *rd; (rd = take_idle(pool, r));)
        end_idle(rd);
}

void git_readers_release(struct git_readers *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->is_closing = true;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    if (pool->has_thread)
        pthread_join(pool->thread, NULL);
    git_readers_forget(pool, NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->changed);
}

/* ---- a conversation ---- */

struct error *git_reader_open(struct git_repo *r, struct ctx *cx, struct git_reader **out)
{
    struct stat mirror;
    if (stat(arena_printf(cx->arena, "%s/HEAD", r->dir).p, &mirror) < 0)
        return error_new(cx->arena, STATUS_CORRUPT, "%s has no mirror", r->url);
    while ((*out = take_idle(&r->git->readers, r))) {
        if (is_same_mirror(&(*out)->mirror, &mirror))
            return NULL;
        end_idle(*out);
    }
    return start(r, cx, &mirror, out);
}

/* "<hash> commit 123", or "<what was asked> missing". */
static struct error *take_head(struct git_reader *rd, struct slice line)
{
    struct git_head h = {.found = GIT_FOUND};
    ptrdiff_t space = slice_rfind(line, ' ');
    struct slice last = slice_skip(line, (size_t)(space + 1));
    if (slice_eq(last, S("missing")) || slice_eq(last, S("ambiguous"))) {
        h.found = last.p[0] == 'a' ? GIT_AMBIGUOUS : GIT_ABSENT;
        rd->has_absent = rd->has_absent || h.found == GIT_ABSENT;
        return rd->to->head(rd->to->arg, rd->at++, &h);
    }
    h.hash = slice_cut(&line, ' ');
    h.type = slice_cut(&line, ' ');
    rd->is_broken = !slice_parse_u64(last, &h.bytes) || h.hash.n < 40 || h.hash.n >= VCS_HASH_BYTES;
    if (rd->is_broken)
        return NULL;
    rd->left = h.bytes + 1;
    rd->in_body = true;
    return rd->to->head(rd->to->arg, rd->at, &h);
}

static struct error *take_body(struct git_reader *rd, struct slice *rest)
{
    size_t n = rest->n < rd->left ? rest->n : (size_t)rd->left;
    struct slice piece = slice_head(*rest, n);
    *rest = slice_skip(*rest, n);
    rd->left -= n;
    rd->in_body = rd->left > 0;
    if (!rd->in_body)
        piece.n--; /* the LF */
    if (piece.n)
        TRY(rd->to->piece(rd->to->arg, piece));
    if (rd->in_body)
        return NULL;
    rd->at++;
    return rd->to->end(rd->to->arg);
}

static struct error *take_line(struct git_reader *rd, struct slice *rest)
{
    ptrdiff_t end = slice_find(*rest, '\n');
    size_t n = end < 0 ? rest->n : (size_t)end;
    buf_add(&rd->line, slice_head(*rest, n));
    *rest = slice_skip(*rest, end < 0 ? n : n + 1);
    if (end < 0)
        return NULL;
    struct error *err = take_head(rd, buf_slice(&rd->line));
    buf_clear(&rd->line);
    return err;
}

/* Until so many answers have come. */
static struct error *take_answers(struct git_reader *rd, struct ctx *cx, size_t count)
{
    struct slice piece;
    while (rd->at < count && !rd->is_broken && !rd->is_over) {
        TRY(proc_read(rd->p, cx, &piece));
        rd->is_over = piece.n == 0;
        rd->read_bytes += piece.n;
        while (piece.n && rd->at < count && !rd->is_broken)
            TRY(rd->in_body ? take_body(rd, &piece) : take_line(rd, &piece));
        rd->is_broken = rd->is_broken || piece.n;
    }
    return NULL;
}

/* A line break would ask for something else; no path that counts has one. */
static bool can_ask(struct slice name)
{
    return slice_find(name, '\n') < 0 && slice_find(name, '\0') < 0;
}

/* As many of the names as go into one question; returns how many do. */
static size_t put_question(const struct git_reader *rd, const struct slice *names, size_t count,
                           struct buf *text)
{
    const char *command = has_commands(rd->repo) ? "contents " : "";
    size_t n = 0;
    buf_clear(text);
    for (; n < count && text->n < ASK_BYTES; n++)
        buf_printf(text, "%s%.*s\n", command, SLICE_ARG(can_ask(names[n]) ? names[n] : S(":")));
    if (has_commands(rd->repo))
        buf_add(text, S("flush\n"));
    return n;
}

struct error *git_reader_ask(struct git_reader *rd, struct ctx *cx, const struct slice *names,
                             size_t count, const struct git_answers *to)
{
    BUF_SCOPED(text);
    rd->to = to;
    rd->at = 0;
    while (rd->at < count && !rd->is_broken && !rd->is_over) {
        size_t n = put_question(rd, names + rd->at, count - rd->at, &text);
        proc_tell(rd->p, buf_slice(&text));
        TRY(take_answers(rd, cx, rd->at + n));
    }
    if (rd->at == count && !rd->is_broken)
        return NULL;
    rd->is_broken = true;
    return error_new(cx->arena, STATUS_CORRUPT, "%s: git cat-file broke off", rd->repo->url);
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

/* Ends a reader that has failed, or is doubted; what git said tells more than what was seen. */
static struct error *end_failed(struct git_reader *rd, struct ctx *cx, struct error *err)
{
    struct git_repo *r = rd->repo;
    struct proc_result res;
    bool is_git = !err || rd->is_broken, has_ended = rd->is_over;
    struct error *late UNUSED = proc_finish(rd->p, cx, &res);
    free_reader(rd);
    if (!is_git && (err->status == STATUS_TIMEOUT || err->status == STATUS_CANCELLED))
        return error_wrap(cx->arena, err, "git cat-file of %s was ended", r->url);
    if (!is_git)
        return err;
    if (!has_ended) /* the signal was ours */
        res.signal = 0;
    return git_outcome(cx->arena, slice_of(r->url), &res, false);
}

struct error *git_reader_close(struct git_reader *rd, struct ctx *cx, struct error *err,
                               bool *try_again)
{
    struct git_repo *r = rd->repo;
    struct slice said = proc_errors(rd->p, cx->arena);
    /* git may answer everything, and yet have said that it could not read something. */
    bool is_doubted = rd->is_broken || (rd->has_absent && complains(said)) ||
                      (err && err->status == STATUS_CORRUPT);
    *try_again = is_doubted && rd->was_idle;
    if (*try_again)
        git_readers_forget(&r->git->readers, r);
    if (err || is_doubted)
        return end_failed(rd, cx, err);
    if (said.n || rd->read_bytes > READ_MOST_BYTES)
        end_idle(rd);
    else
        give_back(&r->git->readers, rd);
    return NULL;
}
