/*
 * Versions that were stored unchecked, because no database could be asked, are checked as soon as
 * one can be: by one job in the background, which lives while there are such versions. It looks
 * again after a pause that grows.
 */
#include "repo/checksum.h"

#include "base/file.h"

#include "ops/log.h"
#include "ops/metrics.h"

#include "gomod/modzip.h"

#include <unistd.h>

enum { MAX_AT_ONCE = 1000, FIRST_PAUSE_MS = 1000, LONGEST_PAUSE_MS = 60 * 1000 };

/* What is stored of a version. */
struct stored_sums {
    bool has_zip, has_mod;
    char zip_h1[H1_BYTES + 1], mod_h1[H1_BYTES + 1];
};

static struct error *read_stored(struct resolve *r, struct module_version mv,
                                 struct stored_sums *out)
{
    struct slice mod;
    struct store_object o;
    struct arena *a = r->cx->arena;
    TRY(store_get(r->repo->o.store, a, mv, ARTEFACT_ZIP, &out->has_zip, &o));
    if (out->has_zip)
        close(o.fd);
    if (out->has_zip)
        memcpy(out->zip_h1, o.h1, sizeof(out->zip_h1));
    TRY(store_get(r->repo->o.store, a, mv, ARTEFACT_MOD, &out->has_mod, &o));
    if (!out->has_mod)
        return NULL;
    FD_SCOPED fd = o.fd;
    TRY(file_read_fd(a, fd, MOD_MAX_BYTES, &mod));
    gomod_hash(mod, out->mod_h1);
    return NULL;
}

static struct error *compare(struct resolve *r, const struct checksums *sums, struct suspect *s,
                             const struct stored_sums *stored)
{
    struct error *err = NULL;
    *s = (struct suspect){s->mv, ARTEFACT_ZIP, stored->zip_h1, S("the store")};
    if (stored->has_zip)
        err = checksum_compare(r->cx->arena, sums, s);
    if (err || !stored->has_mod)
        return err;
    *s = (struct suspect){s->mv, ARTEFACT_MOD, stored->mod_h1, S("the store")};
    return checksum_compare(r->cx->arena, sums, s);
}

static struct error *throw_out(struct resolve *r, const struct checksums *sums,
                               const struct suspect *s, const struct error *err)
{
    struct slice evidence = checksum_evidence(r->cx->arena, sums, s, err);
    struct error *kept_err = store_quarantine_stored(r->repo->o.store, r->cx, s->mv, evidence);
    checksum_report(s, err, kept_err);
    if (r->repo->on_forget)
        r->repo->on_forget(r->repo->forget_arg);
    return kept_err;
}

/*
 * *is_settled: its mark is away. One of which nothing is stored yet is checked, or marked again,
 * when it is.
 */
static struct error *recheck_one(struct resolve *r, struct module_version mv, bool *is_settled)
{
    struct checksums sums;
    struct stored_sums stored = {0};
    struct suspect s = {.mv = mv};
    *is_settled = false;
    TRY(checksums_find(r, mv, &sums));
    if (sums.is_doubtful)
        return error_new(r->cx->arena, STATUS_SUMDB_DOWN, "no database can be asked yet");
    TRY(read_stored(r, mv, &stored));
    struct error *err = compare(r, &sums, &s, &stored);
    if (err)
        TRY(throw_out(r, &sums, &s, err));
    TRY(store_doubt_clear(r->repo->o.store, r->cx->arena, mv));
    *is_settled = true;
    if (!err)
        log_line(LOG_INFO, "a version that was stored unverified is verified now",
                 LOG_STR("module", mv.path), LOG_STR("version", mv.version));
    return NULL;
}

/* One pass over all; how many are left. */
static size_t recheck_all(struct repo *repo)
{
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a, .cancelled = &repo->is_cancelled};
    struct resolve r = {.repo = repo, .set = sources_take(repo), .cx = &cx};
    struct module_version *list;
    size_t count, left = 0;
    struct error *err = store_doubts(repo->o.store, &a, MAX_AT_ONCE, &list, &count);
    for (size_t i = 0; !err && i < count; i++) {
        bool is_settled = false;
        cx.deadline_ms = now_ms() + (int64_t)r.set->s.total_timeout_ms;
        err = recheck_one(&r, list[i], &is_settled);
        left += !is_settled;
        if (err && status_class(err->status) == CLASS_DENIED)
            err = NULL; /* this one is unknown to the database; others may be known */
    }
    if (err) {
        left++;
        log_error(LOG_DEBUG, "versions that were stored unverified wait on", err, NULL, 0);
    }
    sources_drop(r.set);
    arena_release(&a);
    return left;
}

static void run_recheck(struct job *job)
{
    struct repo *repo = (struct repo *)((char *)job - offsetof(struct repo, recheck_job));
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a, .cancelled = &repo->is_cancelled};
    int64_t pause_ms = FIRST_PAUSE_MS;
    for (;;) {
        atomic_store(&repo->has_doubts, false);
        size_t left = recheck_all(repo);
        metric_set(METRIC_UNVERIFIED, (int64_t)left);
        if (left == 0 && !atomic_load(&repo->has_doubts))
            break;
        if (ctx_sleep(&cx, pause_ms))
            break;
        pause_ms = 2 * pause_ms < LONGEST_PAUSE_MS ? 2 * pause_ms : LONGEST_PAUSE_MS;
    }
    arena_release(&a);
    atomic_store(&repo->is_rechecking, false);
    if (atomic_load(&repo->has_doubts))
        recheck_in_background(repo); /* one came between the last look and this line */
    atomic_fetch_sub(&repo->jobs, 1);
}

void recheck_in_background(struct repo *repo)
{
    if (!repo->o.admin_lane || !atomic_load(&repo->has_doubts) ||
        atomic_load(&repo->is_cancelled) || atomic_exchange(&repo->is_rechecking, true))
        return;
    repo->recheck_job = (struct job){.run = run_recheck};
    atomic_fetch_add(&repo->jobs, 1);
    if (lane_submit(repo->o.admin_lane, &repo->recheck_job, LANE_BACKGROUND))
        return;
    atomic_store(&repo->is_rechecking, false);
    atomic_fetch_sub(&repo->jobs, 1);
}

void recheck_doubted(struct resolve *r, struct module_version mv)
{
    bool is_new = !store_is_doubted(r->repo->o.store, r->cx->arena, mv);
    struct error *err = store_doubt_set(r->repo->o.store, r->cx->arena, mv);
    if (err)
        log_error(LOG_WARN, "an unverified version could not be marked", err,
                  (struct log_field[]){LOG_STR("module", mv.path), LOG_STR("version", mv.version)},
                  2);
    metric_add(METRIC_UNVERIFIED, is_new);
    atomic_store(&r->repo->has_doubts, true);
}
