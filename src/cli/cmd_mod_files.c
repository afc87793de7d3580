/* modgate mod json: go.mod files. */
#include "cli/cmd_mod.h"

#include "base/file.h"
#include "gomod/modfile.h"

#include <stdio.h>

/* All that is wrong with the file, a line each, as go tells it. */
static int print_faults(const char *command, const struct modfile *f)
{
    for (size_t i = 0; i < f->n_faults; i++)
        fprintf(stderr, "modgate %s: %.*s\n", command, SLICE_ARG(f->faults[i].text));
    return EXIT_FOUND;
}

static struct error *print_json(struct arena *a, const char *path, struct modfile *f)
{
    struct slice file;
    TRY(file_read(a, path, MODFILE_MAX_BYTES, &file));
    TRY(modfile_parse(a, slice_of(path), file, MODFILE_STRICT, f));
    BUF_SCOPED(json);
    modfile_tidy(f);
    modfile_json(f, &json);
    fwrite(json.p, 1, json.n, stdout);
    return NULL;
}

int cmd_mod_json(int argc, char **argv)
{
    if (cli_parse(argc, argv, "modgate mod json FILE", NULL, 0) != 1)
        return cli_usage_error(argv[0], "exactly one go.mod file is wanted");
    struct arena a = ARENA_INIT;
    struct modfile f = {0};
    struct error *err = print_json(&a, argv[1], &f);
    int code = EXIT_FINE;
    if (err)
        code = f.n_faults ? print_faults(argv[0], &f) : cli_fail(argv[0], err);
    arena_release(&a);
    return code;
}
