/*
 * A GOPROXY list, read as the go command reads it (source of the rules: cmd/go/internal/modfetch,
 * proxyList and newProxyRepo). Pure. [any]
 */
#ifndef MODGATE_FETCH_GOPROXY_LIST_H
#define MODGATE_FETCH_GOPROXY_LIST_H

#include "base/base.h"

#define GOPROXY_MAX_ENTRIES 64

enum goproxy_kind {
    GOPROXY_MIRROR, /* http or https */
    GOPROXY_TREE,   /* file:// */
    GOPROXY_OFF,
    GOPROXY_DIRECT,
};

struct goproxy_entry {
    enum goproxy_kind kind;
    bool falls_on_error; /* '|' follows: the next entry is tried after any error */
    struct slice url;    /* without user information and trailing slashes; "off", "direct" */
    struct slice user;   /* of the URL, decoded; p == NULL when it has none */
    struct slice password;
    struct slice path; /* of a tree: the folder */
};

/*
 * The entries in order, in the arena; there is at least one. "off" and "direct" end the list: what
 * follows them is not read. BAD_CONFIG names the entry that is wrong, without its credentials.
 */
struct error *goproxy_parse(struct arena *a, struct slice list, struct goproxy_entry **out,
                            size_t *count) MUST_CHECK;

#endif
