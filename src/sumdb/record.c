/*
 * Heads, records and lookups. Parsing is strict, because what is let through here is stored under a
 * hash and given to clients for ever: there is one spelling of everything.
 */
#include "sumdb/record.h"

#include "gomod/h1.h"

#define TREE_PREFIX S("go.sum database tree\n")

/* A decimal without sign and leading zeros. */
static bool parse_number(struct slice s, uint64_t *out)
{
    return slice_parse_u64(s, out) && *out < TLOG_MAX_SIZE && (s.n == 1 || s.p[0] != '0');
}

/* The next line with its newline cut off; false when there is no newline. */
static bool take_line(struct slice *rest, struct slice *line)
{
    *line = slice_cut(rest, '\n');
    return rest->p != NULL;
}

bool tree_parse(struct arena *a, struct slice text, struct tlog_tree *out)
{
    struct slice size, root, decoded;
    if (text.n > NOTE_MAX_BYTES || !slice_starts(text, TREE_PREFIX))
        return false;
    text = slice_skip(text, TREE_PREFIX.n);
    if (!take_line(&text, &size) || !take_line(&text, &root))
        return false;
    if (!parse_number(size, &out->size) || !base64_decode(a, root, &decoded) ||
        decoded.n != SHA256_BYTES)
        return false;
    memcpy(out->root.b, decoded.p, SHA256_BYTES);
    return true;
}

struct slice tree_format(struct arena *a, const struct tlog_tree *tree)
{
    return arena_printf(a, "%s%" PRIu64 "\n%s\n", TREE_PREFIX.p, tree->size,
                        tlog_hash_format(a, &tree->root).p);
}

struct error *sumdb_head_open(struct arena *a, struct slice note, const struct note_verifier *v,
                              struct sumdb_head *out)
{
    struct slice text;
    TRY(note_open(a, note, v, &text));
    if (!tree_parse(a, text, &out->tree))
        return error_new(a, STATUS_BAD_ANSWER, "what %.*s signed is no tree head",
                         SLICE_ARG(v->name));
    out->note = note;
    return NULL;
}

/* ---- records ---- */

bool record_is_valid(struct slice text)
{
    char last = '\n'; /* so that it does not begin with a blank line */
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (((unsigned char)c < 0x20 && c != '\n') || (c == '\n' && last == '\n'))
            return false;
        last = c;
    }
    return text.n && last == '\n' && slice_is_utf8(text);
}

struct slice record_format(struct arena *a, uint64_t id, struct slice text)
{
    return arena_printf(a, "%" PRIu64 "\n%.*s\n", id, SLICE_ARG(text));
}

/* The record at the beginning, up to its blank line. */
static bool take_record(struct slice *rest, struct slice *text)
{
    ptrdiff_t end = slice_find_slice(*rest, S("\n\n"));
    if (end < 0)
        return false;
    *text = slice_head(*rest, (size_t)end + 1);
    *rest = slice_skip(*rest, (size_t)end + 2);
    return record_is_valid(*text);
}

/* "<path> <version><suffix> <hash>": the hash, when the line is of this module version. */
static bool match_line(struct slice line, struct module_version mv, struct slice suffix,
                       struct slice *hash)
{
    struct slice path = slice_cut(&line, ' ');
    struct slice version = slice_cut(&line, ' ');
    if (!line.p || !slice_eq(path, mv.path) || !slice_ends(version, suffix))
        return false;
    version.n -= suffix.n;
    *hash = line;
    return slice_eq(version, mv.version);
}

/* The one h1 that the record has of a module version; kinds of hashes yet unknown are skipped. */
static struct error *find_h1(struct arena *a, struct slice text, struct module_version mv,
                             struct slice suffix, struct slice *h1)
{
    *h1 = S("");
    while (text.n) {
        struct slice hash, line = slice_cut(&text, '\n');
        if (!match_line(line, mv, suffix, &hash) || !slice_starts(hash, S("h1:")))
            continue;
        if (h1->n || !h1_is_valid(hash))
            return error_new(a, STATUS_BAD_ANSWER, "the record of %.*s@%.*s%.*s is malformed",
                             SLICE_ARG(mv.path), SLICE_ARG(mv.version), SLICE_ARG(suffix));
        *h1 = hash;
    }
    if (h1->n)
        return NULL;
    return error_new(a, STATUS_BAD_ANSWER, "the record has no line of %.*s %.*s%.*s",
                     SLICE_ARG(mv.path), SLICE_ARG(mv.version), SLICE_ARG(suffix));
}

struct error *sumdb_record_parse(struct arena *a, struct slice answer, struct module_version mv,
                                 struct sumdb_record *out, struct slice *note)
{
    struct slice id;
    *note = answer;
    if (!take_line(note, &id) || !parse_number(id, &out->id) || !take_record(note, &out->text))
        return error_new(a, STATUS_BAD_ANSWER, "this is no answer to a lookup");
    TRY(find_h1(a, out->text, mv, S(""), &out->zip_h1));
    return find_h1(a, out->text, mv, S("/go.mod"), &out->go_mod_h1);
}

bool records_next(struct slice *rest, struct slice *text)
{
    return take_record(rest, text);
}

bool records_head(struct slice tile, size_t count, struct slice *out)
{
    struct slice rest = tile, text;
    for (size_t i = 0; i < count; i++) {
        if (!take_record(&rest, &text))
            return false;
    }
    *out = slice_head(tile, tile.n - rest.n);
    return true;
}
