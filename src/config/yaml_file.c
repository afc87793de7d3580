/*
 * The YAML file, read event by event with libyaml: every event carries its line, and what a
 * settings file has no use for (anchors, aliases, tags, several documents) is refused where it
 * stands, so that no alias is ever followed. The walk goes only as deep as the table of settings
 * does; below an unknown key everything is skipped without recursion.
 */
#include "config/yaml_priv.h"

enum { NESTING_MAX = 32 };

size_t walk_line(const struct walk *w)
{
    return w->event.start_mark.line + 1;
}

void walk_finding(struct walk *w, size_t line, const char *fmt, ...)
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
        FINDING(w, walk_line(w),
                "anchors and aliases (& and *) have no use here; write the value "
                "out, in quotes if it starts with & or *");
    if (has_tag)
        FINDING(w, walk_line(w),
                "tags (!) have no use here; put a text that starts with ! in quotes");
}

/* On to the next event; after an error it is YAML_NO_EVENT for ever. */
void walk_next(struct walk *w)
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

bool walk_is_at(const struct walk *w, yaml_event_type_t type)
{
    return w->event.type == type;
}

/* True at the end of the container, or when there is nothing more to read. */
bool walk_is_end(const struct walk *w, yaml_event_type_t end)
{
    return walk_is_at(w, end) || walk_is_at(w, YAML_NO_EVENT);
}

static struct slice scalar_text(const struct walk *w)
{
    return slice_make((const char *)w->event.data.scalar.value, w->event.data.scalar.length);
}

/* An empty value, or YAML's words for none, without quotes; or no value at all after an error. */
bool walk_is_null(const struct walk *w)
{
    if (walk_is_at(w, YAML_NO_EVENT))
        return true;
    if (!walk_is_at(w, YAML_SCALAR_EVENT) || w->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    struct slice s = scalar_text(w);
    return s.n == 0 || slice_eq(s, S("~")) || slice_eq_nocase(s, S("null"));
}

/* libyaml takes time that grows with the square of the depth, so a deep file is not read on. */
static void give_up_on_depth(struct walk *w)
{
    FINDING(w, walk_line(w), "nested too deep; the rest of the file is not read");
    w->is_over = true;
    walk_next(w);
}

void walk_skip_value(struct walk *w)
{
    size_t depth = 0;
    for (;;) {
        bool opens =
            walk_is_at(w, YAML_MAPPING_START_EVENT) || walk_is_at(w, YAML_SEQUENCE_START_EVENT);
        bool closes =
            walk_is_at(w, YAML_MAPPING_END_EVENT) || walk_is_at(w, YAML_SEQUENCE_END_EVENT);
        depth = depth + opens - closes;
        if (depth > NESTING_MAX)
            give_up_on_depth(w);
        if (depth == 0 || walk_is_at(w, YAML_NO_EVENT))
            return;
        walk_next(w);
    }
}

const char *walk_what(const struct walk *w)
{
    if (walk_is_at(w, YAML_MAPPING_START_EVENT))
        return "nested keys";
    return walk_is_at(w, YAML_SEQUENCE_START_EVENT) ? "a list" : "text";
}

/* Where each value comes from, as messages say it. */
struct slice walk_origin(struct walk *w, size_t line)
{
    return arena_printf(w->l->arena, "%s:%zu", w->name, line);
}

/* A scalar's text in the arena; complains and skips anything else. */
bool walk_scalar(struct walk *w, struct slice key, struct slice *text)
{
    if (walk_is_at(w, YAML_SCALAR_EVENT)) {
        *text = walk_is_null(w) ? S("") : arena_dup(w->l->arena, scalar_text(w));
        return true;
    }
    if (!walk_is_at(w, YAML_NO_EVENT) && !walk_is_at(w, YAML_ALIAS_EVENT))
        FINDING(w, walk_line(w), "%.*s: wants one value, not %s", SLICE_ARG(key), walk_what(w));
    walk_skip_value(w);
    return false;
}

static void read_rule(struct walk *w, enum setting_kind kind, struct slice key,
                      struct setting_rules *r)
{
    struct slice pattern, value;
    size_t line = walk_line(w);
    bool has_pattern = walk_scalar(w, key, &pattern);
    walk_next(w);
    if (!has_pattern) {
        walk_skip_value(w);
        return;
    }
    if (!walk_scalar(w, key, &value))
        return;
    struct error *err = rules_add(w->l->arena, kind, r, slice_trim(pattern), slice_trim(value),
                                  walk_origin(w, line));
    if (err)
        FINDING(w, line, "%.*s: %.*s", SLICE_ARG(key), SLICE_ARG(err->text));
}

struct setting_rules walk_rules(struct walk *w, enum setting_kind kind, struct slice key)
{
    struct setting_rules r = {0};
    for (walk_next(w); !walk_is_end(w, YAML_MAPPING_END_EVENT); walk_next(w))
        read_rule(w, kind, key, &r);
    return r;
}

static void read_setting(struct walk *w, enum setting_id id, size_t line)
{
    struct slice text, key = slice_of(setting_info(id)->key);
    if (w->line[id])
        FINDING(w, line, "%.*s stands here a second time; the first is in line %zu", SLICE_ARG(key),
                w->line[id]);
    else
        w->line[id] = line;
    enum setting_kind kind = setting_info(id)->kind;
    if (kind_has_rules(kind) && walk_is_at(w, YAML_MAPPING_START_EVENT))
        loader_put(w->l, id, (union setting_value){.rules = walk_rules(w, kind, key)}, SOURCE_FILE,
                   walk_origin(w, line));
    else if (walk_scalar(w, key, &text))
        loader_assign(w->l, id, text, SOURCE_FILE, walk_origin(w, line));
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
    size_t line = walk_line(w);
    if (!walk_scalar(w, S(CREDENTIALS_KEY), &key)) {
        walk_next(w);
        walk_skip_value(w);
        return;
    }
    struct slice *member = credential_member(t, key);
    walk_next(w);
    if (!member) {
        FINDING(w, line,
                CREDENTIALS_KEY ": no key %s; known here: host, user, secret, "
                                "secret_file, secret_env",
                quoted(w->l->arena, key));
        walk_skip_value(w);
    } else if (walk_scalar(w, key, &text)) {
        if (member->n)
            FINDING(w, line, "%.*s stands twice in one credential", SLICE_ARG(key));
        *member = text;
    }
}

static void read_credential(struct walk *w)
{
    struct credential_text t = {.origin = walk_origin(w, walk_line(w))};
    if (!walk_is_at(w, YAML_MAPPING_START_EVENT)) {
        FINDING(w, walk_line(w),
                CREDENTIALS_KEY ": each entry has keys: host, and user and "
                                "secret; not %s",
                walk_what(w));
        walk_skip_value(w);
        return;
    }
    for (walk_next(w); !walk_is_end(w, YAML_MAPPING_END_EVENT); walk_next(w))
        read_credential_pair(w, &t);
    if (!walk_is_at(w, YAML_NO_EVENT))
        loader_add_credential(w->l, &t);
}

static void read_credentials(struct walk *w, size_t line)
{
    if (w->credentials_line)
        FINDING(w, line, CREDENTIALS_KEY " stands here a second time; the first is in line %zu",
                w->credentials_line);
    w->credentials_line = line;
    w->l->s.credentials_origin = walk_origin(w, line);
    if (walk_is_null(w))
        return;
    if (!walk_is_at(w, YAML_SEQUENCE_START_EVENT)) {
        FINDING(w, line, CREDENTIALS_KEY ": wants a list, not %s", walk_what(w));
        walk_skip_value(w);
        return;
    }
    for (walk_next(w); !walk_is_end(w, YAML_SEQUENCE_END_EVENT); walk_next(w))
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
            walk_skip_value(w);
            return;
        }
    }
    struct seen *s = ARENA_NEW(w->l->arena, struct seen);
    *s = (struct seen){.name = key, .line = line, .before = *seen};
    *seen = s;
    if (walk_is_at(w, YAML_MAPPING_START_EVENT)) {
        read_section(w, key);
    } else if (!walk_is_null(w)) {
        FINDING(w, walk_line(w), "%.*s: wants nested keys, not %s", SLICE_ARG(key), walk_what(w));
        walk_skip_value(w);
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
    enum setting_section records = section.n ? SECTION_COUNT : section_find(name);
    if (id != SETTING_COUNT) {
        read_setting(w, id, line);
    } else if (records != SECTION_COUNT) {
        walk_records(w, records, line);
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
        walk_skip_value(w);
    }
}

