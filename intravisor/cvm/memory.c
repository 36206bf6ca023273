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
#include "intravisor/cvm/snapshot.h"
#include "intravisor/host/host.h"

int memory_range_ok(uint64_t offset, uint64_t length)
{
	return offset % 4096 == 0 && length % 4096 == 0 && length && offset >= WINDOW_MEMORY_START && offset < WINDOW_MEMORY_END &&
	       length <= WINDOW_MEMORY_END - offset;
}

/* The range of a call, its window locked and held until range_done. A ref's upper half: 0 the library OS, 1 the caller's program,
 * 2 + n program window n. */
struct range {
	struct window *window;
	struct cvm *cvm;
	int held;
	uint8_t *at;
	uint32_t offset;
	uint64_t length;
};

static int range_take(struct range *r, const struct caller *caller, uint64_t ref, uint64_t length)
{
	uint64_t which = ref >> 32;

	*r = (struct range){.cvm = caller->cvm, .offset = (uint32_t)ref, .length = length, .held = which > 1};
	if (!memory_range_ok(r->offset, length))
		return -EINVAL;
	r->window = which == 0 ? &caller->cvm->libos : which == 1 ? caller->program : cvm_window_hold(caller, which - 2);
	if (!r->window)
		return -EINVAL;
	r->at = r->window->base + r->offset;
	pthread_mutex_lock(&r->window->lock);
	return 0;
}

static int64_t range_done(struct range *r, int64_t result)
{
	pthread_mutex_unlock(&r->window->lock);
	if (r->held)
		cvm_window_release(r->cvm, r->window);
	return result;
}

static int protection_bad(uint64_t protection)
{
	return (protection & ~(uint64_t)(PROT_READ | PROT_WRITE)) != 0;
}

/* An address of a window is never left unmapped: a trusted allocation could land there, in the guest's reach. When even
 * this fails nothing is safe any more, so it is the end of the process.
 *
 * After a call that failed: the kernel may have unmapped the range before it refused (a file that cannot be mapped, strict
 * overcommit, an old range of several mappings), all of it or nothing. A hole becomes inaccessible memory; 1: there was one, which
 * the quota must hear of. */
