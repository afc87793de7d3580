/* Module zips as files. */
#ifndef MODGATE_REPO_ZIPFILE_H
#define MODGATE_REPO_ZIPFILE_H

#include "base/base.h"

#include "gomod/modzip.h"

/*
 * modzip_verify() of an open file of ours. What was read of it does not stay in this process's
 * memory. [worker]
 */
struct error *zipfile_verify(struct arena *a, int fd, struct module_version mv,
                             const struct modzip_limits *limits,
                             struct modzip_result *out) MUST_CHECK;

#endif
