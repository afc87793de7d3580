#include "../test.h"

#include "http/h1_parse.h"

enum { MAX_BYTES = 2048, MAX_FIELDS = 20 };

static struct http_header fields[MAX_FIELDS];

static enum h1_verdict parse(struct slice in, struct h1_head *out)
{
    return h1_parse_head(in, MAX_BYTES, fields, MAX_FIELDS, out);
}

#define GET_LINE "GET / HTTP/1.1\r\n"
#define HOST_LINE "Host: a.example\r\n"

/* Every refused shape, with its status. */
static const struct {
    struct slice in;
    int status;
} refused[] = {
    /* what is no request line */
    {S("\x16\x03\x01\x02"), 400},
    {S("\n"), 400},
    {S("\r\n\r\nGET / HTTP/1.1\r\n" HOST_LINE "\r\n"), 400},
    {S(" GET / HTTP/1.1\r\n"), 400},
    {S("GET /\r\n"), 400},
    {S("GET\r\n"), 400},
    {S("GET  / HTTP/1.1\r\n"), 400},
    {S("GET / HTTP/1.1 \r\n"), 400},
    {S("GET / a HTTP/1.1\r\n"), 400},
    {S("GET\t/ HTTP/1.1\r\n"), 400},
    {S("GET /\tHTTP/1.1\r\n"), 400},
    {S("GET / HTTP/1.1\n" HOST_LINE "\r\n"), 400},
    {S("GET / HTTP/1.1\r\r\n"), 400},
    {S("G(T / HTTP/1.1\r\n"), 400},
    {S("G\0T / HTTP/1.1\r\n"), 400},
    {S("get / HTTP/1.1\r\n"), 501},
    {S("BREW / HTTP/1.1\r\n"), 501},
    {S("CONNECT a.example:443 HTTP/1.1\r\n"), 501},
    {S("TRACE / HTTP/1.1\r\n"), 501},
    /* versions */
    {S("GET / HTTP/0.9\r\n"), 505},
    {S("GET / HTTP/1.2\r\n"), 505},
    {S("GET / HTTP/2.0\r\n"), 505},
    {S("GET / HTTP/3.0\r\n"), 505},
    {S("GET / HTTP/11\r\n"), 400},
    {S("GET / HTTP/1.10\r\n"), 400},
    {S("GET / HTTP/1.x\r\n"), 400},
    {S("GET / http/1.1\r\n"), 400},
    {S("GET / HTTPS/1.1\r\n"), 400},
    {S("GET / /1.1\r\n"), 400},
    /* targets */
    {S("GET a HTTP/1.1\r\n"), 400},
    {S("GET * HTTP/1.1\r\n"), 400},
    {S("GET /a#b HTTP/1.1\r\n"), 400},
    {S("GET /a\x7f HTTP/1.1\r\n"), 400},
    {S("GET /a\x01 HTTP/1.1\r\n"), 400},
    {S("GET /\xc3\xbc HTTP/1.1\r\n"), 400},
    {S("GET /a\0b HTTP/1.1\r\n"), 400},
    {S("GET /a\rb HTTP/1.1\r\n"), 400},
    {S("GET ftp://a.example/ HTTP/1.1\r\n"), 400},
    {S("GET http:///x HTTP/1.1\r\n"), 400},
    {S("GET http://u@a.example/ HTTP/1.1\r\n"), 400},
    {S("GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n"), 400},
    {S("GET http://a.example/ HTTP/1.1\r\n\r\n"), 400},
    /* field lines */
    {S(GET_LINE HOST_LINE " folded\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "a: b\r\n\tfolded\r\n\r\n"), 400},
    {S(GET_LINE " Host: a.example\r\n\r\n"), 400},
    {S(GET_LINE "Host : a.example\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE ": b\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "a\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "a b: c\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "a\x80: c\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "(a): c\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "a: b\0c\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "a: b\rc\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "a: b\x7f\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "a: b\x1b\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "a: b\r\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "a: b\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "\n"), 400},
    {S(GET_LINE HOST_LINE "\r\r\n"), 400},
    {S(GET_LINE HOST_LINE "\rx"), 400},
    {S("GET / HTTP/1.1\rHost"), 400},
    /* Host */
    {S(GET_LINE "\r\n"), 400},
    {S(GET_LINE HOST_LINE HOST_LINE "\r\n"), 400},
    {S(GET_LINE HOST_LINE "hOST: b.example\r\n\r\n"), 400},
    {S(GET_LINE "Host:\r\n\r\n"), 400},
    {S(GET_LINE "Host: a b\r\n\r\n"), 400},
    {S(GET_LINE "Host: a,b\r\n\r\n"), 400},
    {S(GET_LINE "Host: a/b\r\n\r\n"), 400},
    {S(GET_LINE "Host: u@a\r\n\r\n"), 400},
    {S("GET / HTTP/1.0\r\n" HOST_LINE HOST_LINE "\r\n"), 400},
    /* Content-Length */
    {S(GET_LINE HOST_LINE "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Content-Length: 5\r\ncontent-length: 5\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Content-Length: 5, 5\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Content-Length: +5\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Content-Length: -5\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Content-Length: 0x5\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Content-Length: 5 5\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Content-Length: 5.0\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Content-Length:\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Content-Length: 5\t\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Content-Length: 18446744073709551616\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Content-Length: 9999999999999999999\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Content-Length: 0000000000000000000005\r\n\r\n"), 400},
    /* Transfer-Encoding */
    {S(GET_LINE HOST_LINE "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Transfer-Encoding: chunked, chunked\r\n\r\n"), 501},
    {S(GET_LINE HOST_LINE "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501},
    {S(GET_LINE HOST_LINE "Transfer-Encoding: chunked, gzip\r\n\r\n"), 501},
    {S(GET_LINE HOST_LINE "Transfer-Encoding: identity\r\n\r\n"), 501},
    {S(GET_LINE HOST_LINE "Transfer-Encoding: xchunked\r\n\r\n"), 501},
    {S(GET_LINE HOST_LINE "Transfer-Encoding: \"chunked\"\r\n\r\n"), 501},
    {S(GET_LINE HOST_LINE "Transfer-Encoding: chunked;q=1\r\n\r\n"), 501},
    {S(GET_LINE HOST_LINE "Transfer-Encoding: \x0b"
                          "chunked\r\n\r\n"),
     400},
    {S(GET_LINE HOST_LINE "Transfer-Encoding:\r\n\r\n"), 501},
    {S(GET_LINE HOST_LINE "Transfer-Encodingx: chunked\r\n\r\n"), 400},
    {S("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {S(GET_LINE HOST_LINE "Transfer-Encoding: chunked\t\r\n\r\n"), 501},
    {S(GET_LINE HOST_LINE "Upgrade: h2c\r\nContent-Length: 5\r\n\r\n"), 400},
    /* Expect */
    {S(GET_LINE HOST_LINE "Expect: 200-ok\r\n\r\n"), 417},
};

static void test_refused_shapes(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct h1_head head;
        enum h1_verdict v = parse(refused[i].in, &head);
        if (v != H1_BAD || head.status != refused[i].status)
            fail_msg("case %zu ('%.*s'): verdict %d, status %d (%s)", i, SLICE_ARG(refused[i].in),
                     v, head.status, head.text ? head.text : "");
    }
}

static const struct {
    struct slice in;
    const char *path;
    const char *query;
    enum h1_body body;
    uint64_t length;
    bool is_keep_alive;
    size_t fields;
} taken[] = {
    {S(GET_LINE HOST_LINE "\r\n"), "/", "", H1_BODY_NONE, 0, true, 1},
    {S("\r\n" GET_LINE HOST_LINE "\r\n"), "/", "", H1_BODY_NONE, 0, true, 1},
    {S("GET / HTTP/1.0\r\n\r\n"), "/", "", H1_BODY_NONE, 0, false, 0},
    {S("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "/", "", H1_BODY_NONE, 0, true, 1},
    {S(GET_LINE HOST_LINE "Connection: x, close\r\n\r\n"), "/", "", H1_BODY_NONE, 0, false, 2},
    {S(GET_LINE HOST_LINE "Connection: close, keep-alive\r\n\r\n"), "/", "", H1_BODY_NONE, 0, false,
     2},
    {S("GET /a/%21b?c=d?e HTTP/1.1\r\n" HOST_LINE "\r\n"), "/a/%21b", "c=d?e", H1_BODY_NONE, 0,
     true, 1},
    {S("GET /!a/@v/list? HTTP/1.1\r\n" HOST_LINE "\r\n"), "/!a/@v/list", "", H1_BODY_NONE, 0, true,
     1},
    {S("GET http://A.example/x?y HTTP/1.1\r\n" HOST_LINE "\r\n"), "/x", "y", H1_BODY_NONE, 0, true,
     1},
    {S("GET http://a.example HTTP/1.1\r\n" HOST_LINE "\r\n"), "/", "", H1_BODY_NONE, 0, true, 1},
    {S("GET http://a.example?q HTTP/1.1\r\n" HOST_LINE "\r\n"), "/", "q", H1_BODY_NONE, 0, true, 1},
    {S("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), "*", "", H1_BODY_NONE, 0, true, 1},
    {S(GET_LINE HOST_LINE "Content-Length: 0\r\n\r\n"), "/", "", H1_BODY_NONE, 0, true, 2},
    {S(GET_LINE HOST_LINE "content-LENGTH:\t 17 \r\n\r\n"), "/", "", H1_BODY_LENGTH, 17, true, 2},
    {S(GET_LINE HOST_LINE "Transfer-Encoding: Chunked\r\n\r\n"), "/", "", H1_BODY_CHUNKED, 0, true,
     2},
    {S(GET_LINE HOST_LINE "a:\r\nb: \xc3\xbc \t x\r\n\r\n"), "/", "", H1_BODY_NONE, 0, true, 3},
};

static void test_taken_shapes_and_every_prefix(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        struct h1_head head;
        for (size_t n = 0; n < taken[i].in.n; n++)
            if (parse(slice_head(taken[i].in, n), &head) != H1_MORE)
                fail_msg("case %zu: a verdict after %zu bytes: %s", i, n, head.text);
        if (parse(taken[i].in, &head) != H1_DONE)
            fail_msg("case %zu: refused: %s", i, head.text);
        assert_int_equal(head.consumed, taken[i].in.n);
        assert_slice(head.path, taken[i].path);
        assert_slice(head.query, taken[i].query);
        assert_int_equal(head.body, taken[i].body);
        assert_int_equal(head.field_count, taken[i].fields);
        assert_int_equal(head.is_keep_alive, taken[i].is_keep_alive);
        if (head.body == H1_BODY_LENGTH)
            assert_int_equal(head.content_length, taken[i].length);
    }
}

static void test_values_are_trimmed(void **state)
{
    struct h1_head head;
    assert_int_equal(parse(S(GET_LINE HOST_LINE "X-A: \t a b\t \r\n\r\n"), &head), H1_DONE);
    assert_slice(fields[1].name, "X-A");
    assert_slice(fields[1].value, "a b");
}

static void test_what_follows_is_left(void **state)
{
    struct h1_head head;
    struct slice one = S(GET_LINE HOST_LINE "\r\n");
    assert_int_equal(parse(S(GET_LINE HOST_LINE "\r\n" GET_LINE), &head), H1_DONE);
    assert_int_equal(head.consumed, one.n);
}

static void test_limits(void **state)
{
    struct h1_head head;
    BUF_SCOPED(line);
    buf_add(&line, S("GET /"));
    while (line.n < MAX_BYTES)
        buf_add_byte(&line, 'a');
    assert_int_equal(parse(buf_slice(&line), &head), H1_BAD);
    assert_int_equal(head.status, 414);
    BUF_SCOPED(header);
    buf_add(&header, S(GET_LINE HOST_LINE "x: "));
    while (header.n < MAX_BYTES)
        buf_add_byte(&header, 'a');
    assert_int_equal(parse(buf_slice(&header), &head), H1_BAD);
    assert_int_equal(head.status, 431);
    buf_add(&header, S("\r\n\r\n"));
    assert_int_equal(parse(buf_slice(&header), &head), H1_BAD);
    assert_int_equal(head.status, 431);
    BUF_SCOPED(many);
    buf_add(&many, S(GET_LINE HOST_LINE));
    for (int i = 0; i < MAX_FIELDS; i++)
        buf_add(&many, S("a: b\r\n"));
    buf_add(&many, S("\r\n"));
    assert_int_equal(parse(buf_slice(&many), &head), H1_BAD);
    assert_int_equal(head.status, 431);
}

/* Whatever byte stands wherever, in values shorter and longer than a machine word. */
static void test_values_hold_no_control_bytes(void **state)
{
    for (int c = 0; c < 256; c++) {
        bool is_fine = c == '\t' || (c >= 0x20 && c != 0x7f);
        for (size_t n = 1; n <= 20; n++) {
            for (size_t place = 0; place < n; place++) {
                char text[21] = "\tplain \xfftext of a 20";
                text[place] = (char)c;
                assert_int_equal(h1_is_value(slice_make(text, n)), is_fine);
            }
        }
    }
    assert_true(h1_is_value(S("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_shapes),
        cmocka_unit_test(test_taken_shapes_and_every_prefix),
        cmocka_unit_test(test_values_are_trimmed),
        cmocka_unit_test(test_what_follows_is_left),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_values_hold_no_control_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
