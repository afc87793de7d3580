/*
 * Tokens to statements. A comment above a statement belongs to it when no blank line is between
 * them; a comment behind something belongs to the last thing that ended before it and lies on one
 * line (`anchor`): so the rare string with an escaped newline passes its comment on to what stands
 * before it, as the go command has it. There is no recursion: blocks do not nest.
 */
#include "gomod/modsyntax_priv.h"

#include "gomod/modfile.h"
#include "gomod/modlex_priv.h"

struct parser {
    struct arena *a;
    struct modlex lx;
    struct mod_comment_list *anchor; /* where a suffix comment goes */
    struct mod_comment_list dropped; /* for comments that nothing stands before */
    struct buf tokens;               /* struct slice of the statement being read */
};

static void add_comment(struct parser *ps, struct mod_comment_list *list, struct slice text)
{
    struct mod_comment *comment = ARENA_NEW(ps->a, struct mod_comment);
    comment->text = text;
    if (list->last)
        list->last->next = comment;
    else
        list->first = comment;
    list->last = comment;
}

static void add_token(struct parser *ps, const struct modlex_token *token)
{
    buf_add(&ps->tokens, slice_make((const char *)&token->text, sizeof(token->text)));
}

/* Moves the tokens that were read into the arena, and lets comments behind them follow. */
static void end_line(struct parser *ps, struct mod_line *line, bool is_on_one_line)
{
    line->n_tokens = ps->tokens.n / sizeof(struct slice);
    struct slice *tokens = ARENA_ARRAY(ps->a, struct slice, line->n_tokens);
    memcpy(tokens, ps->tokens.p, ps->tokens.n);
    line->tokens = tokens;
    buf_clear(&ps->tokens);
    if (is_on_one_line)
        ps->anchor = &line->comments.suffix;
}

/* Takes what ends a line. */
static struct error *take_line_end(struct parser *ps)
{
    struct modlex_token token;
    TRY(modlex_take(&ps->lx, &token));
    if (token.kind == MODLEX_SUFFIX)
        add_comment(ps, ps->anchor, token.text);
    return NULL;
}

/* A line of a block. */
static struct error *parse_block_line(struct parser *ps, struct mod_line *line)
{
    struct modlex_token token;
    bool is_on_one_line = true;
    line->line = ps->lx.next.line;
    while (!modlex_ends_line(ps->lx.next.kind)) {
        TRY(modlex_take(&ps->lx, &token));
        add_token(ps, &token);
        is_on_one_line = is_on_one_line && token.end_line == line->line;
    }
    end_line(ps, line, is_on_one_line);
    return take_line_end(ps);
}

/* Comments and blank lines that were read in a block, for the line that follows. */
static struct error *take_block_comment(struct parser *ps, struct mod_comment_list *before,
                                        bool is_first)
{
    struct modlex_token token;
    TRY(modlex_take(&ps->lx, &token));
    if (token.kind == MODLEX_SUFFIX) {
        add_comment(ps, ps->anchor, token.text);
    } else if (token.kind == MODLEX_COMMENT) {
        add_comment(ps, before, token.text);
    } else {
        /* Blank lines at the start of a block, and more than one at a time, do not count. */
        bool is_kept = before->last ? before->last->text.n > 0 : !is_first;
        if (is_kept)
            add_comment(ps, before, S(""));
    }
    return NULL;
}

/* The closing parenthesis, with nothing but a comment behind it. */
static struct error *close_block(struct parser *ps, struct mod_comment_list *close_suffix)
{
    struct modlex_token token;
    TRY(modlex_take(&ps->lx, &token));
    if (!modlex_ends_line(ps->lx.next.kind))
        return modlex_error(&ps->lx, "expected a newline after the closing parenthesis");
    ps->anchor = close_suffix;
    return take_line_end(ps);
}

static struct error *unterminated(struct parser *ps, int line)
{
    return modlex_error(&ps->lx, arena_printf(ps->a, "the block of line %d is not closed", line).p);
}

