#include "cli/cmd_sumdb.h"

#include <stdio.h>

static const struct sumdb_command {
    const char *name;
    char *full_name;
    const char *operands;
    const char *summary;
    int (*run)(int argc, char **argv);
} sumdb_commands[] = {
    {"audit", "sumdb audit", "URL|DIR", "read a whole database and say what is wrong with it",
     cmd_sumdb_audit},
    {"check", "sumdb check", "FILE", "check a proof that prove has printed, offline",
     cmd_sumdb_check},
    {"keygen", "sumdb keygen", "NAME", "make the key of a database of one's own", cmd_sumdb_keygen},
    {"prove", "sumdb prove", "MODULE@VERSION", "print the proof that a database has a record",
     cmd_sumdb_prove},
};

static void print_sumdb_help(FILE *to)
{
    fputs("usage: modgate sumdb <command> [options] [operands]\n\ncommands:\n", to);
    for (size_t i = 0; i < ARRAY_LEN(sumdb_commands); i++)
        fprintf(to, "  %-8s %-18s %s\n", sumdb_commands[i].name, sumdb_commands[i].operands,
                sumdb_commands[i].summary);
    fputs("\nmodgate sumdb <command> --help tells more.\n", to);
}

int cmd_sumdb(int argc, char **argv)
{
    if (argc < 2) {
        print_sumdb_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_sumdb_help(stdout);
        return EXIT_FINE;
    }
    for (size_t i = 0; i < ARRAY_LEN(sumdb_commands); i++) {
        if (strcmp(sumdb_commands[i].name, argv[1]) != 0)
            continue;
        argv[1] = sumdb_commands[i].full_name;
        return sumdb_commands[i].run(argc - 1, argv + 1);
    }
    return cli_usage_error(argv[0], "no command '%s'", argv[1]);
}
