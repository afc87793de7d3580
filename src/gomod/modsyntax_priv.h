/*
 * The syntax that go.mod and go.work share: statements of tokens, alone or in a block, with the
 * comments that belong to them. What the statements mean is told in modfile.c and gowork.c. Source
 * of the rules: go.dev/ref/mod#go-mod-file-lexical and golang.org/x/mod/modfile. Pure. [any]
 */
#ifndef MODGATE_GOMOD_MODSYNTAX_PRIV_H
#define MODGATE_GOMOD_MODSYNTAX_PRIV_H

#include "base/base.h"

/* One comment with its slashes, without its line end; an empty text stands for a blank line. */
struct mod_comment {
    struct mod_comment *next;
    struct slice text;
};

struct mod_comment_list {
    struct mod_comment *first, *last;
};

struct mod_comments {
    struct mod_comment_list before; /* on lines of their own, right above */
    struct mod_comment_list suffix; /* behind it, on the same line */
};

struct mod_line {
    struct mod_line *next;
    const struct slice *tokens; /* as written, quotes included; parts of the file */
    size_t n_tokens;            /* at least 1 */
    int line;
    struct mod_comments comments;
};

/* A statement. A block has the tokens before its '(' in head. */
struct mod_stmt {
    struct mod_stmt *next;
    bool is_block;
    struct mod_line head;
    struct mod_line *lines; /* of a block */
};

/*
 * Parses a whole file into the arena; file must outlive the result. name is for messages. Errors:
 * BAD_SYNTAX ("name:line:column: …"), TOO_LARGE.
 */
struct error *modsyntax_parse(struct arena *a, struct slice name, struct slice file,
                              struct mod_stmt **out) MUST_CHECK;

#endif