/* What stands between a block's parentheses, and the closing one. */
static struct error *parse_block(struct parser *ps, struct mod_stmt *stmt)
{
    struct mod_comment_list before = {0};
    struct mod_line **end = &stmt->lines;
    for (;;) {
        switch (ps->lx.next.kind) {
        case MODLEX_NEWLINE:
        case MODLEX_SUFFIX:
        case MODLEX_COMMENT:
            TRY(take_block_comment(ps, &before, !stmt->lines));
            break;
        case MODLEX_END:
            return unterminated(ps, stmt->head.line);
        case MODLEX_CLOSE:
            return close_block(ps, &ARENA_NEW(ps->a, struct mod_comments)->suffix);
        default: {
            struct mod_line *line = ARENA_NEW(ps->a, struct mod_line);
            line->comments.before = before;
            before = (struct mod_comment_list){0};
            *end = line;
            end = &line->next;
            TRY(parse_block_line(ps, line));
        }
        }
    }
}

/* Called behind '('. Sets *opens when a block begins here; else the '(' was a token. */
static struct error *try_block(struct parser *ps, const struct modlex_token *open,
                               struct mod_stmt *stmt, bool *opens)
{
    struct modlex_token close;
    *opens = modlex_ends_line(ps->lx.next.kind);
    if (*opens) {
        end_line(ps, &stmt->head, false);
        ps->anchor = &ARENA_NEW(ps->a, struct mod_comments)->suffix;
        return parse_block(ps, stmt);
    }
    if (ps->lx.next.kind != MODLEX_CLOSE) {
        add_token(ps, open);
        return NULL;
    }
    TRY(modlex_take(&ps->lx, &close));
    *opens = modlex_ends_line(ps->lx.next.kind);
    if (*opens) {
        end_line(ps, &stmt->head, false);
        ps->anchor = &ARENA_NEW(ps->a, struct mod_comments)->suffix;
        return take_line_end(ps);
    }
    add_token(ps, open);
    add_token(ps, &close);
    return NULL;
}

static struct error *parse_stmt(struct parser *ps, struct mod_stmt *stmt)
{
    struct modlex_token token;
    TRY(modlex_take(&ps->lx, &token));
    stmt->head.line = token.line;
    add_token(ps, &token);
    bool is_on_one_line = token.end_line == token.line;
    while (!modlex_ends_line(ps->lx.next.kind)) {
        TRY(modlex_take(&ps->lx, &token));
        if (token.kind == MODLEX_OPEN) {
            TRY(try_block(ps, &token, stmt, &stmt->is_block));
            if (stmt->is_block)
                return NULL;
            continue;
        }
        add_token(ps, &token);
        is_on_one_line = is_on_one_line && token.end_line == stmt->head.line;
    }
    end_line(ps, &stmt->head, is_on_one_line);
    return take_line_end(ps);
}

static struct error *parse_file(struct parser *ps, struct mod_stmt **end)
{
    struct mod_comment_list before = {0};
    struct modlex_token token;
    while (ps->lx.next.kind != MODLEX_END) {
        switch (ps->lx.next.kind) {
        case MODLEX_NEWLINE: /* comments above a blank line stand alone */
            TRY(modlex_take(&ps->lx, &token));
            if (before.first)
                ps->anchor = &ARENA_NEW(ps->a, struct mod_comments)->suffix;
            before = (struct mod_comment_list){0};
            break;
        case MODLEX_COMMENT:
            TRY(modlex_take(&ps->lx, &token));
            add_comment(ps, &before, token.text);
            break;
        default: {
            struct mod_stmt *stmt = ARENA_NEW(ps->a, struct mod_stmt);
            stmt->head.comments.before = before;
            before = (struct mod_comment_list){0};
            *end = stmt;
            end = &stmt->next;
            TRY(parse_stmt(ps, stmt));
        }
        }
    }
    return NULL;
}

struct error *modsyntax_parse(struct arena *a, struct slice name, struct slice file,
                              struct mod_stmt **out)
{
    if (file.n > MODFILE_MAX_BYTES)
        return error_new(a, STATUS_TOO_LARGE, "%.*s: %zu bytes, more than %zu", SLICE_ARG(name),
                         file.n, MODFILE_MAX_BYTES);
    struct parser ps = {.a = a};
    ps.anchor = &ps.dropped;
    *out = NULL;
    struct error *err = modlex_start(&ps.lx, a, name, file);
    if (!err)
        err = parse_file(&ps, out);
    buf_release(&ps.tokens);
    return err;
}
