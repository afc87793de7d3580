#include "logs.h"

static void test_paths(void **state)
{
    static const struct {
        struct tile t;
        const char *path;
    } good[] = {
        {{0, 0, 256}, "tile/8/0/000"},
        {{0, 0, 1}, "tile/8/0/000.p/1"},
        {{3, 1234067, 255}, "tile/8/3/x001/x234/067.p/255"},
        {{TILE_DATA, 1000, 256}, "tile/8/data/x001/000"},
        {{TILE_DATA, 999, 7}, "tile/8/data/999.p/7"},
        {{1, 18014398509481983, 256}, "tile/8/1/x018/x014/x398/x509/x481/983"},
    };
    static const char *const bad[] = {
        "",
        "tile",
        "tile/8/0",
        "tile/8/0/",
        "tile/8/0/00",
        "tile/8/0/0000",
        "tile/8/0/000.p/0",
        "tile/8/0/000.p/256",
        "tile/8/0/000.p/01",
        "tile/8/0/000.p/",
        "tile/8/0/000.p/1/2",
        "tile/8/0/x000/001",
        "tile/8/0/001/002",
        "tile/8/0/x001",
        "tile/8/0/x001/x002",
        "tile/8/-1/000",
        "tile/8/00/000",
        "tile/8/9/000",
        "tile/7/0/000",
        "tile/8/0/00a",
        "tile/8/0/+01",
        "tile/8/0/x0x1/001",
        "tile/8/0/x018/x014/x398/x509/x481/984",
        "tile/8/0/x001/x001/x001/x001/x001/x001/001",
        "tile/8/0/000/",
        "tile/8/0/000.p/1.p/2",
        "/tile/8/0/000",
        "tile/8/data",
        "tile/8/0/x001//001",
    };
    struct arena a = ARENA_INIT;
    struct tile t;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_slice(tile_format(&a, good[i].t), good[i].path);
        assert_true(tile_parse(slice_of(good[i].path), &t));
        assert_true(t.level == good[i].t.level && t.n == good[i].t.n && t.width == good[i].t.width);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (tile_parse(slice_of(bad[i]), &t))
            fail_msg("accepted %s", bad[i]);
    }
    arena_release(&a);
}

static void test_paths_of_tlog_tiles(void **state)
{
    static const struct {
        const char *path;
        struct tile t;
    } good[] = {
        {"tile/0/000", {0, 0, 256}},
        {"tile/7/x001/067.p/3", {7, 1067, 3}},
        {"tile/entries/x999/x000/000", {TILE_DATA, 999000000, 256}},
        {"tile/entries/000.p/255", {TILE_DATA, 0, 255}},
    };
    static const char *const bad[] = {
        "tile/8/000",      "tile/8/0/000",     "tile/8/data/000", "tile/data/000",
        "tile/0",          "tile/0/0",         "tile/00/000",     "tile/entries",
        "tile/0/x000/000", "tile/0/000.p/256", "tile/0/000.p/0",  "/tile/0/000",
    };
    struct tile t;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(tile_parse_c2sp(slice_of(good[i].path), &t));
        assert_true(t.level == good[i].t.level && t.n == good[i].t.n && t.width == good[i].t.width);
        assert_false(tile_parse(slice_of(good[i].path), &t));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(tile_parse_c2sp(slice_of(bad[i]), &t));
}

static void test_which_tile(void **state)
{
    struct tile t;
    assert_true(tile_with(0, 299, 300, &t));
    assert_true(t.n == 1 && t.width == 44);
    assert_false(tile_with(0, 300, 300, &t));
    assert_true(tile_with(0, 3, 300, &t));
    assert_true(t.n == 0 && t.width == 256);
    assert_true(tile_with(1, 0, 300, &t));
    assert_true(t.n == 0 && t.width == 1);
    assert_false(tile_with(1, 0, 255, &t));
    assert_true(tile_with(TILE_DATA, 299, 300, &t));
    assert_true(t.level == TILE_DATA && t.width == 44);
    assert_false(tile_with(8, 0, TLOG_MAX_SIZE - 1, &t));
}

