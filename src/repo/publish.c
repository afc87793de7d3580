/*
 * From a staged zip to a published version.
 *
 * The zip is checked as one from a mirror is, and then by what only its publisher can repair: the
 * go.mod must parse and name the module of the URL, and a version that says +incompatible has none.
 * The .mod is the zip's go.mod, or what go makes of its absence; the .info says when, and whence if
 * the publisher told. Then the version is committed under the lock that withdrawing takes too, so
 * that a tombstone is never overtaken. Who comes second with the same content is told that all is
 * well, with another one that a version never changes.
 */
#include "repo/publish.h"

#include "base/file.h"
#include "repo/repo_priv.h"
#include "repo/signature.h"

#include "ops/log.h"

#include "gomod/modfile.h"
#include "gomod/semver.h"
#include "gomod/text.h"
#include "vcs/info.h"

/* ---- what stands in the way ---- */

struct error *repo_check_withdrawn(struct repo *r, struct arena *a, struct module_version mv)
{
    struct store_tombstone t;
    TRY(store_tombstone_get(r->o.store, a, mv, &t));
    if (!t.found)
        return NULL;
    return error_new(a, STATUS_WITHDRAWN, "%.*s@%.*s was withdrawn on %.10s: %.*s",
                     SLICE_ARG(mv.path), SLICE_ARG(mv.version),
                     time_rfc3339(a, t.withdrawn_unix_s).p, SLICE_ARG(t.reason));
}

static struct error *refuse_taken(struct repo *r, struct arena *a, struct module_version mv)
{
    struct error *err = repo_check_withdrawn(r, a, mv);
    if (!err || err->status != STATUS_WITHDRAWN)
        return err;
    return error_as(a, STATUS_CONFLICT, err,
                    "this version can never be published again, publish a higher one");
}

static struct error *refuse_other(struct arena *a, struct module_version mv, struct slice stored,
                                  struct slice given)
{
    return error_new(a, STATUS_CONFLICT,
                     "%.*s@%.*s is published with the content %.*s, and this is %.*s: a version "
                     "never changes, publish a higher one",
                     SLICE_ARG(mv.path), SLICE_ARG(mv.version), SLICE_ARG(stored),
                     SLICE_ARG(given));
}

static struct error *stored_h1(struct repo *r, struct arena *a, struct module_version mv,
                               bool *found, struct slice *h1)
{
    struct store_object o;
    TRY(store_get(r->o.store, a, mv, ARTEFACT_ZIP, found, &o));
    if (!*found)
        return NULL;
    fd_cleanup(&o.fd);
    *h1 = o.has_h1 ? arena_dup(a, slice_of(o.h1)) : S("");
    return NULL;
}

static struct error *check_owner(struct repo *r, struct arena *a, struct slice path)
{
    struct source_set *set = sources_take(r);
    bool is_owner = r->o.kind == REPO_HOSTED && path_is_private(set, path);
    sources_drop(set);
    if (is_owner)
        return NULL;
    return error_new(a, STATUS_DENIED,
                     "%.*s is no path of this repository (its field owns says which are)",
                     SLICE_ARG(path));
}

struct error *repo_may_publish(struct repo *r, struct arena *a, struct module_version mv,
                               struct slice h1)
{
    bool found;
    struct slice stored;
    TRY(module_check(a, mv));
    TRY(check_owner(r, a, mv.path));
    TRY(refuse_taken(r, a, mv));
    TRY(stored_h1(r, a, mv, &found, &stored));
    bool is_other = found && h1.n && !slice_eq(stored, h1);
    return is_other ? refuse_other(a, mv, stored, h1) : NULL;
}

/* ---- what was sent ---- */

/* What is an upstream's fault elsewhere is the publisher's here. */
static struct error *bad_upload(struct arena *a, struct module_version mv, struct error *err)
{
    bool is_theirs = err && (err->status == STATUS_BAD_ZIP || err->status == STATUS_BAD_SYNTAX);
    if (!is_theirs)
        return err;
    return error_as(a, STATUS_BAD_UPLOAD, err, "%.*s@%.*s", SLICE_ARG(mv.path),
                    SLICE_ARG(mv.version));
}

static struct error *check_go_mod(struct arena *a, struct module_version mv, struct slice go_mod)
{
    struct modfile f;
    if (slice_eq(semver_build(mv.version), S("+incompatible")))
        return error_new(a, STATUS_BAD_UPLOAD,
                         "%.*s@%.*s has a go.mod: then its module path ends in /%.*s, and its "
                         "version is not +incompatible",
                         SLICE_ARG(mv.path), SLICE_ARG(mv.version),
                         SLICE_ARG(semver_major(mv.version)));
    TRY(modfile_parse(a, S("go.mod"), go_mod, MODFILE_LAX, &f));
    if (f.has_module && slice_eq(f.module.path, mv.path))
        return NULL;
    return error_new(a, STATUS_BAD_UPLOAD,
                     "the go.mod names %s, and the version is published as %.*s",
                     f.has_module ? text_quote(a, f.module.path) : "no module", SLICE_ARG(mv.path));
}

