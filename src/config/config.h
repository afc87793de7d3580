/*
 * Settings: one table (settings.def), four sources. A flag wins over a variable, that over the YAML
 * file, that over the default.
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
};

enum setting_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENV, SOURCE_FLAG };

/* Values by kind. Strings live in the arena given to settings_load(); "" = unset. */
#define SETTING_TYPE_STRING const char *
#define SETTING_TYPE_PATH const char *
#define SETTING_TYPE_BOOL bool
#define SETTING_TYPE_UINT uint64_t
#define SETTING_TYPE_BYTES uint64_t
#define SETTING_TYPE_DURATION uint64_t /* milliseconds */
#define SETTING_TYPE_LEVEL int         /* enum log_level of ops/log.h */
#define SETTING_TYPE_FORMAT int        /* enum log_format of ops/log.h */

enum setting_id {
#define SETTING(key, field, kind, def, min, max, reload, doc) SETTING_ID_##field,
#include "config/settings.def"
#undef SETTING
    SETTING_COUNT
};

struct settings {
#define SETTING(key, field, kind, def, min, max, reload, doc) SETTING_TYPE_##kind field;
#include "config/settings.def"
#undef SETTING
    /* credentials: host, user and secret of each entry of the list `fetch.credentials` in the file
     */
    struct setting_credential *credentials;
    size_t credential_count;
    enum setting_source source[SETTING_COUNT];
    struct slice
        origin[SETTING_COUNT]; /* "modgate.yaml:12", "MODGATE_LISTEN", "--listen", "default" */
};

struct setting_credential {
    const char *host;
    const char *user;   /* NULL: the secret is a bearer token */
    const char *secret; /* from `secret`, or read from `secret_file` or the variable `secret_env` */
};

/* One row of the table, for help, sample and manual. */
struct setting_info {
    const char *key;
    const char *flag; /* "--store-max-size" */
    const char *env;  /* "MODGATE_STORE_MAX_SIZE" */
    enum setting_kind kind;
    const char *def;
    const char *min;
    const char *max;
    bool is_live; /* taken up by SIGHUP */
    const char *doc;
};
/* [any] */
const struct setting_info *setting_info(enum setting_id id);

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
 * bounds, and what settings say together. All findings are in the one error, a line each, with file
 * and line or the variable's or flag's name. On error *out is not changed. [any]
 */
struct error *settings_load(struct arena *a, const struct settings_input *in,
                            struct settings *out) MUST_CHECK;
/* The effective settings as YAML, each with a comment that says where it came from; secrets masked.
 */
void settings_print(struct buf *b, const struct settings *s);
/* The same as a JSON object: {"listen": {"value": …, "source": …}, …}. */
void settings_print_json(struct buf *b, const struct settings *s);
/* A commented sample file with every key at its default. */
void settings_sample(struct buf *b);
/* Names of the settings that differ and need a restart, comma-separated, in the arena. */
struct slice settings_restart_needed(struct arena *a, const struct settings *old,
                                     const struct settings *now);

#endif
