#include "sumdb/proof.h"

#define PROOF_TITLE S("c2sp.org/tlog-proof@v1")

struct slice sumdb_proof_format(struct arena *a, const struct sumdb_proof *p)
{
    BUF_SCOPED(b);
    struct slice extra = base64_encode(a, (const uint8_t *)p->record.p, p->record.n);
    buf_printf(&b, "%s\nextra %s\nindex %" PRIu64 "\n", PROOF_TITLE.p, extra.p, p->id);
    for (size_t i = 0; i < p->path.count; i++)
        buf_printf(&b, "%s\n", tlog_hash_format(a, &p->path.hashes[i]).p);
    buf_add_byte(&b, '\n');
    buf_add(&b, p->note);
    return arena_dup(a, buf_slice(&b));
}

static bool cut_prefix(struct slice *s, struct slice prefix)
{
    if (!slice_starts(*s, prefix))
        return false;
    *s = slice_skip(*s, prefix.n);
    return true;
}

static bool parse_start(struct arena *a, struct slice *text, struct sumdb_proof *out)
{
    if (!slice_eq(slice_cut(text, '\n'), PROOF_TITLE))
        return false;
    struct slice extra = slice_cut(text, '\n'), index = slice_cut(text, '\n');
    return cut_prefix(&extra, S("extra ")) && base64_decode(a, extra, &out->record) &&
           cut_prefix(&index, S("index ")) && slice_parse_u64(index, &out->id) &&
           (index.n == 1 || index.p[0] != '0') && out->id < TLOG_MAX_SIZE;
}

/* Up to the blank line. */
static bool parse_path(struct arena *a, struct slice *text, struct tlog_proof *out)
{
    out->count = 0;
    for (;;) {
        struct slice hash, line = slice_cut(text, '\n');
        if (!text->p)
            return false;
        if (line.n == 0)
            return true;
        if (out->count == TLOG_MAX_PROOF || !base64_decode(a, line, &hash) ||
            hash.n != SHA256_BYTES)
            return false;
        memcpy(out->hashes[out->count++].b, hash.p, SHA256_BYTES);
    }
}

struct error *sumdb_proof_parse(struct arena *a, struct slice text, struct sumdb_proof *out)
{
    if (!parse_start(a, &text, out))
        return error_new(a, STATUS_BAD_SYNTAX,
                         "this is no proof of a record: it does not begin with %s, extra and index",
                         PROOF_TITLE.p);
    if (!parse_path(a, &text, &out->path))
        return error_new(a, STATUS_BAD_SYNTAX, "the hashes of the proof are malformed");
    out->note = text;
    return NULL;
}

bool sumdb_head_peek(struct arena *a, struct slice note, struct tlog_tree *tree)
{
    ptrdiff_t end = slice_find_slice(note, S("\n\n"));
    return end >= 0 && tree_parse(a, slice_head(note, (size_t)end + 1), tree);
}

struct error *sumdb_proof_check(struct arena *a, const struct sumdb_proof *p,
                                const struct note_verifier *v, struct tlog_tree *tree)
{
    struct sumdb_head head;
    if (v)
        TRY(sumdb_head_open(a, p->note, v, &head));
    if (!sumdb_head_peek(a, p->note, tree))
        return error_new(a, STATUS_BAD_ANSWER, "the proof has no head of a checksum database");
    struct tlog_hash hash = tlog_record_hash(p->record);
    if (record_is_valid(p->record) && tlog_check_record(&p->path, tree, p->id, &hash))
        return NULL;
    return error_new(a, STATUS_MISMATCH,
                     "the record is not number %" PRIu64 " of the signed tree of size %" PRIu64,
                     p->id, tree->size);
}