/* The pairs of a mapping; section is "" for the whole file. */
static void read_section(struct walk *w, struct slice section)
{
    struct seen *seen = NULL;
    for (walk_next(w); !walk_is_end(w, YAML_MAPPING_END_EVENT); walk_next(w)) {
        struct slice name;
        size_t line = walk_line(w);
        bool has_name = walk_scalar(w, S("a key"), &name);
        walk_next(w);
        if (has_name)
            read_value(w, section, name, line, &seen);
        else
            walk_skip_value(w);
    }
}

static void read_document(struct walk *w)
{
    walk_next(w);
    if (walk_is_at(w, YAML_MAPPING_START_EVENT)) {
        read_section(w, S(""));
    } else if (!walk_is_null(w)) {
        FINDING(w, walk_line(w), "a settings file has keys and values (key: value), not %s",
                walk_what(w));
        walk_skip_value(w);
    }
    walk_next(w); /* the end of the document */
    walk_next(w);
    if (walk_is_at(w, YAML_DOCUMENT_START_EVENT))
        FINDING(w, walk_line(w),
                "a second document (---) starts here; a settings file has "
                "one");
}

void loader_read_yaml(struct loader *l, struct slice yaml, const char *name)
{
    struct walk w = {.l = l, .name = name, .text = yaml};
    if (!yaml_parser_initialize(&w.parser))
        BUG("libyaml does not start");
    yaml_parser_set_input_string(&w.parser, (const unsigned char *)yaml.p, yaml.n);
    walk_next(&w); /* the start of the stream */
    walk_next(&w);
    if (walk_is_at(&w, YAML_DOCUMENT_START_EVENT))
        read_document(&w);
    yaml_event_delete(&w.event);
    yaml_parser_delete(&w.parser);
}
