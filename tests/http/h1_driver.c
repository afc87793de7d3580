/*
 * The HTTP/1.1 reader as a filter, for comparisons: reads inputs (4 bytes length, little endian,
 * then the bytes), writes one JSON line for each: what the first request in it is.
 */
#include "base/encode.h"
#include "http/h1_parse.h"

#include <stdio.h>

enum { MAX_INPUT = 1 << 20, MAX_HEADER = 32 * 1024, MAX_FIELDS = 100, MAX_BODY = 64 * 1024 };

static struct http_header fields[MAX_FIELDS];

static void print_hex(struct arena *a, const char *name, struct slice s)
{
    char *hex = arena_alloc(a, 2 * s.n + 1);
    hex_encode((const uint8_t *)s.p, s.n, hex);
    printf(",\"%s\":\"%s\"", name, hex);
}

/* The body's verdict, its length without framing, and the bytes that it takes. */
static enum h1_verdict read_body(const struct h1_head *head, struct slice in, uint64_t *length,
                                 size_t *used, struct h1_chunked *d)
{
    *used = *length = 0;
    if (head->body == H1_BODY_NONE)
        return H1_DONE;
    if (head->body == H1_BODY_CHUNKED) {
        enum h1_verdict v = H1_MORE;
        struct slice data;
        for (size_t n; v == H1_MORE && *used < in.n; *used += n)
            v = h1_chunked_feed(d, slice_skip(in, *used), MAX_BODY, &n, &data);
        *length = d->total;
        return v;
    }
    *length = head->content_length;
    *used = *length < in.n ? (size_t)*length : in.n;
    return *used < *length ? H1_MORE : H1_DONE;
}

static void print_request(struct arena *a, const struct h1_head *head, uint64_t body, size_t used)
{
    printf("{\"verdict\":\"done\",\"used\":%zu,\"body\":%" PRIu64 ",\"keep_alive\":%d,\"minor\":%d",
           head->consumed + used, body, head->is_keep_alive, !head->is_http_1_0);
    print_hex(a, "method", head->method);
    print_hex(a, "path", head->path);
    print_hex(a, "query", head->query);
    for (size_t i = 0; i < head->field_count; i++) {
        print_hex(a, arena_printf(a, "name%zu", i).p, fields[i].name);
        print_hex(a, arena_printf(a, "value%zu", i).p, fields[i].value);
    }
    printf(",\"fields\":%zu}\n", head->field_count);
}

static void judge(struct arena *a, struct slice in)
{
    struct h1_head head;
    struct h1_chunked d = {0};
    uint64_t body = 0;
    size_t used = 0;
    enum h1_verdict v = h1_parse_head(in, MAX_HEADER, fields, MAX_FIELDS, &head);
    int status = head.status;
    const char *text = head.text;
    if (v == H1_DONE) {
        v = read_body(&head, slice_skip(in, head.consumed), &body, &used, &d);
        status = d.status;
        text = d.text;
    }
    if (v == H1_DONE)
        print_request(a, &head, body, used);
    else if (v == H1_MORE)
        printf("{\"verdict\":\"more\"}\n");
    else
        printf("{\"verdict\":\"bad\",\"status\":%d,\"text\":\"%s\"}\n", status, text);
}

int main(void)
{
    static char input[MAX_INPUT];
    struct arena a = ARENA_INIT;
    uint32_t n;
    while (fread(&n, sizeof(n), 1, stdin) == 1) {
        if (n > MAX_INPUT || fread(input, 1, n, stdin) != n)
            return 2;
        judge(&a, slice_make(input, n));
        arena_clear(&a);
    }
    arena_release(&a);
    return 0;
}
