#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>

static void print_options(const char *usage, const struct cli_option *options, size_t count)
{
    printf("usage: %s\n", usage);
    if (count)
        puts("\noptions:");
    for (size_t i = 0; i < count; i++) {
        const struct cli_option *o = &options[i];
        char left[64];
        snprintf(left, sizeof(left), "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        if (o->letter)
            printf("  -%c, %-28s %s\n", o->letter, left, o->help);
        else
            printf("      %-28s %s\n", left, o->help);
    }
}

int cli_usage_error(const char *command, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "modgate %s: ", command);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "; see modgate %s --help\n", command);
    va_end(ap);
    return EXIT_USAGE;
}

int cli_fail(const char *command, const struct error *e)
{
    BUF_SCOPED(b);
    error_chain_to(&b, e);
    fprintf(stderr, "modgate %s: %s\n", command, b.p);
    return EXIT_FOUND;
}

static const struct cli_option *find_option(struct slice name, bool is_long,
                                            const struct cli_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_long && slice_eq(slice_of(options[i].name), name))
            return &options[i];
        if (!is_long && name.n == 1 && options[i].letter == name.p[0])
            return &options[i];
    }
    return NULL;
}

/* Handles the option at argv[i]; returns the index of the last word it used. */
static int take_option(int argc, char **argv, int i, const struct cli_option *options, size_t count)
{
    bool is_long = argv[i][1] == '-';
    struct slice value = slice_of(argv[i] + (is_long ? 2 : 1));
    struct slice name = slice_cut(&value, '=');
    const struct cli_option *o = find_option(name, is_long, options, count);
    if (!o)
        exit(cli_usage_error(argv[0], "no option '%s'", argv[i]));
    if (!o->arg && value.p)
        exit(cli_usage_error(argv[0], "--%s takes no value", o->name));
    if (o->arg && !value.p && i + 1 >= argc)
        exit(cli_usage_error(argv[0], "--%s needs a value (%s)", o->name, o->arg));
    if (!o->arg)
        *o->value = "";
    else
        *o->value = value.p ? value.p : argv[++i];
    return i;
}

int cli_parse(int argc, char **argv, const char *usage, const struct cli_option *options,
              size_t count)
{
    int operands = 0;
    bool only_operands = false;
    for (int i = 1; i < argc; i++) {
        if (only_operands || argv[i][0] != '-' || argv[i][1] == '\0') {
            argv[1 + operands++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_options(usage, options, count);
            exit(EXIT_FINE);
        } else {
            i = take_option(argc, argv, i, options, count);
        }
    }
    return operands;
}
