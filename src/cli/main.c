#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>

static int cmd_version(int argc, char **argv);

static const struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"audit", "check and search the audit file", cmd_audit},
    {"completion", "print the completion script of a shell", cmd_completion},
    {"config", "check settings, print what holds, print a sample", cmd_config},
    {"evict", "drop the least recently used versions of a store", cmd_evict},
    {"goauth", "give the go command credentials for a gateway", cmd_goauth},
    {"mod", "names, versions and files of modules, for scripts", cmd_mod},
    {"policy", "try the rules, hold and release versions", cmd_policy},
    {"publish", "publish a folder or a git tag as a version", cmd_publish},
    {"serve", "run the gateway", cmd_serve},
    {"sign", "sign what is stored, check signatures", cmd_sign},
    {"sumdb", "keys, audits and proofs of checksum databases", cmd_sumdb},
    {"token", "make, list and revoke tokens of a gateway", cmd_token},
    {"unpublish", "withdraw a published version", cmd_unpublish},
    {"verify", "check a store, a module cache, a vendor folder or a go.sum", cmd_verify},
    {"version", "print the version", cmd_version},
    {"warm", "fetch what a go.sum, go.mod or list names", cmd_warm},
};

static int cmd_version(int argc, char **argv)
{
    puts("modgate " MODGATE_VERSION);
    return EXIT_FINE;
}

static void print_help(FILE *to)
{
    fputs("usage: modgate <command> [options]\n\nA gateway for Go modules.\n\ncommands:\n", to);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\nmodgate <command> --help tells more; modgate version prints the version.\n", to);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_FINE;
    }
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    const struct command *cmd = find_command(name);
    if (!cmd) {
        fprintf(stderr, "modgate: no command '%s'; modgate --help lists them\n", argv[1]);
        return EXIT_USAGE;
    }
    return cmd->run(argc - 1, argv + 1);
}
