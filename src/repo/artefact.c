/*
 * A version's artefacts. `.info` and `.mod` that were asked for alone are kept as partial; the zip
 * makes the version whole: it is streamed to a stage, checked against the zip rules, its go.mod
 * against the `.mod`, hashed, and published together with its `.info` and `.mod`. Both hashes are
 * those of the checksum database, which is asked while the bytes come; what has another hash goes
 * into the quarantine.
 */
#include "repo/checksum.h"
#include "repo/signature.h"
#include "repo/zipfile.h"

#include "base/file.h"

#include "ops/audit.h"
#include "ops/log.h"
#include "ops/metrics.h"

#include "gomod/modfile.h"
#include "gomod/modzip.h"
#include "gomod/text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct error *artefact_stored(struct resolve *r, struct module_version mv, enum artefact what,
                              bool *found, struct slice *body)
{
    struct store_object o;
    TRY(store_get(r->repo->o.store, r->cx->arena, mv, what, found, &o));
    if (!*found)
        return NULL;
    FD_SCOPED fd = o.fd;
    return file_read_fd(r->cx->arena, fd, MOD_MAX_BYTES, body);
}

static void stage_cleanup(struct store_stage **st)
{
    store_stage_free(*st);
}
#define STAGE_SCOPED __attribute__((cleanup(stage_cleanup))) struct store_stage

/* Keeps a small artefact that was fetched; *body becomes what is stored, should another be first.
 */
static struct error *keep_partial(struct resolve *r, struct module_version mv, enum artefact what,
                                  const struct fetch_answer *got, struct slice *body)
{
    bool was_stored, found;
    TRY(store_put_partial(r->repo->o.store, r->cx, mv, what, got->body, got->upstream,
                          is_refetchable(r), &was_stored));
    *body = got->body;
    return was_stored ? artefact_stored(r, mv, what, &found, body) : NULL;
}

struct error *artefact_info(struct resolve *r, struct module_version mv, struct slice *body)
{
    bool found;
    struct slice rel, version;
    struct fetch_answer got;
    struct arena *a = r->cx->arena;
    TRY(artefact_stored(r, mv, ARTEFACT_INFO, &found, body));
    if (found)
        return NULL;
    TRY(source_small(r, QUESTION_INFO, mv, &got));
    TRY(version_rel(a, mv, "info", &rel));
    TRY_CTX(a, info_version(a, got.body, &version), "%s from %s", rel.p, got.upstream.p);
    if (!slice_eq(version, mv.version))
        return error_new(a, STATUS_BAD_ANSWER, "%s from %s names another version: %s", rel.p,
                         got.upstream.p, version.p);
    return keep_partial(r, mv, ARTEFACT_INFO, &got, body);
}

/* Compares the hash of a go.mod; one that is refused goes into the quarantine. */
static struct error *check_mod(struct resolve *r, struct module_version mv,
                               const struct checksums *sums, struct slice body, struct slice origin)
{
    char h1[H1_BYTES + 1];
    struct arena *a = r->cx->arena;
    gomod_hash(body, h1);
    struct suspect s = {mv, ARTEFACT_MOD, h1, origin};
    struct error *err = checksum_compare(a, sums, &s);
    if (!err)
        return NULL;
    checksum_report(&s, err,
                    store_quarantine_bytes(r->repo->o.store, a, mv, ARTEFACT_MOD, body,
                                           checksum_evidence(a, sums, &s, err)));
    return err;
}

/* A stored go.mod is not what it must be: it was stored before that was checked. */
static struct error *drop_stored(struct resolve *r, struct error *err)
{
    struct module_version mv = r->q->mv;
    struct slice evidence = error_chain(r->cx->arena, err);
    struct error *drop_err = store_quarantine_stored(r->repo->o.store, r->cx, mv, evidence);
    if (drop_err)
        log_error(LOG_ERROR, "a go.mod that must not be served could not be removed", drop_err,
                  (struct log_field[]){LOG_STR("module", mv.path), LOG_STR("version", mv.version)},
                  2);
    if (r->repo->on_forget)
        r->repo->on_forget(r->repo->forget_arg);
    return err;
}

/* Fetches a go.mod while the database is asked. */
static struct error *fetch_mod(struct resolve *r, struct module_version mv,
                               struct fetch_answer *got, struct checksums *sums)
{
    struct checksum_ask *ask = checksum_ask_start(r, mv);
    struct error *err = source_small(r, QUESTION_MOD, mv, got);
    /* Which module it names is the client's to judge: a fork keeps its parent's name. */
    if (!err && !modfile_module_path(r->cx->arena, got->body).n)
        err = error_new(r->cx->arena, STATUS_BAD_ANSWER,
                        "the go.mod of %.*s@%.*s from %s names no module", SLICE_ARG(mv.path),
                        SLICE_ARG(mv.version), got->upstream.p);
    if (err) {
        checksum_ask_drop(ask);
        return err;
    }
    TRY(checksum_ask_wait(r, mv, ask, sums));
    return check_mod(r, mv, sums, got->body, got->upstream);
}

