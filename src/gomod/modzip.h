/*
 * Module zips: reading with bounded memory, Go's rules for their content, their h1, and the making
 * of new ones. Everything here is pure: zips come in as mapped memory, go out through a sink. [any]
 * Sources: golang.org/x/mod/zip, golang.org/x/mod/sumdb/dirhash, archive/zip.
 */
#ifndef MODGATE_GOMOD_MODZIP_H
#define MODGATE_GOMOD_MODZIP_H

#include "gomod/h1.h"
#include "gomod/module.h"

/* What a zip may hold. All but `files` are Go's own limits. */
struct modzip_limits {
    uint64_t zip_bytes;
    uint64_t content_bytes; /* of all files together, inflated */
    uint64_t go_mod_bytes;
    uint64_t license_bytes;
    size_t files; /* bounds memory: about 140 bytes for each */
};

#define MODZIP_LIMITS_GO                                                                           \
    ((struct modzip_limits){.zip_bytes = 500 << 20,                                                \
                            .content_bytes = 500 << 20,                                            \
                            .go_mod_bytes = 16 << 20,                                              \
                            .license_bytes = 16 << 20,                                             \
                            .files = 1 << 20})

/* One row of the central directory. */
struct modzip_entry {
    struct slice name; /* whole, with "path@version/"; points into the zip's bytes */
    uint64_t content_bytes;
    uint64_t packed_bytes;
    uint64_t header_offset; /* of the local header */
    uint32_t crc;
    uint16_t method;
    uint16_t flags;
};

struct modzip {
    struct slice bytes;
    struct modzip_entry *entries; /* in the order of the central directory */
    size_t count;
};

/*
 * Reads the central directory; the entries live in the arena, their names in bytes. BAD_ZIP when it
 * is not a zip, TOO_LARGE when it has more than max_files entries (checked before memory is taken).
 */
struct error *modzip_open(struct arena *a, struct slice bytes, size_t max_files,
                          struct modzip *out) MUST_CHECK;

/* Decompression state of one thread, about 150 KB; any number of entries one after the other. */
struct modzip_reader;
struct modzip_reader *modzip_reader_new(void);
void modzip_reader_free(struct modzip_reader *r);

/*
 * Reads the content of an entry piece by piece: after begin, next gives pieces that are valid until
 * the next call, and an empty one at the end (once all was checked). The zip's bytes must stay.
 * Errors as of modzip_read().
 */
struct error *modzip_read_begin(struct modzip_reader *r, struct arena *a, const struct modzip *z,
                                const struct modzip_entry *e) MUST_CHECK;
struct error *modzip_read_next(struct modzip_reader *r, struct arena *a,
                               struct slice *piece) MUST_CHECK;

/* Gets the content piece by piece; an error stops the reading and is returned from it. */
struct modzip_sink {
    struct error *(*write)(void *arg, struct arena *a, struct slice piece);
    void *arg;
};
/*
 * Hands the content of an entry to the sink in pieces that are valid during the call (stored
 * entries: one piece, in place). BAD_ZIP when the local header names another file, the data is
 * damaged, or its size or CRC is not the declared one; the sink never gets more than was declared.
 */
struct error *modzip_read(struct modzip_reader *r, struct arena *a, const struct modzip *z,
                          const struct modzip_entry *e, struct modzip_sink sink) MUST_CHECK;

/* Sees every file of a zip as it is read, for a caller that compares it with another copy. */
struct modzip_observer {
    struct error *(*begin)(void *arg, struct arena *a, const struct modzip_entry *e);
    struct error *(*data)(void *arg, struct arena *a, struct slice piece);
    struct error *(*end)(void *arg, struct arena *a);
    void *arg;
};

struct modzip_result {
    char h1[H1_TEXT_BYTES];
    bool has_go_mod;
    struct slice go_mod; /* in the arena */
    size_t files;
    uint64_t content_bytes;
};

/*
 * Checks a module zip by Go's rules (zip.CheckZip, and what reading it must find) and gives its h1,
 * in one pass. BAD_ZIP or TOO_LARGE with the first reason; BAD_PATH, BAD_VERSION when mv is not a
 * canonical module version. observer may be NULL.
 */
struct error *modzip_verify_observed(struct arena *a, struct slice bytes, struct module_version mv,
                                     const struct modzip_limits *limits,
                                     const struct modzip_observer *observer,
                                     struct modzip_result *out) MUST_CHECK;
struct error *modzip_verify(struct arena *a, struct slice bytes, struct module_version mv,
                            const struct modzip_limits *limits,
                            struct modzip_result *out) MUST_CHECK;
/* The h1 of any zip, without rules for names and sizes, as dirhash.HashZip. */
struct error *modzip_hash(struct arena *a, struct slice bytes, char h1[H1_TEXT_BYTES]) MUST_CHECK;

#endif
