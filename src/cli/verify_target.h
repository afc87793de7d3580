/* What the operands of `modgate verify` name. */
#ifndef MODGATE_CLI_VERIFY_TARGET_H
#define MODGATE_CLI_VERIFY_TARGET_H

#include "cli/verify.h"

enum target_kind { TARGET_UNKNOWN, TARGET_STORE, TARGET_MODCACHE, TARGET_VENDOR, TARGET_GO_SUM };

/* Looks at what is there; BAD_USAGE when it is none of the four. */
struct error *target_recognize(struct arena *a, const char *path,
                               enum target_kind *kind) MUST_CHECK;
/* The tree of whole versions of a store or module cache. */
struct verify_tree *target_tree(struct arena *a, const char *dir);
/* A store's versions whose zip nobody asked for; NULL when there are none. */
struct verify_tree *target_partial_tree(struct arena *a, const char *dir);
/* The module cache of the environment: $GOMODCACHE, else below $GOPATH, else ~/go/pkg/mod. */
const char *target_modcache(struct arena *a);

#endif
