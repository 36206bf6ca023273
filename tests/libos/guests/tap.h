/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * TAP for guest programs. Each is also built for the host and must pass there: what they expect is what Linux does.
 */
#ifndef TAP_H
#define TAP_H
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "has_fork.h"

static int tap_count, tap_failed;

#define OK(condition)                                                                                                    \
	do {                                                                                                              \
		int errno_ = errno, ok_ = !!(condition);                                                                  \
		tap_failed += !ok_;                                                                                       \
		printf("%sok %d - %s:%d %s\n", ok_ ? "" : "not ", ++tap_count, __FILE_NAME__, __LINE__, #condition);      \
		if (!ok_)                                                                                                 \
			printf("# errno was %s, is %s\n", strerror(errno_), strerror(errno));                             \
	} while (0)
/* The same with words. */
#define ok(condition, text)                                                                                              \
	do {                                                                                                              \
		int ok_ = !!(condition), errno_ = errno;                                                                  \
		tap_failed += !ok_;                                                                                       \
		printf("%sok %d - %s:%d %s\n", ok_ ? "" : "not ", ++tap_count, __FILE_NAME__, __LINE__, text);            \
		if (!ok_)                                                                                                 \
			printf("# errno is %s\n", strerror(errno_));                                                      \
	} while (0)
/* The call fails with this error. */
#define FAILS(call, error)                                                                                               \
	do {                                                                                                              \
		errno = 0;                                                                                                \
		long long r_ = (long long)(call);                                                                         \
		int e_ = errno, ok_ = r_ == -1 && e_ == (error);                                                          \
		tap_failed += !ok_;                                                                                       \
		printf("%sok %d - %s:%d %s gives %s\n", ok_ ? "" : "not ", ++tap_count, __FILE_NAME__, __LINE__, #call,   \
		       #error);                                                                                           \
		if (!ok_)                                                                                                 \
			printf("# gave %lld, %s\n", r_, strerror(e_));                                                    \
	} while (0)
#define DONE() (printf("1..%d\n", tap_count), tap_failed != 0)
#endif
