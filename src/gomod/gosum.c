#include "gomod/gosum.h"

#include "gomod/semver.h"
#include "gomod/text.h"

static int compare_keys(const struct gosum_line *x, struct module_version mod, bool is_go_mod)
{
    int c = slice_cmp(x->mod.path, mod.path);
    if (c == 0)
        c = semver_compare(x->mod.version, mod.version);
    if (c == 0)
        c = slice_cmp(x->mod.version, mod.version);
    return c ? c : x->is_go_mod - is_go_mod;
}

static int compare_lines(const void *a, const void *b)
{
    const struct gosum_line *x = a, *y = b;
    int c = compare_keys(x, y->mod, y->is_go_mod);
    return c ? c : (x->line > y->line) - (x->line < y->line);
}

/* At most how many entries a file has; the shortest is "a b c" and a newline. */
static size_t count_lines(struct slice file)
{
    size_t n = 1, max = file.n / 6 + 1;
    for (size_t i = 0; i < file.n; i++)
        n += file.p[i] == '\n';
    return n < max ? n : max;
}

/* Splits a line into its fields; returns how many there are. */
static size_t split_line(struct slice line, struct slice fields[3])
{
    size_t n = 0;
    struct slice field;
    while ((field = text_cut_field(&line)).n) {
        if (n < 3)
            fields[n] = field;
        n++;
    }
    return n;
}

struct error *gosum_parse(struct arena *a, struct slice name, struct slice file, struct gosum *out)
{
    const struct slice empty_go_mod = S("h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY=");
    const struct slice suffix = S("/go.mod");
    if (file.n > GOSUM_MAX_BYTES)
        return error_new(a, STATUS_TOO_LARGE, "%.*s: %zu bytes, more than %zu", SLICE_ARG(name),
                         file.n, GOSUM_MAX_BYTES);
    *out = (struct gosum){.lines = ARENA_ARRAY(a, struct gosum_line, count_lines(file))};
    for (int line = 1; file.n; line++) {
        struct slice fields[3];
        size_t n = split_line(slice_cut(&file, '\n'), fields);
        if (n == 0)
            continue;
        if (n != 3)
            return error_new(a, STATUS_BAD_SYNTAX, "%.*s:%d: malformed go.sum: %zu fields, not 3",
                             SLICE_ARG(name), line, n);
        if (slice_eq(fields[2], empty_go_mod))
            continue;
        bool is_go_mod = slice_ends(fields[1], suffix);
        if (is_go_mod)
            fields[1].n -= suffix.n;
        out->lines[out->n++] =
            (struct gosum_line){{fields[0], fields[1]}, is_go_mod, fields[2], line};
    }
    if (out->n)
        qsort(out->lines, out->n, sizeof(*out->lines), compare_lines);
    return NULL;
}

const struct gosum_line *gosum_find(const struct gosum *sum, struct module_version mod,
                                    bool is_go_mod, size_t *n)
{
    size_t low = 0, high = sum->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (compare_keys(&sum->lines[mid], mod, is_go_mod) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (high = low; high < sum->n && compare_keys(&sum->lines[high], mod, is_go_mod) == 0;)
        high++;
    *n = high - low;
    return sum->lines + low;
}

enum gosum_verdict gosum_check(const struct gosum *sum, struct module_version mod, bool is_go_mod,
                               struct slice hash, const struct gosum_line **seen)
{
    size_t n;
    const struct gosum_line *lines = gosum_find(sum, mod, is_go_mod, &n);
    *seen = NULL;
    for (size_t i = 0; i < n; i++) {
        *seen = &lines[i];
        if (slice_eq(lines[i].hash, hash))
            return GOSUM_MATCH;
        if (slice_starts(lines[i].hash, S("h1:")))
            return GOSUM_MISMATCH;
    }
    *seen = NULL;
    return GOSUM_ABSENT;
}
