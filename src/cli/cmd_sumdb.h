/*
 * The sub-commands of `modgate sumdb`. To add one: declare it here, write it, give it a row in the
 * table of cmd_sumdb.c. argv[0] is its full name ("sumdb keygen"), as messages show it.
 */
#ifndef MODGATE_CLI_CMD_SUMDB_H
#define MODGATE_CLI_CMD_SUMDB_H

#include "cli/cli.h"

int cmd_sumdb_keygen(int argc, char **argv);
int cmd_sumdb_audit(int argc, char **argv);
int cmd_sumdb_prove(int argc, char **argv);
int cmd_sumdb_check(int argc, char **argv);

#endif
