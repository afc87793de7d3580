/*
 * Settings: one table (settings.def), four sources. A flag wins over a variable, that over the YAML
 * file, that over the default. Beside them stand sections of records (records.def), which come from
 * the file alone:
 *
 *   for (size_t i = 0; i < s->repositories.count; i++) {
 *       const struct setting_repository *r = &s->repositories.rows[i];
 *       r->name, r->origin          "internal", "modgate.yaml:30"
 *       r->kind, r->kind_origin     its value, and where it was given; NULL: it was not
 *   }
 */
#ifndef MODGATE_CONFIG_CONFIG_H
#define MODGATE_CONFIG_CONFIG_H

#include "base/base.h"

enum setting_kind {
    SETTING_STRING,
    SETTING_PATH,
    SETTING_BOOL,
    SETTING_UINT,
    SETTING_BYTES,
    SETTING_DURATION,
    SETTING_LEVEL,
    SETTING_FORMAT,
    SETTING_RULES,        /* pattern = value */
    SETTING_LIST_RULES,   /* … = GOPROXY list, or one list for everything */
    SETTING_FILE_RULES,   /* place = path, or one path for everything */
    SETTING_SECRET_RULES, /* place = secret, or where it is kept */
};

enum setting_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENV, SOURCE_FLAG };

/* One rule. The first pattern that fits counts; of places, the longest. */
struct setting_rule {
    const char *pattern; /* "*": everything */
    const char *value;
    struct slice origin; /* where it stands, for messages */
};

struct setting_rules {
    struct setting_rule *rows;
    size_t count;
};

/* Values by kind. Strings and rules live in the arena given to settings_load(); "" = unset. */
#define SETTING_TYPE_STRING const char *
#define SETTING_TYPE_PATH const char *
#define SETTING_TYPE_BOOL bool
#define SETTING_TYPE_UINT uint64_t
#define SETTING_TYPE_BYTES uint64_t
#define SETTING_TYPE_DURATION uint64_t /* milliseconds */
#define SETTING_TYPE_LEVEL int         /* enum log_level of ops/log.h */
#define SETTING_TYPE_FORMAT int        /* enum log_format of ops/log.h */
#define SETTING_TYPE_RULES struct setting_rules
#define SETTING_TYPE_LIST_RULES struct setting_rules
#define SETTING_TYPE_FILE_RULES struct setting_rules
#define SETTING_TYPE_SECRET_RULES struct setting_rules

enum setting_id {
#define SETTING(key, field, kind, def, min, max, reload, doc) SETTING_ID_##field,
#include "config/settings.def"
#undef SETTING
    SETTING_COUNT
};

/* ---- sections of records: one struct setting_<type> a section, made from records.def */

#define SECTION(section, type, shape, doc, example)                                                \
    struct setting_##type {                                                                        \
        const char *name;   /* of a LIST: its number, from "1" */                                  \
        const char *origin; /* where it starts, for messages */
#define FIELD(type, field, kind, def, min, max, doc)                                               \
    SETTING_TYPE_##kind field;                                                                     \
    const char *field##_origin; /* NULL: not given, so it has its default */
#define SECTION_END(section, type)                                                                 \
    }                                                                                              \
    ;
#include "config/records.def"
#undef SECTION
#undef FIELD
#undef SECTION_END

enum setting_section {
#define SECTION(section, type, shape, doc, example) SECTION_##section,
#define FIELD(type, field, kind, def, min, max, doc)
#define SECTION_END(section, type)
#include "config/records.def"
#undef SECTION
#undef FIELD
#undef SECTION_END
    SECTION_COUNT
};

/*
 * An entry of the list `fetch.credentials`, which stands in the file only; or a rule of
 * `vcs.tokens`, with its secret fetched from where it is kept.
 */
struct setting_credential {
    const char *host; /* "git.example.com" or "git.example.com:8443"; for vcs.tokens the pattern */
    const char *user; /* NULL: the secret is a bearer token */
    const char *secret; /* from `secret`, or read from `secret_file` or the variable `secret_env` */
};

struct settings {
#define SETTING(key, field, kind, def, min, max, reload, doc) SETTING_TYPE_##kind field;
#include "config/settings.def"
#undef SETTING
#define SECTION(section, type, shape, doc, example)                                                \
    struct {                                                                                       \
        struct setting_##type *rows; /* in the order of the file */                                \
        size_t count;                                                                              \
    } section; /* NOLINT(bugprone-macro-parentheses): a name */
#define FIELD(type, field, kind, def, min, max, doc)
#define SECTION_END(section, type)
#include "config/records.def"
#undef SECTION
#undef FIELD
#undef SECTION_END
    struct slice section_origin[SECTION_COUNT]; /* "modgate.yaml:30" or "default" */
    struct setting_credential *credentials;
    size_t credential_count;
    struct setting_credential *tokens; /* one per rule of vcs.tokens, in order */
    size_t token_count;
    struct slice credentials_origin; /* "modgate.yaml:30" or "default" */
    enum setting_source source[SETTING_COUNT];
    /* "modgate.yaml:12", "MODGATE_LISTEN", "--listen", "default" */
    struct slice origin[SETTING_COUNT];
};

