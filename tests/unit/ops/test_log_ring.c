#include "../test.h"

#include "ops/log_ring.h"

#include <pthread.h>
#include <stdatomic.h>

static void test_keeps_order_and_wraps(void **state)
{
    struct log_ring *r = log_ring_new(64);
    char out[64];
    for (int i = 0; i < 100; i++) {
        char text[24];
        int n = snprintf(text, sizeof(text), "record number %d", i);
        assert_false(log_ring_is_ready(r));
        assert_true(log_ring_put(r, slice_make(text, (size_t)n)));
        assert_true(log_ring_put(r, S("x")));
        assert_true(log_ring_is_ready(r));
        size_t got = log_ring_take(r, out, sizeof(out));
        assert_int_equal(got, n + 1);
        assert_memory_equal(out, text, (size_t)n);
        assert_int_equal(out[n], 'x');
    }
    log_ring_free(r);
}

static void test_refuses_when_full(void **state)
{
    struct log_ring *r = log_ring_new(64);
    char out[64];
    assert_true(log_ring_put(r, S("0123456789abcdef0123456789abcdef0123456789abcdef"))); /* 56 */
    assert_false(log_ring_put(r, S("1")));
    assert_true(log_ring_put(r, S(""))); /* a head alone */
    assert_false(log_ring_put(r, S("")));
    assert_int_equal(log_ring_take(r, out, 10), 0); /* does not fit into out */
    assert_int_equal(log_ring_take(r, out, sizeof(out)), 48);
    assert_false(log_ring_is_ready(r));
    assert_true(log_ring_put(r, S("1")));
    log_ring_free(r);
}

enum { THREADS = 4, RECORDS = 20000 };

struct writer {
    struct log_ring *ring;
    char name;
    _Atomic uint64_t refused;
};

static void *writer_run(void *arg)
{
    struct writer *w = arg;
    for (int i = 0; i < RECORDS; i++) {
        char text[32];
        int n = snprintf(text, sizeof(text), "%c%d%.*s\n", w->name, i, i % 16, "----------------");
        if (!log_ring_put(w->ring, slice_make(text, (size_t)n)))
            atomic_fetch_add(&w->refused, 1);
    }
    return NULL;
}

/* Each line is whole, and the lines of one thread come in its order. */
static uint64_t check_lines(struct slice text, int last[THREADS])
{
    uint64_t lines = 0;
    while (text.n) {
        char name;
        int number;
        ptrdiff_t end = slice_find(text, '\n');
        assert_true(end > 0);
        assert_int_equal(sscanf(text.p, "%c%d", &name, &number), 2);
        assert_in_range(name, 'a', 'a' + THREADS - 1);
        assert_true(number > last[name - 'a']);
        last[name - 'a'] = number;
        text = slice_skip(text, (size_t)end + 1);
        lines++;
    }
    return lines;
}

static void test_many_writers(void **state)
{
    struct log_ring *r = log_ring_new(4096);
    struct writer writers[THREADS];
    pthread_t threads[THREADS];
    int last[THREADS] = {-1, -1, -1, -1};
    uint64_t lines = 0;
    char out[512];
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.ring = r, .name = (char)('a' + i)};
        assert_int_equal(pthread_create(&threads[i], NULL, writer_run, &writers[i]), 0);
    }
    uint64_t refused = 0;
    while (lines + refused < (uint64_t)THREADS * RECORDS) {
        lines += check_lines(slice_make(out, log_ring_take(r, out, sizeof(out))), last);
        refused = 0;
        for (int i = 0; i < THREADS; i++)
            refused += atomic_load(&writers[i].refused);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(log_ring_take(r, out, sizeof(out)), 0);
    assert_true(lines > 0);
    log_ring_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_order_and_wraps),
        cmocka_unit_test(test_refuses_when_full),
        cmocka_unit_test(test_many_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
