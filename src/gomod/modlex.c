/*
 * The lexer is a token ahead of its reader. Bytes that are no UTF-8 count as printable, as they do
 * for the go command: only what is made of a token decides whether it is any good.
 */
#include "gomod/modlex_priv.h"

#include "gomod/modfile.h"
#include "gomod/text.h"

/* "//" or, with a star as second, what C would begin a comment with. */
static bool at_comment(const struct modlex *lx, char second)
{
    return lx->rest.n >= 2 && lx->rest.p[0] == '/' && lx->rest.p[1] == second;
}

/* Reads one rune; in a file of one line, columns count runes. */
static uint32_t read_rune(struct modlex *lx)
{
    uint32_t rune;
    lx->rest = slice_skip(lx->rest, rune_decode(lx->rest, &rune));
    if (rune == '\n') {
        lx->line++;
        lx->line_start = lx->rest.p;
        lx->line_has_token = false;
    }
    return rune;
}

static uint32_t peek_rune(const struct modlex *lx)
{
    uint32_t rune;
    rune_decode(lx->rest, &rune);
    return lx->rest.n ? rune : 0;
}

struct error *modlex_error(struct modlex *lx, const char *what)
{
    struct slice before = slice_make(lx->line_start, (size_t)(lx->rest.p - lx->line_start));
    int column = 1;
    for (uint32_t rune; before.n; column++)
        before = slice_skip(before, rune_decode(before, &rune));
    return error_new(lx->a, STATUS_BAD_SYNTAX, "%.*s:%d:%d: %s", SLICE_ARG(lx->name), lx->line,
                     column, what);
}

static struct error *slash_star_error(struct modlex *lx)
{
    return modlex_error(lx, "comments begin with //, /* is not known here");
}

/* Ends the token that began with from; what is after it was not read yet. */
static void end_token(struct modlex *lx, enum modlex_kind kind, struct slice from)
{
    lx->next.kind = kind;
    lx->next.text = slice_head(from, from.n - lx->rest.n);
    lx->next.end_line = lx->line;
    if (kind == MODLEX_WORD || kind == MODLEX_OPEN || kind == MODLEX_CLOSE)
        lx->line_has_token = true;
}

static void read_comment(struct modlex *lx)
{
    enum modlex_kind kind = lx->line_has_token ? MODLEX_SUFFIX : MODLEX_COMMENT;
    struct slice from = lx->rest;
    ptrdiff_t end = slice_find(from, '\n');
    lx->rest = slice_skip(from, end < 0 ? from.n : (size_t)end);
    end_token(lx, kind, from);
    if (end >= 0) {
        if (slice_ends(lx->next.text, S("\r")))
            lx->next.text.n--;
        read_rune(lx);
    }
}

/* A string goes on to its closing quote on the same line; only an escaped newline may be in it. */
static struct error *read_string(struct modlex *lx)
{
    struct modlex start = *lx;
    uint32_t quote = read_rune(lx), rune;
    do {
        if (lx->rest.n == 0)
            return modlex_error(&start, "the string is not closed");
        if (peek_rune(lx) == '\n')
            return modlex_error(lx, "newline in string");
        rune = read_rune(lx);
        if (rune == '\\' && quote != '`') {
            if (lx->rest.n == 0)
                return modlex_error(&start, "the string is not closed");
            read_rune(lx);
        }
    } while (rune != quote);
    end_token(lx, MODLEX_WORD, start.rest);
    return NULL;
}

static bool is_name_rune(uint32_t rune)
{
    switch (rune) {
    case ' ':
    case '(':
    case ')':
    case '[':
    case ']':
    case '{':
    case '}':
    case ',':
        return false;
    default:
        return rune_is_print(rune) && !rune_is_space(rune);
    }
}

static struct error *read_name(struct modlex *lx)
{
    struct slice from = lx->rest;
    if (!is_name_rune(peek_rune(lx))) {
        uint32_t rune;
        size_t n = rune_decode(lx->rest, &rune);
        const char *text = text_quote(lx->a, slice_head(lx->rest, n));
        return modlex_error(lx, arena_printf(lx->a, "unexpected character %s", text).p);
    }
    while (is_name_rune(peek_rune(lx)) && !at_comment(lx, '/')) {
        if (at_comment(lx, '*'))
            return slash_star_error(lx);
        read_rune(lx);
    }
    end_token(lx, MODLEX_WORD, from);
    return NULL;
}

static struct error *read_punctuation(struct modlex *lx)
{
    struct slice from = lx->rest;
    uint32_t rune = read_rune(lx);
    end_token(lx, rune == '(' ? MODLEX_OPEN : rune == ')' ? MODLEX_CLOSE : MODLEX_WORD, from);
    return NULL;
}

static bool is_skipped(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct error *read_token(struct modlex *lx)
{
    while (lx->rest.n && is_skipped(lx->rest.p[0]))
        lx->rest = slice_skip(lx->rest, 1);
    lx->next = (struct modlex_token){.line = lx->line, .end_line = lx->line};
    if (lx->rest.n == 0)
        return NULL;
    if (lx->tokens_left-- == 0)
        return error_new(lx->a, STATUS_TOO_LARGE, "%.*s:%d: more than %zu tokens",
                         SLICE_ARG(lx->name), lx->line, MODFILE_MAX_TOKENS);
    if (at_comment(lx, '/')) {
        read_comment(lx);
        return NULL;
    }
    if (at_comment(lx, '*'))
        return slash_star_error(lx);
    switch (lx->rest.p[0]) {
    case '\n':
        lx->next.kind = MODLEX_NEWLINE;
        read_rune(lx);
        return NULL;
    case '"':
    case '`':
        return read_string(lx);
    case '(':
    case ')':
    case '[':
    case ']':
    case '{':
    case '}':
    case ',':
        return read_punctuation(lx);
    default:
        return read_name(lx);
    }
}

struct error *modlex_start(struct modlex *lx, struct arena *a, struct slice name, struct slice file)
{
    *lx = (struct modlex){
        .a = a,
        .name = name,
        .rest = file,
        .line_start = file.p,
        .line = 1,
        .tokens_left = MODFILE_MAX_TOKENS,
    };
    return read_token(lx);
}

struct error *modlex_take(struct modlex *lx, struct modlex_token *token)
{
    *token = lx->next;
    return read_token(lx);
}
