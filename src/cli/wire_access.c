/* From the settings of access control to its options. */
#include "cli/wire.h"

static struct issuer_options *issuers(struct arena *a, const struct settings *s)
{
    struct issuer_options *list = ARENA_ARRAY(a, struct issuer_options, s->access_issuers.count);
    for (size_t i = 0; i < s->access_issuers.count; i++) {
        const struct setting_access_issuer *r = &s->access_issuers.rows[i];
        list[i] = (struct issuer_options){.name = r->name,
                                          .url = r->url,
                                          .audience = r->audience,
                                          .jwks_url = r->jwks_url,
                                          .ca_file = r->ca_file};
    }
    return list;
}

static struct access_claim_option *claims(struct arena *a, const struct settings *s)
{
    struct access_claim_option *list =
        ARENA_ARRAY(a, struct access_claim_option, s->access_claims.count);
    for (size_t i = 0; i < s->access_claims.count; i++) {
        const struct setting_access_claim *r = &s->access_claims.rows[i];
        list[i] = (struct access_claim_option){arena_printf(a, "%s: access_claims", r->origin).p,
                                               r->issuer, r->claims, r->scopes};
    }
    return list;
}

static struct access_certificate_option *certificates(struct arena *a, const struct settings *s)
{
    struct access_certificate_option *list =
        ARENA_ARRAY(a, struct access_certificate_option, s->access_certificates.count);
    for (size_t i = 0; i < s->access_certificates.count; i++) {
        const struct setting_access_certificate *r = &s->access_certificates.rows[i];
        list[i] = (struct access_certificate_option){
            arena_printf(a, "%s: access_certificates", r->origin).p, r->subject, r->scopes};
    }
    return list;
}

struct access_options wire_access(struct arena *a, const struct settings *s)
{
    return (struct access_options){
        .data_dir = s->data_dir,
        .is_required = strcmp(s->access_mode, "required") == 0,
        .anonymous = s->access_anonymous,
        .limits = {.rate = s->access_rate,
                   .burst = s->access_burst,
                   .concurrency = s->access_concurrency},
        .issuers = issuers(a, s),
        .issuer_count = s->access_issuers.count,
        .claims = claims(a, s),
        .claim_count = s->access_claims.count,
        .certificates = certificates(a, s),
        .certificate_count = s->access_certificates.count,
    };
}
