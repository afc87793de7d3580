/*
 * Who else has signed a zip. Signatures come with it, from an upstream that has <version>.zip.sig
 * beside the zip, or from a publisher; they are verified against the trusted keys for its path
 * while the zip is staged. What is kept is who it was, with the id of the key, in facts/<escaped
 * path>/@v/<escaped version>.signers behind the h1 of the zip:
 *
 *   h1:…
 *   <name> sha256:<key id>
 *
 * So a key that is not trusted any more counts for nothing at once. Besides, the signature counts
 * that lies beside the stored zip: the one that came, our own, or one that `modgate sign` made. It
 * is looked at when a rule asks who has signed; what was found is kept in <version>.signed:
 *
 *   h1:…
 *   <SHA-256 of the signature>
 *   <digest of the keys>
 *   <name> sha256:<key id>
 *
 * When one of the first three is another, as after a reload with other keys, it is found out anew.
 * Else no zip is hashed for a reader.
 */
#include "repo/facts.h"
#include "repo/repo_priv.h"
#include "repo/signature.h"

#include "base/encode.h"
#include "base/file.h"

#include "ops/log.h"

#include <errno.h>
#include <fcntl.h>

static struct error *fact_name(struct arena *a, struct module_version mv, struct slice *name)
{
    return version_rel(a, mv, "signers", name);
}

/* The lines about the zip as it came. */
static struct error *lines_of_arrival(struct repo *r, struct arena *a, struct module_version mv,
                                      struct slice h1, struct slice *lines)
{
    bool found;
    struct slice name, text;
    *lines = S("");
    TRY(fact_name(a, mv, &name));
    TRY(store_fact_get(r->o.store, a, name, &found, &text));
    if (found && slice_eq(slice_cut_line(&text), h1))
        *lines = text;
    return NULL;
}

/* ---- the signature that lies beside a stored zip ---- */

/* What is found about it depends on this: zip, signature, keys. */
static struct slice head_of(struct arena *a, struct slice h1, struct slice signature,
                            struct slice keys)
{
    uint8_t sum[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    sha256(signature, sum);
    hex_encode(sum, sizeof(sum), hex);
    return arena_printf(a, "%.*s\n%s\n%.*s\n", SLICE_ARG(h1), hex, SLICE_ARG(keys));
}

/* A store that cannot be written keeps nobody from an answer. */
static struct error *keep_found(struct repo *r, struct arena *a, struct slice name,
                                struct slice text)
{
    struct error *err = store_fact_put(r->o.store, a, name, text);
    if (!err || (err->status != STATUS_READ_ONLY && err->status != STATUS_NO_SPACE))
        return err;
    log_error(LOG_WARN, "the signers of a version were not kept", err, &LOG_STR("fact", name), 1);
    return NULL;
}

static struct error *lines_beside(struct repo *r, const struct sign_trust *trust, struct arena *a,
                                  struct module_version mv, const struct signed_zip *zip,
                                  struct slice *lines)
{
    bool found;
    struct slice name, text, signature;
    TRY(signature_read(r->o.store, a, mv, &found, &signature));
    struct slice head = head_of(a, zip->h1, signature, sign_trust_digest(a, trust, mv.path));
    TRY(version_rel(a, mv, "signed", &name));
    TRY(store_fact_get(r->o.store, a, name, &found, &text));
    if (found && zip->h1.n && slice_starts(text, head)) {
        *lines = slice_skip(text, head.n);
        return NULL;
    }
    TRY_CTX(a, sign_trust_check(a, trust, mv.path, zip->fd, signature, lines),
            "looking for who has signed %.*s@%.*s", SLICE_ARG(mv.path), SLICE_ARG(mv.version));
    return keep_found(r, a, name, arena_printf(a, "%.*s%.*s", SLICE_ARG(head), SLICE_ARG(*lines)));
}

static void join(struct arena *a, const struct sign_trust *trust, struct slice path,
                 struct slice first, struct slice second, struct slice **names, size_t *count)
{
    struct slice all = arena_printf(a, "%.*s%.*s", SLICE_ARG(first), SLICE_ARG(second));
    sign_trust_names(a, trust, path, all, names, count);
}

static struct error *find(struct repo *r, const struct sign_trust *trust, struct arena *a,
                          struct module_version mv, struct signed_zip *zip)
{
    struct slice came, lies;
    if (!sign_trust_wants(trust, mv.path))
        return NULL;
    TRY(lines_of_arrival(r, a, mv, zip->h1, &came));
    TRY(lines_beside(r, trust, a, mv, zip, &lies));
    join(a, trust, mv.path, came, lies, &zip->signers, &zip->signer_count);
    return NULL;
}

struct error *repo_signers(struct repo *r, struct ctx *cx, struct module_version mv,
                           struct signed_zip *zip)
{
    struct source_set *set = sources_take(r);
    struct error *err = find(r, set->s.trust, cx->arena, mv, zip);
    sources_drop(set);
    return err;
}

/* ---- for those who only look ---- */

static struct error *stored_lines(struct arena *a, const char *dir, struct module_version mv,
                                  const char *ext, struct slice *text)
{
    struct slice name;
    TRY(version_rel(a, mv, ext, &name));
    return facts_read(a, dir, name, text);
}

struct error *facts_signers(struct arena *a, const char *dir, const struct sign_trust *trust,
                            struct module_version mv, struct policy_facts *out)
{
    struct slice came, lies, *names;
    if (!sign_trust_wants(trust, mv.path)) {
        out->known |= POLICY_FACT_SIGNERS;
        return NULL;
    }
    TRY(stored_lines(a, dir, mv, "signers", &came));
    TRY(stored_lines(a, dir, mv, "signed", &lies));
    slice_cut_line(&came); /* the zip */
    slice_cut_line(&lies);
    slice_cut_line(&lies); /* the signature */
    if (!slice_eq(slice_cut_line(&lies), sign_trust_digest(a, trust, mv.path)))
        return NULL;
    join(a, trust, mv.path, came, lies, &names, &out->signer_count);
    out->signers = names;
    out->known |= POLICY_FACT_SIGNERS;
    return NULL;
}

/* ---- signatures that come with a zip ---- */

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