/* Tiles of a log, one bit of one of them flipped. */
struct tiles {
    struct test_log *log;
    struct tile bad;
    size_t bad_bit;
    bool is_short;
    size_t reads, tiles;
};

static struct error *read_tiles(void *arg, struct arena *a, const struct tile *tiles, size_t count,
                                struct slice *data)
{
    struct tiles *t = arg;
    t->reads++;
    t->tiles += count;
    for (size_t i = 0; i < count; i++) {
        data[i] = arena_dup(a, log_tile(t->log, tiles[i]));
        if (t->bad.width == 0 || tiles[i].level != t->bad.level || tiles[i].n != t->bad.n)
            continue;
        if (t->is_short)
            data[i].n -= SHA256_BYTES;
        else
            ((char *)data[i].p)[t->bad_bit / 8] ^= (char)(1 << t->bad_bit % 8);
    }
    return NULL;
}

static struct test_log *new_log(struct arena *a, uint64_t size)
{
    struct test_log *log = ARENA_NEW(a, struct test_log);
    log->a = a;
    log_grow(log, size, UINT64_MAX);
    return log;
}

static void test_all_hashes_are_read(void **state)
{
    struct arena a = ARENA_INIT;
    struct test_log *log = new_log(&a, 600);
    const uint64_t sizes[] = {1, 2, 255, 256, 257, 300, 511, 512, 513, 600};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct tiles tiles = {.log = log};
        struct tile_source source = {&tiles, read_tiles};
        struct tlog_tree tree = log_tree(log, sizes[i]);
        uint64_t count = tlog_index_count(sizes[i]);
        uint64_t *indexes = ARENA_ARRAY(&a, uint64_t, count);
        struct tlog_hash *hashes = ARENA_ARRAY(&a, struct tlog_hash, count);
        for (uint64_t n = 0; n < count; n++)
            indexes[n] = n;
        assert_ok(tiles_read_hashes(&a, &tree, &source, indexes, count, hashes, NULL));
        assert_memory_equal(hashes, log->hashes, count * sizeof(*hashes));
        assert_int_equal(tiles.reads, 1);
        indexes[0] = count;
        assert_status(tiles_read_hashes(&a, &tree, &source, indexes, 1, hashes, NULL),
                      STATUS_MISMATCH);
    }
    arena_release(&a);
}

/* CVE-2026-56865: each tile is checked against its parent, or, at the right edge, the root. */
static void test_every_flipped_byte_of_every_tile_is_refused(void **state)
{
    struct arena a = ARENA_INIT, one = ARENA_INIT;
    struct test_log *log = new_log(&a, 300);
    struct tlog_tree tree = log_tree(log, 300);
    static const struct tile all[] = {{0, 0, 256}, {0, 1, 44}, {1, 0, 1}};
    uint64_t indexes[] = {tlog_index(0, 3), tlog_index(0, 299), tlog_index(8, 0)};
    struct tlog_hash hashes[ARRAY_LEN(indexes)];
    struct tiles tiles = {.log = log};
    struct tile_source source = {&tiles, read_tiles};
    assert_ok(tiles_read_hashes(&a, &tree, &source, indexes, 3, hashes, NULL));
    assert_int_equal(tiles.tiles, 3);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        tiles.bad = all[i];
        for (size_t byte = 0; byte < all[i].width * SHA256_BYTES; byte++) {
            tiles.bad_bit = 8 * byte + byte % 8;
            assert_status(tiles_read_hashes(&one, &tree, &source, indexes, 3, hashes, NULL),
                          STATUS_MISMATCH);
            arena_clear(&one);
        }
        tiles.is_short = true;
        assert_status(tiles_read_hashes(&one, &tree, &source, indexes, 3, hashes, NULL),
                      STATUS_MISMATCH);
        tiles.is_short = false;
    }
    arena_release(&one);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_paths_of_tlog_tiles),
        cmocka_unit_test(test_which_tile),
        cmocka_unit_test(test_all_hashes_are_read),
        cmocka_unit_test(test_every_flipped_byte_of_every_tile_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
