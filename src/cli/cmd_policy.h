/* modgate policy: its commands. */
#ifndef MODGATE_CLI_CMD_POLICY_H
#define MODGATE_CLI_CMD_POLICY_H

#include "cli/cli.h"

int cmd_policy_hold(int argc, char **argv);
int cmd_policy_import_vulndb(int argc, char **argv);
int cmd_policy_list(int argc, char **argv);
int cmd_policy_release(int argc, char **argv);
int cmd_policy_test(int argc, char **argv);

#endif
