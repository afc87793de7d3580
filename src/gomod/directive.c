/*
 * Faults are collected, so that a file's author sees them all at once, but only the first hundred
 * are kept: a broken file of sixteen megabytes must not make as many messages.
 */
#include "gomod/directive_priv.h"

#include "gomod/quote.h"
#include "gomod/text.h"

#include <stdarg.h>

enum { FAULTS_MAX = 100 };

void *directive_room(struct arena *a, void *items, size_t n, size_t item_size)
{
    bool is_full = (n & (n - 1)) == 0; /* the capacity is always a power of two */
    if (n && !is_full)
        return items;
    void *grown = arena_zalloc_array(a, n ? n * 2 : 1, item_size);
    if (n)
        memcpy(grown, items, n * item_size);
    return grown;
}

void directive_fault(struct mod_reader *r, int line, const char *fmt, ...)
{
    if (r->n_faults == FAULTS_MAX) {
        r->n_unlisted++;
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    struct slice what = arena_vprintf(r->a, fmt, ap);
    va_end(ap);
    struct mod_fault fault = {
        line, arena_printf(r->a, "%.*s:%d: %.*s", SLICE_ARG(r->name), line, SLICE_ARG(what))};
    DIRECTIVE_ADD(r, r->faults, r->n_faults, fault);
}

struct error *directive_error(struct mod_reader *r)
{
    if (r->n_faults == 0)
        return NULL;
    size_t more = r->n_faults - 1 + r->n_unlisted;
    struct slice first = r->faults[0].text;
    if (more == 0)
        return error_new(r->a, STATUS_BAD_SYNTAX, "%.*s", SLICE_ARG(first));
    return error_new(r->a, STATUS_BAD_SYNTAX, "%.*s (and %zu more)", SLICE_ARG(first), more);
}

static bool is_block_verb(struct slice verb, const char *const *block_verbs)
{
    for (; *block_verbs; block_verbs++) {
        if (slice_eq(verb, slice_of(*block_verbs)))
            return true;
    }
    return false;
}

void directive_each(struct mod_reader *r, const struct mod_stmt *stmt,
                    const char *const *block_verbs, bool is_strict, directive_fn fn, void *arg)
{
    for (; stmt; stmt = stmt->next) {
        const struct mod_line *head = &stmt->head;
        struct mod_directive d = {.verb = head->tokens[0]};
        if (!stmt->is_block) {
            d.line = head;
            d.args = head->tokens + 1;
            d.n_args = head->n_tokens - 1;
            fn(arg, r, &d);
            continue;
        }
        if (head->n_tokens > 1 || !is_block_verb(d.verb, block_verbs)) {
            if (is_strict)
                directive_fault(r, head->line, "no block of this kind is known: %.*s",
                                SLICE_ARG(d.verb));
            continue;
        }
        d.block = head;
        for (const struct mod_line *line = stmt->lines; line; line = line->next) {
            d.line = line;
            d.args = line->tokens;
            d.n_args = line->n_tokens;
            fn(arg, r, &d);
        }
    }
}

struct error *directive_string(struct mod_reader *r, struct slice token, struct slice *out)
{
    *out = token;
    if (token.n && token.p[0] == '"')
        return go_unquote(r->a, token, out)
                   ? NULL
                   : error_new(r->a, STATUS_BAD_SYNTAX, "invalid quoted string %s",
                               text_quote(r->a, token));
    for (size_t i = 0; i < token.n; i++) {
        if (token.p[i] == '"' || token.p[i] == '\'' || token.p[i] == '`')
            return error_new(r->a, STATUS_BAD_SYNTAX, "quote inside of the unquoted string %s",
                             text_quote(r->a, token));
    }
    return NULL;
}

struct error *directive_version(struct mod_reader *r, struct slice token, struct slice *out)
{
    struct slice written;
    TRY(directive_string(r, token, &written));
    *out = module_canonical_version(r->a, written);
    if (out->n == 0)
        return error_new(r->a, STATUS_BAD_VERSION, "version %s invalid: must be of the form v1.2.3",
                         text_quote(r->a, written));
    return NULL;
}

static void add_comments(struct buf *b, const struct mod_comment *comment, bool *is_first)
{
    for (; comment; comment = comment->next) {
        if (comment->text.n == 0)
            continue;
        if (!*is_first)
            buf_add_byte(b, '\n');
        *is_first = false;
        buf_add(b, text_trim(slice_skip(comment->text, 2)));
    }
}

struct slice directive_comment(struct mod_reader *r, const struct mod_directive *d)
{
    const struct mod_comments *comments = &d->line->comments;
    if (d->block && !comments->before.first && !comments->suffix.first)
        comments = &d->block->comments;
    BUF_SCOPED(b);
    bool is_first = true;
    add_comments(&b, comments->before.first, &is_first);
    add_comments(&b, comments->suffix.first, &is_first);
    return arena_dup(r->a, buf_slice(&b));
}

/* Takes a decimal without leading zeros; zero itself only where it may be. */
static bool take_number(struct slice *s, bool may_be_zero)
{
    size_t n = 0;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    bool is_good = n > 0 && (s->p[0] != '0' || (may_be_zero && n == 1));
    *s = slice_skip(*s, n);
    return is_good;
}

static bool take_dot(struct slice *s)
{
    bool is_dot = s->n && s->p[0] == '.';
    *s = slice_skip(*s, is_dot);
    return is_dot;
}

/* "rc1" at the end of a go version. */
static bool is_prerelease(struct slice s)
{
    size_t letters = 0;
    while (letters < s.n && s.p[letters] >= 'a' && s.p[letters] <= 'z')
        letters++;
    struct slice digits = slice_skip(s, letters);
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return false;
    }
    return letters && digits.n;
}

