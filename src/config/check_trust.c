#include "config/config_priv.h"

static void check_missing(struct loader *l, const struct setting_trusted_signer *r,
                          const char *field, const char *value)
{
    if (!*value)
        finding_add(&l->findings, "%s: signing_trust.%s.%s is missing", r->origin, r->name, field);
}

void loader_check_trust(struct loader *l)
{
    for (size_t i = 0; i < l->s.signing_trust.count; i++) {
        const struct setting_trusted_signer *r = &l->s.signing_trust.rows[i];
        check_missing(l, r, "paths", r->paths);
        check_missing(l, r, "key_file", r->key_file);
    }
}
