#include "cli/cmd_audit.h"

static const struct cli_subcommand audit_commands[] = {
    {"search", "audit search", "[FILE…]", "print the records that fit", cmd_audit_search},
    {"verify", "audit verify", "[FILE…]", "find out whether a record was changed or is missing",
     cmd_audit_verify},
};

int cmd_audit(int argc, char **argv)
{
    const struct cli_group group = {audit_commands, ARRAY_LEN(audit_commands), 8, 9};
    return cli_run_group(&group, argc, argv);
}
