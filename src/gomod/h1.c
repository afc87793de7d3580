#include "gomod/h1.h"

struct h1_file {
    struct slice name;
    size_t seq; /* order of adding */
    uint8_t sum[SHA256_BYTES];
};

void h1_add(struct h1_builder *b, struct slice name, const uint8_t sum[SHA256_BYTES])
{
    if (b->count == b->cap) {
        b->cap = b->cap ? 2 * b->cap : 64;
        b->files = xrealloc(b->files, b->cap * sizeof(*b->files));
    }
    struct h1_file *f = &b->files[b->count];
    *f = (struct h1_file){.name = name, .seq = b->count++};
    memcpy(f->sum, sum, SHA256_BYTES);
}

void h1_release(struct h1_builder *b)
{
    free(b->files);
    *b = H1_BUILDER_INIT;
}

static int by_name(const void *a, const void *b)
{
    const struct h1_file *x = a, *y = b;
    int c = slice_cmp(x->name, y->name);
    return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

/* Zips and sorted folders come nearly always in order. */
static bool is_sorted(const struct h1_builder *b)
{
    for (size_t i = 1; i < b->count; i++) {
        if (by_name(&b->files[i - 1], &b->files[i]) > 0)
            return false;
    }
    return true;
}

static void add_line(struct sha256_stream *h, const struct h1_file *f)
{
    char hex[2 * SHA256_BYTES + 1];
    hex_encode(f->sum, SHA256_BYTES, hex);
    sha256_add(h, hex, 2 * SHA256_BYTES);
    sha256_add(h, "  ", 2);
    sha256_add(h, f->name.p, f->name.n);
    sha256_add(h, "\n", 1);
}

/* The last one of the run of equal names that starts at i. */
static size_t last_of_name(const struct h1_builder *b, size_t i)
{
    while (i + 1 < b->count && slice_eq(b->files[i].name, b->files[i + 1].name))
        i++;
    return i;
}

static void finish(struct sha256_stream *h, char out[H1_TEXT_BYTES])
{
    uint8_t sum[SHA256_BYTES];
    struct arena tmp = ARENA_INIT;
    sha256_sum(h, sum);
    struct slice text = base64_encode(&tmp, sum, sizeof(sum));
    memcpy(out, "h1:", 3);
    memcpy(out + 3, text.p, text.n);
    out[3 + text.n] = '\0';
    arena_release(&tmp);
}

struct error *h1_sum(struct h1_builder *b, struct arena *a, char out[H1_TEXT_BYTES])
{
    for (size_t i = 0; i < b->count; i++) {
        if (slice_find(b->files[i].name, '\n') >= 0)
            return error_new(a, STATUS_BAD_ZIP, "a file name holds a newline");
    }
    if (!is_sorted(b))
        qsort(b->files, b->count, sizeof(*b->files), by_name);
    struct sha256_stream *h = sha256_new();
    for (size_t i = 0; i < b->count;) {
        size_t last = last_of_name(b, i);
        for (; i <= last; i++)
            add_line(h, &b->files[last]);
    }
    finish(h, out);
    sha256_free(h);
    return NULL;
}

void gomod_hash(struct slice go_mod, char out[H1_TEXT_BYTES])
{
    struct h1_file f = {.name = S("go.mod")};
    sha256(go_mod, f.sum);
    struct sha256_stream *h = sha256_new();
    add_line(h, &f);
    finish(h, out);
    sha256_free(h);
}

bool h1_is_valid(struct slice text)
{
    struct arena tmp = ARENA_INIT;
    struct slice bytes;
    bool ok = text.n == H1_TEXT_BYTES - 1 && slice_starts(text, S("h1:")) &&
              base64_decode(&tmp, slice_skip(text, 3), &bytes) && bytes.n == SHA256_BYTES;
    arena_release(&tmp);
    return ok;
}
