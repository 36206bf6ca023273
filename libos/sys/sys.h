/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * One function per system call of table.def; a[] are the program's six arguments, each any 64 bits.
 */
#ifndef LIBOS_SYS_H
#define LIBOS_SYS_H
#include "libos/fs/fs.h"
#include "libos/process/process.h"

#define SYSTEM_CALL(name, arguments, state, text) int64_t sys_##name(const uint64_t a[6]);
#include "libos/sys/table.def"
#undef SYSTEM_CALL
#define PRIVATE_CALL(number, name, arguments, text) int64_t sys_##name(const uint64_t a[6]);
#include "libos/sys/private.def"
#undef PRIVATE_CALL
enum private_call {
#define PRIVATE_CALL(number, name, arguments, text) PRIVATE_##name = number,
#include "libos/sys/private.def"
#undef PRIVATE_CALL
};

#define USER(i) ((struct user){a[i]})
/* The file of descriptor argument i, or the function returns -EBADF. */
#define FILE_ARGUMENT(f, i)                                                                                              \
	HELD struct file *f = file_hold((int)a[i]);                                                                       \
	if (!f || (f->flags & O_PATH))                                                                                    \
		return -EBADF

/* A call that only says one thing. */
#define CONSTANT(name, value)                                                                                            \
	int64_t sys_##name(const uint64_t a[6])                                                                           \
	{                                                                                                                 \
		(void)a;                                                                                                  \
		return value;                                                                                             \
	}

/* ppoll and its like: other signals are blocked until the call is over or a handler runs. 0 or -errno. */
int64_t signal_mask_for(struct user at, uint64_t size);
int64_t mask_back(int64_t result);      /* at its end: gives result */
/* poll.c */
unsigned file_ready(struct file *f);    /* without the host's part */
int64_t file_deadline(struct file *f);
/* trace.c */
void trace_call(uint64_t number, const uint64_t a[6], int64_t result, int finished);
/* A struct timespec (unit 1) or timeval (unit 1000) as nanoseconds; -1 when there is none, or it is for ever. */
int64_t time_get(struct user at, int64_t *ns, int64_t unit);
#endif
