/*
 * Any bytes as an Authorization header, and what is in it as a token, a list of tokens and scopes:
 * what is taken is read back the same, and no error text has the secret in it.
 */
#include "access/credential.h"
#include "access/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_scopes(struct arena *a, struct slice text)
{
    struct scopes s, again;
    if (scopes_parse(a, text, &s))
        return;
    struct slice written = scopes_format(a, &s);
    if (scopes_parse(a, written, &again) || !slice_eq(scopes_format(a, &again), written))
        BUG("scopes are not read back: %.*s", SLICE_ARG(written));
    for (size_t i = 0; i < s.count; i++) {
        if (!scopes_allow_some(&s, S("default"), ACTION_READ) &&
            scopes_allow(&s, S("default"), S("a.example/x"), ACTION_READ))
            BUG("allowed on a path, but on none");
    }
}

static void check_file(struct arena *a, struct slice text)
{
    struct tokens t, again;
    if (tokens_parse(a, text, &t))
        return;
    if (tokens_parse(a, tokens_format(a, &t), &again) || again.count != t.count)
        BUG("tokens are not read back");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size), secret, id;
    struct arena a = ARENA_INIT;
    if (size > 65536)
        return 0;
    struct error *err = credential_parse(&a, text, &secret);
    if (!err && token_parse(secret, &id) && id.n != TOKEN_ID_CHARS)
        BUG("an id of %zu bytes", id.n);
    if (err && err->status != STATUS_BAD_REQUEST && err->status != STATUS_BAD_CREDENTIALS)
        BUG("status %s", status_name(err->status));
    check_scopes(&a, text);
    check_file(&a, text);
    arena_release(&a);
    return 0;
}
