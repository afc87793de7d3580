/* The HTTP/1.1 reader: what it takes is inside the input, and pieces give the same verdict. */
#include "http/h1_parse.h"

enum { MAX_BYTES = 4096, MAX_FIELDS = 16, MAX_BODY = 100000 };

static struct http_header fields[MAX_FIELDS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice in, struct slice part)
{
    bool is_literal = slice_eq(part, S("/")) || part.n == 0;
    if (!is_literal && (part.p < in.p || part.p + part.n > in.p + in.n))
        BUG("a slice outside of the input");
}

static void check_head(struct slice in, const struct h1_head *head)
{
    if (head->consumed > in.n || head->consumed > MAX_BYTES)
        BUG("consumed %zu of %zu", head->consumed, in.n);
    check_inside(in, head->method);
    check_inside(in, head->path);
    check_inside(in, head->query);
    if (head->path.n == 0 || !h1_is_target(head->path) || !h1_is_target(head->query))
        BUG("a bad path was taken");
    for (size_t i = 0; i < head->field_count; i++) {
        check_inside(in, fields[i].name);
        check_inside(in, fields[i].value);
        if (fields[i].name.n == 0 || !h1_is_value(fields[i].value))
            BUG("a bad field was taken");
    }
}

/* The verdict on the whole, fed in pieces. */
static enum h1_verdict feed(struct slice in, size_t step, struct h1_chunked *d, size_t *used)
{
    enum h1_verdict v = H1_MORE;
    *d = (struct h1_chunked){0};
    *used = 0;
    while (v == H1_MORE && *used < in.n) {
        size_t n;
        struct slice data;
        v = h1_chunked_feed(d, slice_head(slice_skip(in, *used), step), MAX_BODY, &n, &data);
        check_inside(slice_head(slice_skip(in, *used), n), data);
        *used += n;
    }
    return v;
}

static void check_chunked(struct slice in, size_t step)
{
    struct h1_chunked whole, pieces;
    size_t used_whole, used_pieces;
    enum h1_verdict a = feed(in, in.n ? in.n : 1, &whole, &used_whole);
    enum h1_verdict b = feed(in, step, &pieces, &used_pieces);
    if (a != b || whole.status != pieces.status || used_whole != used_pieces)
        BUG("pieces of %zu bytes change the verdict", step);
    if (whole.total > MAX_BODY && a != H1_BAD)
        BUG("a body of %" PRIu64 " bytes was taken", whole.total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t cut = data[0] * 7u + 1, step = data[1] % 9 + 1u;
    struct slice in = slice_make((const char *)data + 2, size - 2);
    struct h1_head head, early;
    enum h1_verdict v = h1_parse_head(in, MAX_BYTES, fields, MAX_FIELDS, &head);
    if (v == H1_DONE)
        check_head(in, &head);
    if (v == H1_BAD && head.status < 400)
        BUG("a refusal without a status");
    enum h1_verdict before =
        h1_parse_head(slice_head(in, cut), MAX_BYTES, fields, MAX_FIELDS, &early);
    if (cut < in.n && before == H1_DONE && (v != H1_DONE || early.consumed != head.consumed))
        BUG("more input changes a request");
    if (cut < in.n && before == H1_BAD && v != H1_BAD)
        BUG("more input heals a request");
    check_chunked(v == H1_DONE ? slice_skip(in, head.consumed) : in, step);
    return 0;
}