static struct error *artefact_mod(struct resolve *r, struct module_version mv, struct slice *body)
{
    bool found;
    struct fetch_answer got;
    struct checksums sums;
    TRY(artefact_stored(r, mv, ARTEFACT_MOD, &found, body));
    if (found)
        return NULL;
    TRY(fetch_mod(r, mv, &got, &sums));
    if (sums.is_doubtful)
        recheck_doubted(r, mv);
    TRY(keep_partial(r, mv, ARTEFACT_MOD, &got, body));
    if (sums.is_doubtful)
        recheck_doubted(r, mv);
    recheck_in_background(r->repo);
    return NULL;
}

/*
 * The zip's go.mod must be the `.mod`, but for line ends. A zip without one has a made `.mod`,
 * which names the path and nothing more (go: cmd/go/internal/modfetch.LegacyGoMod); how it is
 * spelled is the upstream's choice.
 */
static struct error *check_go_mod(struct arena *a, struct module_version mv, struct slice mod,
                                  const struct modzip_result *zip)
{
    struct slice path;
    if (zip->has_go_mod && !text_same_lines(zip->go_mod, mod))
        return error_new(
            a, STATUS_MISMATCH,
            "the go.mod in the zip of %.*s@%.*s is not the .mod that was served for it (if that "
            "was the wrong one: remove it below partial/ in the store)",
            SLICE_ARG(mv.path), SLICE_ARG(mv.version));
    if (zip->has_go_mod)
        return NULL;
    path = modfile_module_path(a, mod);
    if (!slice_eq(path, mv.path))
        return error_new(a, STATUS_MISMATCH,
                         "the zip of %.*s@%.*s has no go.mod, and its .mod names %s",
                         SLICE_ARG(mv.path), SLICE_ARG(mv.version), path.n ? path.p : "no module");
    return NULL;
}

/* Checked and hashed by as many threads as there are cores: more would only take memory. */
struct error *zip_verify_file(struct repo *repo, struct arena *a, struct module_version mv,
                              const char *path, uint64_t max_bytes, struct modzip_result *zip)
{
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    limits.zip_bytes = max_bytes;
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(a, errno, "%s", path);
    sem_wait(&repo->verify_slots);
    struct error *err = zipfile_verify(a, fd, mv, &limits, zip);
    sem_post(&repo->verify_slots);
    return err;
}

static struct error *verify_zip(struct resolve *r, const char *path, struct slice mod,
                                struct modzip_result *zip)
{
    struct arena *a = r->cx->arena;
    TRY(zip_verify_file(r->repo, a, r->q->mv, path, r->set->s.max_zip_bytes, zip));
    return check_go_mod(a, r->q->mv, mod, zip);
}

/* Fetches a zip while the database is asked. */
static struct error *fetch_zip(struct resolve *r, const char *zip_path, struct fetch_answer *got,
                               struct checksums *sums)
{
    struct checksum_ask *ask = checksum_ask_start(r, r->q->mv);
    struct error *err = source_zip(r, zip_path, got);
    if (!err)
        return checksum_ask_wait(r, r->q->mv, ask, sums);
    checksum_ask_drop(ask);
    return err;
}

static struct error *check_zip(struct resolve *r, const char *zip_path,
                               const struct checksums *sums, const struct modzip_result *zip,
                               struct slice origin)
{
    struct arena *a = r->cx->arena;
    struct suspect s = {r->q->mv, ARTEFACT_ZIP, zip->h1, origin};
    struct error *err = checksum_compare(a, sums, &s);
    if (!err)
        return NULL;
    checksum_report(&s, err,
                    store_quarantine_file(r->repo->o.store, a, r->q->mv, ARTEFACT_ZIP, zip_path,
                                          checksum_evidence(a, sums, &s, err)));
    return err;
}

static struct error *stage_zip(struct resolve *r, struct store_stage *st, struct store_commit *c,
                               bool *is_doubtful)
{
    struct arena *a = r->cx->arena;
    struct slice rel;
    struct fetch_answer got;
    struct modzip_result zip;
    struct checksums sums;
    const char *zip_path = store_stage_zip(st);
    TRY(version_rel(a, r->q->mv, "zip", &rel));
    TRY(fetch_zip(r, zip_path, &got, &sums));
    *is_doubtful = sums.is_doubtful;
    /* After the zip: whoever asked for these at the same time has stored them by now. */
    TRY(artefact_info(r, r->q->mv, &c->info));
    TRY(artefact_mod(r, r->q->mv, &c->mod));
    struct error *err = check_mod(r, r->q->mv, &sums, c->mod, S("the store"));
    if (err)
        return drop_stored(r, err);
    err = verify_zip(r, zip_path, c->mod, &zip);
    if (err && status_class(err->status) == CLASS_INTEGRITY)
        metric_add(METRIC_CHECKSUM_MISMATCH, 1);
    if (err)
        return error_wrap(a, err, "%s from %s", rel.p, got.upstream.p);
    TRY(check_zip(r, zip_path, &sums, &zip, got.upstream));
    TRY(signers_take(r, zip_path, slice_of(zip.h1), &c->signature));
    TRY(signature_make(r->cx, r->repo->o.signer, zip_path, &c->signature));
    c->zip_h1 = arena_printf(a, "%s", zip.h1);
    c->origin = got.upstream;
    return NULL;
}

