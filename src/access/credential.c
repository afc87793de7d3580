#include "access/credential.h"

#include "base/encode.h"

static struct error *malformed(struct arena *a, const char *why)
{
    return error_new(a, STATUS_BAD_REQUEST, "the Authorization header %s", why);
}

/* RFC 9110, 11.2: letters, digits and "-._~+/", then padding. */
static bool is_token68(struct slice s)
{
    while (s.n && s.p[s.n - 1] == '=')
        s.n--;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && (c == '\0' || !strchr("-._~+/", c)))
            return false;
    }
    return s.n > 0;
}

/* RFC 7617: no control characters in either part. */
static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    }
    return false;
}

static struct error *parse_basic(struct arena *a, struct slice text, struct slice *secret)
{
    struct slice pair;
    if (!base64_decode(a, text, &pair))
        return malformed(a, "says Basic, but what follows is not base64");
    ptrdiff_t colon = slice_find(pair, ':');
    if (colon < 0 || has_control(pair))
        return malformed(a, "says Basic, but what follows is no user:password");
    *secret = slice_skip(pair, (size_t)colon + 1);
    return NULL;
}

struct error *credential_parse(struct arena *a, struct slice value, struct slice *secret)
{
    if (value.n > CREDENTIAL_MAX_BYTES)
        return malformed(a, "is longer than 16 KiB");
    struct slice rest = slice_trim(value);
    struct slice scheme = slice_cut(&rest, ' ');
    rest = slice_trim(rest);
    if (slice_eq_nocase(scheme, S("Basic")))
        return parse_basic(a, rest, secret);
    if (!slice_eq_nocase(scheme, S("Bearer")))
        return scheme.n && is_token68(scheme)
                   ? error_new(a, STATUS_BAD_CREDENTIALS,
                               "the Authorization header is neither Basic nor Bearer")
                   : malformed(a, "has no scheme");
    if (!is_token68(rest))
        return malformed(a, "says Bearer, but what follows is no token");
    *secret = rest;
    return NULL;
}
