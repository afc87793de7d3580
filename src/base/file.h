/* Files: whole reads, durable writes, folders. All block. [worker] unless marked. */
#ifndef MODGATE_BASE_FILE_H
#define MODGATE_BASE_FILE_H

#include "base/base.h"

/* Closes *fd if it is not negative. For __attribute__((cleanup)). [any] */
void fd_cleanup(int *fd);
#define FD_SCOPED __attribute__((cleanup(fd_cleanup))) int
/* The descriptor, which is now the caller's: *fd becomes -1, and its scope closes nothing. [any] */
int fd_take(int *fd);

/*
 * The whole file, at most max bytes (else TOO_LARGE); a NUL follows. Pipes are read to their end.
 * Absence is NOT_FOUND.
 */
struct error *file_read(struct arena *a, const char *path, size_t max,
                        struct slice *out) MUST_CHECK;
/* The same from an open descriptor, from its start. */
struct error *file_read_fd(struct arena *a, int fd, size_t max, struct slice *out) MUST_CHECK;
/*
 * The whole file as read-only memory, unmapped when the arena is cleared or released; nothing is
 * read before it is touched. Absence is NOT_FOUND. A file that shrinks meanwhile, or that the disk
 * cannot give, kills the process on access: for files that are ours alone.
 */
struct error *file_map(struct arena *a, const char *path, struct slice *out) MUST_CHECK;
struct error *file_map_fd(struct arena *a, int fd, struct slice *out) MUST_CHECK;
/* Writes all bytes, going on after short writes and EINTR. */
struct error *fd_write_all(struct arena *a, int fd, struct slice data) MUST_CHECK;
/* The same from that offset on; the descriptor's own stays where it is. */
struct error *fd_write_all_at(struct arena *a, int fd, uint64_t offset,
                              struct slice data) MUST_CHECK;
/* Writes a temporary file beside path, fsyncs it, renames it over path, fsyncs the folder. */
struct error *file_write_durable(struct arena *a, const char *path, struct slice data) MUST_CHECK;
/* mkdir -p with the mode 0755. */
struct error *dir_make(struct arena *a, const char *path) MUST_CHECK;
/* fsync of a folder. */
struct error *dir_sync(struct arena *a, const char *path) MUST_CHECK;
/* rm -rf: removes the tree below path and path itself; absence is fine. Follows no symbolic link.
 */
struct error *dir_remove(struct arena *a, const char *path) MUST_CHECK;
/*
 * Calls fn for each regular file below root, with its path below root, in bytewise order. Stops at
 * the first error that fn returns. Symbolic links are reported as files are not: they are skipped.
 */
typedef struct error *(*dir_walk_fn)(void *arg, struct arena *a, struct slice rel_path);
struct error *dir_walk(struct arena *a, const char *root, dir_walk_fn fn, void *arg) MUST_CHECK;

#endif
