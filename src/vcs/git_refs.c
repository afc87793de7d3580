#include "base/encode.h"
#include "gomod/pseudo.h"
#include "gomod/semver.h"
#include "gomod/text.h"
#include "vcs/git_priv.h"

static int by_name(const void *x, const void *y)
{
    const struct git_ref *a = x, *b = y;
    int c = slice_cmp(a->name, b->name);
    return c ? c : a->is_peeled - b->is_peeled;
}

static int by_hash(const void *x, const void *y)
{
    const struct git_ref *a = x, *b = y;
    int c = slice_cmp(a->hash, b->hash);
    return c ? c : slice_cmp(a->name, b->name);
}

static bool is_hash(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!strchr("0123456789abcdef", s.p[i]) || s.p[i] == '\0')
            return false;
    }
    return s.n == 40 || s.n == 64;
}

/* "<hash>\t<name>" of a ref that counts. */
static bool parse_line(struct slice line, struct git_ref *out)
{
    struct slice rest = line;
    out->hash = text_cut_field(&rest);
    out->name = text_cut_field(&rest);
    out->is_peeled = slice_ends(out->name, S("^{}"));
    if (out->is_peeled)
        out->name.n -= 3;
    return is_hash(out->hash) && text_cut_field(&rest).n == 0 &&
           (slice_eq(out->name, S("HEAD")) || slice_starts(out->name, S("refs/heads/")) ||
            slice_starts(out->name, S("refs/tags/")));
}

/* An annotated tag comes twice, the second time as "name^{}" with its commit: that one counts. */
static size_t keep_peeled(struct git_ref *rows, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (n && slice_eq(rows[n - 1].name, rows[i].name))
            n--;
        rows[n++] = rows[i];
    }
    return n;
}

/* strconv.Quote. */
static void add_quoted(struct buf *b, struct slice s)
{
    static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
    buf_add_byte(b, '"');
    while (s.n) {
        uint32_t rune;
        size_t n = rune_decode(s, &rune);
        const char *escape = rune && rune < 0x80 ? strchr(from, (int)rune) : NULL;
        if (escape)
            buf_printf(b, "\\%c", to[escape - from]);
        else if ((rune == RUNE_ERROR && n == 1) || rune < ' ' || rune == 0x7f)
            buf_printf(b, "\\x%02x", (unsigned char)s.p[0]);
        else if (rune_is_print(rune))
            buf_add(b, slice_head(s, n));
        else
            buf_printf(b, rune < 0x10000 ? "\\u%04x" : "\\U%08x", rune);
        s = slice_skip(s, n);
    }
    buf_add_byte(b, '"');
}

static void sum_row(struct sha256_stream *h, struct buf *b, struct slice name, struct slice hash)
{
    buf_clear(b);
    add_quoted(b, name);
    buf_printf(b, " %.*s\n", SLICE_ARG(hash));
    sha256_add(h, b->p, b->n);
}

static struct slice sum_text(struct arena *a, const char *kind, struct sha256_stream *h)
{
    uint8_t sum[SHA256_BYTES];
    sha256_sum(h, sum);
    return arena_printf(a, "%s%s", kind, base64_encode(a, sum, sizeof(sum)).p);
}

static struct slice sum_of_all(struct git_refs *refs)
{
    BUF_SCOPED(b);
    struct sha256_stream *h = sha256_new();
    for (size_t i = 0; i < refs->count; i++)
        sum_row(h, &b, refs->rows[i].name, refs->rows[i].hash);
    struct slice sum = sum_text(&refs->arena, "r1:", h);
    sha256_free(h);
    return sum;
}

struct git_refs *git_refs_parse(struct slice output)
{
    struct git_refs *refs = xcalloc(1, sizeof(*refs));
    struct arena *a = &refs->arena;
    atomic_store(&refs->users, 1);
    struct slice rest = arena_dup(a, output);
    size_t most = 1;
    for (size_t i = 0; i < rest.n; i++)
        most += rest.p[i] == '\n';
    refs->rows = ARENA_ARRAY(a, struct git_ref, most);
    refs->by_hash = ARENA_ARRAY(a, struct git_ref, most);
    while (rest.p)
        refs->count += parse_line(slice_cut_line(&rest), &refs->rows[refs->count]);
    qsort(refs->rows, refs->count, sizeof(*refs->rows), by_name);
    refs->count = keep_peeled(refs->rows, refs->count);
    if (refs->count)
        memcpy(refs->by_hash, refs->rows, refs->count * sizeof(*refs->rows));
    qsort(refs->by_hash, refs->count, sizeof(*refs->by_hash), by_hash);
    refs->repo_sum = sum_of_all(refs);
    refs->bytes = sizeof(*refs) + a->used_bytes;
    return refs;
}

void git_refs_release(struct git_refs *refs)
{
    if (!refs || atomic_fetch_sub(&refs->users, 1) > 1)
        return;
    arena_release(&refs->arena);
    free(refs);
}

/* The first row for which the key is not smaller. */
static size_t lower_bound(const struct git_ref *rows, size_t count, struct slice key,
                          bool by_hashes)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (slice_cmp(by_hashes ? rows[mid].hash : rows[mid].name, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct git_ref *git_refs_find(const struct git_refs *refs, struct slice name)
{
    size_t i = lower_bound(refs->rows, refs->count, name, false);
    return i < refs->count && slice_eq(refs->rows[i].name, name) ? &refs->rows[i] : NULL;
}

size_t git_refs_with_hash(const struct git_refs *refs, struct slice digits,
                          const struct git_ref **first)
{
    size_t i = lower_bound(refs->by_hash, refs->count, digits, true), n = 0;
    *first = &refs->by_hash[i];
    while (i + n < refs->count && slice_starts(refs->by_hash[i + n].hash, digits))
        n++;
    return n;
}

size_t git_refs_tags(const struct git_refs *refs, struct slice prefix, const struct git_ref **first)
{
    BUF_SCOPED(key);
    buf_printf(&key, "refs/tags/%.*s", SLICE_ARG(prefix));
    size_t i = lower_bound(refs->rows, refs->count, buf_slice(&key), false), n = 0;
    *first = &refs->rows[i];
    while (i + n < refs->count && slice_starts(refs->rows[i + n].name, buf_slice(&key)))
        n++;
    return n;
}

/* codehost.isOriginTag: what looks like a version of the folder, pseudo-versions left out. */
static bool counts_for_sum(struct arena *a, struct slice tag)
{
    struct slice canonical = semver_canonical(a, tag);
    return canonical.n && slice_starts(tag, canonical) && !pseudo_is(tag);
}

struct slice git_refs_tag_sum(struct arena *a, const struct git_refs *refs, struct slice prefix)
{
    const struct git_ref *rows;
    size_t count = git_refs_tags(refs, prefix, &rows);
    size_t folder = (size_t)(slice_rfind(prefix, '/') + 1);
    struct arena scratch = ARENA_INIT;
    BUF_SCOPED(b);
    struct sha256_stream *h = sha256_new();
    for (size_t i = 0; i < count; i++) {
        struct slice tag = slice_skip(rows[i].name, strlen("refs/tags/"));
        if (counts_for_sum(&scratch, slice_skip(tag, folder)))
            sum_row(h, &b, tag, rows[i].hash);
        arena_clear(&scratch);
    }
    struct slice sum = sum_text(a, "t1:", h);
    sha256_free(h);
    arena_release(&scratch);
    return sum;
}
