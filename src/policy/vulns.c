#include "policy/vulns.h"

#include "gomod/semver.h"

struct vuln {
    struct slice path, id;
    enum severity severity;
    struct slice ranges;
};

struct vulns {
    struct vuln *rows; /* by path, then id */
    size_t count;
};

static const char *const names[] = {"unknown", "low", "medium", "high", "critical"};

enum severity severity_parse(struct slice text)
{
    for (size_t i = SEVERITY_LOW; i < ARRAY_LEN(names); i++) {
        if (slice_eq_nocase(text, slice_of(names[i])))
            return (enum severity)i;
    }
    return slice_eq_nocase(text, S("moderate")) ? SEVERITY_MEDIUM : SEVERITY_UNKNOWN;
}

const char *severity_name(enum severity s)
{
    return names[s];
}

static int by_path(const void *a, const void *b)
{
    const struct vuln *x = a, *y = b;
    int c = slice_cmp(x->path, y->path);
    return c ? c : slice_cmp(x->id, y->id);
}

static bool parse_line(struct slice line, struct vuln *v)
{
    v->path = slice_cut(&line, ' ');
    v->id = slice_cut(&line, ' ');
    v->severity = severity_parse(slice_cut(&line, ' '));
    v->ranges = line.p ? line : S("");
    return v->path.n && v->id.n;
}

struct error *vulns_parse(struct arena *a, struct slice text, struct vulns **out)
{
    size_t lines = 1, number = 0;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    struct vulns *v = ARENA_NEW(a, struct vulns);
    v->rows = ARENA_ARRAY(a, struct vuln, lines);
    while (text.n) {
        struct slice line = slice_cut_line(&text);
        number++;
        if (!parse_line(line, &v->rows[v->count++]))
            return error_new(a, STATUS_CORRUPT, "line %zu names no module and vulnerability",
                             number);
    }
    qsort(v->rows, v->count, sizeof(*v->rows), by_path);
    *out = v;
    return NULL;
}

size_t vulns_count(const struct vulns *v)
{
    return v ? v->count : 0;
}

static struct slice with_v(struct arena *a, struct slice version)
{
    return arena_printf(a, "v%.*s", SLICE_ARG(version));
}

/* One pair "introduced,fixed". */
static bool pair_contains(struct arena *a, struct slice pair, struct slice version,
                          struct slice *fixed)
{
    struct slice introduced = slice_cut(&pair, ',');
    struct slice end = pair.p ? pair : S("");
    if (!slice_eq(introduced, S("0")) && semver_compare(version, with_v(a, introduced)) < 0)
        return false;
    *fixed = S("");
    if (end.n == 0)
        return true;
    if (end.p[0] == '=')
        return semver_compare(version, with_v(a, slice_skip(end, 1))) <= 0;
    *fixed = with_v(a, end);
    return semver_compare(version, *fixed) < 0;
}

static bool affects(struct arena *a, const struct vuln *v, struct slice version,
                    struct slice *fixed)
{
    struct slice ranges = v->ranges;
    *fixed = S("");
    if (ranges.n == 0)
        return true;
    while (ranges.p) {
        if (pair_contains(a, slice_cut(&ranges, ' '), version, fixed))
            return true;
    }
    return false;
}

/* The first row of the path, or count. */
static size_t first_row(const struct vulns *v, struct slice path)
{
    size_t low = 0, high = v->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (slice_cmp(v->rows[mid].path, path) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool vulns_find(const struct vulns *v, struct arena *a, struct module_version mv,
                enum severity least, struct vuln_hit *out)
{
    for (size_t i = v ? first_row(v, mv.path) : 0; v && i < v->count; i++) {
        const struct vuln *row = &v->rows[i];
        if (!slice_eq(row->path, mv.path))
            return false;
        if (row->severity != SEVERITY_UNKNOWN && row->severity < least)
            continue;
        if (affects(a, row, mv.version, &out->fixed)) {
            out->id = row->id;
            out->severity = row->severity;
            return true;
        }
    }
    return false;
}
