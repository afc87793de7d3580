/*
 * What go.mod and go.work have in common beyond syntax: values of tokens, faults, and the
 * directives that both know. Pure. [any]
 */
#ifndef MODGATE_GOMOD_DIRECTIVE_PRIV_H
#define MODGATE_GOMOD_DIRECTIVE_PRIV_H

#include "gomod/modfile.h"
#include "gomod/modsyntax_priv.h"

/* A file that is being read. */
struct mod_reader {
    struct arena *a;
    struct slice name;
    struct mod_fault *faults;
    size_t n_faults;
    size_t n_unlisted; /* faults beyond those that are kept */
};

/* A statement: a line of its own, or one of a block. */
struct mod_directive {
    struct slice verb;
    const struct slice *args;
    size_t n_args;
    const struct mod_line *line;
    const struct mod_line *block; /* the head of its block; NULL: none */
};

/*
 * Calls fn for each directive below stmt. Blocks whose verb is not in block_verbs (NULL-terminated)
 * are faults when is_strict, else passed over.
 */
typedef void (*directive_fn)(void *arg, struct mod_reader *r, const struct mod_directive *d);
void directive_each(struct mod_reader *r, const struct mod_stmt *stmt,
                    const char *const *block_verbs, bool is_strict, directive_fn fn, void *arg);

/* Notes that something is wrong in that line. */
void directive_fault(struct mod_reader *r, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The error that stands for all faults; NULL when there are none. */
struct error *directive_error(struct mod_reader *r);

/* Room for one more item in an array in the arena; returns where the array is now. */
void *directive_room(struct arena *a, void *items, size_t n, size_t item_size);
#define DIRECTIVE_ADD(r, items, n, item)                                                           \
    do {                                                                                           \
        (items) = directive_room((r)->a, (items), (n), sizeof(*(items)));                          \
        (items)[(n)++] = (item);                                                                   \
    } while (0)

/* The value of a token. Errors: BAD_SYNTAX. */
struct error *directive_string(struct mod_reader *r, struct slice token, struct slice *out);
/* The canonical form of a token that is a version. Errors: BAD_SYNTAX, BAD_VERSION. */
struct error *directive_version(struct mod_reader *r, struct slice token, struct slice *out);
/*
 * The comments of a directive, or of its block when it has none, without slashes, line by line. In
 * the arena or in the file.
 */
struct slice directive_comment(struct mod_reader *r, const struct mod_directive *d);

/* "1.21", "1.21.3", "1.22rc1". */
bool directive_is_go_version(struct slice s);
/* The directives. Each says what is wrong by itself. */
void directive_go(struct mod_reader *r, const struct mod_directive *d, bool is_strict,
                  struct slice *go);
void directive_toolchain(struct mod_reader *r, const struct mod_directive *d,
                         struct slice *toolchain);
bool directive_godebug(struct mod_reader *r, const struct mod_directive *d,
                       struct mod_godebug *out);
bool directive_replace(struct mod_reader *r, const struct mod_directive *d,
                       struct mod_replace *out);
/* A directive with one string as its argument. */
bool directive_name(struct mod_reader *r, const struct mod_directive *d, struct mod_name *out);
/* The path of a directive, whose major suffix must be well-formed; path_major is its suffix. */
bool directive_module_path(struct mod_reader *r, const struct mod_directive *d, struct slice token,
                           struct slice *path, struct slice *path_major);

#endif
