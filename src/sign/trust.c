#include "sign/trust.h"

#include "base/encode.h"

#include "gomod/module.h"

struct trusted {
    struct slice name, paths;
    struct verify_key *key;
};

struct sign_trust {
    struct arena arena;
    struct trusted *rows;
    size_t count;
};

static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\')
            return false;
    }
    return s.n > 0;
}

static struct error *add(struct arena *a, struct sign_trust *t, const struct trust_spec *spec)
{
    struct trusted *row = &t->rows[t->count];
    if (!is_word(spec->name))
        return error_new(a, STATUS_BAD_CONFIG,
                         "'%.*s' is no name of a signer: it has no blanks and quotes",
                         SLICE_ARG(spec->name));
    TRY_CTX(a, verify_key_parse(a, spec->pem, &row->key), "the key of %.*s", SLICE_ARG(spec->name));
    row->name = arena_dup(&t->arena, spec->name);
    row->paths = slice_of(arena_cstr(&t->arena, spec->paths));
    t->count++;
    return NULL;
}

struct error *sign_trust_new(struct arena *a, const struct trust_spec *specs, size_t count,
                             struct sign_trust **out)
{
    struct sign_trust *t = xcalloc(1, sizeof(*t));
    t->rows = ARENA_ARRAY(&t->arena, struct trusted, count);
    for (size_t i = 0; i < count; i++) {
        struct error *err = add(a, t, &specs[i]);
        if (err) {
            sign_trust_free(t);
            return err;
        }
    }
    *out = t;
    return NULL;
}

void sign_trust_free(struct sign_trust *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        verify_key_free(t->rows[i].key);
    arena_release(&t->arena);
    free(t);
}

static bool is_for(const struct trusted *row, struct slice path)
{
    return module_match_prefix_patterns(row->paths, path);
}

bool sign_trust_wants(const struct sign_trust *t, struct slice path)
{
    for (size_t i = 0; t && i < t->count; i++) {
        if (is_for(&t->rows[i], path))
            return true;
    }
    return false;
}

/* Whether one of the signatures is the signer's. */
static struct error *has_signed(struct arena *a, const struct trusted *row, int fd,
                                struct slice signatures, bool *yes)
{
    *yes = false;
    for (int i = 0; !*yes && signatures.n && i < TRUST_SIGNATURES_MAX; i++)
        TRY(verify_file(a, row->key, fd, slice_cut_line(&signatures), yes));
    return NULL;
}

struct error *sign_trust_check(struct arena *a, const struct sign_trust *t, struct slice path,
                               int fd, struct slice signatures, struct slice *lines)
{
    bool yes;
    BUF_SCOPED(b);
    for (size_t i = 0; t && i < t->count; i++) {
        const struct trusted *row = &t->rows[i];
        if (!is_for(row, path))
            continue;
        TRY(has_signed(a, row, fd, signatures, &yes));
        if (yes)
            buf_printf(&b, "%.*s %s\n", SLICE_ARG(row->name), verify_key_id(row->key).p);
    }
    *lines = arena_dup(a, buf_slice(&b));
    return NULL;
}

static bool is_trusted(const struct sign_trust *t, struct slice path, struct slice name,
                       struct slice key_id)
{
    for (size_t i = 0; t && i < t->count; i++) {
        const struct trusted *row = &t->rows[i];
        if (slice_eq(row->name, name) && slice_eq(verify_key_id(row->key), key_id) &&
            is_for(row, path))
            return true;
    }
    return false;
}

static bool has_name(const struct slice *names, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(names[i], name))
            return true;
    }
    return false;
}

void sign_trust_names(struct arena *a, const struct sign_trust *t, struct slice path,
                      struct slice lines, struct slice **names, size_t *count)
{
    *count = 0;
    *names = ARENA_ARRAY(a, struct slice, t ? t->count : 0);
    while (lines.n && t && *count < t->count) {
        struct slice key_id = slice_cut_line(&lines), name = slice_cut(&key_id, ' ');
        if (!has_name(*names, *count, name) && is_trusted(t, path, name, key_id))
            (*names)[(*count)++] = arena_dup(a, name);
    }
}

struct slice sign_trust_digest(struct arena *a, const struct sign_trust *t, struct slice path)
{
    BUF_SCOPED(text);
    uint8_t sum[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    for (size_t i = 0; t && i < t->count; i++) {
        const struct trusted *row = &t->rows[i];
        if (is_for(row, path))
            buf_printf(&text, "%s %.*s\n", verify_key_id(row->key).p, SLICE_ARG(row->name));
    }
    sha256(buf_slice(&text), sum);
    hex_encode(sum, sizeof(sum), hex);
    return arena_dup(a, slice_of(hex));
}
