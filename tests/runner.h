/*
 * What every suite file shares: a suite function, a main that runs it, and a temporary directory.
 * Use checked fixtures only: check forks per test, and threads made before the fork are not there
 * after it.
 */
#ifndef TESTS_RUNNER_H
#define TESTS_RUNNER_H

#include <check.h>
#include <sys/types.h>

#include "proto/arena.h"
#include "proto/error.h"

/* Each suite file defines this; runner.c's main runs it. */
Suite *suite(void);

/* A fresh directory below $TMPDIR, removed with everything in it by temporary_remove. */
const char *temporary_make(void);
void temporary_remove(void);

/* Damages the byte of a file; once more mends it. */
void flip_byte(const char *path, off_t at);

/* Asserts OK and prints the error's sentence when it is not. */
#define ck_ok(call, e) ck_assert_msg((call) == OK, "%s: %s (%s)", #call, (e)->text, (e)->field)
/* Asserts a failure with this code and reason. */
#define ck_refused(call, e, want_code, want_reason) \
	do { \
		ck_assert_int_eq((call), want_code); \
		ck_assert_str_eq((e)->reason, want_reason); \
	} while (0)

#endif
