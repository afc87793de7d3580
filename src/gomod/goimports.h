/*
 * Where a Go source file names packages: import declarations, the import comment of its package
 * clause, and //go:linkname directives. Pure. [any]
 * Sources: go.dev/ref/spec#Import_declarations; go help importpath; go doc cmd/compile (linkname).
 */
#ifndef MODGATE_GOMOD_GOIMPORTS_H
#define MODGATE_GOMOD_GOIMPORTS_H

#include "base/base.h"

enum go_import_kind {
    GO_IMPORT,         /* in an import declaration */
    GO_IMPORT_COMMENT, /* package x // import "path" */
    GO_IMPORT_SYMBOL,  /* the package in the symbol of a //go:linkname */
};

/* One place in the source. */
struct go_import {
    enum go_import_kind kind;
    size_t at, n;      /* what stands for the path there; with its quotes, of a SYMBOL escaped */
    struct slice path; /* what it says */
};

struct go_imports {
    struct go_import *list; /* in the order of the source */
    size_t count;
};

/*
 * Finds them. The list lives in the arena, paths there or in the source. What is no Go source, or
 * only begins as such, gives what was found until it went wrong: the compiler will say the rest.
 */
void go_imports_find(struct arena *a, struct slice source, struct go_imports *out);
/* The package path as it stands in a symbol: the dots behind its last slash are escaped.
 * (cmd/internal/objabi.PathToPrefix) */
struct slice go_symbol_prefix(struct arena *a, struct slice path);

#endif
