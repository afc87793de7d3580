/* What the files of this room share. */
#ifndef MODGATE_CONFIG_CONFIG_PRIV_H
#define MODGATE_CONFIG_CONFIG_PRIV_H

#include "config/config.h"
#include "config/defaults.h"

#define CREDENTIALS_KEY "fetch.credentials"

/* ---- findings.c: everything that is wrong, gathered */

enum { FINDINGS_MAX = 50 }; /* so many are told, the rest is only counted */

struct findings {
    struct arena *arena;
    struct slice lines[FINDINGS_MAX];
    size_t count;
};

void finding_add(struct findings *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* NULL when there are none. */
struct error *findings_error(const struct findings *f);
/* Text from outside for a message: in quotes, at most 60 bytes, nothing that is not printable. */
const char *quoted(struct arena *a, struct slice text);

/* ---- table.c: names */

/* The setting with that key, or SETTING_COUNT. */
enum setting_id setting_find(struct slice key);
/* "store" when there are keys below it. */
bool setting_is_section(struct slice key);
/* "below store: …" for a key that does not exist: what was probably meant. Never NULL. */
struct slice setting_hint(struct arena *a, struct slice section, struct slice name);
/* The variable of a setting that is one slip away from name, or NULL. */
const char *setting_env_hint(struct slice name);
/* Changes (insert, delete, replace, swap of neighbours) between two texts; max + 1 if more. */
size_t edit_distance(struct slice a, struct slice b, size_t max);

/* ---- value.c: texts and values */

union setting_value {
    const char *text;
    bool is_on;
    uint64_t number;
    int choice;
    struct setting_rules rules;
};

/* Parses text, which stands at origin, as the setting's kind asks and checks its bounds. */
struct error *value_parse(struct arena *a, const struct setting_info *info, struct slice text,
                          struct slice origin, union setting_value *out) MUST_CHECK;
/* The value of that kind that lies at a place. */
union setting_value value_at(const void *at, enum setting_kind kind);
void value_put(void *at, enum setting_kind kind, union setting_value v);
/* As a user would write it. */
struct slice value_format(struct arena *a, enum setting_kind kind, union setting_value v);
/* The same without secrets. */
struct slice value_shown(struct arena *a, enum setting_kind kind, union setting_value v);
/* The same three for a setting. */
union setting_value setting_get(const struct settings *s, enum setting_id id);
void setting_put(struct settings *s, enum setting_id id, union setting_value v);
struct slice setting_format(struct arena *a, const struct settings *s, enum setting_id id);
/* C0 and C1 controls and what is not UTF-8 can be neither printed nor stand in a YAML file. */
bool is_printable(struct slice text);
/* Appends a value to YAML, in quotes where it needs them. */
void yaml_add_value(struct buf *b, struct slice s);
/*
 * For a walk over the table that writes each section once: sets the section ("" at the top) and the
 * name in it, and says whether the section is another one than before.
 */
bool setting_opens_section(enum setting_id id, struct slice *section, struct slice *name);

/* ---- rules.c: settings that are lists of rules */

#define MASK "***"

bool kind_has_rules(enum setting_kind kind);
/* The text's rules, in order. BAD_CONFIG. */
struct error *rules_parse(struct arena *a, enum setting_kind kind, struct slice text,
                          struct slice origin, struct setting_rules *out) MUST_CHECK;
/* Appends one rule. BAD_CONFIG, without the value in its text. */
struct error *rules_add(struct arena *a, enum setting_kind kind, struct setting_rules *r,
                        struct slice pattern, struct slice value, struct slice origin) MUST_CHECK;
/* True when it is one value for everything, which is written without a pattern. */
bool rules_are_one(enum setting_kind kind, const struct setting_rules *r);
/* "pattern=value;…" with the secrets. */
struct slice rules_format(struct arena *a, enum setting_kind kind, const struct setting_rules *r);
/* The rules in one line without secrets. */
struct slice rules_shown(struct arena *a, enum setting_kind kind, const struct setting_rules *r);
/* A rule's value without its secrets. */
struct slice rule_shown(struct arena *a, enum setting_kind kind, const struct setting_rule *rule);

/* ---- load.c: the state of one load */

struct loader {
    struct arena *arena;
    const struct settings_input *in;
    struct findings findings;
    struct settings s;
    struct slice inline_secret_origin; /* p == NULL: no secret stands in the file */
};

/* Takes a value from a source, or says what is wrong with it. */
void loader_assign(struct loader *l, enum setting_id id, struct slice text,
                   enum setting_source source, struct slice origin);
/* The same with a value that was parsed already. */
void loader_put(struct loader *l, enum setting_id id, union setting_value v,
                enum setting_source source, struct slice origin);
/* Adds a finding with the origin, and with the key where the origin does not name it. */
void loader_complain(struct loader *l, enum setting_id id, enum setting_source source,
                     struct slice origin, struct slice text);
/* The same for one rule, at its own line. */
void loader_complain_rule(struct loader *l, enum setting_id id, const struct setting_rule *rule,
                          struct slice text);
/* A value of the file: relative paths in it count from the file's folder. */
union setting_value loader_from_file(const struct loader *l, enum setting_kind kind,
                                     union setting_value v);
/* A variable's value, or NULL; empty counts as NULL. */
const char *loader_env(const struct loader *l, const char *name);

/* ---- records.c: the sections of records.def */

enum record_shape { RECORDS_NAMED, RECORDS_LIST };

struct record_field {
    struct setting_info info;
    size_t offset, origin_offset; /* in a row */
};

struct record_section {
    const char *key, *doc, *example;
    enum record_shape shape;
    size_t row_bytes;
    const struct record_field *fields;
    size_t field_count;
};

/* The rows of a section, whatever their type. */
struct record_rows {
    void *rows;
    size_t count;
};

const struct record_section *record_section(enum setting_section id);
/* The section with that key, or SECTION_COUNT. */
enum setting_section section_find(struct slice key);
const struct record_field *record_field_find(const struct record_section *section,
                                             struct slice key);
/* For a field that does not exist: what was probably meant. */
struct slice record_field_hint(struct arena *a, const struct record_section *section,
                               struct slice key);
struct record_rows record_rows(const struct settings *s, enum setting_section id);
void *record_at(const struct record_section *section, struct record_rows r, size_t i);
const char *record_name(const void *row);
const char *record_origin(const void *row);
/* NULL: it was not given. */
const char *record_field_origin(const void *row, const struct record_field *f);
union setting_value record_value(const void *row, const struct record_field *f);
void record_put(void *row, const struct record_field *f, union setting_value v, struct arena *a,
                struct slice origin);
/* A new row with its defaults; NULL, and a finding, when it cannot be. */
void *loader_add_record(struct loader *l, enum setting_section id, struct slice name,
                        struct slice origin);

/* ---- yaml_file.c */
void loader_read_yaml(struct loader *l, struct slice yaml, const char *name);

/* ---- credentials.c */

/* The texts of one entry, as they stand in the file. */
struct credential_text {
    struct slice host, user, secret, secret_file, secret_env;
    struct slice origin;
};

void loader_add_credential(struct loader *l, const struct credential_text *t);
/* The content of a file that holds a secret and is not for everybody; what names it in errors. */
struct error *secret_file_read(struct arena *a, const char *what, struct slice path,
                               struct slice *out) MUST_CHECK;

/* ---- tokens.c */

/* Fetches the secrets that the rules of vcs.tokens name. */
void loader_read_tokens(struct loader *l);

/* ---- check.c: what settings say together, and outside of themselves */
void loader_check(struct loader *l);
/* Why a file that is to be read cannot be, in the arena; NULL: it can. */
const char *file_fault(struct arena *a, const char *path);

/* What is wrong with the first bad entry of a GOPROXY list, in the arena; NULL: nothing. */
const char *upstream_fault(struct arena *a, struct slice list);

/* ---- check_access.c */
void loader_check_access(struct loader *l);
/* Records that lack what they need. */
void loader_check_trust(struct loader *l);

/* ---- check_repositories.c */
void loader_check_repositories(struct loader *l);

/* ---- check_patterns.c */
/* What is wrong with the first bad pattern of a list, in the arena; NULL: nothing. */
const char *patterns_fault(struct arena *a, struct slice list);
void loader_check_patterns(struct loader *l);

/* ---- check_vcs.c */
/* What is wrong with a rule of vcs.rules, in the arena; NULL: nothing. */
const char *vcs_rule_fault(struct arena *a, const struct setting_rule *rule);
void loader_check_vcs(struct loader *l);

#endif
