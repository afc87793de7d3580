#include "cli/cmd_mod.h"

static const struct cli_subcommand mod_commands[] = {
    {"json", "mod json", "FILE", "print a go.mod file as go mod edit -json does", cmd_mod_json},
    {"check", "mod check", "PATH[@VERSION]…", "say what is wrong with a module path or version",
     cmd_mod_check},
    {"escape", "mod escape", "PATH[@VERSION]…", "print the form used in URLs and file names",
     cmd_mod_escape},
    {"unescape", "mod unescape", "PATH[@VERSION]…", "print the form used in go.mod files",
     cmd_mod_unescape},
    {"pseudo", "mod pseudo", "VERSION…", "take pseudo-versions apart, or make one", cmd_mod_pseudo},
    {"latest", "mod latest", "VERSION…", "print the version that @latest stands for",
     cmd_mod_latest},
    {"hash", "mod hash", "F.zip|DIR|go.mod…", "print the h1 of a module zip, folder or go.mod",
     cmd_mod_hash},
    {"zip", "mod zip", "DIR PATH@VERSION", "make a folder's module zip, as go would", cmd_mod_zip},
};

int cmd_mod(int argc, char **argv)
{
    const struct cli_group group = {mod_commands, ARRAY_LEN(mod_commands), 8, 24};
    return cli_run_group(&group, argc, argv);
}
