/* Module zips and checksums of folders: the part of them that reads files. Blocks. [worker] */
#ifndef MODGATE_CLI_MODZIP_DIR_H
#define MODGATE_CLI_MODZIP_DIR_H

#include "gomod/modzip.h"

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

#endif
