/* Module zips and checksums of folders: the part of them that reads files. Blocks. [worker] */
#ifndef MODGATE_CLI_MODZIP_DIR_H
#define MODGATE_CLI_MODZIP_DIR_H

#include "gomod/modzip_make.h"

struct dir_totals {
    size_t files;
    uint64_t bytes;
};

/*
 * The h1 of all files below dir, each named "<prefix>/<path below dir>" (no prefix: the path
 * alone), as dirhash.HashDir: symbolic links count as the file they point to.
 */
struct error *dir_hash(struct arena *a, const char *dir, struct slice prefix,
                       char h1[H1_TEXT_BYTES], struct dir_totals *totals) MUST_CHECK;

/* Is told of each file that was found, but for those that count as vendored. */
struct dir_listener {
    void (*tell)(void *arg, const struct modzip_file *f);
    void *arg;
};

/*
 * Writes the module zip of a folder (zip.CreateFromDir) to the file `out`, which appears whole or
 * not at all, and gives its h1. listener may be NULL.
 */
struct error *dir_make_zip(struct arena *a, const char *dir, struct module_version mv,
                           const char *out, const struct dir_listener *listener,
                           char h1[H1_TEXT_BYTES]) MUST_CHECK;

#endif
