#include "cli/cmd_policy.h"

static const struct cli_subcommand policy_commands[] = {
    {"hold", "policy hold", "MODULE[@VERSION]", "refuse a version until it is released",
     cmd_policy_hold},
    {"import-vulndb", "policy import-vulndb", "FOLDER|ZIP", "take up a vulnerability database",
     cmd_policy_import_vulndb},
    {"list", "policy list", "", "say what is held and released", cmd_policy_list},
    {"release", "policy release", "MODULE[@VERSION]", "give a version that a rule holds",
     cmd_policy_release},
    {"test", "policy test", "MODULE@VERSION", "say what the rules make of a version, and why",
     cmd_policy_test},
};

int cmd_policy(int argc, char **argv)
{
    const struct cli_group group = {policy_commands, ARRAY_LEN(policy_commands), 13, 16};
    return cli_run_group(&group, argc, argv);
}
