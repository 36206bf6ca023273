/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls on the program's memory.
 */
#include <asm/resource.h>
#include <linux/mman.h>
#include <linux/resource.h>

#include "libos/fs/shared.h"
#include "libos/fs/tmpfs.h"
#include "libos/sys/sys.h"

#define PAGE 4096u
#define PAGES(n) (((n) + PAGE - 1) & ~(uint64_t)(PAGE - 1))

/* A private mapping of a tmpfs file is a copy of what the file holds now. */
static int64_t map_copy(const uint64_t a[6], struct file *f, int protection, int flags)
{
	int64_t at = space_map(a[0], a[1], PROT_READ | PROT_WRITE, flags, NULL, 0), error;

	if (at < 0)
		return at;
	error = node_read(f->node, (struct memory){(uint64_t)at | REF_PROGRAM}, a[1], a[5]);
	if (error >= 0)
		error = space_protect((uint64_t)at, a[1], protection);
	if (error >= 0)
		return at;
	space_unmap((uint64_t)at, a[1]);
	return error;
}

/* Memory that a child shares: an object of the host's, mapped in both. */
static int64_t map_shared(const uint64_t a[6], int protection, int flags)
{
	if (!a[1] || a[1] > WINDOW_SIZE)
		return a[1] ? -ENOMEM : -EINVAL;
	int64_t handle = HOST(memory_object, PAGES(a[1]));
	if (handle < 0)
		return handle == -EINVAL ? -ENOMEM : handle;
	struct file *f = file_make(&host_operations, O_RDWR);
	if (!f) {
		HOST(close, handle);
		return -ENOMEM;
	}
	f->handle = handle;
	int64_t at = space_map(a[0], a[1], protection, flags, f, 0);
	file_release(f);
	return at;
}

/* Code comes as whole images, which the Intravisor judges and lays out where it likes: PROT_EXEC with a file asks for one. The
 * result is where the image's address 0 lies; all its segments are there then (ports/musl/overlay/arch/x86_64/reloc.h). */
static int64_t map_image(const uint64_t a[6], struct file *f, int protection, int flags)
{
	struct boot_image image;

	if ((flags & (MAP_TYPE | MAP_FIXED | MAP_FIXED_NOREPLACE)) != MAP_PRIVATE || (protection & PROT_WRITE) || a[5])
		return -EPERM;
	int64_t handle = f->handle >= 0 ? f->handle : node_object(f->node);
	if (handle < 0)
		return handle;
	int64_t error = HOST(window_image, -1, handle, (uintptr_t)&image);
	if (f->handle < 0)
		HOST(close, handle);
	return error ? error == -EINVAL ? -ENOEXEC : error : (int64_t)image.base;
}

int64_t sys_mmap(const uint64_t a[6])
{
	int protection = (int)a[2], flags = (int)a[3], kind = flags & MAP_TYPE;

	if ((flags & MAP_ANONYMOUS) && kind != MAP_PRIVATE)
		return map_shared(a, protection, flags);
	if (flags & MAP_ANONYMOUS)
		return space_map(a[0], a[1], protection, flags, NULL, 0);
	FILE_ARGUMENT(f, 4);
	if (a[5] % PAGE || !a[1] || (kind != MAP_SHARED && kind != MAP_PRIVATE && kind != MAP_SHARED_VALIDATE))
		return -EINVAL;
	if (a[5] + a[1] < a[5])
		return -EOVERFLOW;
	if ((f->flags & O_ACCMODE) == O_WRONLY)
		return -EACCES;
	if (kind != MAP_PRIVATE && (protection & PROT_WRITE) && (f->flags & O_ACCMODE) != O_RDWR)
		return -EACCES;
	if (protection & PROT_EXEC)
		return map_image(a, f, protection, flags);
	if (f->handle >= 0 || f->operations == &shared_operations)
		return space_map(a[0], a[1], protection, flags, f, a[5]);
	if (!f->node || TYPE_OF(f->node->mode) != S_IFREG)
		return -ENODEV;
	if (kind != MAP_PRIVATE)
		return segments_map(f->node, a[0], a[1], protection, flags, a[5]);
	return map_copy(a, f, protection, flags);
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

static int64_t range_bad(const uint64_t a[6], uint64_t *length)
{
	if (a[0] % PAGE)
		return -EINVAL;
	if (a[1] > WINDOW_SIZE)
		return -ENOMEM;
	*length = PAGES(a[1]);
	return *length && !space_mapped(a[0], *length) ? -ENOMEM : 0;
}

int64_t sys_madvise(const uint64_t a[6])
{
	uint64_t length;
	int64_t error = range_bad(a, &length);

	if (error == -EINVAL || a[2] > 25 || (a[2] > 4 && a[2] < 8))
		return -EINVAL;
	/* The image is mapped too, but not the library OS's to discard. */
	if (error || !length)
		return error;
	return a[2] == MADV_DONTNEED || a[2] == MADV_FREE ? HOST(memory_discard, a[0] | REF_PROGRAM, length) : 0;
}

int64_t sys_msync(const uint64_t a[6])
{
	uint64_t length;
	int64_t error = range_bad(a, &length);

	if ((a[2] & ~7ull) || (a[2] & 5) == 5)
		return -EINVAL;
	if (!error && (a[2] & MS_INVALIDATE) && space_locked(a[0], a[0] + length))
		return -EBUSY;
	if (!error && (a[2] & (MS_SYNC | MS_ASYNC)))
		space_synced(a[0], a[0] + length);
	return error || !length ? error : HOST(memory_sync, a[0] | REF_PROGRAM, length, a[2]);
}

int64_t sys_mincore(const uint64_t a[6])
{
	uint64_t length;
	uint8_t one = 1;
	int64_t error = range_bad(a, &length);

	for (uint64_t i = 0; !error && i < length / PAGE; i++)
		error = user_put((struct user){a[2] + i}, &one, 1);
	return error;
}

int64_t sys_brk(const uint64_t a[6])
{
	return space_break(a[0]);
}

/* ---- locks ---- */
static int64_t lock_allowed(uint64_t more)
{
	uint64_t limit = limit_now(RLIMIT_MEMLOCK);

	return !boot->uid ? 0 : !limit ? -EPERM : more > limit ? -ENOMEM : 0;
}

int64_t sys_mlock(const uint64_t a[6])
{
	uint64_t length = PAGES(a[0] % PAGE + a[1]);
	int64_t error = a[1] > WINDOW_SIZE ? -ENOMEM : 0;

	if (!error)
		error = lock_allowed(space_locked(0, WINDOW_SIZE) - space_locked(a[0] - a[0] % PAGE, a[0] + a[1]) + length);
	return error ? error : space_lock(a[0], a[1], 1);
}

int64_t sys_mlock2(const uint64_t a[6])
{
	return a[2] & ~1ull ? -EINVAL : sys_mlock(a);
}

int64_t sys_munlock(const uint64_t a[6])
{
	return space_lock(a[0], a[1], 0);
}

int64_t sys_mlockall(const uint64_t a[6])
{
	int flags = (int)a[0];

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	int64_t error = lock_allowed((flags & MCL_CURRENT) && space_total() > SPACE_STACK_SIZE ? space_total() - SPACE_STACK_SIZE : 0);
	if (!error)
		space_lock_all(flags & MCL_CURRENT ? 1 : -1, (flags & MCL_FUTURE) != 0);
	return error;
}

int64_t sys_munlockall(const uint64_t a[6])
{
	(void)a;
	space_lock_all(0, 0);
	return 0;
}
