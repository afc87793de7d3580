#include "ops/audit_line.h"

static const struct slice hash_key = {.p = ",\"hash\":\"", .n = 9};
static const struct slice prev_key = {.p = ",\"prev\":\"", .n = 9};
static const struct slice signature_key = {.p = ",\"signature\":\"", .n = 14};

static bool is_hash(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    }
    return s.n == AUDIT_HASH_CHARS;
}

static bool is_base64(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '+' && c != '/' && c != '=')
            return false;
    }
    return s.n > 0;
}

/* Cuts ,"key":"value" off the end of s; false when it does not end so. */
static bool cut_member(struct slice *s, struct slice key, struct slice *value)
{
    if (s->n == 0 || s->p[s->n - 1] != '"')
        return false;
    struct slice inside = slice_head(*s, s->n - 1);
    ptrdiff_t quote = slice_rfind(inside, '"');
    size_t start = (size_t)(quote + 1);
    if (quote < 0 || start < key.n || !slice_ends(slice_head(*s, start), key))
        return false;
    *value = slice_skip(inside, start);
    s->n = start - key.n;
    return true;
}

static bool parse_head(struct slice rest, struct audit_line *out)
{
    struct slice prefix = S("{\"seq\":");
    if (!slice_starts(rest, prefix))
        return false;
    rest = slice_skip(rest, prefix.n);
    struct slice digits = slice_cut(&rest, ',');
    out->body = rest;
    return rest.p && digits.n && digits.p[0] != '0' && slice_parse_u64(digits, &out->seq) &&
           slice_starts(rest, S("\"time\":\""));
}

bool audit_line_parse(struct slice line, struct audit_line *out)
{
    *out = (struct audit_line){0};
    if (line.n > AUDIT_LINE_MAX || !slice_ends(line, S("\"}")))
        return false;
    struct slice rest = slice_head(line, line.n - 1);
    if (!cut_member(&rest, hash_key, &out->hash) || !is_hash(out->hash))
        return false;
    out->hashed = rest;
    if (!cut_member(&rest, signature_key, &out->signature))
        out->signature = S("");
    else if (!is_base64(out->signature))
        return false;
    out->signed_part = rest;
    if (!cut_member(&rest, prev_key, &out->prev) || !is_hash(out->prev))
        return false;
    return parse_head(rest, out);
}

void audit_line_hash(struct sha256_stream *h, struct slice hashed, char out[AUDIT_HASH_CHARS + 1])
{
    uint8_t sum[SHA256_BYTES];
    sha256_reset(h);
    sha256_add(h, hashed.p, hashed.n);
    sha256_add(h, "}", 1);
    sha256_sum(h, sum);
    hex_encode(sum, sizeof(sum), out);
}

/* The text behind a key, up to the next quote: for members whose values need no escapes. */
static struct slice plain_member(struct slice body, struct slice key)
{
    ptrdiff_t at = slice_find_slice(body, key);
    if (at < 0)
        return S("");
    struct slice rest = slice_skip(body, (size_t)at + key.n);
    ptrdiff_t end = slice_find(rest, '"');
    return end < 0 ? S("") : slice_head(rest, (size_t)end);
}

struct slice audit_line_event(struct slice body)
{
    return plain_member(body, S(",\"event\":\""));
}

struct slice audit_line_time(struct slice body)
{
    return slice_starts(body, S("\"time\":\"")) ? plain_member(body, S("\"time\":\"")) : S("");
}
