/* The sub-commands of `modgate audit`, and the files that they read. */
#ifndef MODGATE_CLI_CMD_AUDIT_H
#define MODGATE_CLI_CMD_AUDIT_H

#include "cli/cli.h"
#include "cli/settings_args.h"

int cmd_audit_verify(int argc, char **argv);
int cmd_audit_search(int argc, char **argv);

struct audit_files {
    const char **paths; /* in the order of the chain */
    size_t count;
};
/*
 * The files that are named; else that of the setting audit.file, with those that were put aside.
 * BAD_USAGE when there are none of either kind.
 */
struct error *audit_files_find(struct arena *a, const struct settings_args *sa, char *const *names,
                               int count, struct audit_files *out) MUST_CHECK;
/* Calls fn with each line of a file, without its newline. Lines beyond 16 KiB come in pieces. */
struct error *audit_file_each(struct arena *a, const char *path,
                              void (*fn)(void *arg, struct slice line, bool is_whole),
                              void *arg) MUST_CHECK;

#endif
