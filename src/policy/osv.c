#include "policy/osv.h"

#include "gomod/semver.h"
#include "policy/vulns.h"

#include <jansson.h>

static struct slice text_of(const json_t *object, const char *key)
{
    return slice_of(json_string_value(json_object_get(object, key)));
}

/* A name that can stand in a line. */
static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    }
    return s.n > 0 && s.n <= 512;
}

static bool is_version(struct arena *a, struct slice s)
{
    return is_word(s) && semver_is_valid(arena_printf(a, "v%.*s", SLICE_ARG(s)));
}

struct event {
    struct slice version; /* "0": before all others */
    bool is_start;
    bool is_last; /* of an end: this one is still affected */
};

struct events {
    struct event rows[256];
    size_t count;
};

static struct error *read_event(struct arena *a, const json_t *json, struct events *es)
{
    static const struct {
        const char *key;
        bool is_start, is_last;
    } kinds[] = {
        {"introduced", true, false}, {"fixed", false, false}, {"last_affected", false, true}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct slice version = text_of(json, kinds[i].key);
        if (version.n == 0)
            continue;
        if (!(kinds[i].is_start && slice_eq(version, S("0"))) && !is_version(a, version))
            return error_new(a, STATUS_BAD_SYNTAX, "'%.*s' is no semantic version",
                             SLICE_ARG(slice_head(version, 60)));
        if (es->count == ARRAY_LEN(es->rows))
            return error_new(a, STATUS_BAD_SYNTAX, "a range has more than %zu events", es->count);
        es->rows[es->count++] = (struct event){version, kinds[i].is_start, kinds[i].is_last};
    }
    return NULL;
}

static int compare_events(struct arena *a, const struct event *x, const struct event *y)
{
    bool x_first = slice_eq(x->version, S("0")), y_first = slice_eq(y->version, S("0"));
    if (x_first || y_first)
        return (int)y_first - (int)x_first;
    return semver_compare(arena_printf(a, "v%.*s", SLICE_ARG(x->version)),
                          arena_printf(a, "v%.*s", SLICE_ARG(y->version)));
}

/* There are few: sorted by insertion. */
static void sort_events(struct arena *a, struct events *es)
{
    for (size_t i = 1; i < es->count; i++) {
        struct event e = es->rows[i];
        size_t at = i;
        for (; at > 0 && compare_events(a, &es->rows[at - 1], &e) > 0; at--)
            es->rows[at] = es->rows[at - 1];
        es->rows[at] = e;
    }
}

/* Pairs each start with the next end. */
static void add_pairs(const struct events *es, struct buf *line)
{
    bool is_open = false;
    for (size_t i = 0; i < es->count; i++) {
        const struct event *e = &es->rows[i];
        if (e->is_start == is_open)
            continue;
        if (e->is_start)
            buf_printf(line, " %.*s,", SLICE_ARG(e->version));
        else
            buf_printf(line, "%s%.*s", e->is_last ? "=" : "", SLICE_ARG(e->version));
        is_open = e->is_start;
    }
}

static struct error *read_ranges(struct arena *a, const json_t *affected, struct buf *line)
{
    size_t i, j;
    json_t *range, *event;
    json_array_foreach(json_object_get(affected, "ranges"), i, range)
    {
        struct events es = {.count = 0};
        if (slice_eq(text_of(range, "type"), S("GIT")))
            continue;
        json_array_foreach(json_object_get(range, "events"), j, event)
            TRY(read_event(a, event, &es));
        sort_events(a, &es);
        add_pairs(&es, line);
    }
    return NULL;
}

/* Single versions; those that are not semantic are of other tools. */
static void read_versions(struct arena *a, const json_t *affected, struct buf *line)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(affected, "versions"), i, item)
    {
        struct slice version = slice_of(json_string_value(item));
        if (slice_starts(version, S("v")))
            version = slice_skip(version, 1);
        if (is_version(a, version))
            buf_printf(line, " %.*s,=%.*s", SLICE_ARG(version), SLICE_ARG(version));
    }
}

static enum severity severity_of(const json_t *entry, const json_t *affected)
{
    enum severity s =
        severity_parse(text_of(json_object_get(affected, "database_specific"), "severity"));
    if (s == SEVERITY_UNKNOWN)
        s = severity_parse(text_of(json_object_get(entry, "database_specific"), "severity"));
    return s;
}

static struct error *read_affected(struct arena *a, const json_t *entry, const json_t *affected,
                                   struct slice id, struct buf *out)
{
    const json_t *package = json_object_get(affected, "package");
    struct slice path = text_of(package, "name");
    if (!slice_eq(text_of(package, "ecosystem"), S("Go")))
        return NULL;
    if (!is_word(path))
        return error_new(a, STATUS_BAD_SYNTAX, "a package of Go has no usable name");
    BUF_SCOPED(line);
    TRY(read_ranges(a, affected, &line));
    read_versions(a, affected, &line);
    bool says_none = json_array_size(json_object_get(affected, "ranges")) +
                     json_array_size(json_object_get(affected, "versions"));
    if (line.n == 0 && says_none)
        return NULL; /* its ranges name nothing that is a version of Go */
    buf_printf(out, "%.*s %.*s %s%.*s\n", SLICE_ARG(path), SLICE_ARG(id),
               severity_name(severity_of(entry, affected)), SLICE_ARG(buf_slice(&line)));
    return NULL;
}

static struct error *read_entry(struct arena *a, const json_t *entry, struct slice *id,
                                struct buf *out)
{
    size_t i;
    json_t *affected;
    *id = arena_dup(a, text_of(entry, "id"));
    if (!is_word(*id) || slice_find(*id, '/') >= 0)
        return error_new(a, STATUS_BAD_SYNTAX, "the entry has no id");
    if (json_object_get(entry, "withdrawn"))
        return NULL;
    json_array_foreach(json_object_get(entry, "affected"), i, affected)
        TRY_CTX(a, read_affected(a, entry, affected, *id, out), "%s", id->p);
    return NULL;
}

struct error *osv_read(struct arena *a, struct slice json, struct slice *id, struct buf *out)
{
    json_error_t why;
    json_t *entry = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(entry)) {
        json_decref(entry);
        return error_new(a, STATUS_BAD_SYNTAX, "not a JSON object: %s (line %d)", why.text,
                         why.line);
    }
    struct error *err = read_entry(a, entry, id, out);
    json_decref(entry);
    return err;
}
