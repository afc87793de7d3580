/*
 * The go-import tags of a page, as the go command finds them (source of the rules:
 * cmd/go/internal/vcs/discovery.go, parseMetaGoImports; encoding/xml, Decoder.RawToken with Strict
 * off). Pure. [any]
 */
#ifndef MODGATE_VCS_DISCOVERY_PAGE_H
#define MODGATE_VCS_DISCOVERY_PAGE_H

#include "base/base.h"

#define PAGE_MAX_TAGS 1000 /* more than so many are not read */

/* <meta name="go-import" content="prefix vcs root [subdir]"> */
struct go_import {
    struct slice prefix;
    struct slice vcs;  /* "git", "mod", … */
    struct slice root; /* the repository's URL; for "mod" that of a GOPROXY */
    struct slice subdir;
};

struct go_imports {
    struct go_import *list; /* the "mod" ones first; others of their prefixes are left out */
    size_t count;
    const char *fault; /* where reading had to stop, when no tag came before it; else NULL */
};

/* Nothing is an error: what go would stop at is out->fault. All in the arena. */
void page_read(struct arena *a, struct slice page, struct go_imports *out);

/*
 * The tag for a module path (source: cmd/go/internal/vcs.matchGoImport): 0 none, 1 found, 2 several
 * that contradict each other.
 */
int page_match(const struct go_imports *imports, struct slice path, struct go_import *out);
/* True when path is prefix or lies below it, element by element. */
bool path_has_prefix(struct slice path, struct slice prefix);

#endif
