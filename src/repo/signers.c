/*
 * Who else has signed a zip. Signatures come with it, from an upstream that has <version>.zip.sig
 * beside the zip, or from a publisher; they are verified against the trusted keys for its path
 * while the zip is staged. What is kept is who it was, with the id of the key, in facts/<escaped
 * path>/@v/<escaped version>.signers behind the h1 of the zip:
 *
 *   h1:…
 *   <name> sha256:<key id>
 *
 * So a key that is not trusted any more counts for nothing at once, and no zip is hashed for a
 * reader. A key that becomes trusted later counts for what comes later.
 */
#include "repo/repo_priv.h"

#include "base/file.h"

#include "ops/log.h"

#include <errno.h>
#include <fcntl.h>

static struct error *fact_name(struct arena *a, struct module_version mv, struct slice *name)
{
    return version_rel(a, mv, "signers", name);
}

struct error *signers_of(struct repo *r, const struct source_set *set, struct arena *a,
                         struct module_version mv, struct repo_answer *out)
{
    bool found;
    struct slice name, text, *names;
    if (!sign_trust_wants(set->s.trust, mv.path))
        return NULL;
    TRY(fact_name(a, mv, &name));
    TRY(store_fact_get(r->o.store, a, name, &found, &text));
    if (!found || !slice_eq(slice_cut_line(&text), out->etag))
        return NULL;
    sign_trust_names(a, set->s.trust, mv.path, text, &names, &out->signer_count);
    out->signers = names;
    return NULL;
}

static struct error *check(struct arena *a, const struct sign_trust *trust, struct slice path,
                           const char *zip_path, struct slice given, struct slice *lines)
{
    FD_SCOPED fd = open(zip_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(a, errno, "%s", zip_path);
    return sign_trust_check(a, trust, path, fd, given, lines);
}

static struct error *keep(struct repo *repo, struct arena *a, struct module_version mv,
                          struct slice h1, struct slice lines)
{
    struct slice name;
    TRY(fact_name(a, mv, &name));
    return store_fact_put(repo->o.store, a, name,
                          arena_printf(a, "%.*s\n%.*s", SLICE_ARG(h1), SLICE_ARG(lines)));
}

/* The upstream's, if it has any. Whatever this walk finds, the flight stays where it is. */
static struct error *ask(struct resolve *r, struct slice *given)
{
    struct fetch_answer got;
    bool wanted_direct = r->wants_direct;
    struct error *err = source_small(r, QUESTION_SIGNATURE, r->q->mv, &got);
    r->wants_direct = wanted_direct;
    *given = err ? S("") : got.body;
    if (!err || status_class(err->status) == CLASS_ABSENT || err->status == STATUS_UPSTREAM_OFF)
        return NULL;
    return error_wrap(r->cx->arena, err, "asking for the signature of the zip");
}

struct error *signers_take(struct resolve *r, const char *zip_path, struct slice h1,
                           struct slice *signature)
{
    struct slice given, lines;
    struct arena *a = r->cx->arena;
    bool has_mirror = r->leg == FLIGHT_UPSTREAM && r->repo->o.kind == REPO_PROXY;
    if (!has_mirror || !sign_trust_wants(r->set->s.trust, r->q->mv.path))
        return NULL;
    TRY(ask(r, &given));
    if (given.n == 0)
        return NULL;
    TRY(check(a, r->set->s.trust, r->q->mv.path, zip_path, given, &lines));
    if (lines.n == 0) {
        log_line(LOG_WARN, "a zip came with signatures that no trusted key has made",
                 LOG_STR("module", r->q->mv.path), LOG_STR("version", r->q->mv.version));
        return NULL;
    }
    *signature = given;
    return keep(r->repo, a, r->q->mv, h1, lines);
}

static struct error *take_given(struct repo *repo, const struct source_set *set, struct arena *a,
                                struct module_version mv, const char *zip_path, struct slice h1,
                                struct slice given)
{
    struct slice lines;
    TRY(check(a, set->s.trust, mv.path, zip_path, given, &lines));
    if (lines.n == 0)
        return error_new(a, STATUS_BAD_UPLOAD,
                         "the signature that came with %.*s@%.*s is by no signer who is trusted "
                         "for it (signing_trust)",
                         SLICE_ARG(mv.path), SLICE_ARG(mv.version));
    return keep(repo, a, mv, h1, lines);
}

struct error *signers_take_given(struct repo *repo, struct ctx *cx, struct module_version mv,
                                 const char *zip_path, struct slice h1, struct slice given,
                                 struct slice *signature)
{
    if (given.n == 0)
        return NULL;
    struct source_set *set = sources_take(repo);
    struct error *err = take_given(repo, set, cx->arena, mv, zip_path, h1, given);
    sources_drop(set);
    if (!err)
        *signature = arena_printf(cx->arena, "%.*s\n", SLICE_ARG(slice_trim(given)));
    return err;
}
