/*
 * Lets another program call modgate's pure functions: it reads a call a line from standard input
 * and answers a line on standard output.
 *
 *   call:   op {TAB hex-argument} LF
 *   answer: "ok" {TAB hex-result} LF  |  "err" TAB hex-text LF
 *
 * To add calls: write a table of struct oracle_op, declare it here, add it to the list in driver.c;
 * then add the checks on the Go side (see checks.go).
 */
#ifndef MODGATE_TESTS_ORACLE_DRIVER_H
#define MODGATE_TESTS_ORACLE_DRIVER_H

#include "base/base.h"

struct oracle_call {
    struct arena *a; /* lives as long as the call */
    const struct slice *args;
    size_t n_args;
    struct buf *out; /* the answer so far; see oracle_result */
};

struct oracle_op {
    const char *name;
    int n_args; /* -1: any number */
    struct error *(*run)(struct oracle_call *call);
};

struct oracle_ops {
    const struct oracle_op *ops;
    size_t n;
};

extern const struct oracle_ops oracle_name_ops;
extern const struct oracle_ops oracle_file_ops;
extern const struct oracle_ops oracle_zip_ops;
extern const struct oracle_ops oracle_sumdb_ops;

/* Adds one result to the answer. */
void oracle_result(struct oracle_call *call, struct slice result);
/* The results "true" and "false". */
void oracle_result_bool(struct oracle_call *call, bool result);
void oracle_result_int(struct oracle_call *call, int64_t result);

#endif
