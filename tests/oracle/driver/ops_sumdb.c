/* Checksum databases: notes, records, tiles, trees. */
#include "driver.h"

#include "../../unit/sumdb/memlog.h"

static struct error *bad(struct oracle_call *call)
{
    return error_new(call->a, STATUS_BAD_SYNTAX, "malformed");
}

static struct error *verifier(struct oracle_call *call)
{
    struct note_verifier v;
    TRY(note_verifier_parse(call->a, call->args[0], &v));
    oracle_result(call, v.name);
    oracle_result_int(call, v.hash);
    return NULL;
}

/* args: signer key, text; the results are the verifier's key and the note. */
static struct error *sign(struct oracle_call *call)
{
    struct note_signer s;
    TRY(note_signer_parse(call->a, call->args[0], &s));
    oracle_result(call, note_verifier_format(call->a, &s.verifier));
    oracle_result(call, note_sign(call->a, call->args[1], &s, 1));
    return NULL;
}

/* args: verifier key, note; the result is the text. */
static struct error *open_note(struct oracle_call *call)
{
    struct note_verifier v;
    struct slice text;
    TRY(note_verifier_parse(call->a, call->args[0], &v));
    TRY(note_open(call->a, call->args[1], &v, &text));
    oracle_result(call, text);
    return NULL;
}

static struct error *parse_tree(struct oracle_call *call)
{
    struct tlog_tree t;
    if (!tree_parse(call->a, call->args[0], &t))
        return bad(call);
    oracle_result_int(call, (int64_t)t.size);
    oracle_result(call, tlog_hash_format(call->a, &t.root));
    oracle_result(call, tree_format(call->a, &t));
    return NULL;
}

/* args: answer, path, version. */
static struct error *parse_lookup(struct oracle_call *call)
{
    struct slice note;
    struct sumdb_record r;
    struct module_version mv = {call->args[1], call->args[2]};
    TRY(sumdb_record_parse(call->a, call->args[0], mv, &r, &note));
    oracle_result_int(call, (int64_t)r.id);
    oracle_result(call, r.text);
    oracle_result(call, note);
    oracle_result(call, r.zip_h1);
    oracle_result(call, r.go_mod_h1);
    return NULL;
}

static struct error *parse_tile(struct oracle_call *call)
{
    struct tile t;
    if (!tile_parse(call->args[0], &t))
        return bad(call);
    oracle_result_int(call, t.level);
    oracle_result_int(call, (int64_t)t.n);
    oracle_result_int(call, t.width);
    oracle_result(call, tile_format(call->a, t));
    return NULL;
}

/* args: level, n. */
static struct error *index_of(struct oracle_call *call)
{
    uint64_t level, n, back;
    unsigned back_level;
    if (!slice_parse_u64(call->args[0], &level) || !slice_parse_u64(call->args[1], &n))
        return bad(call);
    uint64_t index = tlog_index((unsigned)level, n);
    tlog_index_split(index, &back_level, &back);
    oracle_result_int(call, (int64_t)index);
    oracle_result_int(call, back_level);
    oracle_result_int(call, (int64_t)back);
    oracle_result_int(call, (int64_t)tlog_index_count(n));
    return NULL;
}

/* ---- trees: the first argument is all stored hashes in order, the second the size ---- */

static struct error *read_hashes(void *arg, struct arena *a, const uint64_t *indexes, size_t count,
                                 struct tlog_hash *out)
{
    struct slice *hashes = arg;
    for (size_t i = 0; i < count; i++)
        memcpy(out[i].b, hashes->p + indexes[i] * SHA256_BYTES, SHA256_BYTES);
    return NULL;
}

static struct slice proof_bytes(const struct tlog_proof *p)
{
    return slice_make((const char *)p->hashes, p->count * SHA256_BYTES);
}

