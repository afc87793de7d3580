#include "cli/cmd_audit.h"

#include <stdio.h>

static const struct audit_command {
    const char *name;
    char *full_name;
    const char *operands;
    const char *summary;
    int (*run)(int argc, char **argv);
} audit_commands[] = {
    {"search", "audit search", "[FILE…]", "print the records that fit", cmd_audit_search},
    {"verify", "audit verify", "[FILE…]", "find out whether a record was changed or is missing",
     cmd_audit_verify},
};

static void print_audit_help(FILE *to)
{
    fputs("usage: modgate audit <command> [options] [operands]\n\ncommands:\n", to);
    for (size_t i = 0; i < ARRAY_LEN(audit_commands); i++)
        fprintf(to, "  %-8s %-9s %s\n", audit_commands[i].name, audit_commands[i].operands,
                audit_commands[i].summary);
    fputs("\nmodgate audit <command> --help tells more.\n", to);
}

int cmd_audit(int argc, char **argv)
{
    if (argc < 2) {
        print_audit_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_audit_help(stdout);
        return EXIT_FINE;
    }
    for (size_t i = 0; i < ARRAY_LEN(audit_commands); i++) {
        if (strcmp(audit_commands[i].name, argv[1]) != 0)
            continue;
        argv[1] = audit_commands[i].full_name;
        return audit_commands[i].run(argc - 1, argv + 1);
    }
    return cli_usage_error(argv[0], "no command '%s'", argv[1]);
}
