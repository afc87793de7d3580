/* go.work files. Source of the rules: go.dev/ref/mod#go-work-file. All pure. [any] */
#ifndef MODGATE_GOMOD_GOWORK_H
#define MODGATE_GOMOD_GOWORK_H

#include "gomod/modfile.h"

struct gowork {
    struct slice go;        /* empty: none */
    struct slice toolchain; /* empty: none */
    struct mod_godebug *godebugs;
    struct mod_name *uses; /* folders */
    struct mod_replace *replaces;
    size_t n_godebugs, n_uses, n_replaces;

    struct mod_fault *faults; /* the first ones, when parsing failed */
    size_t n_faults;
};

/* Parses a go.work file; as modfile_parse. Errors: BAD_SYNTAX, TOO_LARGE. */
struct error *gowork_parse(struct arena *a, struct slice name, struct slice file,
                           struct gowork *out) MUST_CHECK;

#endif
