/*
 * Many want something of one repository at once; one git at a time writes its mirror. So wants
 * queue: who finds no fetch under way becomes the leader, takes all that wait, and fetches them
 * with one git. Who comes meanwhile is taken by the next leader. A hundred who ask at once cost
 * two.
 *
 * A single ref is fetched with --depth=1, into refs/keep/<commit>: names of refs that replace each
 * other (a, a/b) cannot collide there, and what was moved or force-pushed upstream stays until
 * nobody needs it. Trees are fetched with the commit (no blob filter: git would get the blobs for
 * an archive one by one). Once the whole history is there, single refs come without --depth, which
 * would cut it again. A commit that is the tip of nothing is never fetched by its hash: hosts show
 * pull requests that way, and those are not versions (cmd/go says so too); its history is.
 *
 * transfer.fsckObjects stays as the user has it: old repositories with harmless faults must stay
 * readable, as for go, and nothing of a tree is ever written to a file system by git.
 *
 * A fetch costs far more than a small version: so tags that nobody has asked for yet come along.
 * The first fetch, when nothing is known of sizes, takes them when they are few; the second takes
 * all of a repository that is small by what the versions that are there take each. Either is ended
 * when it brings more than companions may cost, and made again without them.
 *
 * When so many packs pile up that reading suffers, the leader joins the small ones.
 */
#include "base/file.h"
#include "ops/log.h"
#include "ops/metrics.h"
#include "vcs/git_priv.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

enum {
    BATCH_MOST = 200,
    PACKS_MOST = 50,
    TOO_LARGE_MS = 10 * 60 * 1000,
    COMPANIONS_BYTES = 64 << 20,
    FIRST_COMPANIONS = 32,
    FIRST_COMPANIONS_BYTES = 16 << 20,
};

struct git_want {
    struct git_want *next;
    struct ctx *cx;    /* of who waits; touched with the repository's lock held only */
    struct slice ref;  /* empty: all history */
    struct slice hash; /* its commit */
    struct slice sum;  /* of the refs whose history is wanted */
    bool is_done;
    struct error *err;
};

/* One fetch: what its leader took along. */
struct batch {
    struct slice refs[BATCH_MOST];
    struct slice hashes[BATCH_MOST];
    size_t count;
    size_t wanted;       /* of them; the others are companions, which nobody waits for */
    uint64_t most_bytes; /* of the mirror, while companions come */
    bool is_first;       /* the mirror is empty */
    size_t hash_digits;
    bool is_whole;        /* all heads and tags, all history */
    struct slice sum;     /* of the refs that this makes complete; empty: not known */
    struct slice missing; /* the ref that the host does not have */
};

/* ---- the child ---- */

static struct error *check_size(struct git_repo *r, struct ctx *cx, uint64_t bytes)
{
    uint64_t most = r->git->o.max_repo_bytes;
    if (!most || bytes <= most)
        return NULL;
    return error_new(cx->arena, STATUS_TOO_LARGE,
                     "%s is larger than a repository may be (vcs.max_repo, %" PRIu64 " bytes)",
                     r->url, most);
}

struct watched {
    struct git_repo *r;
    const struct batch *b;
};

/* Ends a fetch that makes the mirror too large, or costs more for companions than they may. */
static struct error *watch_size(void *arg, struct ctx *cx)
{
    const struct watched *w = arg;
    uint64_t bytes = git_mirror_bytes(w->r->dir);
    if (w->b->count > w->b->wanted && bytes > w->b->most_bytes)
        return error_new(cx->arena, STATUS_TOO_LARGE, "%s has large tags", w->r->url);
    return check_size(w->r, cx, bytes);
}

/* Two tags may stand on one commit; git refuses to fetch both into one place. */
static bool is_fetched_before(const struct batch *b, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (b->refs[k].n && slice_eq(b->hashes[k], b->hashes[i]))
            return true;
    }
    return false;
}

