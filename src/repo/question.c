/*
 * From a request path to a question.
 *
 * The path is percent-decoded first, so that "%21burnt" and "!burnt" are the same key. Module paths
 * and versions are then unescaped by Go's rules, which refuse every other spelling: two different
 * keys never name the same thing.
 */
#include "repo/question.h"

#include "base/encode.h"

#define SIGNATURE_PREFIX "v1/signature/"

enum { MAX_PATH_BYTES = 2048 };

bool question_is_immutable(enum question_kind kind)
{
    return kind == QUESTION_INFO || kind == QUESTION_MOD || kind == QUESTION_ZIP ||
           kind == QUESTION_SUM_TILE;
}

bool question_is_sumdb(enum question_kind kind)
{
    return kind >= QUESTION_SUM_SUPPORTED;
}

static struct error *percent_decode(struct arena *a, struct slice in, struct slice *out)
{
    char *p = arena_alloc(a, in.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        uint8_t byte = (uint8_t)in.p[i];
        if (byte == '%') {
            if (i + 2 >= in.n || !hex_decode(slice_make(in.p + i + 1, 2), &byte))
                return error_new(a, STATUS_BAD_ESCAPE,
                                 "a '%%' in the path is not followed by two "
                                 "hexadecimal digits");
            i += 2;
        }
        if (byte < 0x20 || byte == 0x7f)
            return error_new(a, STATUS_BAD_ESCAPE, "the path has a control character");
        p[n++] = (char)byte;
    }
    p[n] = '\0';
    *out = slice_make(p, n);
    return NULL;
}

/* Cuts a suffix off; false when it is not there. */
static bool cut_suffix(struct slice *s, struct slice suffix)
{
    if (!slice_ends(*s, suffix))
        return false;
    s->n -= suffix.n;
    return true;
}

static bool is_canonical(struct arena *a, struct slice version)
{
    return version.n && slice_eq(module_canonical_version(a, version), version);
}

/*
 * Whether v2.0.0 is asked of a path without "/v2": if the commit has no go.mod, that is what
 * v2.0.0+incompatible is called before it is known to be that. So it is a query like a tag's name.
 */
static bool may_be_incompatible(struct module_version mv)
{
    struct slice prefix, major;
    return module_split_path_version(mv.path, &prefix, &major) && major.n == 0 &&
           !module_match_path_major(mv.version, major);
}

static struct error *parse_version(struct arena *a, struct slice escaped, struct question *q)
{
    TRY(module_unescape_version(a, escaped, &q->mv.version));
    if (slice_starts(q->mv.version, S("-")))
        return error_new(a, STATUS_BAD_VERSION, "%.*s begins with a dash",
                         SLICE_ARG(q->mv.version));
    if (!is_canonical(a, q->mv.version)) {
        if (q->kind != QUESTION_INFO)
            return error_new(a, STATUS_NOT_FOUND, "%.*s is not a canonical version",
                             SLICE_ARG(q->mv.version));
        q->kind = QUESTION_QUERY;
        return NULL;
    }
    if (q->kind == QUESTION_INFO && may_be_incompatible(q->mv)) {
        q->kind = QUESTION_QUERY;
        return NULL;
    }
    struct error *err = module_check(a, q->mv);
    return err ? error_as(a, STATUS_NOT_FOUND, err, "no such version") : NULL;
}

static struct error *parse_module(struct arena *a, struct question *q)
{
    struct slice path = q->key;
    struct slice escaped_version = {0};
    ptrdiff_t at = slice_find_slice(path, S("/@v/"));
    if (at >= 0) {
        escaped_version = slice_skip(path, (size_t)at + 4);
        path = slice_head(path, (size_t)at);
        if (slice_eq(escaped_version, S("list")))
            q->kind = QUESTION_LIST;
        else if (cut_suffix(&escaped_version, S(".info")))
            q->kind = QUESTION_INFO;
        else if (cut_suffix(&escaped_version, S(".mod")))
            q->kind = QUESTION_MOD;
        else if (cut_suffix(&escaped_version, S(".zip")))
            q->kind = QUESTION_ZIP;
        else if (cut_suffix(&escaped_version, S(".zip.sig")))
            q->kind = QUESTION_SIGNATURE;
        else
            return error_new(a, STATUS_UNKNOWN_ROUTE,
                             "below @v/ there are list and .info, .mod, .zip "
                             "and .zip.sig of versions only");
    } else if (cut_suffix(&path, S("/@latest"))) {
        q->kind = QUESTION_LATEST;
    } else {
        return error_new(a, STATUS_UNKNOWN_ROUTE, "this is neither a module request nor a page");
    }
    TRY(module_unescape_path(a, path, &q->mv.path));
    return q->kind == QUESTION_LIST || q->kind == QUESTION_LATEST
               ? NULL
               : parse_version(a, escaped_version, q);
}

