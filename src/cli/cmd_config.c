/* modgate config: check a settings file, print what holds and why, print a sample. */
#include "cli/cli.h"
#include "cli/config_check.h"
#include "cli/settings_args.h"
#include "config/config.h"

#include <jansson.h>
#include <stdio.h>

static int print_and_release(struct buf *b)
{
    fwrite(b->p, 1, b->n, stdout);
    buf_release(b);
    return EXIT_FINE;
}

static json_t *json_findings(struct arena *a, const struct error *err)
{
    json_t *list = json_array();
    struct slice text = err ? error_chain(a, err) : slice_make(NULL, 0);
    while (text.p) {
        struct slice line = slice_cut_line(&text);
        json_array_append_new(list, json_stringn(line.p, line.n));
    }
    return list;
}

static void print_json_result(struct arena *a, const char *file, const struct error *err)
{
    json_t *o = json_object();
    json_object_set_new(o, "ok", json_boolean(!err));
    json_object_set_new(o, "file", file ? json_string(file) : json_null());
    json_object_set_new(o, "findings", json_findings(a, err));
    char *text = json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    puts(text);
    free(text);
    json_decref(o);
}

static void print_result(struct arena *a, const char *file, const struct error *err)
{
    if (err)
        fprintf(stderr, "%s\n", error_chain(a, err).p);
    else
        printf("%s: fine\n", file ? file : "no settings file; flags, variables and defaults");
}

static int run_check(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    struct settings_args sa;
    struct settings s;
    const char *as_json = NULL, *is_offline = NULL;
    const struct cli_option own[] = {
        {"json", 0, NULL, "Print {\"ok\":…,\"file\":…,\"findings\":[…]}.", &as_json},
        {"offline", 0, NULL, "Ask no host whether it takes the keys and tokens of vcs.",
         &is_offline}};
    int operands = settings_args_parse(&sa, argc, argv, "modgate config check [options] [FILE]",
                                       own, ARRAY_LEN(own));
    if (operands > 1)
        return cli_usage_error(argv[0], "takes one file at most");
    if (operands == 1)
        sa.config_file = argv[1];
    const char *file = settings_args_file(&a, &sa);
    struct error *err = settings_args_load(&a, &sa, &s);
    if (!err)
        err = config_check(&a, &s, !is_offline);
    if (as_json)
        print_json_result(&a, file, err);
    else
        print_result(&a, file, err);
    arena_release(&a);
    return err ? EXIT_FOUND : EXIT_FINE;
}

static int run_print(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    struct settings_args sa;
    struct settings s;
    struct buf b = BUF_INIT;
    const char *as_json = NULL;
    const struct cli_option own[] = {
        {"json", 0, NULL, "Print {\"KEY\":{\"value\":…,\"source\":…,\"origin\":…},…}.", &as_json}};
    if (settings_args_parse(&sa, argc, argv, "modgate config print [options]", own, ARRAY_LEN(own)))
        return cli_usage_error(argv[0], "takes no operand; name a file with --config-file");
    struct error *err = settings_args_load(&a, &sa, &s);
    if (err) {
        print_result(&a, NULL, err);
        arena_release(&a);
        return EXIT_FOUND;
    }
    if (as_json)
        settings_print_json(&b, &s);
    else
        settings_print(&b, &s);
    arena_release(&a);
    return print_and_release(&b);
}

static int run_sample(int argc, char **argv)
{
    struct buf b = BUF_INIT;
    const char *as_markdown = NULL;
    const struct cli_option own[] = {
        {"markdown", 0, NULL, "Print the manual page docs/settings.md instead.", &as_markdown}};
    if (cli_parse(argc, argv, "modgate config sample [--markdown]", own, ARRAY_LEN(own)))
        return cli_usage_error(argv[0], "takes no operand");
    if (as_markdown)
        settings_markdown(&b);
    else
        settings_sample(&b);
    return print_and_release(&b);
}

static const struct cli_subcommand config_commands[] = {
    {"check", "config check", "", "say what is wrong with a settings file", run_check},
    {"print", "config print", "", "print the settings that hold, and where each comes from",
     run_print},
    {"sample", "config sample", "", "print a settings file to start from", run_sample},
};

int cmd_config(int argc, char **argv)
{
    const struct cli_group group = {config_commands, ARRAY_LEN(config_commands), 8, 0};
    return cli_run_group(&group, argc, argv);
}
