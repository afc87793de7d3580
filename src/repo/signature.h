/*
 * Signatures of zips: made when a version enters the store, or later for what is stored; served
 * with the name of the key that made them. [worker] all.
 */
#ifndef MODGATE_REPO_SIGNATURE_H
#define MODGATE_REPO_SIGNATURE_H

#include "base/ctx.h"

#include "sign/sign.h"
#include "store/store.h"

/* The signature of a zip that is about to be stored; left as it is without a signer (NULL). */
struct error *signature_make(struct ctx *cx, const struct sign_key *signer, const char *zip_path,
                             struct slice *text) MUST_CHECK;

/* What stands beside the stored zip, as it is: not checked, nothing is made. *text is empty without
 * one. */
struct error *signature_read(struct store *s, struct arena *a, struct module_version mv,
                             bool *found, struct slice *text) MUST_CHECK;

enum signature_state {
    SIGNATURE_NONE,    /* there is none */
    SIGNATURE_OURS,    /* of the key */
    SIGNATURE_FOREIGN, /* another key's, or damaged */
};
/*
 * What stands beside the stored zip; *text is it, in the arena. NOT_FOUND when the version is not
 * stored whole. key NULL: what there is, is FOREIGN.
 */
struct error *signature_look(struct store *s, struct ctx *cx, const struct verify_key *key,
                             struct module_version mv, enum signature_state *state,
                             struct slice *text) MUST_CHECK;
/*
 * Signs a stored zip, in place of a signature that is there, once its content has the h1 with which
 * it was stored: CORRUPT when it has not. *text is the signature as it is stored.
 */
struct error *signature_renew(struct store *s, struct ctx *cx, const struct sign_key *signer,
                              struct module_version mv, struct slice *text) MUST_CHECK;

#endif
