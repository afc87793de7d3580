/* What the settings of access control say together. Scopes, claims and names are understood, and
 * checked, by src/access. */
#include "config/config_priv.h"

static void check_word(struct loader *l, enum setting_id id, const char *one, const char *other)
{
    struct slice word = slice_of(setting_get(&l->s, id).text);
    if (!slice_eq(word, slice_of(one)) && !slice_eq(word, slice_of(other)))
        loader_complain(
            l, id, l->s.source[id], l->s.origin[id],
            arena_printf(l->arena, "%s is neither %s nor %s", quoted(l->arena, word), one, other));
}

static void check_missing(struct loader *l, const char *origin, const char *field,
                          const char *value)
{
    if (!*value)
        finding_add(&l->findings, "%s: %s is missing", origin, field);
}

static void check_records(struct loader *l)
{
    for (size_t i = 0; i < l->s.access_issuers.count; i++) {
        const struct setting_access_issuer *r = &l->s.access_issuers.rows[i];
        check_missing(l, r->origin, arena_printf(l->arena, "access_issuers.%s.url", r->name).p,
                      r->url);
        check_missing(l, r->origin, arena_printf(l->arena, "access_issuers.%s.audience", r->name).p,
                      r->audience);
    }
    for (size_t i = 0; i < l->s.access_claims.count; i++) {
        const struct setting_access_claim *r = &l->s.access_claims.rows[i];
        check_missing(l, r->origin, "access_claims: issuer", r->issuer);
        check_missing(l, r->origin, "access_claims: claims", r->claims);
        check_missing(l, r->origin, "access_claims: scopes", r->scopes);
    }
    for (size_t i = 0; i < l->s.access_certificates.count; i++) {
        const struct setting_access_certificate *r = &l->s.access_certificates.rows[i];
        check_missing(l, r->origin, "access_certificates: subject", r->subject);
        check_missing(l, r->origin, "access_certificates: scopes", r->scopes);
        if (!*l->s.tls_client_ca_file)
            finding_add(&l->findings, "%s: access_certificates needs tls.client_ca_file",
                        r->origin);
    }
}

void loader_check_access(struct loader *l)
{
    enum setting_id ca = SETTING_ID_tls_client_ca_file;
    check_word(l, SETTING_ID_access_mode, "open", "required");
    check_word(l, SETTING_ID_access_metrics, "admin", "anyone");
    if (*l->s.tls_client_ca_file && !*l->s.tls_cert_file)
        loader_complain(l, ca, l->s.source[ca], l->s.origin[ca],
                        S("needs tls.cert_file and tls.key_file too"));
    check_records(l);
}