/* One row of the table, for help, sample and manual; or one field of a section's records. */
struct setting_info {
    const char *key;
    const char *flag; /* "--store-max-size"; a field has none */
    const char *env;  /* "MODGATE_STORE_MAX_SIZE"; a field has none */
    enum setting_kind kind;
    const char *def;
    const char *min;
    const char *max;
    bool is_live; /* taken up by SIGHUP */
    const char *doc;
};
/* [any] */
const struct setting_info *setting_info(enum setting_id id);

/*
 * "10GiB", "1.5 GB", "512MB", "4096": KiB, MiB, GiB and TiB count in 1024s, kB, MB, GB and TB in
 * 1000s, without regard to case; a number alone or with B is bytes. Pure. BAD_CONFIG. [any]
 */
struct error *config_parse_bytes(struct arena *a, struct slice text, uint64_t *bytes) MUST_CHECK;
/*
 * "1m30s", "250ms", "1.5h": the syntax of Go's time.ParseDuration without a sign, in whole
 * milliseconds. Pure. BAD_CONFIG. [any]
 */
struct error *config_parse_duration(struct arena *a, struct slice text, uint64_t *ms) MUST_CHECK;
/* The other way: "10GiB", "1m30s". What they give is parsed to the same number. Pure. [any] */
struct slice config_format_bytes(struct arena *a, uint64_t bytes);
struct slice config_format_duration(struct arena *a, uint64_t ms);

/* A flag that was given: "--listen" and its value. */
struct setting_flag {
    enum setting_id id;
    const char *value;
};

struct settings_input {
    const char *file; /* NULL: no file */
    const struct setting_flag *flags;
    size_t flag_count;
    char **environ; /* NULL: no variables */
};

/*
 * Reads all sources and checks everything: unknown keys (with the nearest valid name), types,
 * bounds, and what settings say together. All findings are in the one error (BAD_CONFIG), a line
 * each, with file and line or the variable's or flag's name. On error *out is not changed. A
 * relative path in the file counts from the file's folder. An unset data_dir is filled in from
 * XDG_DATA_HOME or HOME; without these it stays "". An empty variable counts as not set. [worker]
 */
struct error *settings_load(struct arena *a, const struct settings_input *in,
                            struct settings *out) MUST_CHECK;
/* The same with the file's bytes given; in->file is only its name, and may be NULL. [worker] */
struct error *settings_load_bytes(struct arena *a, const struct settings_input *in,
                                  struct slice yaml, struct settings *out) MUST_CHECK;

/*
 * The effective settings as YAML that settings_load() reads, each with a comment that says where it
 * came from; secrets masked. [any]
 */
void settings_print(struct buf *b, const struct settings *s);
/* The same as a JSON object: {"listen": {"value": …, "source": …, "origin": …}, …}. [any] */
void settings_print_json(struct buf *b, const struct settings *s);
/* A sample file: every key as a comment, at its default. [any] */
void settings_sample(struct buf *b);
/* The manual page docs/settings.md. [any] */
void settings_markdown(struct buf *b);
/* A GOPROXY list for people to see: the secrets in its URLs are masked, in the arena. Pure. [any]
 */
struct slice config_mask_urls(struct arena *a, struct slice list);
/* The rules of a setting for people to see, in one line without secrets, in the arena. [any] */
struct slice config_mask_rules(struct arena *a, enum setting_id id, const struct setting_rules *r);
/* The mount of a repository, without slashes around it: its name if it says none. [any] */
struct slice config_mount(const struct setting_repository *r);
/* Patterns of the paths that belong to it; of a re-homed one its new paths. In the arena. [any] */
const char *config_owns(struct arena *a, const struct setting_repository *r);
/* Its folder below data_dir, or ".": repositories/NAME if it says none. In the arena. [any] */
struct slice config_folder(struct arena *a, const struct setting_repository *r);
/* The repository at "/"; NULL when there are no repositories. [any] */
const struct setting_repository *config_default_repository(const struct settings *s);
/* Names of the settings that differ and need a restart, comma-separated, in the arena. [any] */
struct slice settings_restart_needed(struct arena *a, const struct settings *old,
                                     const struct settings *now);

#endif
