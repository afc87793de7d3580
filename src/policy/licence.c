/*
 * Recognition of licence texts. A text becomes a row of words (numbers made of their letters), so
 * that wrapping, case and punctuation are gone. A licence is found where its phrases follow each
 * other with no more words in between than its slack: a clause that was added makes it another
 * text. What was found is crossed out; when enough is left to be a licence, that one is unknown.
 */
#include "policy/licence.h"

#define NOASSERTION S("NOASSERTION")

enum {
    MAX_CONTENT_BYTES = 1 << 20, /* go's own limit is 16 MiB; licences are some 40 KiB */
    LEFT_OVER_WORDS = 150,       /* the shortest licences have about as many */
    TAIL_WORDS = 900,            /* the longest appendix */
};

struct words {
    uint32_t *hash; /* of each word */
    bool *is_found;
    size_t count;
};

static const struct licence {
    struct slice id;
    size_t slack;
    struct slice phrases, never, tail;
} licences[] = {
#define LICENCE(id, slack, phrases, never, tail) {S(id), slack, S(phrases), S(never), S(tail)},
#include "policy/licences.def"
#undef LICENCE
};

bool licence_is_file(struct slice name)
{
    static const char *const names[] = {"license", "licence", "copying", "unlicense"};
    if (slice_ends(name, S(".go")))
        return false; /* a program about licences */
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct slice start = slice_of(names[i]), rest = slice_skip(name, start.n);
        if (slice_eq_nocase(slice_head(name, start.n), start) && name.n >= start.n &&
            slice_find(name, '/') < 0 && (rest.n == 0 || strchr(".-_", rest.p[0])))
            return true;
    }
    return false;
}

/* ---- words ---- */

/* Letters and digits of ASCII in small letters; 0 for all else. */
static char letter(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c + ('a' - 'A'));
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : 0;
}

/* Takes the next word: its hash (FNV-1a); 0 at the end. */
static uint32_t next_word(struct slice *text)
{
    uint32_t hash = 2166136261u;
    while (text->n && !letter(text->p[0]))
        *text = slice_skip(*text, 1);
    if (text->n == 0)
        return 0;
    while (text->n && letter(text->p[0])) {
        hash = (hash ^ (unsigned char)letter(text->p[0])) * 16777619u;
        *text = slice_skip(*text, 1);
    }
    return hash ? hash : 1;
}

static struct words words_of(struct arena *a, struct slice text)
{
    size_t most = text.n / 2 + 1;
    struct words w = {.hash = ARENA_ARRAY(a, uint32_t, most),
                      .is_found = ARENA_ARRAY(a, bool, most)};
    for (uint32_t hash; (hash = next_word(&text));)
        w.hash[w.count++] = hash;
    return w;
}

/* ---- phrases ---- */

/* The words of the phrase when they stand at that place; 0: they do not. */
static size_t phrase_at(const struct words *w, size_t at, struct slice phrase)
{
    size_t n = 0;
    for (uint32_t hash; (hash = next_word(&phrase)); n++) {
        if (at + n >= w->count || w->hash[at + n] != hash)
            return 0;
    }
    return n;
}

/* Where the phrase stands next, before limit; w->count: nowhere. */
static size_t find_phrase(const struct words *w, size_t from, size_t limit, struct slice phrase,
                          size_t *n)
{
    for (size_t at = from; at < limit && at < w->count; at++) {
        *n = phrase_at(w, at, phrase);
        if (*n)
            return at;
    }
    return w->count;
}

/* Where the licence that begins with its first phrase at that place ends; 0: it is none. */
static size_t match_at(const struct words *w, size_t at, const struct licence *l)
{
    struct slice rest = l->phrases;
    size_t end = at, slack = l->slack, n;
    while (rest.p) {
        size_t found =
            find_phrase(w, end, end + (end == at ? 1 : slack + 1), slice_cut(&rest, '|'), &n);
        if (found == w->count)
            return 0;
        slack -= found - end;
        end = found + n;
    }
    if (l->never.n && find_phrase(w, at, end, l->never, &n) < end)
        return 0;
    if (l->tail.n) {
        size_t tail = find_phrase(w, end, end + TAIL_WORDS, l->tail, &n);
        if (tail < w->count)
            end = tail + n;
    }
    return end;
}

