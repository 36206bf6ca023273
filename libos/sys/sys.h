/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * One function per system call of table.def; a[] are the program's six arguments, each any 64 bits.
 */
#ifndef LIBOS_SYS_H
#define LIBOS_SYS_H
#include "libos/fs/fs.h"

#define SYSTEM_CALL(name, n, text) int64_t sys_##name(const uint64_t a[6]);
#include "libos/sys/table.def"
#undef SYSTEM_CALL

#define USER(i) ((struct user){a[i]})
/* The file of descriptor argument i, or the function returns -EBADF. */
#define FILE_ARGUMENT(f, i)                             \
	struct file *f = file_get((int)a[i]);               \
	if (!f || (f->flags & O_PATH))                      \
		return -EBADF
int64_t signal_self(int signal);
#endif
