/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What pairs there are, and their memory, of which all is seen to be given back; and what is used too late is not there. The whole program's
 * mmap, munmap and aligned_alloc are here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/share/native/reuse/reuse.h"

#define PAIR_MEMORY (2 * STREAM_RING + 4 * ISA_STORED)
#define LATE 64u                        /* so many are kept unreadable, before somebody else may get their addresses */

static long now, most, made;            /* with memory; of all */
static void *last;                      /* memory */
static long tables;                     /* of handles, which have the size of a pair's memory */
static uint64_t charged[CVMS];

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	long result = syscall(SYS_mmap, at, length, protection, flags, fd, offset);

	if (result != -1 && length == PAIR_MEMORY) {
		__atomic_store_n(&last, (void *)result, __ATOMIC_RELAXED);
		long n = __atomic_add_fetch(&now, 1, __ATOMIC_RELAXED), before = most;
		while (before < n && !__atomic_compare_exchange_n(&most, &before, n, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			;
	}
	return (void *)result;
}

/* Pairs alone: one that has been made is used again. */
void *aligned_alloc(size_t alignment, size_t size)
{
	void *memory = NULL;

	__atomic_add_fetch(&made, size == sizeof(struct pair), __ATOMIC_RELAXED);
	return posix_memalign(&memory, alignment, size) ? NULL : memory;
}

int munmap(void *at, size_t length)
{
	static void *late[LATE];
	static uint64_t next;

	if (length != PAIR_MEMORY)
		return (int)syscall(SYS_munmap, at, length);
	__atomic_sub_fetch(&now, 1, __ATOMIC_RELAXED);
	if (syscall(SYS_mprotect, at, length, PROT_NONE))
		abort();
	at = __atomic_exchange_n(&late[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % LATE], at, __ATOMIC_ACQ_REL);
	return at ? (int)syscall(SYS_munmap, at, length) : 0;
}

void pairs_count(void)
{
	tables = now;
	for (int c = 0; c < CVMS; c++)
		charged[c] = cvms[c]->object_bytes;
}

/* All of it, when cVM 0 has no table of handles any more. There are pairs whose memory has gone, but who are not spare yet. */
int pairs_back(void)
{
	int back = now == tables / CVMS * (CVMS - 1) && made <= most + 64;

	for (int c = 0; c < CVMS; c++)
		back &= cvms[c]->object_bytes == charged[c];
	if (back)
		return 1;
	printf("# %ld pairs left, %ld made, %ld at once at most; bytes charged", now, made, most);
	for (int c = 0; c < CVMS; c++)
		printf(" %llu", (unsigned long long)(cvms[c]->object_bytes - charged[c]));
	printf("\n");
	return 0;
}

static unsigned pages_of_last(void)
{
	unsigned char there[PAIR_MEMORY / 4096 + 1];
	unsigned n = 0;

	if (mincore(last, PAIR_MEMORY, there))
		return 0;
	for (unsigned i = 0; i < PAIR_MEMORY / 4096; i++)
		n += there[i] & 1;
	return n;
}

/* A ring takes memory as long as somebody pays for it: until its reader's end is closed, not until the pair goes. */
int pairs_paid(void)
{
	uint64_t handle[2];

	two_connect(handle);
	int ok = by(two[0], host_stream_send, handle[0], BUFFER, STREAM_RING) == STREAM_RING;
	ok = ok && by(two[1], host_stream_send, handle[1], BUFFER, STREAM_RING) == STREAM_RING;
	by(two[1], host_share_close, handle[1]);
	ok = ok && pages_of_last() <= STREAM_RING / 4096 + 1 && cvms[2]->object_bytes == 0;
	/* What had come is still to be read, whole. */
	ok = ok && by(two[0], host_stream_receive, handle[0], BUFFER, STREAM_RING) == STREAM_RING;
	by(two[0], host_share_close, handle[0]);
	/* A post keeps the pair. */
	two_connect(handle);
	ok = ok && by(two[1], host_stream_receive, handle[1], BUFFER, 16384, STREAM_POST) == -EAGAIN;
	ok = ok && by(two[0], host_stream_send, handle[0], BUFFER, STREAM_RING) > 0;
	ok = ok && by(two[1], host_stream_send, handle[1], BUFFER, STREAM_RING) == STREAM_RING;
	by(two[0], host_share_close, handle[0]);
	by(two[1], host_share_close, handle[1]);
	ok = ok && pages_of_last() <= 1 && cvms[1]->object_bytes == 0 && cvms[2]->object_bytes == 0;
	share_unpost(two[1]);
	return ok;
}
