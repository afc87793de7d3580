#include "access/scope.h"

#include "base/glob.h"

#include "gomod/module.h"

static const char *const action_names[] = {
    [ACTION_READ] = "read",
    [ACTION_PUBLISH] = "publish",
    [ACTION_ADMIN] = "admin",
};

const char *access_action_name(enum access_action action)
{
    return action_names[action];
}

static bool is_letter_of(struct slice text, const char *others)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && (c == '\0' || !strchr(others, c)))
            return false;
    }
    return true;
}

/* The list without blanks around its parts; false when a part is empty or has other letters. */
static bool tidy_list(struct arena *a, struct slice list, const char *others, struct slice *out)
{
    BUF_SCOPED(b);
    while (list.p) {
        struct slice part = slice_trim(slice_cut(&list, ','));
        if (part.n == 0 || !is_letter_of(part, others))
            return false;
        buf_printf(&b, "%s%.*s", b.n ? "," : "", SLICE_ARG(part));
    }
    *out = arena_dup(a, buf_slice(&b));
    return true;
}

static bool parse_actions(struct slice list, enum access_action *out)
{
    *out = ACTION_READ;
    while (list.p) {
        struct slice word = slice_trim(slice_cut(&list, ','));
        size_t i = 0;
        while (i < ARRAY_LEN(action_names) && !slice_eq(word, slice_of(action_names[i])))
            i++;
        if (i == ARRAY_LEN(action_names))
            return false;
        if (i > *out)
            *out = (enum access_action)i;
    }
    return true;
}

static struct error *parse_one(struct arena *a, struct slice text, struct scope *out)
{
    struct slice rest = text;
    struct slice repos = slice_cut(&rest, ':');
    struct slice patterns = rest.p ? slice_cut(&rest, ':') : S("");
    struct slice shown = slice_head(text, 100);
    if (!rest.p || slice_find(rest, ':') >= 0)
        return error_new(a, STATUS_BAD_CONFIG,
                         "the scope '%.*s' is not REPOSITORIES:PATTERNS:ACTIONS, like "
                         "*:corp.example/team:read",
                         SLICE_ARG(shown));
    if (!tidy_list(a, repos, "*-_.", &out->repos))
        return error_new(a, STATUS_BAD_CONFIG,
                         "the scope '%.*s' names no repositories; write * for all",
                         SLICE_ARG(shown));
    if (!tidy_list(a, patterns, "*?-_.~+/", &out->patterns))
        return error_new(a, STATUS_BAD_CONFIG,
                         "the scope '%.*s' has no module path patterns; write globs as in "
                         "GOPRIVATE, * for all",
                         SLICE_ARG(shown));
    if (!parse_actions(rest, &out->action))
        return error_new(a, STATUS_BAD_CONFIG,
                         "the scope '%.*s' allows something else than read, publish or admin",
                         SLICE_ARG(shown));
    return NULL;
}

struct error *scopes_parse(struct arena *a, struct slice text, struct scopes *out)
{
    struct scope *rows = ARENA_ARRAY(a, struct scope, SCOPES_MAX);
    size_t count = 0;
    if (text.n > SCOPE_TEXT_MAX_BYTES)
        return error_new(a, STATUS_BAD_CONFIG, "scopes of more than %d bytes",
                         SCOPE_TEXT_MAX_BYTES);
    while (text.p) {
        struct slice one = slice_trim(slice_cut(&text, ';'));
        if (one.n == 0)
            continue;
        if (count == SCOPES_MAX)
            return error_new(a, STATUS_BAD_CONFIG, "more than %d scopes", SCOPES_MAX);
        TRY(parse_one(a, one, &rows[count]));
        count++;
    }
    *out = (struct scopes){rows, count};
    return NULL;
}

struct slice scopes_format(struct arena *a, const struct scopes *s)
{
    BUF_SCOPED(b);
    for (size_t i = 0; i < s->count; i++)
        buf_printf(&b, "%s%.*s:%.*s:%s", i ? "; " : "", SLICE_ARG(s->rows[i].repos),
                   SLICE_ARG(s->rows[i].patterns), action_names[s->rows[i].action]);
    return arena_dup(a, buf_slice(&b));
}

static void copy_scopes(struct arena *a, struct scope *to, const struct scopes *from)
{
    for (size_t i = 0; i < from->count; i++)
        to[i] = (struct scope){arena_dup(a, from->rows[i].repos),
                               arena_dup(a, from->rows[i].patterns), from->rows[i].action};
}

struct scopes scopes_join(struct arena *a, const struct scopes *first, const struct scopes *second)
{
    struct scopes both = {.count = first->count + second->count};
    both.rows = ARENA_ARRAY(a, struct scope, both.count);
    copy_scopes(a, both.rows, first);
    copy_scopes(a, both.rows + first->count, second);
    return both;
}

static bool is_about(const struct scope *s, struct slice repo, enum access_action action)
{
    return s->action >= action && glob_match_list(s->repos, repo);
}

bool scopes_allow(const struct scopes *s, struct slice repo, struct slice path,
                  enum access_action action)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct scope *row = &s->rows[i];
        if (is_about(row, repo, action) && module_match_prefix_patterns(row->patterns, path))
            return true;
    }
    return false;
}

bool scopes_allow_some(const struct scopes *s, struct slice repo, enum access_action action)
{
    for (size_t i = 0; i < s->count; i++) {
        if (is_about(&s->rows[i], repo, action))
            return true;
    }
    return false;
}

bool scopes_allow_all(const struct scopes *s, struct slice repo, enum access_action action)
{
    for (size_t i = 0; i < s->count; i++) {
        struct slice list = s->rows[i].patterns;
        while (is_about(&s->rows[i], repo, action) && list.p) {
            if (slice_eq(slice_cut(&list, ','), S("*")))
                return true;
        }
    }
    return false;
}
