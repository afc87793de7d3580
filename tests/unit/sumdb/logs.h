/* A log in memory, for tests. */
#ifndef MODGATE_TESTS_UNIT_SUMDB_LOGS_H
#define MODGATE_TESTS_UNIT_SUMDB_LOGS_H

#include "../test.h"

#include "sumdb/client.h"

enum { LOG_MAX = 70000 };

struct test_log {
    struct arena *a;
    uint64_t size;
    struct slice records[LOG_MAX];
    struct tlog_hash hashes[2 * LOG_MAX];
};

static inline struct error *log_read(void *arg, struct arena *a, const uint64_t *indexes,
                                     size_t count, struct tlog_hash *out)
{
    struct test_log *log = arg;
    for (size_t i = 0; i < count; i++) {
        assert_true(indexes[i] < tlog_index_count(log->size));
        out[i] = log->hashes[indexes[i]];
    }
    return NULL;
}

static inline struct tlog_reader log_reader(struct test_log *log)
{
    return (struct tlog_reader){log, log_read};
}

static inline void log_add(struct test_log *log, struct slice record)
{
    struct tlog_hash hash = tlog_record_hash(record), hashes[TLOG_MAX_PROOF];
    struct tlog_reader reader = log_reader(log);
    size_t count;
    assert_ok(tlog_new_hashes(log->a, log->size, &hash, &reader, hashes, &count));
    memcpy(&log->hashes[tlog_index(0, log->size)], hashes, count * sizeof(*hashes));
    log->records[log->size++] = record;
}

static inline struct module_version log_module(struct test_log *log, uint64_t id)
{
    return (struct module_version){arena_printf(log->a, "example.com/m%" PRIu64, id), S("v1.2.3")};
}

/* salt makes another log of it. */
static inline struct slice log_record(struct test_log *log, uint64_t id, const char *salt)
{
    uint8_t sum[SHA256_BYTES];
    struct module_version mv = log_module(log, id);
    sha256(arena_printf(log->a, "%s%s", mv.path.p, salt), sum);
    struct slice h1 = base64_encode(log->a, sum, sizeof(sum));
    return arena_printf(log->a, "%s %s h1:%s\n%s %s/go.mod h1:%s\n", mv.path.p, mv.version.p, h1.p,
                        mv.path.p, mv.version.p, h1.p);
}

/* Records from the log's size on; those from fork_at on are another log's. */
static inline void log_grow(struct test_log *log, uint64_t size, uint64_t fork_at)
{
    while (log->size < size)
        log_add(log, log_record(log, log->size, log->size < fork_at ? "" : " forked"));
}

static inline struct tlog_tree log_tree(struct test_log *log, uint64_t size)
{
    struct tlog_tree tree = {.size = size};
    struct tlog_reader reader = log_reader(log);
    assert_ok(tlog_root(log->a, size, &reader, &tree.root));
    return tree;
}

static inline struct note_signer log_signer(struct arena *a)
{
    static const uint8_t seed[NOTE_KEY_BYTES] = {7};
    struct note_signer s;
    assert_ok(note_signer_make(a, S("sum.example.com"), seed, &s));
    return s;
}

static inline struct sumdb_head log_head(struct test_log *log, uint64_t size)
{
    struct sumdb_head head;
    struct tlog_tree tree = log_tree(log, size);
    struct note_signer signer = log_signer(log->a);
    struct slice note = note_sign(log->a, tree_format(log->a, &tree), &signer, 1);
    assert_ok(sumdb_head_open(log->a, note, &signer.verifier, &head));
    return head;
}

static inline struct slice log_tile(struct test_log *log, struct tile t)
{
    struct slice data;
    struct tlog_reader reader = log_reader(log);
    assert_ok(tile_read(log->a, t, &reader, &data));
    return data;
}

/* The claim that comes with a lookup of record id at that size. */
static inline struct sumdb_claim log_claim(struct test_log *log, uint64_t id, uint64_t size)
{
    struct slice note;
    struct sumdb_claim claim = {.head = log_head(log, size), .has_record = true};
    struct slice answer = record_format(log->a, id, log->records[id]);
    assert_ok(sumdb_record_parse(log->a, answer, log_module(log, id), &claim.record, &note));
    return claim;
}

#endif
