/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls on the program's memory.
 */
#include <linux/mman.h>

#include "libos/sys/sys.h"

int64_t sys_mmap(const uint64_t a[6])
{
	int protection = (int)a[2], flags = (int)a[3];

	if (flags & MAP_ANONYMOUS)
		return space_map(a[0], a[1], protection, flags, -1, 0, 1);
	FILE_ARGUMENT(f, 4);
	if (a[5] % 4096)
		return -EINVAL;
	if ((f->flags & O_ACCMODE) == O_WRONLY)
		return -EACCES;
	if ((flags & MAP_SHARED) && (protection & PROT_WRITE) && (f->flags & O_ACCMODE) != O_RDWR)
		return -EACCES;
	if (f->handle >= 0)
		return space_map(a[0], a[1], protection, flags, f->handle, a[5], 0);
	if (!f->node)
		return -ENODEV;
	if (flags & MAP_SHARED)
		return -ENODEV;
	int64_t at = space_map(a[0], a[1], PROT_READ | PROT_WRITE, flags, -1, 0, 1);
	if (at < 0)
		return at;
	int64_t error = tmpfs_map(f, (uint64_t)at, a[1], a[5]);
	if (!error && !(protection & PROT_WRITE))
		error = space_protect((uint64_t)at, a[1], protection);
	return error < 0 ? error : at;
}

int64_t sys_munmap(const uint64_t a[6])
{
	return space_unmap(a[0], a[1]);
}

int64_t sys_mprotect(const uint64_t a[6])
{
	return space_protect(a[0], a[1], (int)a[2]);
}

int64_t sys_mremap(const uint64_t a[6])
{
	return space_remap(a[0], a[1], a[2], (int)a[3], a[4]);
}

int64_t sys_madvise(const uint64_t a[6])
{
	if (a[0] % 4096)
		return -EINVAL;
	uint64_t length = (a[1] + 4095) & ~4095ull;
	if (!length)
		return 0;
	if (a[2] != MADV_DONTNEED && a[2] != MADV_FREE)
		return a[2] > 25 ? -EINVAL : 0;
	return space_mapped(a[0], length) ? HOST(memory_discard, a[0] | REF_PROGRAM, length) : -ENOMEM;
}

int64_t sys_msync(const uint64_t a[6])
{
	uint64_t length = (a[1] + 4095) & ~4095ull;

	return a[0] % 4096 ? -EINVAL : space_mapped(a[0], length) ? HOST(memory_sync, a[0] | REF_PROGRAM, length, a[2]) : -ENOMEM;
}

int64_t sys_mlock(const uint64_t a[6])
{
	(void)a;
	return 0;
}

int64_t sys_munlock(const uint64_t a[6])
{
	(void)a;
	return 0;
}

int64_t sys_brk(const uint64_t a[6])
{
	return space_break(a[0]);
}
