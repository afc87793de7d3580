#include "access/rules.h"

#include "access/token_file.h"

#include <errno.h>

static struct error *read_scopes(struct arena *a, struct rules *r, const char *origin,
                                 const char *text, struct scopes *out)
{
    struct scopes parsed, none = {0};
    struct error *err = scopes_parse(a, slice_of(text), &parsed);
    if (err)
        return error_as(a, STATUS_BAD_CONFIG, err, "%s", origin);
    *out = scopes_join(&r->arena, &parsed, &none);
    return NULL;
}

static struct error *read_granted(struct arena *a, struct rules *r, const char *origin,
                                  const char *text, struct scopes *out)
{
    TRY(read_scopes(a, r, origin, text, out));
    if (out->count == 0)
        return error_new(a, STATUS_BAD_CONFIG, "%s: it has no scopes, and so allows nothing",
                         origin);
    return NULL;
}

static struct issuer *find_old(const struct rules *old, const struct issuer_options *o)
{
    for (size_t i = 0; old && i < old->issuer_count; i++) {
        if (issuer_is(old->issuers[i], o))
            return old->issuers[i];
    }
    return NULL;
}

static struct error *read_issuers(struct arena *a, struct rules *r, const struct access_options *o,
                                  const struct rules *old, const atomic_bool *cancelled)
{
    r->issuers = ARENA_ARRAY(&r->arena, struct issuer *, o->issuer_count);
    for (size_t i = 0; i < o->issuer_count; i++) {
        struct issuer_options io = o->issuers[i];
        struct issuer *same = find_old(old, &io);
        io.lane = o->lane;
        io.cancelled = cancelled;
        for (size_t k = 0; k < i; k++) {
            if (slice_eq(issuer_url(r->issuers[k]), slice_of(io.url)))
                return error_new(a, STATUS_BAD_CONFIG,
                                 "access_issuers.%s has the url of access_issuers.%.*s; one issuer "
                                 "is one record",
                                 io.name, SLICE_ARG(issuer_name(r->issuers[k])));
        }
        if (same)
            issuer_ref(same);
        else
            TRY(issuer_new(a, &io, &same));
        r->issuers[r->issuer_count++] = same;
    }
    return NULL;
}

static struct error *read_claims(struct arena *a, struct rules *r, const struct access_options *o)
{
    r->claims = ARENA_ARRAY(&r->arena, struct claim_grant, o->claim_count);
    for (size_t i = 0; i < o->claim_count; i++) {
        const struct access_claim_option *c = &o->claims[i];
        struct claim_grant *g = &r->claims[r->claim_count++];
        for (size_t k = 0; k < r->issuer_count; k++) {
            if (slice_eq(issuer_name(r->issuers[k]), slice_of(c->issuer)))
                g->issuer = r->issuers[k];
        }
        if (!g->issuer)
            return error_new(a, STATUS_BAD_CONFIG, "%s: access_issuers has no record '%s'",
                             c->origin, c->issuer);
        struct error *err =
            claim_rule_parse(&r->arena, arena_dup(&r->arena, slice_of(c->claims)), &g->rule);
        if (err)
            return error_new(a, STATUS_BAD_CONFIG, "%s: %.*s", c->origin, SLICE_ARG(err->text));
        TRY(read_granted(a, r, c->origin, c->scopes, &g->scopes));
    }
    return NULL;
}

static struct error *read_certificates(struct arena *a, struct rules *r,
                                       const struct access_options *o)
{
    r->certificates = ARENA_ARRAY(&r->arena, struct certificate_grant, o->certificate_count);
    for (size_t i = 0; i < o->certificate_count; i++) {
        const struct access_certificate_option *c = &o->certificates[i];
        struct certificate_grant *g = &r->certificates[r->certificate_count++];
        g->subject = arena_dup(&r->arena, slice_of(c->subject));
        if (!certificate_pattern_is_valid(g->subject))
            return error_new(a, STATUS_BAD_CONFIG,
                             "%s: '%s' is no name of a certificate; write CN=…, DNS=…, URI=… or "
                             "EMAIL=…, where * stands for any characters",
                             c->origin, c->subject);
        TRY(read_granted(a, r, c->origin, c->scopes, &g->scopes));
    }
    return NULL;
}

static struct error *read_all(struct arena *a, struct rules *r, const struct access_options *o,
                              const struct rules *old, const atomic_bool *cancelled)
{
    r->is_required = o->is_required;
    r->limits = o->limits;
    if (!o->is_required && *o->anonymous)
        return error_new(a, STATUS_BAD_CONFIG,
                         "access.anonymous needs access.mode: required; without it everybody may "
                         "read everything");
    TRY(read_scopes(a, r, "access.anonymous", o->is_required ? o->anonymous : "*:*:read",
                    &r->anonymous));
    TRY(read_issuers(a, r, o, old, cancelled));
    TRY(read_claims(a, r, o));
    return read_certificates(a, r, o);
}

struct error *rules_new(struct arena *a, const struct access_options *o, const struct rules *old,
                        const atomic_bool *cancelled, struct rules **out)
{
    struct rules *r = xcalloc(1, sizeof(*r));
    atomic_init(&r->refs, 1);
    struct error *err = read_all(a, r, o, old, cancelled);
    if (err)
        rules_unref(r);
    else
        *out = r;
    return err;
}

void rules_ref(struct rules *r)
{
    atomic_fetch_add(&r->refs, 1);
}

void rules_unref(struct rules *r)
{
    if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    for (size_t i = 0; i < r->issuer_count; i++)
        issuer_unref(r->issuers[i]);
    arena_release(&r->arena);
    free(r);
}

struct token_set *token_set_read(const char *data_dir)
{
    struct token_set *t = xcalloc(1, sizeof(*t));
    atomic_init(&t->refs, 1);
    struct error *err = token_file_read(&t->arena, data_dir, &t->tokens, &t->file);
    if (err) {
        t->tokens = (struct tokens){0};
        t->trouble = error_chain(&t->arena, err);
    }
    return t;
}

void token_set_ref(struct token_set *t)
{
    atomic_fetch_add(&t->refs, 1);
}

void token_set_unref(struct token_set *t)
{
    if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    arena_release(&t->arena);
    free(t);
}

bool token_set_is_old(const struct token_set *t, const char *data_dir)
{
    struct arena a = ARENA_INIT;
    struct stat st;
    if (stat(token_file_path(&a, data_dir), &st) < 0)
        memset(&st, 0, sizeof(st));
    arena_release(&a);
    const struct stat *was = &t->file;
    return st.st_ino != was->st_ino || st.st_dev != was->st_dev || st.st_size != was->st_size ||
           st.st_mode != was->st_mode || st.st_mtim.tv_sec != was->st_mtim.tv_sec ||
           st.st_mtim.tv_nsec != was->st_mtim.tv_nsec || st.st_ctim.tv_sec != was->st_ctim.tv_sec ||
           st.st_ctim.tv_nsec != was->st_ctim.tv_nsec;
}
