#include "../test.h"

#include "vcs/discovery_priv.h"

#include <pthread.h>

/* Counts its calls, and lets a test hold one up. */
struct source {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned calls;
    bool is_held, is_entered;
    enum status fault; /* STATUS_OK: none */
    const char *tag;   /* the page's only one; NULL: none */
};

static struct error *fetch(void *arg, struct ctx *cx, struct slice path, struct page *out)
{
    struct source *s = arg;
    pthread_mutex_lock(&s->lock);
    s->calls++;
    s->is_entered = true;
    pthread_cond_broadcast(&s->changed);
    while (s->is_held)
        pthread_cond_wait(&s->changed, &s->lock);
    enum status fault = s->fault;
    pthread_mutex_unlock(&s->lock);
    if (fault)
        return error_new(cx->arena, fault, "no luck");
    *out = (struct page){.url = arena_dup(cx->arena, path), .why_absent = S("why")};
    if (s->tag) {
        out->imports.list = ARENA_NEW(cx->arena, struct go_import);
        out->imports.list[0] = (struct go_import){slice_of(s->tag), S("git"), S("r"), S("")};
        out->imports.count = 1;
    }
    return NULL;
}

static void source_init(struct source *s, const char *tag)
{
    *s = (struct source){.tag = tag};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
}

static enum status get(struct page_cache *c, struct source *s, const char *path)
{
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    struct page page;
    struct error *err = page_cache_get(c, &cx, slice_of(path), fetch, s, &page);
    enum status status = err ? err->status : STATUS_OK;
    if (!err && s->tag)
        assert_slice(page.imports.list[0].prefix, s->tag);
    arena_release(&a);
    return status;
}

static void test_remembered_for_as_long_as_set(void **state)
{
    static const struct {
        uint64_t ttl, negative;
        const char *tag;
        unsigned calls; /* of two askings */
    } rows[] = {{3600000, 0, "a", 1},
                {0, 3600000, "a", 2},
                {0, 3600000, NULL, 1},
                {3600000, 0, NULL, 2},
                {3600000, 0, "other", 2}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct source s;
        struct page_cache *c = page_cache_new(rows[i].ttl, rows[i].negative);
        source_init(&s, rows[i].tag);
        assert_int_equal(get(c, &s, "a"), STATUS_OK);
        assert_int_equal(get(c, &s, "a"), STATUS_OK);
        assert_int_equal(s.calls, rows[i].calls);
        page_cache_free(c);
    }
}

static void test_errors_are_not_remembered(void **state)
{
    struct source s;
    struct page_cache *c = page_cache_new(3600000, 3600000);
    source_init(&s, "a");
    s.fault = STATUS_UPSTREAM_ERROR;
    assert_int_equal(get(c, &s, "a"), STATUS_UPSTREAM_ERROR);
    s.fault = STATUS_OK;
    assert_int_equal(get(c, &s, "a"), STATUS_OK);
    assert_int_equal(s.calls, 2);
    page_cache_free(c);
}

static void test_memory_is_bounded(void **state)
{
    struct source s;
    struct page_cache *c = page_cache_new(3600000, 3600000);
    source_init(&s, NULL);
    for (int i = 0; i < 10000; i++) {
        char path[32];
        snprintf(path, sizeof(path), "a.example/%d", i);
        assert_int_equal(get(c, &s, path), STATUS_OK);
    }
    assert_int_equal(get(c, &s, "a.example/9999"), STATUS_OK); /* the newest is there */
    assert_int_equal(s.calls, 10000);
    assert_int_equal(get(c, &s, "a.example/0"), STATUS_OK); /* the oldest has gone */
    assert_int_equal(s.calls, 10001);
    page_cache_free(c);
}

struct asker {
    struct page_cache *c;
    struct source *s;
    pthread_t thread;
    enum status got;
};

static void *ask(void *arg)
{
    struct asker *k = arg;
    k->got = get(k->c, k->s, "a");
    return NULL;
}

static void start_all(struct asker *askers, size_t n, struct page_cache *c, struct source *s)
{
    s->is_held = true;
    for (size_t i = 0; i < n; i++) {
        askers[i] = (struct asker){.c = c, .s = s};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    pthread_mutex_lock(&s->lock);
    while (!s->is_entered)
        pthread_cond_wait(&s->changed, &s->lock);
    s->is_held = false;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < n; i++)
        pthread_join(askers[i].thread, NULL);
}

static void test_one_fetch_however_many_ask(void **state)
{
    struct source s;
    struct asker askers[8];
    struct page_cache *c = page_cache_new(3600000, 3600000);
    source_init(&s, "a");
    start_all(askers, ARRAY_LEN(askers), c, &s);
    for (size_t i = 0; i < ARRAY_LEN(askers); i++)
        assert_int_equal(askers[i].got, STATUS_OK);
    assert_int_equal(s.calls, 1);
    page_cache_free(c);
}

/* A failure is the one's who fetched: each of the others tries for himself. */
static void test_a_failure_is_not_shared(void **state)
{
    struct source s;
    struct asker askers[4];
    struct page_cache *c = page_cache_new(3600000, 3600000);
    source_init(&s, "a");
    s.fault = STATUS_CANCELLED;
    start_all(askers, ARRAY_LEN(askers), c, &s);
    for (size_t i = 0; i < ARRAY_LEN(askers); i++)
        assert_int_equal(askers[i].got, STATUS_CANCELLED);
    assert_int_equal(s.calls, ARRAY_LEN(askers));
    page_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remembered_for_as_long_as_set),
        cmocka_unit_test(test_errors_are_not_remembered),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_one_fetch_however_many_ask),
        cmocka_unit_test(test_a_failure_is_not_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