static void add_id(struct licences *ls, struct slice id)
{
    for (size_t i = 0; i < ls->count; i++) {
        if (slice_eq(ls->ids[i], id))
            return;
    }
    if (ls->count == LICENCES_MAX)
        ls->ids[LICENCES_MAX - 1] = NOASSERTION;
    else
        ls->ids[ls->count++] = id;
}

static void cross_out(struct words *w, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        w->is_found[i] = true;
}

static void find_licence(struct words *w, const struct licence *l, struct licences *ls)
{
    struct slice rest = l->phrases;
    struct slice first = slice_cut(&rest, '|');
    uint32_t start = next_word(&first);
    for (size_t at = 0; at < w->count; at++) {
        size_t end = w->hash[at] == start ? match_at(w, at, l) : 0;
        if (end == 0)
            continue;
        add_id(ls, l->id);
        cross_out(w, at, end);
        at = end - 1;
    }
}

static size_t count_left(const struct words *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        n += !w->is_found[i];
    return n;
}

/* ---- files ---- */

/* Copyright lines, of which there may be many, are no text of a licence. */
static bool is_copyright_line(struct slice line)
{
    while (line.n && !letter(line.p[0]) && line.p[0] != '(')
        line = slice_skip(line, 1);
    if (slice_starts(line, S("(c)")) || slice_starts(line, S("(C)")))
        return true;
    if (!slice_eq_nocase(slice_head(line, 9), S("copyright")))
        return false;
    line = slice_trim(slice_skip(line, 9));
    return line.n && (line.p[0] == '(' || (unsigned char)line.p[0] >= 0x80 ||
                      (line.p[0] >= '0' && line.p[0] <= '9'));
}

static struct slice without_copyright(struct arena *a, struct slice text)
{
    BUF_SCOPED(b);
    while (text.p) {
        struct slice line = slice_cut_line(&text);
        if (!is_copyright_line(line)) {
            buf_add(&b, line);
            buf_add_byte(&b, '\n');
        }
    }
    return arena_dup(a, buf_slice(&b));
}

/* Letters of an identifier: "Apache-2.0", "GPL-2.0+", "LicenseRef-corp". */
static bool is_id_letter(char c)
{
    return letter(c) || c == '-' || c == '.' || c == '+' || c == ':';
}

/* The identifiers of an expression, without its operators. */
static void add_expression(struct arena *a, struct slice text, struct licences *ls)
{
    while (text.n) {
        size_t n = 0;
        while (n < text.n && is_id_letter(text.p[n]))
            n++;
        struct slice id = slice_head(text, n);
        if (n > 1 && !slice_eq(id, S("OR")) && !slice_eq(id, S("AND")) && !slice_eq(id, S("WITH")))
            add_id(ls, arena_dup(a, slice_head(id, 64)));
        text = slice_skip(text, n ? n : 1);
    }
}

static bool add_identifiers(struct arena *a, struct slice content, struct licences *ls)
{
    bool has_any = false;
    while (content.p) {
        struct slice line = slice_cut_line(&content);
        ptrdiff_t at = slice_find_slice(line, S("SPDX-License-Identifier:"));
        if (at < 0)
            continue;
        add_expression(a, slice_skip(line, (size_t)at + 24), ls);
        has_any = true;
    }
    return has_any;
}

void licences_add(struct arena *a, struct slice content, struct licences *ls)
{
    if (content.n > MAX_CONTENT_BYTES) {
        add_id(ls, NOASSERTION);
        return;
    }
    if (add_identifiers(a, content, ls))
        return;
    struct words w = words_of(a, without_copyright(a, content));
    for (size_t i = 0; i < ARRAY_LEN(licences); i++)
        find_licence(&w, &licences[i], ls);
    size_t left = count_left(&w);
    if (left > LEFT_OVER_WORDS || (left == w.count && left > 0))
        add_id(ls, NOASSERTION);
}

void licences_end(struct licences *ls)
{
    if (ls->count == 0)
        add_id(ls, NOASSERTION);
}
