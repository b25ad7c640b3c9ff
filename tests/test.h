/* test - cmocka, included the way it wants to be, plus our own checks. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/err.h"

/* Compare error codes by name, so a failure reads "FULL != NONE". */
#define assert_err(call, want)                                                 \
	assert_string_equal(err_name(call), err_name(want))

#endif /* TESTS_TEST_H */
