/* modgate completion: the script that a shell loads, from modgate.<shell> in this folder. */
#include "cli/cli.h"

#include <stdio.h>

extern const char completion_bash[];

static const struct {
    const char *shell;
    const char *script;
} scripts[] = {
    {"bash", completion_bash},
};

int cmd_completion(int argc, char **argv)
{
    if (cli_parse(argc, argv,
                  "modgate completion bash\n\n"
                  "Prints the completion script of a shell: source <(modgate completion bash)",
                  NULL, 0) != 1)
        return cli_usage_error(argv[0], "takes the name of a shell: bash");
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        if (strcmp(argv[1], scripts[i].shell) == 0) {
            fputs(scripts[i].script, stdout);
            return EXIT_FINE;
        }
    }
    return cli_usage_error(argv[0], "no script for '%s'; there is one for bash", argv[1]);
}