static void evict_in_background(struct repo *repo);

static void record_verified(const struct store_commit *c, bool is_doubtful)
{
    audit_event(&(struct audit_record){
        .event = AUDIT_VERIFY,
        .module = c->mv.path,
        .version = c->mv.version,
        .h1 = c->zip_h1,
        .artefact = S("zip"),
        .outcome = is_doubtful ? S("stored-unverified") : S("stored"),
        .detail = c->origin,
    });
}

/* What is no module zip, or is not what its go.mod says, never gets as far as a checksum. */
static void record_refused(struct resolve *r, const struct error *err)
{
    if (!err || status_class(err->status) != CLASS_INTEGRITY)
        return;
    audit_event(&(struct audit_record){
        .event = AUDIT_VERIFY,
        .module = r->q->mv.path,
        .version = r->q->mv.version,
        .artefact = r->q->kind == QUESTION_ZIP ? S("zip") : S("mod"),
        .outcome = S("refused"),
        .detail = error_chain(r->cx->arena, err),
    });
}

static struct error *resolve_zip(struct resolve *r)
{
    STAGE_SCOPED *st = NULL;
    bool was_stored, is_doubtful;
    struct store_commit c = {.mv = r->q->mv, .is_refetchable = is_refetchable(r)};
    TRY(store_stage_new(r->repo->o.store, r->cx->arena, &st));
    TRY(stage_zip(r, st, &c, &is_doubtful));
    if (is_doubtful)
        recheck_doubted(r, c.mv);
    TRY(store_commit(r->repo->o.store, r->cx, st, &c, &was_stored));
    if (!was_stored)
        record_verified(&c, is_doubtful);
    if (is_doubtful)
        recheck_doubted(r, c.mv);
    recheck_in_background(r->repo);
    uint64_t max = store_max_bytes(r->repo->o.store);
    if (max && store_bytes(r->repo->o.store) > max)
        evict_in_background(r->repo);
    return answer_from_store(r->repo, r->set, r->cx->arena, r->q, r->out);
}

struct error *resolve_artefact(struct resolve *r)
{
    struct slice body = S("");
    struct error *err;
    if (r->q->kind == QUESTION_ZIP)
        err = resolve_zip(r);
    else if (r->q->kind == QUESTION_MOD)
        err = artefact_mod(r, r->q->mv, &body);
    else
        err = artefact_info(r, r->q->mv, &body);
    record_refused(r, err);
    if (err && status_class(err->status) == CLASS_ABSENT)
        keep_answer(r, status_http(err->status), error_chain(r->cx->arena, err));
    if (err || r->q->kind == QUESTION_ZIP)
        return err;
    if (body.n > SMALL_MAX_BYTES)
        return answer_from_store(r->repo, r->set, r->cx->arena, r->q, r->out);
    answer_new_artefact(r->cx->arena, r->q->kind, body, r->out);
    return NULL;
}

static void count_evicted(void *arg, struct module_version mv, uint64_t size_bytes,
                          int64_t last_use)
{
    metric_add(METRIC_EVICTIONS, 1);
    log_line(LOG_INFO, "evicted", LOG_STR("module", mv.path), LOG_STR("version", mv.version),
             LOG_NUM("bytes", size_bytes), LOG_NUM("last_use_unix_s", last_use));
}

static void run_evict(struct job *job)
{
    struct repo *repo = (struct repo *)((char *)job - offsetof(struct repo, evict_job));
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    uint64_t freed, max = store_max_bytes(repo->o.store);
    struct error *err =
        store_evict(repo->o.store, &cx, max / 10 * 9, false, count_evicted, NULL, &freed);
    if (err)
        log_error(LOG_ERROR, "eviction failed", err, NULL, 0);
    arena_release(&a);
    atomic_store(&repo->is_evicting, false);
    atomic_fetch_sub(&repo->jobs, 1);
}

/* One eviction at a time, down to nine tenths of the limit, so that it does not run for each fetch.
 */
static void evict_in_background(struct repo *repo)
{
    if (atomic_exchange(&repo->is_evicting, true))
        return;
    repo->evict_job = (struct job){.run = run_evict};
    atomic_fetch_add(&repo->jobs, 1);
    if (lane_submit(repo->o.admin_lane, &repo->evict_job, LANE_INTERACTIVE))
        return;
    atomic_store(&repo->is_evicting, false);
    atomic_fetch_sub(&repo->jobs, 1);
}
