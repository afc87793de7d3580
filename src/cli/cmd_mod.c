#include "cli/cmd_mod.h"

#include <stdio.h>

static const struct mod_command {
    const char *name;
    char *full_name;
    const char *operands;
    const char *summary;
    int (*run)(int argc, char **argv);
} mod_commands[] = {
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

static void print_mod_help(FILE *to)
{
    fputs("usage: modgate mod <command> [options] [operands]\n\ncommands:\n", to);
    for (size_t i = 0; i < ARRAY_LEN(mod_commands); i++)
        fprintf(to, "  %-8s %-24s %s\n", mod_commands[i].name, mod_commands[i].operands,
                mod_commands[i].summary);
    fputs("\nmodgate mod <command> --help tells more.\n", to);
}

int cmd_mod(int argc, char **argv)
{
    if (argc < 2) {
        print_mod_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_mod_help(stdout);
        return EXIT_FINE;
    }
    for (size_t i = 0; i < ARRAY_LEN(mod_commands); i++) {
        if (strcmp(mod_commands[i].name, argv[1]) != 0)
            continue;
        argv[1] = mod_commands[i].full_name;
        return mod_commands[i].run(argc - 1, argv + 1);
    }
    return cli_usage_error(argv[0], "no command '%s'", argv[1]);
}
