/* Tokens of go.mod and go.work files. Used by modsyntax.c only. Pure. [any] */
#ifndef MODGATE_GOMOD_MODLEX_PRIV_H
#define MODGATE_GOMOD_MODLEX_PRIV_H

#include "base/base.h"

enum modlex_kind {
    MODLEX_END,
    MODLEX_NEWLINE,
    MODLEX_COMMENT, /* alone on its line; takes the line's end with it */
    MODLEX_SUFFIX,  /* a comment behind something; takes the line's end with it */
    MODLEX_OPEN,
    MODLEX_CLOSE,
    MODLEX_WORD, /* a name, a quoted string, or other punctuation */
};

struct modlex_token {
    enum modlex_kind kind;
    struct slice text; /* a part of the file */
    int line;          /* where it begins */
    int end_line;      /* differs from line in a string with an escaped newline */
};

struct modlex {
    struct arena *a;          /* of errors */
    struct slice name;        /* of the file, for messages */
    struct slice rest;        /* not read yet */
    const char *line_start;   /* of the line that rest begins in */
    int line;                 /* its number */
    bool line_has_token;      /* before rest */
    size_t tokens_left;       /* that may still be read */
    struct modlex_token next; /* read already, not taken */
};

/* Starts on a file and reads the first token. */
struct error *modlex_start(struct modlex *lx, struct arena *a, struct slice name,
                           struct slice file) MUST_CHECK;
/* Takes the next token and reads the one after it. Behind the last there are END tokens. */
struct error *modlex_take(struct modlex *lx, struct modlex_token *token) MUST_CHECK;
/* A syntax error at the place that was read last. */
struct error *modlex_error(struct modlex *lx, const char *what);

/* True for what ends a statement. */
static inline bool modlex_ends_line(enum modlex_kind kind)
{
    return kind == MODLEX_NEWLINE || kind == MODLEX_SUFFIX || kind == MODLEX_END;
}

#endif