static const char *const *fetch_arguments(struct git_repo *r, struct arena *a,
                                          const struct batch *b)
{
    struct slice sum;
    size_t n = 0;
    const char **args = ARENA_ARRAY(a, const char *, b->count + 16);
    bool is_complete = git_mirror_is_complete(r, a, &sum);
    args[n++] = "fetch";
    args[n++] = "--quiet";
    args[n++] = "--force";
    args[n++] = "--no-tags";
    args[n++] = "--no-recurse-submodules";
    if (b->is_whole && access(arena_printf(a, "%s/shallow", r->dir).p, F_OK) == 0)
        args[n++] = "--unshallow";
    if (b->is_whole)
        args[n++] = "--prune";
    else if (!is_complete)
        args[n++] = "--depth=1";
    args[n++] = "--end-of-options";
    args[n++] = "origin";
    if (b->is_whole) {
        args[n++] = "+refs/heads/*:refs/heads/*";
        args[n++] = "+refs/tags/*:refs/tags/*";
    }
    for (size_t i = 0; i < b->count; i++) { /* HEAD may be neither a branch nor a tag */
        if (b->refs[i].n && !is_fetched_before(b, i))
            args[n++] = arena_printf(a, "+%.*s:refs/keep/%.*s", SLICE_ARG(b->refs[i]),
                                     SLICE_ARG(b->hashes[i]))
                            .p;
    }
    return args;
}

static struct error *run_fetch(struct git_repo *r, struct ctx *cx, struct batch *b)
{
    struct slice output;
    struct proc_result res;
    struct watched watched = {r, b};
    struct git_call call = {.args = fetch_arguments(r, cx->arena, b),
                            .max_output_bytes = 1 << 20,
                            .is_remote = true,
                            .watch = watch_size,
                            .watch_arg = &watched};
    metric_add(METRIC_VCS_FETCHES, 1);
    struct error *err = git_run(r, cx, &call, &output, &res);
    b->missing = err && err->status == STATUS_NOT_FOUND ? git_missing_ref(res.errors) : S("");
    if (!err) /* a small repository is there before anybody looked */
        err = check_size(r, cx, git_mirror_bytes(r->dir));
    return err;
}

/* ---- around it, with the right to write the mirror ---- */

static size_t count_packs(struct arena *a, const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(arena_printf(a, "%s/objects/pack", dir).p);
    for (struct dirent *de; d && (de = readdir(d));)
        n += slice_ends(slice_of(de->d_name), S(".pack"));
    if (d)
        closedir(d);
    return n;
}

/* Joins small packs into larger ones, each at least twice the next. Not worth an error. */
static void join_packs(struct git_repo *r, struct ctx *cx)
{
    if (count_packs(cx->arena, r->dir) < PACKS_MOST)
        return;
    static const char *const geometric[] = {"repack", "-d", "-q", "--geometric=2", NULL};
    static const char *const whole[] = {"repack", "-a", "-d", "-q", NULL};
    static const char *const refs[] = {"pack-refs", "--all", NULL};
    struct slice output;
    struct proc_result res;
    struct git_call call = {.args = r->git->version >= 232 ? geometric : whole,
                            .max_output_bytes = 1 << 20};
    struct error *err = git_run(r, cx, &call, &output, &res);
    call.args = refs;
    if (!err)
        err = git_run(r, cx, &call, &output, &res);
    if (err)
        log_error(LOG_WARN, "packs of a repository could not be joined", err, NULL, 0);
}

/* A host that cannot do --depth (plain files over http) gives everything or nothing. */
static bool is_shallow_refused(const struct error *err)
{
    return err && slice_find_slice(err->text, S("shallow")) >= 0;
}

/* Whether so many tags may come along with a fetch of others. */
static bool are_cheap(struct batch *b, uint64_t bytes, size_t here, size_t missing)
{
    b->most_bytes = bytes + (here ? COMPANIONS_BYTES : FIRST_COMPANIONS_BYTES);
    return here ? bytes / here * missing <= COMPANIONS_BYTES : missing <= FIRST_COMPANIONS;
}