/* The root, all record proofs and all tree proofs of a size, each checked. */
static struct error *proofs(struct oracle_call *call)
{
    struct slice hashes = call->args[0];
    struct tlog_tree tree;
    struct tlog_reader r = {&hashes, read_hashes};
    struct tlog_proof p;
    BUF_SCOPED(all);
    if (!slice_parse_u64(call->args[1], &tree.size))
        return bad(call);
    TRY(tlog_root(call->a, tree.size, &r, &tree.root));
    oracle_result(call, tlog_hash_format(call->a, &tree.root));
    for (uint64_t n = 0; n < tree.size; n++) {
        struct tlog_tree old = {.size = n + 1};
        struct tlog_hash record;
        memcpy(record.b, hashes.p + tlog_index(0, n) * SHA256_BYTES, SHA256_BYTES);
        TRY(tlog_prove_record(call->a, tree.size, n, &r, &p));
        buf_add(&all, proof_bytes(&p));
        if (!tlog_check_record(&p, &tree, n, &record))
            BUG("a record proof that does not hold");
        TRY(tlog_root(call->a, old.size, &r, &old.root));
        TRY(tlog_prove_tree(call->a, tree.size, old.size, &r, &p));
        buf_add(&all, proof_bytes(&p));
        if (!tlog_check_tree(&p, &tree, &old))
            BUG("a tree proof that does not hold");
    }
    oracle_result(call, buf_slice(&all));
    return NULL;
}

/* All tiles of a size: paths and bytes. */
static struct error *tiles(struct oracle_call *call)
{
    struct slice hashes = call->args[0], data;
    struct tlog_reader r = {&hashes, read_hashes};
    uint64_t size;
    struct tile t;
    if (!slice_parse_u64(call->args[1], &size))
        return bad(call);
    for (int level = 0; tile_with(level, 0, size, &t); level++) {
        for (uint64_t n = 0; tile_with(level, n, size, &t); n += TILE_WIDTH) {
            TRY(tile_read(call->a, t, &r, &data));
            oracle_result(call, tile_format(call->a, t));
            oracle_result(call, data);
        }
    }
    return NULL;
}

static struct error *nothing_known(void *arg, struct arena *a, uint64_t id,
                                   struct module_version mv, struct slice text, bool *is_known)
{
    return NULL;
}

/* Appends the records of a data tile in batches of 1, 2, 3 … */
static struct error *append_all(struct arena *a, struct sumdb_log *log, struct slice records)
{
    uint64_t first;
    for (size_t batch = 1; records.n; batch++) {
        struct slice *texts = ARENA_ARRAY(a, struct slice, batch);
        size_t count = 0;
        while (count < batch && records_next(&records, &texts[count]))
            count++;
        TRY(sumdb_log_append(a, log, texts, count, &first));
    }
    return NULL;
}

/* Of each level the tiles that the log of that size has, data tiles and their entries first. */
static struct error *log_tiles(struct oracle_call *call, const struct sumdb_log_ops *log,
                               uint64_t size)
{
    struct tile t;
    struct slice data;
    for (int level = TILE_DATA; tile_with(level, 0, size, &t); level++) {
        for (uint64_t n = 0; tile_with(level, n, size, &t); n += TILE_WIDTH) {
            TRY(sumdb_log_tile(call->a, log, size, t, &data));
            oracle_result(call, tile_format(call->a, t));
            oracle_result(call, data);
            if (level != TILE_DATA)
                continue;
            TRY(records_to_entries(call->a, data, &data));
            oracle_result(call, data);
        }
    }
    return NULL;
}

/* args: signer key, records, size; the results are the head and the tiles. */
static struct error *log_of(struct oracle_call *call)
{
    uint64_t size;
    struct sumdb_log *log;
    struct note_signer signer;
    struct memlog mem = {0};
    struct sumdb_log_options o = {memlog_ops(&mem), &signer, 1, nothing_known, NULL};
    TRY(note_signer_parse(call->a, call->args[0], &signer));
    if (!slice_parse_u64(call->args[2], &size))
        return bad(call);
    struct error *err = sumdb_log_open(call->a, &o, &log);
    if (err)
        return err;
    err = append_all(call->a, log, call->args[1]);
    if (!err)
        oracle_result(call, sumdb_log_head(log)->note);
    if (!err)
        err = log_tiles(call, &o.ops, size);
    sumdb_log_free(log);
    memlog_release(&mem);
    return err;
}

static const struct oracle_op ops[] = {
    {"sumdb_verifier", 1, verifier},   {"sumdb_sign", 2, sign},
    {"sumdb_open", 2, open_note},      {"sumdb_tree", 1, parse_tree},
    {"sumdb_lookup", 3, parse_lookup}, {"sumdb_tile", 1, parse_tile},
    {"sumdb_index", 2, index_of},      {"sumdb_proofs", 2, proofs},
    {"sumdb_tiles", 2, tiles},         {"sumdb_log", 3, log_of},
};

const struct oracle_ops oracle_sumdb_ops = {ops, ARRAY_LEN(ops)};
