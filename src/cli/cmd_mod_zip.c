/* modgate mod hash, zip: checksums of modules, and the making of their zips. */
#include "cli/cmd_mod.h"

#include "base/file.h"
#include "cli/modzip_dir.h"

#include <stdio.h>
#include <sys/stat.h>

static struct error *hash_zip(struct arena *a, const char *path, char h1[H1_TEXT_BYTES])
{
    struct slice bytes;
    TRY(file_map(a, path, &bytes));
    TRY_CTX(a, modzip_hash(a, bytes, h1), "%s", path);
    return NULL;
}

static struct error *hash_go_mod(struct arena *a, const char *path, char h1[H1_TEXT_BYTES])
{
    struct slice bytes;
    TRY(file_read(a, path, MODZIP_LIMITS_GO.go_mod_bytes, &bytes));
    gomod_hash(bytes, h1);
    return NULL;
}

static struct error *hash_target(struct arena *a, const char *path, struct slice prefix,
                                 char h1[H1_TEXT_BYTES])
{
    struct stat st;
    struct dir_totals totals;
    struct slice name = slice_of(path);
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return dir_hash(a, path, prefix, h1, &totals);
    if (slice_ends(name, S(".zip")))
        return hash_zip(a, path, h1);
    if (slice_ends(name, S(".mod")))
        return hash_go_mod(a, path, h1);
    return error_new(a, STATUS_BAD_USAGE, "%s is neither a folder nor named .zip or .mod", path);
}

int cmd_mod_hash(int argc, char **argv)
{
    const char *prefix = "";
    const struct cli_option options[] = {
        {"prefix", 0, "PATH@VERSION", "what names in a folder begin with", &prefix},
    };
    int n = cli_parse(argc, argv, "modgate mod hash [--prefix PATH@VERSION] F.zip|DIR|go.mod…",
                      options, ARRAY_LEN(options));
    if (n == 0)
        return cli_usage_error(argv[0], "nothing given");
    int code = EXIT_FINE;
    for (int i = 1; i <= n; i++) {
        struct arena a = ARENA_INIT;
        char h1[H1_TEXT_BYTES];
        struct error *err = hash_target(&a, argv[i], slice_of(prefix), h1);
        if (err)
            code = cli_fail(argv[0], err);
        else
            puts(h1);
        arena_release(&a);
    }
    return code;
}

int cmd_mod_zip(int argc, char **argv)
{
    const char *out = NULL;
    const struct cli_option options[] = {
        {"output", 'o', "FILE", "where to write the zip", &out},
    };
    int n = cli_parse(argc, argv, "modgate mod zip DIR PATH@VERSION -o FILE", options,
                      ARRAY_LEN(options));
    if (n != 2 || !out)
        return cli_usage_error(argv[0], "a folder, a module version and -o are needed");
    struct arena a = ARENA_INIT;
    char h1[H1_TEXT_BYTES];
    struct module_version mv = {.version = slice_of(argv[2])};
    mv.path = slice_cut(&mv.version, '@');
    struct error *err = dir_make_zip(&a, argv[1], mv, out, NULL, h1);
    int code = err ? cli_fail(argv[0], err) : EXIT_FINE;
    if (!err)
        puts(h1);
    arena_release(&a);
    return code;
}
