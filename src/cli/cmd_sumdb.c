#include "cli/cmd_sumdb.h"

static const struct cli_subcommand sumdb_commands[] = {
    {"audit", "sumdb audit", "URL|DIR", "read a whole database and say what is wrong with it",
     cmd_sumdb_audit},
    {"check", "sumdb check", "FILE", "check a proof that prove has printed, offline",
     cmd_sumdb_check},
    {"keygen", "sumdb keygen", "NAME", "make the key of a database of one's own", cmd_sumdb_keygen},
    {"prove", "sumdb prove", "MODULE@VERSION", "print the proof that a database has a record",
     cmd_sumdb_prove},
};

int cmd_sumdb(int argc, char **argv)
{
    const struct cli_group group = {sumdb_commands, ARRAY_LEN(sumdb_commands), 8, 18};
    return cli_run_group(&group, argc, argv);
}