/* The length of "1.21" at the start of s, or 0. */
static size_t language_version(struct slice s)
{
    struct slice rest = s;
    bool is_good = take_number(&rest, false) && take_dot(&rest) && take_number(&rest, true);
    return is_good ? s.n - rest.n : 0;
}

bool directive_is_go_version(struct slice s)
{
    size_t n = language_version(s);
    struct slice rest = slice_skip(s, n);
    if (n == 0 || (take_dot(&rest) && !take_number(&rest, true)))
        return false;
    return rest.n == 0 || is_prerelease(rest);
}

/* What dependencies may write: "v1.21" and "1.21.x" mean 1.21. Empty when it is not even that. */
static struct slice lax_go_version(struct slice s)
{
    if (s.n && s.p[0] == 'v')
        s = slice_skip(s, 1);
    size_t n = language_version(s);
    return slice_head(s, n < s.n ? n : 0);
}

void directive_go(struct mod_reader *r, const struct mod_directive *d, bool is_strict,
                  struct slice *go)
{
    if (go->n) {
        directive_fault(r, d->line->line, "repeated go statement");
        return;
    }
    if (d->n_args != 1) {
        directive_fault(r, d->line->line, "go takes exactly one argument");
        return;
    }
    struct slice version = d->args[0];
    if (!directive_is_go_version(version))
        version = is_strict ? S("") : lax_go_version(version);
    if (version.n == 0) {
        directive_fault(r, d->line->line, "invalid go version %s: must be of the form 1.23.0",
                        text_quote(r->a, d->args[0]));
        return;
    }
    *go = version;
}

void directive_toolchain(struct mod_reader *r, const struct mod_directive *d,
                         struct slice *toolchain)
{
    if (toolchain->n) {
        directive_fault(r, d->line->line, "repeated toolchain statement");
        return;
    }
    if (d->n_args != 1) {
        directive_fault(r, d->line->line, "toolchain takes exactly one argument");
        return;
    }
    struct slice name = d->args[0];
    if (!slice_eq(name, S("default")) && !slice_eq(name, S("go1")) &&
        !slice_starts(name, S("go1."))) {
        directive_fault(r, d->line->line,
                        "invalid toolchain %s: must be of the form go1.23.0, or default",
                        text_quote(r->a, name));
        return;
    }
    *toolchain = name;
}

static bool has_any(struct slice s, const char *set)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] && strchr(set, s.p[i]))
            return true;
    }
    return false;
}

bool directive_godebug(struct mod_reader *r, const struct mod_directive *d, struct mod_godebug *out)
{
    if (d->n_args == 1 && !has_any(d->args[0], "\"`',") && slice_find(d->args[0], '=') >= 0) {
        *out = (struct mod_godebug){.value = d->args[0], .line = d->line->line};
        out->key = slice_cut(&out->value, '=');
        return true;
    }
    directive_fault(r, d->line->line, "usage: godebug key=value");
    return false;
}

bool directive_name(struct mod_reader *r, const struct mod_directive *d, struct mod_name *out)
{
    out->line = d->line->line;
    if (d->n_args != 1) {
        directive_fault(r, d->line->line, "%.*s takes exactly one argument", SLICE_ARG(d->verb));
        return false;
    }
    struct error *err = directive_string(r, d->args[0], &out->name);
    if (err)
        directive_fault(r, d->line->line, "%.*s: %.*s", SLICE_ARG(d->verb), SLICE_ARG(err->text));
    return !err;
}

bool directive_module_path(struct mod_reader *r, const struct mod_directive *d, struct slice token,
                           struct slice *path, struct slice *path_major)
{
    struct slice prefix;
    struct error *err = directive_string(r, token, path);
    if (!err && !module_split_path_version(*path, &prefix, path_major))
        err = error_new(r->a, STATUS_BAD_PATH, "invalid module path %s", text_quote(r->a, *path));
    if (err)
        directive_fault(r, d->line->line, "%.*s: %.*s", SLICE_ARG(d->verb), SLICE_ARG(err->text));
    return !err;
}
