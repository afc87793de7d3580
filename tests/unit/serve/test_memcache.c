#include "../test.h"

#include "base/ctx.h"

#include "serve/serve_priv.h"

#include <fcntl.h>
#include <unistd.h>

static struct entry *make(const char *key, size_t body_bytes, enum question_kind kind)
{
    static char zeros[65536];
    struct repo_answer answer = {.freshness = REPO_FRESH,
                                 .status = 200,
                                 .fd = -1,
                                 .body = slice_make(zeros, body_bytes),
                                 .size = body_bytes,
                                 .fresh_until_s = now_unix_s() + 60,
                                 .etag = S("sha256:x")};
    return entry_new(&(struct entry_about){.key = slice_of(key), .kind = kind}, &answer);
}

static void put(struct memcache *c, const char *key, size_t body_bytes, enum question_kind kind)
{
    struct entry *e = make(key, body_bytes, kind);
    memcache_put(c, e);
    entry_unref(e);
}

static void test_the_least_recently_used_goes_first(void **state)
{
    struct memcache *c = memcache_new(40000, 10);
    put(c, "/a", 9000, QUESTION_MOD);
    put(c, "/b", 9000, QUESTION_MOD);
    put(c, "/c", 9000, QUESTION_MOD);
    assert_non_null(memcache_get(c, S("/a"), 0));
    put(c, "/d", 9000, QUESTION_MOD);
    put(c, "/e", 3000, QUESTION_MOD);
    assert_non_null(memcache_get(c, S("/a"), 0));
    assert_null(memcache_get(c, S("/b"), 0));
    assert_true(memcache_bytes(c) <= 40000);
    memcache_free(c);
}

static void test_mutable_answers_end(void **state)
{
    struct memcache *c = memcache_new(100000, 10);
    put(c, "/list", 10, QUESTION_LIST);
    put(c, "/mod", 10, QUESTION_MOD);
    assert_non_null(memcache_get(c, S("/list"), now_unix_s()));
    assert_null(memcache_get(c, S("/list"), now_unix_s() + 61));
    assert_null(memcache_get(c, S("/list"), now_unix_s())); /* it was dropped */
    assert_non_null(memcache_get(c, S("/mod"), now_unix_s() + 61));
    memcache_free(c);
}

static void test_a_large_body_is_not_kept(void **state)
{
    struct memcache *c = memcache_new(100000, 10);
    put(c, "/large", 60000, QUESTION_MOD);
    assert_null(memcache_get(c, S("/large"), 0));
    assert_int_equal(memcache_bytes(c), 0);
    memcache_free(c);
}

/* An entry that is being sent outlives its place in the cache. */
static void test_references(void **state)
{
    struct memcache *c = memcache_new(100000, 1);
    struct entry *e = make("/x", 10, QUESTION_MOD);
    memcache_put(c, e);
    put(c, "/x", 20, QUESTION_MOD);
    assert_int_equal(e->refs, 1);
    assert_int_equal(e->body.n, 10);
    entry_unref(e);
    assert_int_equal(memcache_get(c, S("/x"), 0)->body.n, 20);
    memcache_free(c);
}

static void test_open_files_are_bounded(void **state)
{
    struct memcache *c = memcache_new(100000, 2);
    struct repo_answer answer = {.freshness = REPO_FRESH, .status = 200, .size = 1};
    answer.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 5; i++) {
        char key[8];
        snprintf(key, sizeof(key), "/%d", i);
        struct entry *e =
            entry_new(&(struct entry_about){.key = slice_of(key), .kind = QUESTION_ZIP}, &answer);
        memcache_put(c, e);
        entry_unref(e);
    }
    assert_null(memcache_get(c, S("/2"), now_unix_s()));
    assert_non_null(memcache_get(c, S("/3"), now_unix_s()));
    assert_non_null(memcache_get(c, S("/4"), now_unix_s()));
    close(answer.fd);
    memcache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_least_recently_used_goes_first),
        cmocka_unit_test(test_mutable_answers_end),
        cmocka_unit_test(test_a_large_body_is_not_kept),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_open_files_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