/* The tags that are not here yet, when they are few and will be small. */
static void add_companions(struct git_repo *r, struct arena *a, struct batch *b,
                           const struct git_refs *refs, uint64_t bytes)
{
    const struct git_ref *tags;
    size_t here = 0, count = refs ? git_refs_tags(refs, S(""), &tags) : 0;
    b->is_first = count_packs(a, r->dir) == 0;
    if (b->is_whole || count > BATCH_MOST - b->count)
        return;
    for (size_t i = 0; i < count; i++)
        here += git_mirror_may_have(r, a, tags[i].hash);
    if (!are_cheap(b, bytes, here, count - here))
        return;
    for (size_t i = 0; i < count; i++) {
        if (git_mirror_may_have(r, a, tags[i].hash))
            continue;
        b->refs[b->count] = tags[i].name;
        b->hashes[b->count++] = tags[i].hash;
    }
}

/* Whether a fetch may have failed only because of what came along. */
static bool may_be_companions(const struct batch *b, const struct error *err)
{
    if (!err || b->count == b->wanted)
        return false;
    switch (err->status) {
    case STATUS_NOT_FOUND:
    case STATUS_TOO_LARGE:
    case STATUS_BROKEN:
    case STATUS_UPSTREAM_ERROR:
        return true;
    default:
        return false;
    }
}

/* Deletes the mirror and lays it out anew. */
static struct error *make_anew(struct git_repo *r, struct ctx *cx, const struct batch *b,
                               struct git_lock *l)
{
    TRY(git_mirror_delete(r, cx, l));
    git_mirror_unlock(l);
    return git_mirror_write(r, cx, b->hash_digits, l);
}

static struct error *fetch_or_more(struct git_repo *r, struct ctx *cx, struct batch *b,
                                   struct git_lock *l)
{
    struct error *err = run_fetch(r, cx, b);
    if (may_be_companions(b, err) && !ctx_check(cx)) {
        b->count = b->wanted;
        if (b->is_first) /* what has come of them does not stay */
            TRY(make_anew(r, cx, b, l));
        err = run_fetch(r, cx, b);
    }
    if (err && !b->is_whole && err->status != STATUS_CORRUPT && is_shallow_refused(err)) {
        b->is_whole = true;
        err = run_fetch(r, cx, b);
    }
    return err;
}

static struct error *fetch_locked(struct git_repo *r, struct ctx *cx, struct batch *b,
                                  const struct git_refs *refs)
{
    GIT_LOCK_SCOPED(l);
    TRY(git_mirror_write(r, cx, b->hash_digits, &l));
    uint64_t before = git_mirror_bytes(r->dir);
    add_companions(r, cx->arena, b, refs, before);
    struct error *err = fetch_or_more(r, cx, b, &l);
    if (err && err->status == STATUS_CORRUPT) {
        log_error(LOG_WARN, "a mirror of a repository is fetched anew", err, NULL, 0);
        metric_add(METRIC_VCS_REPAIRS, 1);
        TRY(make_anew(r, cx, b, &l));
        err = fetch_or_more(r, cx, b, &l);
    }
    if (err && err->status == STATUS_TOO_LARGE) {
        atomic_store(&r->too_large_at_ms, now_ms());
        TRY(git_mirror_delete(r, cx, &l));
    }
    if (!err && b->is_whole)
        err = git_mirror_set_complete(r, cx->arena, b->sum);
    if (!err)
        join_packs(r, cx);
    git_mirror_grown(r, before, git_mirror_bytes(r->dir));
    return err;
}

/* ---- the queue ---- */

/* Moves what waits to what runs, and describes it. Called with the lock held. */
static struct batch *take_batch(struct git_repo *r, struct arena *a)
{
    struct batch *b = ARENA_NEW(a, struct batch);
    while (r->waiting && b->count < BATCH_MOST) {
        struct git_want *w = r->waiting;
        r->waiting = w->next;
        w->next = r->running;
        r->running = w;
        b->is_whole = b->is_whole || w->ref.n == 0;
        b->hash_digits = w->hash.n;
        b->sum = b->sum.n || w->ref.n ? b->sum : arena_dup(a, w->sum);
        b->refs[b->count] = arena_dup(a, w->ref);
        b->hashes[b->count++] = arena_dup(a, w->hash);
    }
    b->wanted = b->count;
    return b;
}

