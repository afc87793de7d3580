#include "base/encode.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

void hex_encode(const uint8_t *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct slice s, uint8_t *out)
{
    if (s.n % 2)
        return false;
    for (size_t i = 0; i < s.n / 2; i++) {
        int hi = hex_value(s.p[2 * i]), lo = hex_value(s.p[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

struct slice base64_encode(struct arena *a, const uint8_t *p, size_t n)
{
    size_t len = (n + 2) / 3 * 4;
    unsigned char *out = arena_alloc(a, len + 1);
    EVP_EncodeBlock(out, p, (int)n);
    return slice_make((const char *)out, len);
}

bool base64_decode(struct arena *a, struct slice s, struct slice *out)
{
    if (s.n % 4)
        return false;
    size_t pad = 0;
    while (pad < 2 && pad < s.n && s.p[s.n - 1 - pad] == '=')
        pad++;
    uint8_t *bytes = arena_alloc(a, s.n / 4 * 3 + 1);
    if (s.n && EVP_DecodeBlock(bytes, (const unsigned char *)s.p, (int)s.n) < 0)
        return false;
    *out = slice_make((const char *)bytes, s.n / 4 * 3 - pad);
    /* EVP_DecodeBlock skips blanks and forgives stray padding: only the canonical form is accepted.
     */
    struct slice back = base64_encode(a, bytes, out->n);
    return slice_eq(back, s);
}

struct slice base64url_encode(struct arena *a, const uint8_t *p, size_t n)
{
    struct slice padded = base64_encode(a, p, n);
    char *out = arena_cstr(a, padded);
    size_t length = 0;
    for (; length < padded.n && out[length] != '='; length++) {
        if (out[length] == '+')
            out[length] = '-';
        else if (out[length] == '/')
            out[length] = '_';
    }
    return slice_make(out, length);
}

bool base64url_decode(struct arena *a, struct slice s, struct slice *out)
{
    size_t pad = (4 - s.n % 4) % 4;
    char *padded = arena_alloc(a, s.n + pad);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '+' || c == '/' || c == '=')
            return false;
        padded[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    memset(padded + s.n, '=', pad);
    return base64_decode(a, slice_make(padded, s.n + pad), out);
}

struct sha256_stream {
    EVP_MD_CTX *md;
};

struct sha256_stream *sha256_new(void)
{
    struct sha256_stream *h = xmalloc(sizeof(*h));
    h->md = EVP_MD_CTX_new();
    if (!h->md)
        BUG("no digest context");
    if (!EVP_DigestInit_ex(h->md, EVP_sha256(), NULL))
        BUG("SHA-256 is not available");
    return h;
}

void sha256_reset(struct sha256_stream *h)
{
    if (!EVP_DigestInit_ex(h->md, NULL, NULL)) /* the same again, without looking for it */
        BUG("SHA-256 failed");
}

void sha256_add(struct sha256_stream *h, const void *p, size_t n)
{
    if (!EVP_DigestUpdate(h->md, p, n))
        BUG("SHA-256 failed");
}

void sha256_sum(struct sha256_stream *h, uint8_t out[SHA256_BYTES])
{
    if (!EVP_DigestFinal_ex(h->md, out, NULL))
        BUG("SHA-256 failed");
}

void sha256_free(struct sha256_stream *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->md);
    free(h);
}

void sha256(struct slice s, uint8_t out[SHA256_BYTES])
{
    if (!EVP_Digest(s.p, s.n, out, NULL, EVP_sha256(), NULL))
        BUG("SHA-256 failed");
}

void random_bytes(void *p, size_t n)
{
    if (RAND_bytes(p, (int)n) != 1)
        BUG("the random generator failed");
}
