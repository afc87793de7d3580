/*
 * A signature is the file <version>.zip.sig beside the zip: base64 and a newline, as cosign writes
 * and reads it. It says "this gateway has stored these bytes under this name's file", and whoever
 * has the public key can check it without the gateway.
 *
 * Nothing is signed on trust: a stored zip is hashed before, against the h1 under which it was
 * stored, so that no damage of a disk gets a signature. And before a signature is given out, it is
 * checked against the zip: a key that was replaced, or a file that was touched, makes a new one.
 */
#include "repo/signature.h"
#include "repo/repo_priv.h"
#include "repo/zipfile.h"

#include "base/file.h"

#include "ops/log.h"

#include <errno.h>
#include <fcntl.h>

enum { SIGNATURE_FRESH_S = 60 };

/* ---- making ---- */

static struct error *make(struct arena *a, const struct sign_key *signer, int zip_fd,
                          struct slice *text)
{
    struct slice signature;
    TRY_CTX(a, sign_file(a, signer, zip_fd, &signature), "signing the zip");
    *text = arena_printf(a, "%.*s\n", SLICE_ARG(signature));
    return NULL;
}

struct error *signature_make(struct ctx *cx, const struct sign_key *signer, const char *zip_path,
                             struct slice *text)
{
    if (!signer)
        return NULL;
    FD_SCOPED fd = open(zip_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(cx->arena, errno, "%s", zip_path);
    return make(cx->arena, signer, fd, text);
}

/* ---- what is stored ---- */

/* The stored zip; NOT_FOUND without one. */
static struct error *open_zip(struct store *s, struct arena *a, struct module_version mv,
                              struct store_object *zip)
{
    bool found;
    TRY(store_get(s, a, mv, ARTEFACT_ZIP, &found, zip));
    if (found)
        return NULL;
    return error_new(a, STATUS_NOT_FOUND,
                     "there is no signature of %.*s@%.*s: its zip is not stored here",
                     SLICE_ARG(mv.path), SLICE_ARG(mv.version));
}

struct error *signature_read(struct store *s, struct arena *a, struct module_version mv,
                             bool *found, struct slice *text)
{
    struct store_object o;
    *text = S("");
    TRY(store_get(s, a, mv, ARTEFACT_ZIPSIG, found, &o));
    if (!*found)
        return NULL;
    FD_SCOPED fd = o.fd;
    return file_read_fd(a, fd, TRUST_MAX_BYTES, text);
}

struct error *signature_look(struct store *s, struct ctx *cx, const struct verify_key *key,
                             struct module_version mv, enum signature_state *state,
                             struct slice *text)
{
    bool found, is_valid = false;
    struct store_object zip;
    TRY(open_zip(s, cx->arena, mv, &zip));
    FD_SCOPED fd = zip.fd;
    TRY(signature_read(s, cx->arena, mv, &found, text));
    if (found && key)
        TRY(verify_file(cx->arena, key, fd, *text, &is_valid));
    *state = !found ? SIGNATURE_NONE : is_valid ? SIGNATURE_OURS : SIGNATURE_FOREIGN;
    return NULL;
}

static struct error *check_content(struct arena *a, const struct store_object *zip,
                                   struct module_version mv)
{
    struct modzip_result found;
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    limits.zip_bytes = UINT64_MAX; /* it was within the limit of its day */
    struct error *err = zipfile_verify(a, zip->fd, mv, &limits, &found);
    if (err)
        return error_as(a, STATUS_CORRUPT, err, "the stored zip of %.*s@%.*s", SLICE_ARG(mv.path),
                        SLICE_ARG(mv.version));
    if (zip->has_h1 && strcmp(zip->h1, found.h1) == 0)
        return NULL;
    return error_new(a, STATUS_CORRUPT,
                     "the stored zip of %.*s@%.*s is %s, and was stored as %s: it is not signed "
                     "(modgate verify says more)",
                     SLICE_ARG(mv.path), SLICE_ARG(mv.version), found.h1,
                     zip->has_h1 ? zip->h1 : "nothing that is known");
}

struct error *signature_renew(struct store *s, struct ctx *cx, const struct sign_key *signer,
                              struct module_version mv, struct slice *text)
{
    struct store_object zip;
    TRY(open_zip(s, cx->arena, mv, &zip));
    FD_SCOPED fd = zip.fd;
    TRY(check_content(cx->arena, &zip, mv));
    TRY(make(cx->arena, signer, fd, text));
    return store_put_signature(s, cx, mv, *text);
}

/* ---- answering ---- */

/* A store that cannot be written keeps nobody from an answer. */
static struct error *renew(struct resolve *r, struct slice *text)
{
    struct store_object zip;
    struct arena *a = r->cx->arena;
    struct error *err = signature_renew(r->repo->o.store, r->cx, r->repo->o.signer, r->q->mv, text);
    if (!err || (err->status != STATUS_READ_ONLY && err->status != STATUS_NO_SPACE))
        return err;
    log_error(LOG_WARN, "a signature was not kept", err, &LOG_STR("key", r->q->key), 1);
    TRY(open_zip(r->repo->o.store, a, r->q->mv, &zip));
    FD_SCOPED fd = zip.fd;
    return make(a, r->repo->o.signer, fd, text);
}

static struct error *find(struct resolve *r, struct slice *text, struct slice *key_id)
{
    enum signature_state state;
    const struct sign_key *signer = r->repo->o.signer;
    const struct verify_key *key = signer ? sign_key_public(signer) : NULL;
    TRY(signature_look(r->repo->o.store, r->cx, key, r->q->mv, &state, text));
    if (state == SIGNATURE_NONE && !signer)
        return error_new(r->cx->arena, STATUS_NOT_FOUND,
                         "there is no signature of %.*s@%.*s: this gateway signs nothing "
                         "(signing.key)",
                         SLICE_ARG(r->q->mv.path), SLICE_ARG(r->q->mv.version));
    if (state != SIGNATURE_OURS && signer)
        TRY(renew(r, text));
    *key_id = key ? verify_key_id(key) : S("");
    return NULL;
}

/* Whether the asker could have the zip: what a mirror once said of a private path is not given. */
static struct error *refuse_hidden(struct resolve *r)
{
    struct repo_answer zip;
    struct question q = {.kind = QUESTION_ZIP, .mv = r->q->mv};
    TRY(version_rel(r->cx->arena, q.mv, "zip", &q.key));
    TRY(answer_from_store(r->repo, r->set, r->cx->arena, &q, &zip));
    bool is_there = zip.fd >= 0;
    fd_cleanup(&zip.fd);
    if (is_there)
        return NULL;
    return error_new(r->cx->arena, STATUS_NOT_FOUND,
                     "there is no signature of %.*s@%.*s: its zip is not stored here",
                     SLICE_ARG(q.mv.path), SLICE_ARG(q.mv.version));
}

struct error *resolve_signature(struct resolve *r)
{
    struct slice text;
    TRY(refuse_hidden(r));
    sem_wait(&r->repo->verify_slots);
    struct error *err = find(r, &text, &r->out->key_id);
    sem_post(&r->repo->verify_slots);
    if (err)
        return err;
    answer_bytes(r->cx->arena, text, r->out);
    answer_etag(r->cx->arena, r->out);
    r->out->freshness = REPO_FRESH;
    r->out->mtime_unix_s = now_unix_s();
    r->out->fresh_until_s = r->out->mtime_unix_s + SIGNATURE_FRESH_S;
    return NULL;
}