struct error *publication_go_mod(struct arena *a, struct module_version mv,
                                 const struct modzip_result *zip, struct slice *mod)
{
    if (!zip->has_go_mod) { /* cmd/go/internal/modfetch.LegacyGoMod */
        *mod = arena_printf(a, "module %.*s\n", SLICE_ARG(mv.path));
        return NULL;
    }
    *mod = zip->go_mod;
    return bad_upload(a, mv, check_go_mod(a, mv, zip->go_mod));
}

static struct error *verify(struct repo *r, struct arena *a, const struct repo_publication *p,
                            struct modzip_result *zip)
{
    struct source_set *set = sources_take(r);
    uint64_t max = set->s.max_zip_bytes;
    sources_drop(set);
    const char *path = store_stage_zip(p->stage);
    TRY(bad_upload(a, p->mv, zip_verify_file(r, a, p->mv, path, max, zip)));
    if (p->h1.n == 0 || slice_eq(p->h1, slice_of(zip->h1)))
        return NULL;
    return error_new(
        a, STATUS_BAD_UPLOAD,
        "%.*s was announced for %.*s@%.*s, and %s has come: it was changed on its way, "
        "or is another one",
        SLICE_ARG(p->h1), SLICE_ARG(p->mv.path), SLICE_ARG(p->mv.version), zip->h1);
}

/* ---- storing it ---- */

/* The catalog may remember another content of that name. */
static struct error *as_conflict(struct arena *a, struct error *err)
{
    if (!err || err->status != STATUS_MISMATCH)
        return err;
    return error_as(a, STATUS_CONFLICT, err, "publish a higher version");
}

static struct error *commit(struct repo *r, struct ctx *cx, const struct repo_publication *p,
                            struct slice mod, struct repo_published *out)
{
    FD_SCOPED lock = -1;
    bool was_stored, found;
    struct slice stored = S("");
    struct arena *a = cx->arena;
    struct store_commit c = {
        .mv = p->mv,
        .zip_h1 = out->h1,
        .info = vcs_info_json(a, p->mv.version, p->time_unix_s, p->origin),
        .mod = mod,
        .origin = p->publisher,
    };
    TRY(signers_take_given(r, cx, p->mv, store_stage_zip(p->stage), out->h1, p->signature,
                           &c.signature));
    TRY(signature_make(cx, r->o.signer, store_stage_zip(p->stage), &c.signature));
    TRY(store_publish_lock(r->o.store, cx, p->mv, &lock));
    TRY(refuse_taken(r, a, p->mv));
    TRY(as_conflict(a, store_commit(r->o.store, cx, p->stage, &c, &was_stored)));
    out->is_new = !was_stored;
    if (!was_stored)
        return NULL;
    TRY(stored_h1(r, a, p->mv, &found, &stored));
    return found && slice_eq(stored, out->h1) ? NULL : refuse_other(a, p->mv, stored, out->h1);
}

/* Lists and absences that loops have in memory. */
static void forget(struct repo *r)
{
    if (r->on_forget)
        r->on_forget(r->forget_arg);
}

struct error *repo_publish(struct repo *r, struct ctx *cx, const struct repo_publication *p,
                           struct repo_published *out)
{
    struct modzip_result zip;
    struct slice mod = S("");
    struct arena *a = cx->arena;
    char mod_h1[H1_TEXT_BYTES];
    TRY(verify(r, a, p, &zip));
    TRY(publication_go_mod(a, p->mv, &zip, &mod));
    gomod_hash(mod, mod_h1);
    out->h1 = arena_dup(a, slice_of(zip.h1));
    out->mod_h1 = arena_dup(a, slice_of(mod_h1));
    TRY(commit(r, cx, p, mod, out));
    if (!out->is_new)
        return NULL;
    forget(r);
    log_line(LOG_INFO, "published", LOG_STR("module", p->mv.path),
             LOG_STR("version", p->mv.version), LOG_STR("h1", out->h1),
             LOG_STR("publisher", p->publisher));
    return NULL;
}

struct error *repo_withdraw(struct repo *r, struct ctx *cx, struct module_version mv,
                            struct store_tombstone *t)
{
    TRY(store_withdraw(r->o.store, cx, mv, t));
    forget(r);
    log_line(LOG_WARN, "withdrawn", LOG_STR("module", mv.path), LOG_STR("version", mv.version),
             LOG_STR("h1", t->h1), LOG_STR("who", t->who), LOG_STR("reason", t->reason));
    return NULL;
}
