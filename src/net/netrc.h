/*
 * The netrc format, with the reading that the go command gives it (source of the rules:
 * cmd/go/internal/auth/netrc.go). Pure. [any]
 */
#ifndef MODGATE_NET_NETRC_H
#define MODGATE_NET_NETRC_H

#include "base/base.h"

struct netrc_line {
    struct slice machine; /* "host", "host:port" or "host/path" */
    struct slice login;
    struct slice password;
};

/*
 * The complete entries (machine, login and password), in order, in the arena. Nothing is an error:
 * what makes no sense is passed over. Slices point into text.
 */
void netrc_parse(struct arena *a, struct slice text, struct netrc_line **out, size_t *count);

#endif
