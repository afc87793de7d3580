/* What every unit test starts with: cmocka in the order it wants, and a few helpers. */
#ifndef MODGATE_TESTS_UNIT_TEST_H
#define MODGATE_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base.h"

/* Fails with both texts when the slice is not the C string. */
#define assert_slice(actual, expected)                                                             \
    do {                                                                                           \
        struct slice actual_ = (actual);                                                           \
        struct slice expected_ = slice_of(expected);                                               \
        if (!slice_eq(actual_, expected_))                                                         \
            fail_msg("got '%.*s', expected '%.*s'", SLICE_ARG(actual_), SLICE_ARG(expected_));     \
    } while (0)

/* Fails with the chain when the call returns an error. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        struct error *err_ = (call);                                                               \
        if (err_) {                                                                                \
            struct arena arena_ = ARENA_INIT;                                                      \
            fail_msg("%s: %s", #call, error_chain(&arena_, err_).p);                               \
        }                                                                                          \
    } while (0)

/* Fails unless the call returns an error of that status. */
#define assert_status(call, expected_status)                                                       \
    do {                                                                                           \
        struct error *err_ = (call);                                                               \
        if (!err_)                                                                                 \
            fail_msg("%s: no error, expected %s", #call, status_name(expected_status));            \
        if (err_->status != (expected_status))                                                     \
            fail_msg("%s: %s (%s), expected %s", #call, status_name(err_->status), err_->text.p,   \
                     status_name(expected_status));                                                \
    } while (0)

#endif
