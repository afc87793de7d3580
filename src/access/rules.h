/*
 * Who may do what, as the settings say it, in one block that never changes: reference counted, so
 * that loops go on with theirs while new settings are taken up. And, apart from it because it
 * changes at other times, what the file of tokens says.
 */
#ifndef MODGATE_ACCESS_RULES_H
#define MODGATE_ACCESS_RULES_H

#include "access/access.h"
#include "access/certificate.h"
#include "access/claims.h"
#include "access/issuer.h"
#include "access/token.h"

#include <sys/stat.h>

struct claim_grant {
    struct issuer *issuer; /* of rules->issuers */
    struct claim_rule rule;
    struct scopes scopes;
};

struct certificate_grant {
    struct slice subject; /* KIND=glob */
    struct scopes scopes;
};

struct rules {
    atomic_uint refs;
    struct arena arena;
    bool is_required;
    struct scopes anonymous; /* what everybody may do */
    struct quota_limits limits;
    struct issuer **issuers;
    size_t issuer_count;
    struct claim_grant *claims;
    size_t claim_count;
    struct certificate_grant *certificates;
    size_t certificate_count;
};

/*
 * One reference, the caller's. Issuers that `old` has with the same options are shared with it; old
 * may be NULL. BAD_CONFIG, naming the record. [any]
 */
struct error *rules_new(struct arena *a, const struct access_options *o, const struct rules *old,
                        const atomic_bool *cancelled, struct rules **out) MUST_CHECK;
void rules_ref(struct rules *r);
void rules_unref(struct rules *r);

struct token_set {
    atomic_uint refs;
    struct arena arena;
    struct tokens tokens;
    struct slice trouble; /* empty; or why the file cannot be used: then no token holds */
    struct stat file;     /* which file it was */
};

/* Reads the file; never fails: see trouble. One reference, the caller's. [worker] */
struct token_set *token_set_read(const char *data_dir);
void token_set_ref(struct token_set *t);
void token_set_unref(struct token_set *t);
/* Whether the file is another one now. [worker] */
bool token_set_is_old(const struct token_set *t, const char *data_dir);

#endif
