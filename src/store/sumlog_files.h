/* The files of a log, as what sumdb/log.h works on. */
#ifndef MODGATE_STORE_SUMLOG_FILES_H
#define MODGATE_STORE_SUMLOG_FILES_H

#include "sumdb/log.h"

#include <stdatomic.h>

struct sumlog_files {
    char *dir;
    int dir_fd, lock_fd;
    int parts[LOG_PARTS];
    bool is_unsynced[LOG_PARTS];
    _Atomic uint64_t syncs;
};

/*
 * For the one that writes: makes what is missing, takes the lock. OVERLOAD: another process has it.
 * The caller closes them, after an error too. [worker]
 */
struct error *sumlog_files_open(struct arena *a, const char *dir,
                                struct sumlog_files *out) MUST_CHECK;
/*
 * For reading alone: no lock, nothing is made; NOT_FOUND when dir is no log. What is read below the
 * head is whole, whoever writes meanwhile. [worker]
 */
struct error *sumlog_files_open_reader(struct arena *a, const char *dir,
                                       struct sumlog_files *out) MUST_CHECK;
void sumlog_files_close(struct sumlog_files *f);
/* f outlives what is done with them. */
struct sumdb_log_ops sumlog_files_ops(struct sumlog_files *f);

#endif
