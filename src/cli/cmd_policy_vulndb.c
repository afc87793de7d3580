/* modgate policy import-vulndb: takes up a vulnerability database. */
#include "cli/cmd_policy.h"
#include "cli/settings_args.h"
#include "cli/vulndb.h"

#include <stdio.h>

static struct error *import(struct arena *a, const struct settings_args *sa, const char *source)
{
    struct settings s;
    struct vulndb_report report;
    TRY(settings_args_load(a, sa, &s));
    if (!s.data_dir[0])
        return error_new(a, STATUS_BAD_USAGE, "no store is named: give --data-dir");
    TRY_CTX(a, vulndb_import(a, s.data_dir, source, &report), "%s", source);
    printf("%zu entries, %zu affected modules, of %.*s\n", report.entries, report.lines,
           SLICE_ARG(report.modified));
    return NULL;
}

int cmd_policy_import_vulndb(int argc, char **argv)
{
    struct settings_args sa = {0};
    struct arena a = ARENA_INIT;
    if (settings_args_parse(&sa, argc, argv, "modgate policy import-vulndb [options] FOLDER|ZIP",
                            NULL, 0) != 1)
        return cli_usage_error(argv[0], "needs one operand, a folder or a zip file");
    struct error *err = import(&a, &sa, argv[1]);
    int code = err ? cli_fail(argv[0], err) : EXIT_FINE;
    arena_release(&a);
    return code;
}
