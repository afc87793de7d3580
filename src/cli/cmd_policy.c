#include "cli/cmd_policy.h"

#include <stdio.h>

static const struct policy_command {
    const char *name;
    char *full_name;
    const char *operands;
    const char *summary;
    int (*run)(int argc, char **argv);
} policy_commands[] = {
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

static void print_policy_help(FILE *to)
{
    fputs("usage: modgate policy <command> [options] [operands]\n\ncommands:\n", to);
    for (size_t i = 0; i < ARRAY_LEN(policy_commands); i++)
        fprintf(to, "  %-13s %-16s %s\n", policy_commands[i].name, policy_commands[i].operands,
                policy_commands[i].summary);
    fputs("\nmodgate policy <command> --help tells more.\n", to);
}

int cmd_policy(int argc, char **argv)
{
    if (argc < 2) {
        print_policy_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_policy_help(stdout);
        return EXIT_FINE;
    }
    for (size_t i = 0; i < ARRAY_LEN(policy_commands); i++) {
        if (strcmp(policy_commands[i].name, argv[1]) != 0)
            continue;
        argv[1] = policy_commands[i].full_name;
        return policy_commands[i].run(argc - 1, argv + 1);
    }
    return cli_usage_error(argv[0], "no command '%s'", argv[1]);
}
