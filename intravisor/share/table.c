/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The table of a cVM's shared objects, and sleeping for its bell (share.h): what is not called often enough to be fast. Trusted.
 */
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cap/cap.h"
#include "intravisor/host/host.h"
#include "intravisor/share/share.h"

int share_table_create(struct cvm *cvm)
{
	struct share_table *table = calloc(1, sizeof *table);

	if (!table)
		return -ENOMEM;
	table->bell.event_fd = -1;
	table->first_free = SHARES_MOST;
	/* Reserved, not touched: a cVM that shares nothing pays nothing. */
	table->slots = mmap(NULL, SHARES_MOST * sizeof *table->slots, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table->slots == MAP_FAILED) {
		free(table);
		return -ENOMEM;
	}
	cvm->shares = table;
	return 0;
}

int64_t share_add(struct share_table *table, struct share *object, uint32_t rights, struct ring_point *point)
{
	int64_t handle = -EMFILE;

	fast_lock(&table->lock);
	if (table->first_free != SHARES_MOST) {
		handle = table->first_free;
		table->first_free = table->slots[handle].next_free;
	} else if (table->used < SHARES_MOST)
		handle = __atomic_fetch_add(&table->used, 1, __ATOMIC_RELEASE);
	if (handle >= 0) {
		if (point)
			point->handle = (uint32_t)handle;
		__atomic_store_n(&table->slots[handle].word, (uintptr_t)object | object->kind | (uint64_t)rights << SLOT_RIGHTS, __ATOMIC_RELEASE);
	}
	fast_unlock(&table->lock);
	if (handle < 0) {
		object->left(object);
		share_put(object);
		share_sweep();
	}
	return handle;
}

static int64_t table_close(struct share_table *table, uint64_t handle)
{
	struct share *object = NULL;

	fast_lock(&table->lock);
	if (handle < table->used && table->slots[handle].word) {
		object = slot_object(table->slots[handle].word);
		__atomic_store_n(&table->slots[handle].word, 0, __ATOMIC_RELEASE);
		table->slots[handle].next_free = table->first_free;
		table->first_free = (uint32_t)handle;
	}
	fast_unlock(&table->lock);
	if (!object)
		return -EBADF;
	object->left(object);
	share_put(object);
	share_sweep();
	return 0;
}

int64_t host_share_close(struct caller *caller, const uint64_t a[6])
{
	return table_close(caller->cvm->shares, a[0]);
}

void share_table_end(struct cvm *cvm)
{
	struct share_table *table = cvm->shares;

	for (uint32_t i = 0; table && i < table->used; i++)
		if (table->slots[i].word)
			table_close(table, i);
}

void share_table_destroy(struct cvm *cvm)
{
	struct share_table *table = cvm->shares;

	if (!table)
		return;
	share_table_end(cvm);
	if (table->bell.event_fd >= 0)
		close(table->bell.event_fd);
	munmap(table->slots, SHARES_MOST * sizeof *table->slots);
	free(table);
	cvm->shares = NULL;
}

int64_t host_bell_wait(struct caller *caller, const uint64_t a[6])
{
	struct bell *bell = &caller->cvm->shares->bell;
	struct timespec deadline;
	const void *word = a[0] >> 32 == 0 && a[0] % 4 == 0 ? cvm_reference(caller, a[0], 4) : NULL;

	if (!word || (a[1] && cvm_copy_in(caller, &deadline, a[1], sizeof deadline)))
		return -EFAULT;
	__atomic_add_fetch(&bell->sleepers, 1, __ATOMIC_SEQ_CST);
	struct futex_waitv both[2] = {
		{.uaddr = (uintptr_t)word, .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG},
		{.val = __atomic_load_n(&bell->word, __ATOMIC_SEQ_CST), .uaddr = (uintptr_t)&bell->word, .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG},
	};
	int64_t result = __atomic_load_n(&bell->first, __ATOMIC_SEQ_CST)
				 ? 1 : machine_blocking(caller->thread, SYS_futex_waitv, (long)both, 2, 0, a[1] ? (long)&deadline : 0,
							CLOCK_MONOTONIC, 0);
	__atomic_sub_fetch(&bell->sleepers, 1, __ATOMIC_SEQ_CST);
	return result == -EAGAIN ? 0 : result;  /* a word had changed */
}

/* A handle that the host's poll finds readable after a ring, from the time it is armed. */
int64_t host_bell_handle(struct caller *caller, const uint64_t a[6])
{
	struct bell *bell = &caller->cvm->shares->bell;
	int fd, none = -1;

	(void)a;
	if (__atomic_load_n(&bell->event_fd, __ATOMIC_ACQUIRE) < 0) {
		if ((fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
			return -errno;
		if (host_descriptor_kept(fd)) {
			close(fd);
			return -EMFILE;
		}
		if (!__atomic_compare_exchange_n(&bell->event_fd, &none, fd, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			close(fd);
	}
	return host_handle_make(caller->cvm, bell->event_fd, CAP_LOAD, 0);
}

/* Before the host's poll: the next ring, or one that has not been taken, makes the bell's handle readable. What is readable of it is
 * taken by reading the handle. */
int64_t host_bell_arm(struct caller *caller, const uint64_t a[6])
{
	struct bell *bell = &caller->cvm->shares->bell;

	(void)a;
	if (__atomic_load_n(&bell->event_fd, __ATOMIC_ACQUIRE) < 0)
		return -EINVAL;
	__atomic_store_n(&bell->event_waiters, 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&bell->first, __ATOMIC_SEQ_CST) != NULL;
}