static int reserve_hole(uint8_t *at, uint64_t length)
{
	if (mmap(at, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED) {
		madvise(at, length, MADV_DONTDUMP);
		return 1;
	}
	if (errno != EEXIST && msync(at, 4096, MS_ASYNC))
		abort();
	return 0;
}

static int replace(uint8_t *at, uint64_t length, uint64_t protection, int flags, int fd, uint64_t offset, int *hole)
{
	if (mmap(at, length, (int)protection, flags | MAP_NORESERVE | MAP_FIXED, fd, (off_t)offset) != MAP_FAILED) {
		/* Like its surroundings: core dumps leave windows out, and the host joins only what is alike. */
		madvise(at, length, MADV_DONTDUMP);
		return 0;
	}
	int error = -errno;
	*hole = reserve_hole(at, length);
	return error;
}

int memory_replace(uint8_t *at, uint64_t length, uint64_t protection, int flags, int fd, uint64_t offset)
{
	int hole;

	return replace(at, length, protection, flags, fd, offset, &hole);
}

int memory_fresh(uint8_t *at, uint64_t length, uint64_t protection)
{
	return memory_replace(at, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* What is there is replaced by something that the quota knows as `pages` from then on; the range is done. */
static int64_t range_replace(struct range *r, uint64_t protection, int flags, int fd, uint64_t offset, enum quota_pages pages)
{
	/* The memory limit is each program's. */
	uint64_t limit = pages == QUOTA_UNMAPPED || r->window == &r->cvm->libos ? 0 : r->cvm->memory_limit;
	int hole = 0, error = quota_allows_map(r->window, r->offset, r->length, limit);

	if (!error)
		error = replace(r->at, r->length, protection, flags, fd, offset, &hole);
	if (!error || hole)
		quota_put(r->window, r->offset, r->length, hole ? QUOTA_UNMAPPED : pages);
	return range_done(r, error);
}

int64_t host_memory_map(struct caller *caller, const uint64_t a[6])
{
	struct range r;

	if (protection_bad(a[2]) || range_take(&r, caller, a[0], a[1]))
		return -EINVAL;
	return range_replace(&r, a[2], MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, a[2] == (PROT_READ | PROT_WRITE) ? QUOTA_PLAIN : QUOTA_MAPPED);
}

int64_t host_memory_unmap(struct caller *caller, const uint64_t a[6])
{
	struct range r;

	if (range_take(&r, caller, a[0], a[1]))
		return -EINVAL;
	return range_replace(&r, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, QUOTA_UNMAPPED);
}

int64_t host_memory_protect(struct caller *caller, const uint64_t a[6])
{
	struct range r;

	if (protection_bad(a[2]) || range_take(&r, caller, a[0], a[1]))
		return -EINVAL;
	int error = snapshot_bring(r.window, r.offset, r.length);
	if (!error)
		error = quota_allows_protect(r.window, r.offset, r.length);
	if (!error) {
		quota_protect(r.window, r.offset, r.length);
		error = mprotect(r.at, r.length, (int)a[2]) ? -errno : 0;
	}
	return range_done(&r, error);
}

int64_t cvm_memory_map_file(struct caller *caller, uint64_t ref, uint64_t length, uint64_t protection_flags, int fd, int writable,
			    uint64_t offset)
{
	struct range r;
	uint64_t protection = protection_flags & ~(uint64_t)MAP_FILE_SHARED;
	int shared = (protection_flags & MAP_FILE_SHARED) != 0;

	if (protection_bad(protection) || offset % 4096 || length > WINDOW_SIZE || offset > INT64_MAX - length)
		return -EINVAL;
	if (shared && (protection & PROT_WRITE) && !writable)
		return -EACCES;
	if (range_take(&r, caller, ref, length))
		return -EINVAL;
	return range_replace(&r, protection, shared ? MAP_SHARED : MAP_PRIVATE, fd, offset, QUOTA_MAPPED);
}

int64_t host_memory_discard(struct caller *caller, const uint64_t a[6])
{
	struct range r;

	if (range_take(&r, caller, a[0], a[1]))
		return -EINVAL;
	int error = snapshot_bring(r.window, r.offset, r.length);
	return range_done(&r, error ? error : madvise(r.at, r.length, MADV_DONTNEED) ? -errno : 0);
}

/* MREMAP_DONTUNMAP keeps the old range mapped all the time: a hole could be filled by a trusted allocation of another thread.
 * It moves ranges of one length only, so growing is the library OS's: it maps what comes behind. */
int64_t host_memory_move(struct caller *caller, const uint64_t a[6])
{
	struct range r;
	uint64_t length = a[1];
	uint32_t to = (uint32_t)a[2];

	if (a[0] >> 32 != a[2] >> 32 || !memory_range_ok(to, length) || range_take(&r, caller, a[0], length))
		return -EINVAL;
	if (r.offset < to + length && to < r.offset + length)
		return range_done(&r, -EINVAL);
	int error = snapshot_bring(r.window, r.offset, length);
	if (!error)
		error = quota_allows_move(r.window, r.offset, length);
	if (error)
		return range_done(&r, error);
	/* One host mapping at a time: kernels before 6.17 unmap the target of several and then refuse. */
	uint64_t done = 0, piece = 0;
	for (; done < length; done += piece) {
		piece = quota_piece(r.window, r.offset + (uint32_t)done, length - done);
		if (mremap(r.at + done, piece, piece, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, r.window->base + to + done) ==
		    MAP_FAILED) {
			error = -errno;
			break;
		}
		if (memory_fresh(r.at + done, piece, PROT_NONE))
			abort();        /* the range has moved and still lies here too: no count would be right any more */
	}
	if (done)
		quota_move(r.window, r.offset, done, to);
	if (error && reserve_hole(r.window->base + to + done, piece))
		quota_put(r.window, to + (uint32_t)done, piece, QUOTA_UNMAPPED);
	return range_done(&r, error);
}

int64_t host_memory_sync(struct caller *caller, const uint64_t a[6])
{
	struct range r;

	if ((a[2] & ~(uint64_t)(MS_ASYNC | MS_SYNC | MS_INVALIDATE)) || range_take(&r, caller, a[0], a[1]))
		return -EINVAL;
	int error = snapshot_bring(r.window, r.offset, r.length);
	return range_done(&r, error ? error : msync(r.at, r.length, (int)a[2]) ? -errno : 0);
}
