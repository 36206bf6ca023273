/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The memory host calls. Every range is page-aligned and inside [WINDOW_MEMORY_START, WINDOW_MEMORY_END) of the caller's own
 * windows, so the code arena, the guards and the gate tables cannot be reached; nothing becomes executable; unmapping is
 * PROT_NONE, so the address stays reserved. Trusted; the library OS chose every argument.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <carrel/window.h>
#include "intravisor/cvm/memory.h"
#include "intravisor/cvm/quota.h"

#define MAP_FILE_SHARED 0x100

static uint8_t *range(struct cvm *cvm, uint64_t ref, uint64_t length, struct window **window)
{
	uint64_t offset = (uint32_t)ref;

	*window = cvm_reference_window(cvm, ref);
	if (!*window || offset % 4096 || length % 4096 || !length || offset < WINDOW_MEMORY_START ||
	    offset >= WINDOW_MEMORY_END || length > WINDOW_MEMORY_END - offset)
		return NULL;
	return (*window)->base + offset;
}

static int protection_bad(uint64_t protection)
{
	return (protection & ~(uint64_t)(PROT_READ | PROT_WRITE)) != 0;
}

/* An address of a window is never left unmapped: a trusted allocation could land there, in the guest's reach. When even
 * this fails nothing is safe any more, so it is the end of the process. */
static void reserve(uint8_t *at, uint64_t length)
{
	if (mmap(at, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		abort();
	madvise(at, length, MADV_DONTDUMP);
}

/* After a call that failed: the kernel may have unmapped the range before it refused (a file that cannot be mapped, strict
 * overcommit, an old range of several mappings), all of it or nothing. A hole becomes inaccessible memory. */
static void reserve_hole(uint8_t *at, uint64_t length)
{
	if (mmap(at, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED)
		madvise(at, length, MADV_DONTDUMP);
	else if (errno != EEXIST && msync(at, 4096, MS_ASYNC))
		abort();
}

static int replace(uint8_t *at, uint64_t length, uint64_t protection, int flags, int fd, uint64_t offset)
{
	if (mmap(at, length, (int)protection, flags | MAP_NORESERVE | MAP_FIXED, fd, (off_t)offset) != MAP_FAILED) {
		/* Like its surroundings: core dumps leave windows out, and the host joins only what is alike. */
		madvise(at, length, MADV_DONTDUMP);
		return 0;
	}
	int error = -errno;
	reserve_hole(at, length);
	return error;
}

/* The memory limit is the program's. */
static uint64_t limit(const struct cvm *cvm, const struct window *window)
{
	return window == &cvm->program ? cvm->memory_limit : 0;
}

int64_t cvm_memory_map(struct cvm *cvm, uint64_t ref, uint64_t length, uint64_t protection)
{
	struct window *window;
	uint8_t *at = range(cvm, ref, length, &window);

	if (!at || protection_bad(protection))
		return -EINVAL;
	int error = quota_allows_map(window, (uint32_t)ref, length, limit(cvm, window));
	if (!error)
		error = replace(at, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!error)
		quota_map(window, (uint32_t)ref, length, protection == (PROT_READ | PROT_WRITE));
	return error;
}

int64_t cvm_memory_unmap(struct cvm *cvm, uint64_t ref, uint64_t length)
{
	struct window *window;
	uint8_t *at = range(cvm, ref, length, &window);

	if (!at)
		return -EINVAL;
	int error = quota_allows_unmap(window, (uint32_t)ref, length);
	if (!error)
		error = replace(at, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!error)
		quota_unmap(window, (uint32_t)ref, length);
	return error;
}

int64_t cvm_memory_protect(struct cvm *cvm, uint64_t ref, uint64_t length, uint64_t protection)
{
	struct window *window;
	uint8_t *at = range(cvm, ref, length, &window);

	if (!at || protection_bad(protection))
		return -EINVAL;
	int error = quota_allows_protect(window, (uint32_t)ref, length);
	if (error)
		return error;
	quota_protect(window, (uint32_t)ref, length);
	return mprotect(at, length, (int)protection) ? -errno : 0;
}

int64_t cvm_memory_map_file(struct cvm *cvm, uint64_t ref, uint64_t length, uint64_t protection_flags, int fd, int writable,
			    uint64_t offset)
{
	struct window *window;
	uint8_t *at = range(cvm, ref, length, &window);
	uint64_t protection = protection_flags & ~(uint64_t)MAP_FILE_SHARED;
	int shared = (protection_flags & MAP_FILE_SHARED) != 0;

	if (!at || protection_bad(protection) || offset % 4096 || offset > INT64_MAX - length)
		return -EINVAL;
	if (shared && (protection & PROT_WRITE) && !writable)
		return -EACCES;
	int error = quota_allows_map(window, (uint32_t)ref, length, limit(cvm, window));
	if (!error)
		error = replace(at, length, protection, shared ? MAP_SHARED : MAP_PRIVATE, fd, offset);
	if (!error)
		quota_map(window, (uint32_t)ref, length, 0);
	return error;
}

int64_t cvm_memory_discard(struct cvm *cvm, uint64_t ref, uint64_t length)
{
	struct window *window;
	uint8_t *at = range(cvm, ref, length, &window);

	if (!at)
		return -EINVAL;
	return madvise(at, length, MADV_DONTNEED) ? -errno : 0;
}

int64_t cvm_memory_move(struct cvm *cvm, uint64_t old_ref, uint64_t old_length, uint64_t new_ref, uint64_t new_length)
{
	struct window *window, *new_window;
	uint8_t *at = range(cvm, old_ref, old_length, &window), *to = range(cvm, new_ref, new_length, &new_window);

	if (!at || !to || window != new_window || (at < to + new_length && to < at + old_length))
		return -EINVAL;
	int error = quota_allows_move(window, (uint32_t)old_ref, old_length, (uint32_t)new_ref, new_length, limit(cvm, window));
	if (error)
		return error;
	/* Shrinking is done here, not by the kernel, which would unmap the tail and then could still refuse. */
	if (new_length < old_length) {
		reserve(at + new_length, old_length - new_length);
		quota_unmap(window, (uint32_t)(old_ref + new_length), old_length - new_length);
		old_length = new_length;
	}
	if (mremap(at, old_length, new_length, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED) {
		error = -errno;
		reserve_hole(to, new_length);
		return error;
	}
	/* The hole that mremap left is reserved again at once. One guest thread so far, so nothing runs in between. */
	reserve(at, old_length);
	quota_move(window, (uint32_t)old_ref, old_length, (uint32_t)new_ref, new_length);
	return 0;
}

int64_t cvm_memory_sync(struct cvm *cvm, uint64_t ref, uint64_t length, uint64_t flags)
{
	struct window *window;
	uint8_t *at = range(cvm, ref, length, &window);

	if (!at || (flags & ~(uint64_t)(MS_ASYNC | MS_SYNC | MS_INVALIDATE)))
		return -EINVAL;
	return msync(at, length, (int)flags) ? -errno : 0;
}
