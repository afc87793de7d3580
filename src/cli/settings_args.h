/*
 * Commands that work with settings: every setting is a flag of theirs, beside their own options,
 * and --config-file names the file.
 *
 *   struct settings_args sa = {0};
 *   int operands = settings_args_parse(&sa, argc, argv, "modgate serve [options]", own, own_count);
 *   struct error *err = settings_args_load(&arena, &sa, &settings);
 *
 * settings_args_load() may be called again, on SIGHUP, with a fresh arena: file, variables and
 * secrets are read anew, the flags stay.
 */
#ifndef MODGATE_CLI_SETTINGS_ARGS_H
#define MODGATE_CLI_SETTINGS_ARGS_H

#include "cli/cli.h"
#include "config/config.h"

struct settings_args {
    const char *config_file;           /* of --config-file; NULL = not given */
    const char *values[SETTING_COUNT]; /* of the flags; point into argv; NULL = not given */
};

/* cli_parse() with the flags of all settings besides own; --help lists them by section. */
int settings_args_parse(struct settings_args *sa, int argc, char **argv, const char *usage,
                        const struct cli_option *own, size_t own_count);
/*
 * The settings file: --config-file, else MODGATE_CONFIG_FILE; else, if it is there,
 * modgate/modgate.yaml below XDG_CONFIG_HOME (or ~/.config), else /etc/modgate/modgate.yaml, if it
 * is there; else NULL. In the arena or argv or the environment.
 */
const char *settings_args_file(struct arena *a, const struct settings_args *sa);
/* Reads all sources; see settings_load(). */
struct error *settings_args_load(struct arena *a, const struct settings_args *sa,
                                 struct settings *out) MUST_CHECK;

#endif
