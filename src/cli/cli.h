/*
 * Commands. To add one: write src/cli/cmd_<name>.c with an `int cmd_<name>(int argc, char **argv)`,
 * declare it here, give it a row in the table of main.c and a page in docs/. argv[0] is the
 * command's name. Exit codes: 0 fine, 1 found something or failed, 2 usage.
 */
#ifndef MODGATE_CLI_CLI_H
#define MODGATE_CLI_CLI_H

#include "base/base.h"

enum exit_code { EXIT_FINE = 0, EXIT_FOUND = 1, EXIT_USAGE = 2 };

int cmd_audit(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_warm(int argc, char **argv);
int cmd_mod(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_sumdb(int argc, char **argv);
int cmd_evict(int argc, char **argv);
int cmd_goauth(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_publish(int argc, char **argv);
int cmd_unpublish(int argc, char **argv);
int cmd_sign(int argc, char **argv);
int cmd_sign_verify(int argc, char **argv);

/* A command of a command: "token create". */
struct cli_subcommand {
    const char *name;
    char *full_name;      /* "token create": its argv[0] */
    const char *operands; /* as help shows them */
    const char *summary;
    int (*run)(int argc, char **argv);
};

struct cli_group {
    const struct cli_subcommand *commands;
    size_t count;
    int name_width, operands_width; /* of the columns in the help text; 0: without operands */
};

/* Runs the command that argv[1] names; argv[0] is the group's name. Prints its help when asked. */
int cli_run_group(const struct cli_group *g, int argc, char **argv);

/* One option of a command; without a name, a heading in the help text. */
struct cli_option {
    const char *name; /* "json", without dashes; NULL: help is a heading */
    char letter;      /* 'o', or 0 */
    const char *arg;  /* "FILE" in the help text; NULL: a switch */
    const char *help;
    const char **value; /* set to the argument; for a switch to "" */
    /* More than 1: value is an array of so many NULLs, and each time the option is given the next
     * one is set. */
    unsigned slots;
};

/*
 * Parses options up to the first operand or "--"; both "--name value" and "--name=value" work, and
 * options may follow operands. Operands are moved to the front of argv[1…]; returns their number.
 * On
 * --help prints usage and options and exits 0; on a mistake says which, hints at --help, exits 2.
 */
int cli_parse(int argc, char **argv, const char *usage, const struct cli_option *options,
              size_t count);
/* Prints "modgate <command>: <chain>" on standard error; returns EXIT_FOUND. */
int cli_fail(const char *command, const struct error *e);
/* Prints a usage mistake on standard error with a hint at --help; returns EXIT_USAGE. */
int cli_usage_error(const char *command, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
