/*
 * From credentials to an identity, on a loop. What was verified is kept by the SHA-256 of the
 * secret (or certificate) until it expires or anything about access changes; what did not hold is
 * never kept, and is counted against its address.
 *
 * A good credential is always taken, also from an address that sends wrong ones: a whole company
 * may stand behind it, or a proxy before this gateway. That the one who guesses may go on costs
 * nothing, for 256 random bits cannot be guessed at any speed; the waits are for clients that try
 * the same wrong thing again and again.
 */
#include "access/access_priv.h"
#include "access/credential.h"

#include "base/ctx.h"

#include <openssl/crypto.h>

enum key_kind { KEY_SECRET = 1, KEY_CERTIFICATE };

void access_identity_ref(struct access_identity *who)
{
    who->refs++;
}

void access_identity_unref(struct access_identity *who)
{
    if (!who || --who->refs)
        return;
    arena_release(&who->arena);
    free(who);
}

/* With scopes of its own besides what everybody may do. One reference, the caller's. */
static struct access_identity *identity_new(const struct access_loop *l, struct slice name,
                                            const struct scopes *own, int64_t expires_unix_s)
{
    struct access_identity *who = xcalloc(1, sizeof(*who));
    who->refs = 1;
    who->name = arena_dup(&who->arena, name);
    who->scopes = scopes_join(&who->arena, own, &l->rules->anonymous);
    who->expires_unix_s = expires_unix_s;
    return who;
}

/* ---- The cache */

static void drop_identities(struct access_loop *l)
{
    for (size_t i = 0; i < CACHE_SETS; i++) {
        for (size_t k = 0; k < CACHE_WAYS; k++) {
            access_identity_unref(l->cache[i][k]);
            l->cache[i][k] = NULL;
        }
    }
    access_identity_unref(l->anonymous);
    l->anonymous = NULL;
}

void access_loop_release(struct access_loop *l)
{
    drop_identities(l);
    rules_unref(l->rules);
    token_set_unref(l->tokens);
    l->rules = NULL;
    l->tokens = NULL;
}

/* What holds now, if it is not what this loop has. */
static struct access_loop *take_up(struct access *x, unsigned loop_index)
{
    struct access_loop *l = &x->loops[loop_index];
    if (l->rules && l->generation == atomic_load_explicit(&x->generation, memory_order_acquire))
        return l;
    access_loop_release(l);
    pthread_mutex_lock(&x->lock);
    l->generation = atomic_load(&x->generation);
    l->rules = x->rules;
    l->tokens = x->tokens;
    rules_ref(l->rules);
    token_set_ref(l->tokens);
    pthread_mutex_unlock(&x->lock);
    struct scopes none = {0};
    l->anonymous = identity_new(l, S("anonymous"), &none, INT64_MAX);
    l->anonymous->is_anonymous = true;
    return l;
}

static struct access_identity **set_of(struct access_loop *l, const uint8_t key[33])
{
    return l->cache[key[1] % CACHE_SETS];
}

/* Without a new reference; NULL: not there, or expired. */
static struct access_identity *cache_find(struct access_loop *l, const uint8_t key[33],
                                          int64_t now_unix_s)
{
    struct access_identity **set = set_of(l, key);
    for (size_t i = 0; i < CACHE_WAYS; i++) {
        if (set[i] && CRYPTO_memcmp(set[i]->key, key, 33) == 0)
            return now_unix_s < set[i]->expires_unix_s ? set[i] : NULL;
    }
    return NULL;
}

/* Takes the reference over. */
static void cache_add(struct access_loop *l, struct access_identity *who, const uint8_t key[33])
{
    struct access_identity **set = set_of(l, key);
    memcpy(who->key, key, sizeof(who->key));
    access_identity_unref(set[CACHE_WAYS - 1]);
    memmove(set + 1, set, (CACHE_WAYS - 1) * sizeof(*set));
    set[0] = who;
}

/* ---- The kinds of credentials: each sets *who, or out->err, or out->wait */

