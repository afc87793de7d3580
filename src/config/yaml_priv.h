/*
 * What the files that walk through the YAML share. Between the functions `w->event` is the event
 * that is looked at; a function that reads a value starts at the value's first event and leaves its
 * last one there.
 */
#ifndef MODGATE_CONFIG_YAML_PRIV_H
#define MODGATE_CONFIG_YAML_PRIV_H

#include "config/config_priv.h"

#include <yaml.h>

struct walk {
    struct loader *l;
    const char *name; /* of the file, for messages */
    struct slice text;
    yaml_parser_t parser;
    yaml_event_t event; /* YAML_NO_EVENT when it is over */
    size_t line[SETTING_COUNT];
    size_t section_line[SECTION_COUNT];
    size_t credentials_line;
    bool is_over; /* after an error from which reading cannot go on */
};

/* yaml_file.c */
#define FINDING(w, line, ...) walk_finding((w), (line), __VA_ARGS__)
void walk_finding(struct walk *w, size_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* On to the next event; after an error it is YAML_NO_EVENT for ever. */
void walk_next(struct walk *w);
bool walk_is_at(const struct walk *w, yaml_event_type_t type);
/* True at the end of the container, or when there is nothing more to read. */
bool walk_is_end(const struct walk *w, yaml_event_type_t end);
/* An empty value, or YAML's words for none, without quotes; or no value at all after an error. */
bool walk_is_null(const struct walk *w);
void walk_skip_value(struct walk *w);
/* A scalar's text in the arena; complains and skips anything else. */
bool walk_scalar(struct walk *w, struct slice key, struct slice *text);
/* The line of the event. */
size_t walk_line(const struct walk *w);
/* Where each value comes from, as messages say it. */
struct slice walk_origin(struct walk *w, size_t line);
/* "nested keys", "a list" or "text" */
const char *walk_what(const struct walk *w);
/* Rules as a mapping, pattern: value, in order; key is for messages. */
struct setting_rules walk_rules(struct walk *w, enum setting_kind kind, struct slice key);

/* yaml_records.c: the value of a section's key, which stands in that line. */
void walk_records(struct walk *w, enum setting_section id, size_t line);

#endif
