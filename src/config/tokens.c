/*
 * The secrets of vcs.tokens, fetched from where each rule says that they are kept. What is found is
 * "user:secret" or a secret alone. No message ever shows a secret.
 */
#include "config/config_priv.h"

static struct error *find_text(struct loader *l, const struct setting_rule *rule, struct slice *out)
{
    struct arena *a = l->arena;
    struct slice value = slice_of(rule->value);
    if (slice_starts(value, S("file:")))
        return secret_file_read(a, "file:", slice_skip(value, strlen("file:")), out);
    if (slice_starts(value, S("env:"))) {
        const char *found = loader_env(l, rule->value + strlen("env:"));
        if (!found)
            return error_new(a, STATUS_BAD_CONFIG, "env: the variable %s is not set",
                             quoted(a, slice_skip(value, strlen("env:"))));
        *out = slice_trim(slice_of(found));
        return NULL;
    }
    if (l->s.source[SETTING_ID_vcs_tokens] == SOURCE_FILE && !l->inline_secret_origin.p)
        l->inline_secret_origin = rule->origin;
    *out = value;
    return NULL;
}

static struct error *read_token(struct loader *l, const struct setting_rule *rule,
                                struct setting_credential *out)
{
    struct slice text;
    TRY(find_text(l, rule, &text));
    struct slice secret = text, user = slice_cut(&secret, ':');
    if (!secret.p) {
        secret = text;
        user = S("");
    }
    if (secret.n == 0 || !is_printable(text))
        return error_new(l->arena, STATUS_BAD_CONFIG,
                         "the secret is empty or has more than one line");
    *out = (struct setting_credential){
        .host = rule->pattern,
        .user = user.n ? arena_cstr(l->arena, user) : NULL,
        .secret = arena_cstr(l->arena, secret),
    };
    return NULL;
}

void loader_read_tokens(struct loader *l)
{
    const struct setting_rules *r = &l->s.vcs_tokens;
    l->s.tokens = ARENA_ARRAY(l->arena, struct setting_credential, r->count);
    l->s.token_count = 0;
    for (size_t i = 0; i < r->count; i++) {
        struct setting_credential *t = &l->s.tokens[l->s.token_count];
        struct error *err = read_token(l, &r->rows[i], t);
        if (err)
            loader_complain_rule(l, SETTING_ID_vcs_tokens, &r->rows[i], error_chain(l->arena, err));
        else
            l->s.token_count++;
    }
}
