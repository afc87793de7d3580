/*
 * A vulnerability database in the format of the Go one, copied into the data folder:
 *
 *   policy/vulndb/index/{db,modules,vulns}.json[.gz]
 *   policy/vulndb/ID/<id>.json[.gz]
 *   policy/vulndb/vulns                 what rules need of it (policy/vulns.h)
 *
 * Format: go.dev/security/vuln/database#api.
 */
#ifndef MODGATE_CLI_VULNDB_H
#define MODGATE_CLI_VULNDB_H

#include "base/base.h"

struct vulndb_report {
    size_t entries;
    size_t lines;          /* modules of entries that affect versions of Go modules */
    struct slice modified; /* of the database, as its index says; in the arena */
};

/*
 * Takes up the database in a folder or a zip: all of it is checked before it replaces, in one step,
 * what was there. Errors: NOT_FOUND, BAD_SYNTAX with the file, TOO_LARGE, those of writing.
 * [worker]
 */
struct error *vulndb_import(struct arena *a, const char *data_dir, const char *source,
                            struct vulndb_report *out) MUST_CHECK;

/* The rest is shared by the two files. Called for each file, with its name below the root. */
typedef struct error *(*vulndb_file_fn)(void *arg, struct slice name, struct slice content);
enum { VULNDB_FILE_MAX_BYTES = 32 << 20, VULNDB_MAX_FILES = 200000 };
/* The files of a zip, wherever in it index/db.json lies. */
struct error *vulndb_read_zip(struct arena *a, const char *path, vulndb_file_fn fn,
                              void *arg) MUST_CHECK;

#endif
