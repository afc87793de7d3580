/* Commands that consist of commands, as modgate mod and modgate token do. */
#include "cli/cli.h"

#include <stdio.h>

static void print_help(FILE *to, const struct cli_group *g, const char *name)
{
    fprintf(to, "usage: modgate %s <command> [options]%s\n\ncommands:\n", name,
            g->operands_width ? " [operands]" : "");
    for (size_t i = 0; i < g->count; i++) {
        const struct cli_subcommand *c = &g->commands[i];
        fprintf(to, "  %-*s ", g->name_width, c->name);
        if (g->operands_width)
            fprintf(to, "%-*s ", g->operands_width, c->operands);
        fprintf(to, "%s\n", c->summary);
    }
    fprintf(to, "\nmodgate %s <command> --help tells more.\n", name);
}

int cli_run_group(const struct cli_group *g, int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr, g, argv[0]);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout, g, argv[0]);
        return EXIT_FINE;
    }
    for (size_t i = 0; i < g->count; i++) {
        if (strcmp(g->commands[i].name, argv[1]) != 0)
            continue;
        argv[1] = g->commands[i].full_name;
        return g->commands[i].run(argc - 1, argv + 1);
    }
    return cli_usage_error(argv[0], "no command '%s'", argv[1]);
}
