#include "../test.h"

#include "http/h1_parse.h"

/* Feeds in pieces of step bytes; *used = bytes taken in all. */
static enum h1_verdict feed(struct slice in, size_t step, uint64_t max, struct h1_chunked *d,
                            size_t *used)
{
    *d = (struct h1_chunked){0};
    *used = 0;
    enum h1_verdict v = H1_MORE;
    while (v == H1_MORE && *used < in.n) {
        size_t n;
        struct slice data;
        v = h1_chunked_feed(d, slice_head(slice_skip(in, *used), step), max, &n, &data);
        *used += n;
    }
    return v;
}

static const struct {
    struct slice in;
    enum h1_verdict verdict;
    int status;
    size_t used; /* of DONE */
} cases[] = {
    {S("0\r\n\r\n"), H1_DONE, 0, 5},
    {S("5\r\nhello\r\n0\r\n\r\nGET"), H1_DONE, 0, 15},
    {S("A\r\n0123456789\r\n00\r\n\r\n"), H1_DONE, 0, 21},
    {S("a;x=y;z\r\n0123456789\r\n0\r\nx-t: 1\r\n\r\n"), H1_DONE, 0, 34},
    {S("5\r\nhel"), H1_MORE, 0, 0},
    {S("0\r\n"), H1_MORE, 0, 0},
    {S("\r\n"), H1_BAD, 400, 0},
    {S("g\r\n"), H1_BAD, 400, 0},
    {S("-1\r\n"), H1_BAD, 400, 0},
    {S("+1\r\n"), H1_BAD, 400, 0},
    {S("0x5\r\nhello"), H1_BAD, 400, 0},
    {S(" 5\r\nhello"), H1_BAD, 400, 0},
    {S("5 \r\nhello"), H1_BAD, 400, 0},
    {S("5\nhello"), H1_BAD, 400, 0},
    {S("5\r\r\nhello"), H1_BAD, 400, 0},
    {S("5\r\nhello!\r\n"), H1_BAD, 400, 0},
    {S("5\r\nhello\n0\r\n\r\n"), H1_BAD, 400, 0},
    {S("5;\r\nhello"), H1_BAD, 400, 0},
    {S("5;=x\r\nhello"), H1_BAD, 400, 0},
    {S("5;x=\"y\"\r\nhello"), H1_BAD, 400, 0},
    {S("5;a\nb\r\nhello"), H1_BAD, 400, 0},
    {S("1000000000000000\r\n"), H1_BAD, 400, 0},
    {S("00000000000000001\r\n"), H1_BAD, 400, 0},
    {S("fffffffffffffff\r\n"), H1_BAD, 413, 0},
    {S("3e9\r\n"), H1_BAD, 413, 0},
    {S("0\r\n folded: 1\r\n\r\n"), H1_BAD, 400, 0},
    {S("0\r\nname : 1\r\n\r\n"), H1_BAD, 400, 0},
    {S("0\r\nname\r\n\r\n"), H1_BAD, 400, 0},
    {S("0\r\na: \x01\r\n\r\n"), H1_BAD, 400, 0},
    {S("0\r\n\n"), H1_BAD, 400, 0},
};

static void test_cases_in_any_pieces(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t step = 1; step <= cases[i].in.n; step++) {
            struct h1_chunked d;
            size_t used;
            enum h1_verdict v = feed(cases[i].in, step, 1000, &d, &used);
            if (v != cases[i].verdict || d.status != cases[i].status ||
                (v == H1_DONE && used != cases[i].used))
                fail_msg("case %zu in steps of %zu: verdict %d, status %d, used %zu", i, step, v,
                         d.status, used);
        }
}

/* Many small chunks are bounded by their sum. */
static void test_sum_of_chunks(void **state)
{
    BUF_SCOPED(b);
    for (int i = 0; i < 101; i++)
        buf_add(&b, S("a\r\n0123456789\r\n"));
    struct h1_chunked d;
    size_t used;
    assert_int_equal(feed(buf_slice(&b), b.n, 1000, &d, &used), H1_BAD);
    assert_int_equal(d.status, 413);
}

static void test_endless_extensions_and_trailers(void **state)
{
    struct h1_chunked d;
    size_t used;
    BUF_SCOPED(ext);
    buf_add(&ext, S("5;"));
    BUF_SCOPED(chunks);
    BUF_SCOPED(trailers);
    buf_add(&trailers, S("0\r\n"));
    for (int i = 0; i < 5000; i++) {
        buf_add_byte(&ext, 'x');
        buf_add(&chunks, S("1;xy\r\n.\r\n"));
        buf_add(&trailers, S("a: b\r\n"));
    }
    assert_int_equal(feed(buf_slice(&ext), 100, 1 << 20, &d, &used), H1_BAD);
    assert_int_equal(d.status, 431);
    assert_int_equal(feed(buf_slice(&chunks), 100, 1 << 20, &d, &used), H1_BAD);
    assert_int_equal(d.status, 431);
    assert_int_equal(feed(buf_slice(&trailers), 100, 1 << 20, &d, &used), H1_BAD);
    assert_int_equal(d.status, 431);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_in_any_pieces),
        cmocka_unit_test(test_sum_of_chunks),
        cmocka_unit_test(test_endless_extensions_and_trailers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
