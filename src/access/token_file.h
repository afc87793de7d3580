/*
 * The file of the tokens, <data_dir>/access/tokens.json: read by the gateway, changed by commands
 * while it runs. A change is a new file that is synced and renamed over the old one, under a lock
 * that lies beside it: a crash leaves the old one or the new one. Nobody else may read it. [worker]
 */
#ifndef MODGATE_ACCESS_TOKEN_FILE_H
#define MODGATE_ACCESS_TOKEN_FILE_H

#include "access/token.h"

#include <sys/stat.h>

/* The file's path, in the arena. */
const char *token_file_path(struct arena *a, const char *data_dir);
/* What it holds; a file that is not there holds none. CORRUPT when it cannot be used; IO. *st says
 * which file it was, all zero for none; it may be NULL. */
struct error *token_file_read(struct arena *a, const char *data_dir, struct tokens *out,
                              struct stat *st) MUST_CHECK;
/*
 * Reads, lets change() say what the file shall hold, and writes that. change() may return an error:
 * then nothing is written.
 */
typedef struct error *(*token_change_fn)(void *arg, struct arena *a, struct tokens *t);
struct error *token_file_change(struct arena *a, const char *data_dir, token_change_fn change,
                                void *arg) MUST_CHECK;

#endif
