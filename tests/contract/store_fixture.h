/*
 * What the tests of the store share: a store in a folder of its own, and versions to put into it.
 * Written against store.h alone.
 */
#ifndef MODGATE_TESTS_STORE_FIXTURE_H
#define MODGATE_TESTS_STORE_FIXTURE_H

#include "store/store.h"

#include "base/file.h"

struct fixture {
    struct arena arena;
    struct ctx cx;
    char dir[64]; /* the data folder */
    struct store *store;
};

/* A fresh folder under $TMPDIR and an open store in it; fails the program when that is impossible.
 */
void fixture_init(struct fixture *f);
/* Closes the store and opens it again. */
void fixture_reopen(struct fixture *f);
/* Closes the store and removes the folder. */
void fixture_release(struct fixture *f);
/* The same folder without a store. */
void fixture_close(struct fixture *f);

/* For cmocka: a fixture of its own for a test. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

struct module_version mv_of(const char *path, const char *version);

/* A stand-in for a zip's h1, made of its bytes, so that tests can check one against the other. */
struct slice fake_h1(struct arena *a, struct slice zip);
struct slice fake_signature(struct arena *a, struct slice zip);
/* The bytes that put_whole() gives an artefact: they depend on the version, and on the salt. */
struct slice fake_bytes(struct arena *a, struct module_version mv, enum artefact what,
                        const char *salt, size_t zip_bytes);

/* Writes the staged zip. */
struct error *stage_write(struct arena *a, struct store_stage *st, struct slice zip) MUST_CHECK;
struct put {
    const char *salt; /* "" unless other bytes are wanted */
    size_t zip_bytes; /* 0 = 1000 */
    bool is_pinned;   /* not refetchable */
    bool is_unsigned; /* it gets no signature */
    bool was_stored;  /* set by the put */
};
/* Stages and commits a whole version. */
struct error *put_whole(struct store *s, struct ctx *cx, struct module_version mv,
                        struct put *put) MUST_CHECK;
/* Puts the pieces of a partial version; NULL bodies are left out. *was_stored: all were there. */
struct error *put_partial(struct store *s, struct ctx *cx, struct module_version mv,
                          const char *info, const char *mod, bool *was_stored) MUST_CHECK;

/* The body of an artefact; false when there is none. */
struct error *get_body(struct store *s, struct arena *a, struct module_version mv,
                       enum artefact what, bool *found, struct slice *body) MUST_CHECK;
/*
 * An error unless the version is either absent altogether (*is_there false), or all there with a
 * .ziphash and a signature that are its zip's.
 */
struct error *check_whole(struct store *s, struct arena *a, struct module_version mv,
                          bool *is_there) MUST_CHECK;
/* The same for a version that may have no signature. */
struct error *check_signed(struct store *s, struct arena *a, struct module_version mv,
                           bool *is_there, bool *is_signed) MUST_CHECK;

#endif
