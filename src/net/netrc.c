#include "net/netrc.h"

struct reader {
    struct arena *a;
    struct netrc_line *lines;
    size_t count, capacity;
    struct netrc_line open; /* the entry that is being read */
    bool in_macro;
    bool is_ended;
};

static void emit(struct reader *r)
{
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 8;
        struct netrc_line *lines = ARENA_ARRAY(r->a, struct netrc_line, capacity);
        if (r->count)
            memcpy(lines, r->lines, r->count * sizeof(*lines));
        r->lines = lines;
        r->capacity = capacity;
    }
    r->lines[r->count++] = r->open;
    r->open = (struct netrc_line){0};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next word of the line; empty when there is none. */
static struct slice next_word(struct slice *line)
{
    while (line->n && is_space(line->p[0]))
        *line = slice_skip(*line, 1);
    size_t i = 0;
    while (i < line->n && !is_space(line->p[i]))
        i++;
    struct slice word = slice_head(*line, i);
    *line = slice_skip(*line, i);
    return word;
}

static void take_pair(struct reader *r, struct slice key, struct slice value)
{
    if (slice_eq(key, S("machine")))
        r->open = (struct netrc_line){.machine = value};
    else if (slice_eq(key, S("login")))
        r->open.login = value;
    else if (slice_eq(key, S("password")))
        r->open.password = value;
    else if (slice_eq(key, S("macdef")))
        r->in_macro = true;
    if (r->open.machine.n && r->open.login.n && r->open.password.n)
        emit(r);
}

/* Words come in pairs; a single "default" at the end of a line ends the file. */
static void take_line(struct reader *r, struct slice line)
{
    for (;;) {
        struct slice key = next_word(&line);
        struct slice value = next_word(&line);
        if (!value.n) {
            r->is_ended = slice_eq(key, S("default"));
            return;
        }
        take_pair(r, key, value);
    }
}

void netrc_parse(struct arena *a, struct slice text, struct netrc_line **out, size_t *count)
{
    struct reader r = {.a = a};
    while (text.p && !r.is_ended) {
        struct slice line = slice_cut(&text, '\n');
        if (!r.in_macro)
            take_line(&r, line);
        else if (!line.n)
            r.in_macro = false;
    }
    *out = r.lines;
    *count = r.count;
}
