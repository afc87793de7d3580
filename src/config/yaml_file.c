/*
 * The YAML file, read event by event with libyaml: every event carries its line, and what a
 * settings file has no use for (anchors, aliases, tags, several documents) is refused where it
 * stands, so that no alias is ever followed. The walk goes only as deep as the table of settings
 * does; below an unknown key everything is skipped without recursion.
 *
 * Between the functions `w->event` is the event that is looked at; a function that reads a value
 * starts at the value's first event and leaves its last one there.
 */
#include "config/config_priv.h"

#include <yaml.h>

struct walk {
    struct loader *l;
    const char *name; /* of the file, for messages */
    struct slice text;
    yaml_parser_t parser;
    yaml_event_t event; /* YAML_NO_EVENT when it is over */
    size_t line[SETTING_COUNT];
    size_t credentials_line;
    bool is_over; /* after an error from which reading cannot go on */
};

enum { NESTING_MAX = 32 };

static size_t line_of(const yaml_event_t *e)
{
    return e->start_mark.line + 1;
}

#define FINDING(w, line, ...) add_finding((w), (line), __VA_ARGS__)

static void add_finding(struct walk *w, size_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void add_finding(struct walk *w, size_t line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice text = arena_vprintf(w->l->arena, fmt, ap);
    va_end(ap);
    finding_add(&w->l->findings, "%s:%zu: %.*s", w->name, line, SLICE_ARG(text));
}

static bool is_tab_indented(struct slice text, size_t line)
{
    struct slice found = S("");
    for (size_t i = 0; i < line && text.p; i++)
        found = slice_cut_line(&text);
    size_t n = 0;
    while (n < found.n && found.p[n] == ' ')
        n++;
    return n < found.n && found.p[n] == '\t';
}

static void report_syntax_error(struct walk *w)
{
    const yaml_parser_t *p = &w->parser;
    size_t line = p->problem_mark.line + 1;
    const char *problem = p->problem ? p->problem : "not YAML";
    if (p->error == YAML_READER_ERROR)
        finding_add(&w->l->findings, "%s: byte %zu: %s", w->name, p->problem_offset, problem);
    else if (is_tab_indented(w->text, line))
        FINDING(w, line, "a tab indents this line; YAML wants spaces");
    else if (p->context && strstr(p->context, "scanning an alias")) /* private: *.example.com */
        FINDING(w, line, "a value that starts with * must stand in quotes");
    else if (p->context)
        FINDING(w, line, "%s %s (from line %zu)", problem, p->context, p->context_mark.line + 1);
    else
        FINDING(w, line, "%s", problem);
}

static void refuse_decoration(struct walk *w)
{
    const yaml_event_t *e = &w->event;
    bool has_anchor = (e->type == YAML_SCALAR_EVENT && e->data.scalar.anchor) ||
                      (e->type == YAML_MAPPING_START_EVENT && e->data.mapping_start.anchor) ||
                      (e->type == YAML_SEQUENCE_START_EVENT && e->data.sequence_start.anchor);
    bool has_tag = (e->type == YAML_SCALAR_EVENT && e->data.scalar.tag) ||
                   (e->type == YAML_MAPPING_START_EVENT && e->data.mapping_start.tag) ||
                   (e->type == YAML_SEQUENCE_START_EVENT && e->data.sequence_start.tag);
    if (has_anchor || e->type == YAML_ALIAS_EVENT)
        FINDING(w, line_of(e),
                "anchors and aliases (& and *) have no use here; write the value "
                "out, in quotes if it starts with & or *");
    if (has_tag)
        FINDING(w, line_of(e),
                "tags (!) have no use here; put a text that starts with ! in quotes");
}

/* On to the next event; after an error it is YAML_NO_EVENT for ever. */
static void next(struct walk *w)
{
    yaml_event_delete(&w->event); /* leaves YAML_NO_EVENT */
    if (w->is_over)
        return;
    if (!yaml_parser_parse(&w->parser, &w->event)) {
        memset(&w->event, 0, sizeof(w->event));
        w->is_over = true;
        report_syntax_error(w);
        return;
    }
    refuse_decoration(w);
}

static bool is_at(const struct walk *w, yaml_event_type_t type)
{
    return w->event.type == type;
}

/* True at the end of the container, or when there is nothing more to read. */
static bool is_end(const struct walk *w, yaml_event_type_t end)
{
    return is_at(w, end) || is_at(w, YAML_NO_EVENT);
}

static struct slice scalar_text(const struct walk *w)
{
    return slice_make((const char *)w->event.data.scalar.value, w->event.data.scalar.length);
}

/* An empty value, or YAML's words for none, without quotes; or no value at all after an error. */
static bool is_null(const struct walk *w)
{
    if (is_at(w, YAML_NO_EVENT))
        return true;
    if (!is_at(w, YAML_SCALAR_EVENT) || w->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    struct slice s = scalar_text(w);
    return s.n == 0 || slice_eq(s, S("~")) || slice_eq_nocase(s, S("null"));
}

/* libyaml takes time that grows with the square of the depth, so a deep file is not read on. */
static void give_up_on_depth(struct walk *w)
{
    FINDING(w, line_of(&w->event), "nested too deep; the rest of the file is not read");
    w->is_over = true;
    next(w);
}

static void skip_value(struct walk *w)
{
    size_t depth = 0;
    for (;;) {
        bool opens = is_at(w, YAML_MAPPING_START_EVENT) || is_at(w, YAML_SEQUENCE_START_EVENT);
        bool closes = is_at(w, YAML_MAPPING_END_EVENT) || is_at(w, YAML_SEQUENCE_END_EVENT);
        depth = depth + opens - closes;
        if (depth > NESTING_MAX)
            give_up_on_depth(w);
        if (depth == 0 || is_at(w, YAML_NO_EVENT))
            return;
        next(w);
    }
}

static const char *what_is_there(const struct walk *w)
{
    if (is_at(w, YAML_MAPPING_START_EVENT))
        return "nested keys";
    return is_at(w, YAML_SEQUENCE_START_EVENT) ? "a list" : "text";
}

/* Where each value comes from, as messages say it. */
static struct slice origin_at(struct walk *w, size_t line)
{
    return arena_printf(w->l->arena, "%s:%zu", w->name, line);
}

/* A scalar's text in the arena; complains and skips anything else. */
static bool take_scalar(struct walk *w, struct slice key, struct slice *text)
{
    if (is_at(w, YAML_SCALAR_EVENT)) {
        *text = is_null(w) ? S("") : arena_dup(w->l->arena, scalar_text(w));
        return true;
    }
    if (!is_at(w, YAML_NO_EVENT) && !is_at(w, YAML_ALIAS_EVENT))
        FINDING(w, line_of(&w->event), "%.*s: wants one value, not %s", SLICE_ARG(key),
                what_is_there(w));
    skip_value(w);
    return false;
}

static void read_rule(struct walk *w, enum setting_id id, struct setting_rules *r)
{
    const struct setting_info *info = setting_info(id);
    struct slice pattern, value, key = slice_of(info->key);
    size_t line = line_of(&w->event);
    bool has_pattern = take_scalar(w, key, &pattern);
    next(w);
    if (!has_pattern) {
        skip_value(w);
        return;
    }
    if (!take_scalar(w, key, &value))
        return;
    struct error *err = rules_add(w->l->arena, info->kind, r, slice_trim(pattern),
                                  slice_trim(value), origin_at(w, line));
    if (err)
        FINDING(w, line, "%.*s: %.*s", SLICE_ARG(key), SLICE_ARG(err->text));
}

/* Rules as a mapping: pattern: value, in order. */
static void read_rules(struct walk *w, enum setting_id id, size_t line)
{
    union setting_value v = {.rules = {0}};
    for (next(w); !is_end(w, YAML_MAPPING_END_EVENT); next(w))
        read_rule(w, id, &v.rules);
    loader_put(w->l, id, v, SOURCE_FILE, origin_at(w, line));
}

static void read_setting(struct walk *w, enum setting_id id, size_t line)
{
    struct slice text, key = slice_of(setting_info(id)->key);
    if (w->line[id])
        FINDING(w, line, "%.*s stands here a second time; the first is in line %zu", SLICE_ARG(key),
                w->line[id]);
    else
        w->line[id] = line;
    if (kind_has_rules(setting_info(id)->kind) && is_at(w, YAML_MAPPING_START_EVENT))
        read_rules(w, id, line);
    else if (take_scalar(w, key, &text))
        loader_assign(w->l, id, text, SOURCE_FILE, origin_at(w, line));
}

/* The member of a credential that has the name, or NULL. */
static struct slice *credential_member(struct credential_text *t, struct slice name)
{
    const struct {
        const char *name;
        struct slice *member;
    } members[] = {
        {"host", &t->host},
        {"user", &t->user},
        {"secret", &t->secret},
        {"secret_file", &t->secret_file},
        {"secret_env", &t->secret_env},
    };
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (slice_eq(name, slice_of(members[i].name)))
            return members[i].member;
    }
    return NULL;
}

static void read_credential_pair(struct walk *w, struct credential_text *t)
{
    struct slice key, text;
    size_t line = line_of(&w->event);
    if (!take_scalar(w, S(CREDENTIALS_KEY), &key)) {
        next(w);
        skip_value(w);
        return;
    }
    struct slice *member = credential_member(t, key);
    next(w);
    if (!member) {
        FINDING(w, line,
                CREDENTIALS_KEY ": no key %s; known here: host, user, secret, "
                                "secret_file, secret_env",
                quoted(w->l->arena, key));
        skip_value(w);
    } else if (take_scalar(w, key, &text)) {
        if (member->n)
            FINDING(w, line, "%.*s stands twice in one credential", SLICE_ARG(key));
        *member = text;
    }
}

static void read_credential(struct walk *w)
{
    struct credential_text t = {.origin = origin_at(w, line_of(&w->event))};
    if (!is_at(w, YAML_MAPPING_START_EVENT)) {
        FINDING(w, line_of(&w->event),
                CREDENTIALS_KEY ": each entry has keys: host, and user and "
                                "secret; not %s",
                what_is_there(w));
        skip_value(w);
        return;
    }
    for (next(w); !is_end(w, YAML_MAPPING_END_EVENT); next(w))
        read_credential_pair(w, &t);
    if (!is_at(w, YAML_NO_EVENT))
        loader_add_credential(w->l, &t);
}

static void read_credentials(struct walk *w, size_t line)
{
    if (w->credentials_line)
        FINDING(w, line, CREDENTIALS_KEY " stands here a second time; the first is in line %zu",
                w->credentials_line);
    w->credentials_line = line;
    w->l->s.credentials_origin = origin_at(w, line);
    if (is_null(w))
        return;
    if (!is_at(w, YAML_SEQUENCE_START_EVENT)) {
        FINDING(w, line, CREDENTIALS_KEY ": wants a list, not %s", what_is_there(w));
        skip_value(w);
        return;
    }
    for (next(w); !is_end(w, YAML_SEQUENCE_END_EVENT); next(w))
        read_credential(w);
}

/* Sections that a mapping has had so far. There are few, so a list will do. */
struct seen {
    struct slice name;
    size_t line;
    struct seen *before;
};

static void read_section(struct walk *w, struct slice section);

static void read_subsection(struct walk *w, struct slice key, size_t line, struct seen **seen)
{
    for (struct seen *s = *seen; s; s = s->before) {
        if (slice_eq(s->name, key)) {
            FINDING(w, line, "%.*s stands here a second time; the first is in line %zu",
                    SLICE_ARG(key), s->line);
            skip_value(w);
            return;
        }
    }
    struct seen *s = ARENA_NEW(w->l->arena, struct seen);
    *s = (struct seen){.name = key, .line = line, .before = *seen};
    *seen = s;
    if (is_at(w, YAML_MAPPING_START_EVENT)) {
        read_section(w, key);
    } else if (!is_null(w)) {
        FINDING(w, line_of(&w->event), "%.*s: wants nested keys, not %s", SLICE_ARG(key),
                what_is_there(w));
        skip_value(w);
    }
}

/* The value of a key; name is the key as it stands in the file. */
static void read_value(struct walk *w, struct slice section, struct slice name, size_t line,
                       struct seen **seen)
{
    struct arena *a = w->l->arena;
    struct slice key =
        section.n ? arena_printf(a, "%.*s.%.*s", SLICE_ARG(section), SLICE_ARG(name)) : name;
    bool is_dotted = slice_find(name, '.') >= 0;
    enum setting_id id = is_dotted ? SETTING_COUNT : setting_find(key);
    if (id != SETTING_COUNT) {
        read_setting(w, id, line);
    } else if (!is_dotted && slice_eq(key, S(CREDENTIALS_KEY))) {
        read_credentials(w, line);
    } else if (!is_dotted && setting_is_section(key)) {
        read_subsection(w, key, line, seen);
    } else {
        const char *shown = quoted(a, name);
        struct slice hint = setting_hint(a, section, name);
        if (section.n)
            FINDING(w, line, "%.*s has no key %s; %.*s", SLICE_ARG(section), shown,
                    SLICE_ARG(hint));
        else
            FINDING(w, line, "no key %s; %.*s", shown, SLICE_ARG(hint));
        skip_value(w);
    }
}

/* The pairs of a mapping; section is "" for the whole file. */
static void read_section(struct walk *w, struct slice section)
{
    struct seen *seen = NULL;
    for (next(w); !is_end(w, YAML_MAPPING_END_EVENT); next(w)) {
        struct slice name;
        size_t line = line_of(&w->event);
        bool has_name = take_scalar(w, S("a key"), &name);
        next(w);
        if (has_name)
            read_value(w, section, name, line, &seen);
        else
            skip_value(w);
    }
}

static void read_document(struct walk *w)
{
    next(w);
    if (is_at(w, YAML_MAPPING_START_EVENT)) {
        read_section(w, S(""));
    } else if (!is_null(w)) {
        FINDING(w, line_of(&w->event), "a settings file has keys and values (key: value), not %s",
                what_is_there(w));
        skip_value(w);
    }
    next(w); /* the end of the document */
    next(w);
    if (is_at(w, YAML_DOCUMENT_START_EVENT))
        FINDING(w, line_of(&w->event),
                "a second document (---) starts here; a settings file has "
                "one");
}

void loader_read_yaml(struct loader *l, struct slice yaml, const char *name)
{
    struct walk w = {.l = l, .name = name, .text = yaml};
    if (!yaml_parser_initialize(&w.parser))
        BUG("libyaml does not start");
    yaml_parser_set_input_string(&w.parser, (const unsigned char *)yaml.p, yaml.n);
    next(&w); /* the start of the stream */
    next(&w);
    if (is_at(&w, YAML_DOCUMENT_START_EVENT))
        read_document(&w);
    yaml_event_delete(&w.event);
    yaml_parser_delete(&w.parser);
}