static struct error *parse_lookup(struct arena *a, struct question *q)
{
    struct slice rest = slice_skip(q->sumdb_rel, strlen("lookup/"));
    struct slice path = slice_cut(&rest, '@');
    TRY(module_unescape_path(a, path, &q->mv.path));
    TRY(module_unescape_version(a, rest, &q->mv.version));
    q->kind = QUESTION_SUM_LOOKUP;
    if (is_canonical(a, q->mv.version))
        return NULL;
    return error_new(a, STATUS_NOT_FOUND, "%.*s is not a canonical version",
                     SLICE_ARG(q->mv.version));
}

/* The database's name may have slashes; it may not have empty or dotted elements. */
static bool is_sumdb_name(struct slice name)
{
    while (name.p) {
        struct slice part = slice_cut(&name, '/');
        if (part.n == 0 || part.p[0] == '.' || part.p[0] == '-')
            return false;
    }
    return true;
}

static struct error *parse_sumdb(struct arena *a, struct question *q)
{
    struct slice rest = slice_skip(q->key, strlen("sumdb/"));
    struct slice name = rest;
    ptrdiff_t at = slice_find_slice(rest, S("/lookup/"));
    if (at < 0)
        at = slice_find_slice(rest, S("/tile/"));
    if (at >= 0)
        name = slice_head(rest, (size_t)at);
    else if (cut_suffix(&name, S("/supported")))
        q->kind = QUESTION_SUM_SUPPORTED;
    else if (cut_suffix(&name, S("/latest")))
        q->kind = QUESTION_SUM_LATEST;
    else if ((q->is_tlog_tiles = cut_suffix(&name, S("/checkpoint"))))
        q->kind = QUESTION_SUM_LATEST;
    else
        name.n = 0;
    if (!is_sumdb_name(name))
        return error_new(a, STATUS_UNKNOWN_ROUTE,
                         "below /sumdb/<name>/ there are supported, latest, lookup, tile and "
                         "checkpoint only");
    q->sumdb = name;
    q->sumdb_rel = slice_skip(rest, name.n + 1);
    if (slice_starts(q->sumdb_rel, S("lookup/")))
        return parse_lookup(a, q);
    if (slice_starts(q->sumdb_rel, S("tile/"))) {
        q->kind = QUESTION_SUM_TILE;
        q->is_tlog_tiles = tile_parse_c2sp(q->sumdb_rel, &q->tile);
        if (!q->is_tlog_tiles && !tile_parse(q->sumdb_rel, &q->tile))
            return error_new(a, STATUS_NOT_FOUND, "%.*s is not a tile", SLICE_ARG(q->sumdb_rel));
    }
    return NULL;
}

struct error *question_parse(struct arena *a, struct slice path, struct question *out)
{
    *out = (struct question){0};
    if (path.n > MAX_PATH_BYTES)
        return error_new(a, STATUS_BAD_PATH, "the path has %zu bytes, at most %d are allowed",
                         path.n, MAX_PATH_BYTES);
    TRY(percent_decode(a, slice_skip(path, 1), &out->key));
    if (slice_starts(out->key, S("sumdb/")))
        return parse_sumdb(a, out);
    if (slice_starts(out->key, S(SIGNATURE_PREFIX)))
        out->key = arena_printf(a, "%s.zip.sig", out->key.p + strlen(SIGNATURE_PREFIX));
    return parse_module(a, out);
}

void question_copy(struct arena *a, const struct question *q, struct question *out)
{
    *out = (struct question){
        .kind = q->kind,
        .key = arena_dup(a, q->key),
        .mv = {arena_dup(a, q->mv.path), arena_dup(a, q->mv.version)},
        .sumdb = arena_dup(a, q->sumdb),
        .tile = q->tile,
        .sumdb_rel = arena_dup(a, q->sumdb_rel),
        .is_tlog_tiles = q->is_tlog_tiles,
    };
}
