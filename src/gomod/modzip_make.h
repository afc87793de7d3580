/*
 * Making module zips: which files go in (golang.org/x/mod/zip.CheckFiles), and the writing
 * (zip.Create). Pure: files come from a list and a source, the zip goes to a sink. [any]
 */
#ifndef MODGATE_GOMOD_MODZIP_MAKE_H
#define MODGATE_GOMOD_MODZIP_MAKE_H

#include "gomod/modzip.h"

enum modzip_kind { MODZIP_REGULAR, MODZIP_SYMLINK, MODZIP_FOLDER, MODZIP_OTHER };

struct modzip_file {
    struct slice name; /* below the module's root */
    enum modzip_kind kind;
    uint64_t content_bytes;
    const char *omitted; /* set by modzip_select: why it stays out; NULL: it goes in */
};

/* Whether a go.mod file asks for go 1.24 or newer: since then other files count as vendored. */
bool modzip_is_go_1_24(struct arena *a, struct slice go_mod);
/* Whether a file belongs to a vendored package. (zip.isVendoredPackage, golang.org/issue/37397) */
bool modzip_is_vendored(struct slice name, bool is_go_1_24);
/* For one who walks a folder: the name of a version control system's own folder. */
bool modzip_is_vcs_folder(struct slice base_name);

/*
 * Sets `omitted` of each file: what is vendored, in a nested module, a link or otherwise irregular
 * stays out. BAD_ZIP when a file that goes in may not stand in a module zip, TOO_LARGE when one or
 * all together are too large. go_mod is the root's go.mod file, empty when there is no regular one.
 */
struct error *modzip_select(struct arena *a, struct modzip_file *files, size_t count,
                            struct slice go_mod, const struct modzip_limits *limits) MUST_CHECK;

/* Gives the content of one file after the other. */
struct modzip_source {
    struct error *(*open)(void *arg, struct arena *a, const struct modzip_file *f);
    /* Up to n bytes; *got = 0 at the end. */
    struct error *(*read)(void *arg, struct arena *a, char *p, size_t n, size_t *got);
    void (*close)(void *arg);
    void *arg;
};

/* Takes the zip: mostly in order, but headers are written again once sizes are known. */
struct modzip_target {
    struct error *(*write_at)(void *arg, struct arena *a, uint64_t offset, struct slice data);
    void *arg;
};

struct modzip_request {
    struct module_version mv;
    const struct modzip_file *files; /* as modzip_select left them; omitted ones are passed over */
    size_t count;
    struct modzip_source source;
    struct modzip_target target;
};

/*
 * Writes the zip of the selected files, in their order, and gives its h1, which is the one that go
 * computes for the same files. The bytes depend on names and contents alone. A file whose size is
 * not the one in the list is CORRUPT; errors of source and target are returned as they are.
 */
struct error *modzip_create(struct arena *a, const struct modzip_request *r,
                            char h1[H1_TEXT_BYTES]) MUST_CHECK;

#endif
