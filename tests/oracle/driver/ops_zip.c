/* Module zips: rules, checksums, and which files go into one. */
#include "driver.h"

#include "gomod/fold.h"
#include "gomod/modzip_make.h"

/* path, version, zip: h1, whether there is a go.mod, its bytes, entries, bytes. */
static struct error *zip_verify(struct oracle_call *call)
{
    struct module_version mv = {.path = call->args[0], .version = call->args[1]};
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    struct modzip_result r;
    TRY(modzip_verify(call->a, call->args[2], mv, &limits, &r));
    oracle_result(call, slice_of(r.h1));
    oracle_result_bool(call, r.has_go_mod);
    oracle_result(call, r.go_mod);
    oracle_result_int(call, (int64_t)r.files);
    oracle_result_int(call, (int64_t)r.content_bytes);
    return NULL;
}

static struct error *zip_hash(struct oracle_call *call)
{
    char h1[H1_TEXT_BYTES];
    TRY(modzip_hash(call->a, call->args[0], h1));
    oracle_result(call, slice_of(h1));
    return NULL;
}

static struct error *go_mod_hash(struct oracle_call *call)
{
    char h1[H1_TEXT_BYTES];
    gomod_hash(call->args[0], h1);
    oracle_result(call, slice_of(h1));
    return NULL;
}

/* first, last: SHA-256 over the representatives of these runes, four bytes each, big-endian. */
static struct error *fold_runes(struct oracle_call *call)
{
    uint64_t first, last;
    uint8_t sum[SHA256_BYTES];
    if (!slice_parse_u64(call->args[0], &first) || !slice_parse_u64(call->args[1], &last))
        return error_new(call->a, STATUS_BAD_USAGE, "no number");
    BUF_SCOPED(runes);
    for (uint64_t r = first; r <= last; r++) {
        uint32_t f = rune_fold((uint32_t)r);
        for (int shift = 24; shift >= 0; shift -= 8)
            buf_add_byte(&runes, (char)(f >> shift));
    }
    sha256(buf_slice(&runes), sum);
    oracle_result(call, slice_make((const char *)sum, sizeof(sum)));
    return NULL;
}

static enum modzip_kind kind_of(struct slice word)
{
    if (slice_eq(word, S("file")))
        return MODZIP_REGULAR;
    if (slice_eq(word, S("link")))
        return MODZIP_SYMLINK;
    return slice_eq(word, S("folder")) ? MODZIP_FOLDER : MODZIP_OTHER;
}

/* go.mod, then name, kind and size of each file: the names of those that go in. */
static struct error *zip_select(struct oracle_call *call)
{
    size_t count = call->n_args / 3;
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    struct modzip_file *files = ARENA_ARRAY(call->a, struct modzip_file, count);
    struct slice go_mod = S("");
    for (size_t i = 0; i < count; i++) {
        const struct slice *arg = &call->args[1 + 3 * i];
        files[i] = (struct modzip_file){.name = arg[0], .kind = kind_of(arg[1])};
        if (!slice_parse_u64(arg[2], &files[i].content_bytes))
            return error_new(call->a, STATUS_BAD_USAGE, "no size");
        if (slice_eq(arg[0], S("go.mod")) && files[i].kind == MODZIP_REGULAR)
            go_mod = call->args[0];
    }
    TRY(modzip_select(call->a, files, count, go_mod, &limits));
    for (size_t i = 0; i < count; i++) {
        if (!files[i].omitted)
            oracle_result(call, files[i].name);
    }
    return NULL;
}

static const struct oracle_op ops[] = {
    {"zip_select", -1, zip_select},  {"zip_verify", 3, zip_verify}, {"zip_hash", 1, zip_hash},
    {"go_mod_hash", 1, go_mod_hash}, {"fold_runes", 2, fold_runes},
};

const struct oracle_ops oracle_zip_ops = {.ops = ops, .n = ARRAY_LEN(ops)};
