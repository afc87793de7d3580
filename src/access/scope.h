/*
 * Scopes: what somebody may do. One is written REPOSITORIES:PATTERNS:ACTIONS, several are separated
 * by ';':
 *
 *   *:example.com,golang.org/x:read; internal:corp.example/team:publish
 *
 * REPOSITORIES are globs over names of repositories, PATTERNS module path patterns in GOPRIVATE's
 * syntax, ACTIONS some of read, publish and admin. Each action includes those before it. Pure.
 * [any]
 */
#ifndef MODGATE_ACCESS_SCOPE_H
#define MODGATE_ACCESS_SCOPE_H

#include "base/base.h"

/* In order: who may do one may do those before it. */
enum access_action { ACTION_READ, ACTION_PUBLISH, ACTION_ADMIN };
/* "read", "publish", "admin". */
const char *access_action_name(enum access_action action);

struct scope {
    struct slice repos;
    struct slice patterns;
    enum access_action action; /* the most that it allows */
};

struct scopes {
    struct scope *rows;
    size_t count;
};

enum { SCOPES_MAX = 64, SCOPE_TEXT_MAX_BYTES = 8192 };

/*
 * The scopes of the text, in the arena; empty text has none. BAD_CONFIG, with the scope in its
 * text, for what is malformed or beyond the bounds above.
 */
struct error *scopes_parse(struct arena *a, struct slice text, struct scopes *out) MUST_CHECK;
/* As scopes_parse() reads it, in the arena. */
struct slice scopes_format(struct arena *a, const struct scopes *s);
/* Both together, copied into the arena. */
struct scopes scopes_join(struct arena *a, const struct scopes *first, const struct scopes *second);

/* Whether the action is allowed on that module path in that repository. */
bool scopes_allow(const struct scopes *s, struct slice repo, struct slice path,
                  enum access_action action);
/* Whether it is allowed on some path there. */
bool scopes_allow_some(const struct scopes *s, struct slice repo, enum access_action action);
/* Whether it is allowed on every path there: by a pattern that is "*". */
bool scopes_allow_all(const struct scopes *s, struct slice repo, enum access_action action);

#endif
