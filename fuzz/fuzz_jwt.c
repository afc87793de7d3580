/*
 * Any bytes as a JSON web token, as claims, and as a set of keys: nothing that was not signed is
 * taken for signed, and what is for another issuer or audience is refused.
 */
#include "access/claims.h"
#include "access/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_token(struct arena *a, struct slice text, const struct jwk_set *keys)
{
    struct jwt t;
    struct claim_rule rule;
    struct error *err = jwt_parse(a, text, &t);
    if (err && err->status != STATUS_BAD_CREDENTIALS)
        BUG("status %s", status_name(err->status));
    if (err)
        return;
    if (!jwt_check(a, &t, S("https://nobody.example"), S("nothing"), 0))
        BUG("a token that was not for us was taken");
    for (size_t i = 0; i < keys->count; i++)
        (void)jwt_is_signed(&t, &keys->rows[i]);
    if (!claim_rule_parse(a, t.subject, &rule))
        (void)claim_rule_matches(&rule, t.claims);
}

/* The first line is a token, the rest a set of keys. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make((const char *)data, size);
    struct arena a = ARENA_INIT;
    struct jwk_set keys = {0};
    if (size > 65536)
        return 0;
    struct slice token = slice_cut(&rest, '\n');
    if (rest.p && jwks_parse(&a, rest, &keys))
        keys.count = 0;
    check_token(&a, token, &keys);
    arena_release(&a);
    return 0;
}