static void verify_token(struct access_loop *l, struct arena *a, struct slice secret,
                         struct access_identity **who, struct access_answer *out)
{
    if (l->tokens->trouble.n) {
        out->err = error_new(a, STATUS_NO_KEYS,
                             "the gateway's file of tokens is damaged; its log says how");
        return;
    }
    const struct token *row = tokens_verify(&l->tokens->tokens, secret, now_unix_s());
    if (!row) {
        out->err =
            error_new(a, STATUS_BAD_CREDENTIALS, "the token is unknown here, expired or revoked");
        return;
    }
    *who = identity_new(l, arena_printf(a, "token:%.*s", SLICE_ARG(row->name)), &row->scopes,
                        row->expires_unix_s ? row->expires_unix_s : INT64_MAX);
}

static struct issuer *find_issuer(const struct rules *r, struct slice url)
{
    for (size_t i = 0; i < r->issuer_count; i++) {
        if (slice_eq(issuer_url(r->issuers[i]), url))
            return r->issuers[i];
    }
    return NULL;
}

/* What is readable of a subject: it goes into logs and answers. */
static struct slice shown_subject(struct arena *a, struct slice subject)
{
    char *text = arena_cstr(a, subject);
    for (size_t i = 0; i < subject.n; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
    }
    return slice_make(text, subject.n);
}

static struct access_identity *identity_of_jwt(const struct access_loop *l, struct arena *a,
                                               const struct issuer *issuer, const struct jwt *t)
{
    struct scopes all = {0};
    for (size_t i = 0; i < l->rules->claim_count; i++) {
        const struct claim_grant *g = &l->rules->claims[i];
        if (g->issuer == issuer && claim_rule_matches(&g->rule, t->claims))
            all = scopes_join(a, &all, &g->scopes);
    }
    struct slice name = arena_printf(a, "oidc:%.*s:%.*s", SLICE_ARG(issuer_name(issuer)),
                                     SLICE_ARG(shown_subject(a, t->subject)));
    return identity_new(l, name, &all, t->expires_unix_s + JWT_SKEW_SECONDS);
}

static struct error *verdict_error(struct arena *a, enum issuer_verdict verdict,
                                   const struct issuer *issuer)
{
    switch (verdict) {
    case ISSUER_BAD:
        return error_new(a, STATUS_BAD_CREDENTIALS, "the JSON web token's signature is wrong");
    case ISSUER_UNKNOWN_KEY:
        return error_new(
            a, STATUS_BAD_CREDENTIALS,
            "the JSON web token is signed with a key that its issuer does not publish");
    case ISSUER_DOWN:
        return error_new(a, STATUS_NO_KEYS, "the keys of the issuer %.*s could not be fetched",
                         SLICE_ARG(issuer_name(issuer)));
    default:
        return NULL;
    }
}

static void verify_jwt(struct access_loop *l, struct arena *a, struct slice secret,
                       struct access_identity **who, struct access_answer *out)
{
    struct jwt t;
    out->err = jwt_parse(a, secret, &t);
    if (out->err)
        return;
    struct issuer *issuer = find_issuer(l->rules, t.issuer);
    if (!issuer) {
        out->err = error_new(a, STATUS_BAD_CREDENTIALS,
                             "the JSON web token is of an issuer that is not known here");
        return;
    }
    out->err = jwt_check(a, &t, issuer_url(issuer), issuer_audience(issuer), now_unix_s());
    if (out->err)
        return;
    enum issuer_verdict verdict = issuer_verify(issuer, &t, now_ms());
    out->err = verdict_error(a, verdict, issuer);
    if (verdict == ISSUER_GOOD) {
        *who = identity_of_jwt(l, a, issuer, &t);
    } else if (verdict == ISSUER_FETCHING) {
        issuer_ref(issuer);
        out->wait = issuer;
    }
}

static void verify_secret(struct access_loop *l, struct arena *a, struct slice secret,
                          struct access_identity **who, struct access_answer *out)
{
    struct slice id;
    if (token_parse(secret, &id))
        verify_token(l, a, secret, who, out);
    else if (jwt_looks_like_one(secret))
        verify_jwt(l, a, secret, who, out);
    else
        out->err = error_new(a, STATUS_BAD_CREDENTIALS,
                             "it is neither a token of this gateway nor a JSON web token");
}

