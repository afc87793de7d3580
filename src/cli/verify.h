/*
 * Inside of `modgate verify`: what is checked, by whom, and what was found.
 *
 *   verify_target.c   tells a store, a module cache, a vendor folder and a go.sum apart
 *   verify_tree.c     lists the versions of a GOPROXY tree
 *   verify_unfinished.c   knows what a store is still publishing
 *   verify_gosum.c    lists the versions that a go.sum names
 *   verify_version.c  checks one version (worker threads)
 *   verify_folder.c   compares an extracted folder with its zip
 *   verify_vendor.c   checks a vendor folder
 *   verify_pool.c     runs the checks on all cores, with the progress line
 *   verify_report.c   collects what was found and prints it
 *   verify_guard.c    survives files that cannot be read to their end
 *   verify_purge.c    removes bad versions
 */
#ifndef MODGATE_CLI_VERIFY_H
#define MODGATE_CLI_VERIFY_H

#include "cli/cli.h"
#include "cli/modzip_dir.h"
#include "gomod/gosum.h"
#include "gomod/modzip.h"

#include <pthread.h>
#include <stdatomic.h>

struct verify_options {
    bool json;
    bool purge;
    unsigned jobs;
    const char *go_sum; /* NULL: no file to compare with besides the targets */
    const char *store;  /* NULL: go.sum and vendor are checked against $GOMODCACHE */
};

/* A folder of versions in the shape of $GOMODCACHE/cache/download. */
struct verify_tree {
    const char *root;
    const char *modcache; /* where the extracted folders lie; NULL: there are none */
    bool needs_all;       /* a store: a version has all its files or is not there */
};

enum verify_member {
    MEMBER_INFO = 1,
    MEMBER_MOD = 2,
    MEMBER_ZIP = 4,
    MEMBER_ZIPHASH = 8,
    MEMBER_ALL = 15,
    MEMBER_LOCK = 16,
    MEMBER_PARTIAL = 32, /* the go command was interrupted while it extracted */
    MEMBER_ZIPSIG = 64,
};

/* Names of files, sorted. */
struct verify_names {
    struct slice *list;
    size_t count;
};

struct verify_version {
    const struct verify_tree *tree;
    struct module_version mv;
    const char *stem;             /* "<root>/<escaped path>/@v/<escaped version>" */
    const char *folder;           /* the extracted one; NULL: there is none */
    const char *vendor;           /* "vendor/<path>"; NULL: this is no vendored module */
    struct verify_names vendored; /* the files below it that are the module's */
    unsigned members;             /* of enum verify_member */
    uint64_t zip_bytes;
    const struct gosum *go_sum; /* what else to compare with; NULL: nothing */
    bool is_unfinished;         /* a store is publishing it, or will at its next start */
    bool is_bad; /* has a problem; written by the one worker that checks it, then read */
    bool is_purged;
};

struct verify_problem {
    struct module_version mv; /* empty when it is about no version */
    struct slice file;        /* which file or folder */
    struct slice why;
    const struct verify_version *version; /* may be NULL */
    bool is_note; /* worth knowing, but nothing is wrong: a leftover, a file that is not there */
};

/* What all threads report to. */
struct verify_report {
    pthread_mutex_t lock; /* for arena and problems */
    struct arena arena;
    struct verify_problem *problems;
    size_t count, cap;
    atomic_size_t versions; /* checked */
    atomic_size_t files;    /* read: in zips, in folders, and single ones */
    atomic_uint_least64_t bytes;
};

/* What a check needs. The arena is cleared between checks. */
struct verify_worker {
    struct arena arena;
    struct verify_report *report;
    const struct gosum *go_sum; /* NULL: none */
};

/* A growing list of versions; the texts live in the arena that the lister was given. */
struct verify_list {
    struct verify_version *versions;
    size_t count, cap;
};

/* Adds a problem; file and why are copied. [any thread] */
void verify_bad(struct verify_report *r, struct verify_version *v, const char *file,
                const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Adds a note. [any thread] */
void verify_note(struct verify_report *r, const char *file, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Adds a problem that is about no version of a tree. [any thread] */
void verify_bad_file(struct verify_report *r, struct module_version mv, const char *file,
                     const char *fmt, ...) PRINTF_LIKE(4, 5);
void verify_count(struct verify_report *r, size_t files, uint64_t bytes);
void verify_report_init(struct verify_report *r);
void verify_report_release(struct verify_report *r);
/* Number of problems that are no notes. */
size_t verify_report_bad(const struct verify_report *r);
void verify_report_sort(struct verify_report *r);
void verify_report_text(const struct verify_report *r, double seconds);
void verify_report_json(const struct verify_report *r, double seconds);

/* Lists the versions of a tree, and notes what does not belong into it. */
struct error *verify_list_tree(struct arena *a, struct verify_report *r,
                               const struct verify_tree *tree, struct verify_list *list) MUST_CHECK;
/* Lists those versions of the tree that the go.sum names; absent ones are noted. */
struct error *verify_list_gosum(struct arena *a, struct verify_report *r, const char *file,
                                const struct verify_tree *tree, const struct gosum *sum,
                                struct verify_list *list) MUST_CHECK;
/* The version of a tree with its members as they are on disk; stem and folder in the arena. */
struct error *verify_find(struct arena *a, const struct verify_tree *tree, struct module_version mv,
                          struct verify_version *out) MUST_CHECK;
/* Marks the versions that the stage of a store still names. To be called after the listing. */
struct error *verify_mark_unfinished(struct arena *a, const char *store,
                                     struct verify_list *list) MUST_CHECK;
/* Looks at the members again; returns those that are there now. */
unsigned verify_members(struct arena *a, const char *stem, uint64_t *zip_bytes);
void verify_list_add(struct verify_list *list, const struct verify_version *v);

void verify_check_version(struct verify_worker *w, struct verify_version *v);

/*
 * Compares a folder with a zip while that is read: the whole of an extracted folder, or only some
 * files of a vendored one.
 */
struct verify_twin;
struct error *verify_twin_open(struct arena *a, struct module_version mv, const char *folder,
                               const struct verify_names *only,
                               struct verify_twin **out) MUST_CHECK;
struct modzip_observer verify_twin_observer(struct verify_twin *t);
/* After the zip was read: whether the folder is the same; differences says where not. */
struct error *verify_twin_finish(struct verify_twin *t, struct arena *a, struct slice zip,
                                 bool *is_same, struct slice *differences,
                                 struct dir_totals *compared) MUST_CHECK;
void verify_twin_close(struct verify_twin *t);

/* Checks all versions, the largest first, with that many threads. */
void verify_run(struct verify_list *list, struct verify_report *report, const struct gosum *go_sum,
                unsigned jobs);

/*
 * Runs fn(arg); false when it read mapped memory that the file does not have any more, or that the
 * disk cannot give. Then fn was left in the middle: what it held on the heap is lost.
 */
bool verify_guarded(void (*fn)(void *arg), void *arg) MUST_CHECK;

/* Removes bad versions with all their files and says so on standard error. */
struct error *verify_purge(struct arena *a, struct verify_list *list) MUST_CHECK;

/* Compares a vendor folder's modules.txt with go.mod, and lists the modules that can be compared.
 */
struct error *verify_list_vendor(struct arena *a, struct verify_report *r, const char *dir,
                                 const struct verify_tree *tree,
                                 struct verify_list *list) MUST_CHECK;

#endif