static bool is_member(const struct batch *b, struct slice ref)
{
    for (size_t i = 0; i < b->count; i++) {
        if (slice_eq(b->refs[i], ref))
            return true;
    }
    return false;
}

/* Whether what went wrong is nothing to this one: it is tried again without those it is about. */
static bool is_spared(const struct batch *b, const struct git_want *w, const struct ctx *leader,
                      bool is_own_end)
{
    if (is_own_end) /* the leader's time or interest */
        return w->cx != leader;
    return b->missing.n && !slice_eq(w->ref, b->missing) && is_member(b, b->missing);
}

/* Tells those who took part, or lets them wait again. Called with the lock held. */
static void tell(struct git_repo *r, const struct batch *b, struct ctx *leader, struct error *err)
{
    bool is_own_end = err && ctx_check(leader);
    while (r->running) {
        struct git_want *w = r->running;
        r->running = w->next;
        if (err && is_spared(b, w, leader, is_own_end)) {
            w->next = r->waiting;
            r->waiting = w;
            continue;
        }
        w->err = err && w->cx != leader ? error_dup(w->cx->arena, err) : err;
        w->is_done = true;
    }
    pthread_cond_broadcast(&r->changed);
}

/* Called with the lock held, which is given back meanwhile. */
static void lead(struct git_repo *r, struct ctx *cx)
{
    struct batch *b = take_batch(r, cx->arena);
    struct git_refs *refs = r->refs;
    if (refs)
        atomic_fetch_add(&refs->users, 1);
    r->is_fetching = true;
    pthread_mutex_unlock(&r->lock);
    struct error *err = fetch_locked(r, cx, b, refs);
    pthread_mutex_lock(&r->lock);
    r->is_fetching = false;
    tell(r, b, cx, err);
    git_refs_release(refs); /* b speaks of them */
}

static void forget(struct git_want **list, const struct git_want *w)
{
    while (*list && *list != w)
        list = &(*list)->next;
    if (*list)
        *list = w->next;
}

/* A repository that is too large is not fetched time and again to find that out. */
static struct error *check_size_of_late(struct git_repo *r, struct ctx *cx)
{
    int64_t at_ms = atomic_load(&r->too_large_at_ms);
    if (!at_ms || now_ms() - at_ms > TOO_LARGE_MS)
        return NULL;
    return error_new(cx->arena, STATUS_TOO_LARGE,
                     "%s was larger than a repository may be (vcs.max_repo) a while ago", r->url);
}

/* Until somebody has fetched it: this thread, when no other is at it. */
static struct error *wait_for(struct git_repo *r, struct ctx *cx, struct git_want *w)
{
    TRY(check_size_of_late(r, cx));
    pthread_mutex_lock(&r->lock);
    struct git_want **last = &r->waiting;
    while (*last)
        last = &(*last)->next;
    *last = w;
    struct error *err = NULL;
    while (!w->is_done && !(err = ctx_check(cx))) {
        if (!r->is_fetching)
            lead(r, cx);
        else
            err = git_repo_wait(r, cx);
    }
    forget(&r->waiting, w);
    forget(&r->running, w);
    pthread_mutex_unlock(&r->lock);
    return w->is_done ? w->err : err;
}

struct error *git_fetch(struct git_repo *r, struct ctx *cx, struct slice ref, struct slice hash)
{
    struct git_want w = {.cx = cx, .ref = ref, .hash = hash};
    return wait_for(r, cx, &w);
}

bool git_history_is_current(struct git_repo *r, struct arena *a, const struct git_refs *refs)
{
    struct slice sum;
    return git_mirror_is_complete(r, a, &sum) && slice_eq(sum, refs->repo_sum);
}

struct error *git_fetch_history(struct git_repo *r, struct ctx *cx, const struct git_refs *refs)
{
    if (!refs->count || git_history_is_current(r, cx->arena, refs))
        return NULL;
    struct git_want w = {.cx = cx, .ref = S(""), .hash = refs->rows[0].hash, .sum = refs->repo_sum};
    return wait_for(r, cx, &w);
}