static struct access_identity *identity_of_certificate(const struct access_loop *l, struct arena *a,
                                                       X509 *cert)
{
    struct certificate_names names;
    struct scopes all = {0};
    certificate_names_read(a, cert, &names);
    for (size_t i = 0; i < l->rules->certificate_count; i++) {
        const struct certificate_grant *g = &l->rules->certificates[i];
        if (certificate_matches(&names, g->subject))
            all = scopes_join(a, &all, &g->scopes);
    }
    struct slice name = names.count ? names.rows[0] : S("?");
    return identity_new(l, arena_printf(a, "cert:%.*s", SLICE_ARG(name)), &all,
                        certificate_expires_unix_s(cert));
}

/* ---- One request */

/* A wrong one is counted, and from some number on told to wait instead of what is wrong. */
static void slow_down(struct access *x, struct arena *a, struct slice peer,
                      struct access_answer *out)
{
    struct slice address = throttle_key(a, peer);
    if (out->err->status != STATUS_BAD_CREDENTIALS && out->err->status != STATUS_BAD_REQUEST)
        return;
    out->retry_after_s = throttle_wait_s(x->throttle, address, now_ms());
    if (out->retry_after_s == 0)
        throttle_note(x->throttle, address, now_ms());
    else
        out->err =
            error_as(a, STATUS_TOO_MANY, out->err,
                     "many wrong credentials came from your address; wait %" PRId64 " seconds",
                     out->retry_after_s);
}

/* The identity without a new reference, or NULL and out says why. */
static struct access_identity *by_secret(struct access *x, struct access_loop *l, struct arena *a,
                                         const struct access_request *rq, struct access_answer *out)
{
    uint8_t key[33] = {KEY_SECRET};
    struct slice secret;
    struct access_identity *who = NULL;
    out->err = credential_parse(a, rq->authorization, &secret);
    if (!out->err) {
        sha256(secret, key + 1);
        who = cache_find(l, key, now_unix_s());
        if (who)
            return who;
        verify_secret(l, a, secret, &who, out);
    }
    if (out->err)
        slow_down(x, a, rq->peer, out);
    if (who)
        cache_add(l, who, key);
    return who;
}

static struct access_identity *by_certificate(struct access_loop *l, struct arena *a, X509 *cert,
                                              struct access_answer *out)
{
    uint8_t key[33] = {KEY_CERTIFICATE};
    unsigned n = SHA256_BYTES;
    if (X509_digest(cert, EVP_sha256(), key + 1, &n) != 1)
        BUG("SHA-256 failed");
    struct access_identity *who = cache_find(l, key, now_unix_s());
    if (who)
        return who;
    who = identity_of_certificate(l, a, cert);
    cache_add(l, who, key);
    if (now_unix_s() < who->expires_unix_s)
        return who;
    out->err = error_new(a, STATUS_BAD_CREDENTIALS, "the client certificate has expired");
    return NULL;
}

void access_identify(struct access *x, struct arena *a, const struct access_request *rq,
                     struct access_answer *out)
{
    struct access_loop *l = take_up(x, rq->loop_index);
    struct access_identity *who;
    *out = (struct access_answer){0};
    if (rq->authorization.p)
        who = by_secret(x, l, a, rq, out);
    else if (rq->certificate)
        who = by_certificate(l, a, rq->certificate, out);
    else
        who = l->anonymous;
    if (!who && !out->wait && !l->rules->is_required)
        who = l->anonymous;
    if (who)
        access_identity_ref(who);
    out->who = who;
}

int64_t access_admit(struct access *x, struct arena *a, const struct access_identity *who,
                     const struct access_request *rq, struct quota_place **place)
{
    const struct quota_limits *limits = &x->loops[rq->loop_index].rules->limits;
    *place = NULL;
    if (!limits->rate && !limits->concurrency)
        return 0;
    struct slice name = who->name;
    if (who->is_anonymous)
        name = arena_printf(a, "anonymous@%.*s", SLICE_ARG(throttle_key(a, rq->peer)));
    return quota_take(x->quota, limits, name, now_ms(), place);
}

void access_leave(struct access *x, struct quota_place *place)
{
    quota_give(x->quota, place);
}
