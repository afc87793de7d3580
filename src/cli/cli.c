#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>

enum { HELP_COLUMN = 34, HELP_WIDTH = 100 };

/* The words of a help text, from the column on; `used` says how far the line is filled already. */
static void print_wrapped(const char *text, size_t used)
{
    struct slice rest = slice_of(text);
    size_t column = HELP_WIDTH;
    if (used < HELP_COLUMN) {
        printf("%*s", (int)(HELP_COLUMN - used), "");
        column = HELP_COLUMN;
    }
    while (rest.p) {
        struct slice word = slice_cut(&rest, ' ');
        if (column + 1 + word.n > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        printf("%s%.*s", column > HELP_COLUMN ? " " : "", SLICE_ARG(word));
        column += word.n + (column > HELP_COLUMN);
    }
    putchar('\n');
}

static void print_options(const char *usage, const struct cli_option *options, size_t count)
{
    printf("usage: %s\n", usage);
    if (count)
        puts("\noptions:");
    for (size_t i = 0; i < count; i++) {
        const struct cli_option *o = &options[i];
        if (!o->name) {
            printf("\n%s:\n", o->help);
            continue;
        }
        char letter[8] = "      ";
        if (o->letter)
            snprintf(letter, sizeof(letter), "  -%c, ", o->letter);
        int used = printf("%s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        print_wrapped(o->help, (size_t)used);
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
        if (!options[i].name)
            continue;
        if (is_long && slice_eq(slice_of(options[i].name), name))
            return &options[i];
        if (!is_long && name.n == 1 && options[i].letter == name.p[0])
            return &options[i];
    }
    return NULL;
}

/* Where the option's next value goes; NULL: it has had as many as it takes. */
static const char **free_slot(const struct cli_option *o)
{
    if (o->slots <= 1)
        return o->value;
    for (unsigned i = 0; i < o->slots; i++) {
        if (!o->value[i])
            return &o->value[i];
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
    const char **slot = free_slot(o);
    if (!slot)
        exit(cli_usage_error(argv[0], "--%s is given more than %u times", o->name, o->slots));
    if (!o->arg)
        *slot = "";
    else
        *slot = value.p ? value.p : argv[++i];
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
