/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The private system calls on capabilities and CP_Files. Capabilities are the Intravisor's: one table for each program window,
 * which it checks; here only addresses become references. Descriptors are files of libos/fs/shared.c.
 */
#include "libos/fs/shared.h"
#include "libos/sys/sys.h"

#define OWN 0           /* CAP_OWN: offsets in it are the program's addresses */

static uint64_t offset_in(uint64_t capability, uint64_t offset)
{
	return capability == OWN ? program_offset(offset) : offset;
}

int64_t sys_capability_derive(const uint64_t a[6])
{
	return HOST(capability_derive, a[0], a[1], a[1] == CAPABILITY_BOUNDS ? offset_in(a[0], a[2]) : a[2], a[3]);
}

int64_t sys_capability_revoke(const uint64_t a[6])
{
	kernel_unlock();                /* it waits for who is using it just now, who may need the lock */
	int64_t error = HOST(capability_revoke, a[0]);
	kernel_lock();
	return error;
}

int64_t sys_capability_describe(const uint64_t a[6])
{
	return HOST_FAST(capability_describe, a[0], a[1]);
}

/* These three need no lock (dispatch.c). */
static int64_t access(const uint64_t a[6], int store)
{
	uint64_t n = a[3];
	struct memory memory;

	if (user_memory(USER(2), &n, &memory) || n != a[3])
		return -EFAULT;
	return HOST_FAST(capability_access, a[0], offset_in(a[0], a[1]), memory.ref, n, store);
}

int64_t sys_capability_load(const uint64_t a[6])
{
	return access(a, 0);
}

int64_t sys_capability_store(const uint64_t a[6])
{
	return access(a, 1);
}

int64_t sys_capability_copy(const uint64_t a[6])
{
	return HOST_FAST(capability_copy, a[0], offset_in(a[0], a[1]), a[2], offset_in(a[2], a[3]), a[4]);
}

/* ---- CP_Files ---- */
#define SHARED_ARGUMENT(f, i)                                                                                            \
	FILE_ARGUMENT(f, i);                                                                                              \
	if (f->operations != &shared_operations)                                                                          \
		return -EINVAL

int64_t sys_capability_of_file(const uint64_t a[6])
{
	SHARED_ARGUMENT(f, 0);
	return shared_handle(f) < 0 ? -ENODEV : HOST(file_capability, shared_handle(f));
}

int64_t sys_cp_file_create(const uint64_t a[6])
{
	char name[64];
	struct file *f;
	int64_t error = user_string(name, USER(0), sizeof name);

	if (error < 0)
		return error;
	if ((int64_t)a[1] < 0 && !a[3])
		return -EINVAL;
	error = shared_create(name, (int64_t)a[1], offset_in(a[1], a[2]), a[3], (unsigned)a[4] & 0xff, &f);
	return error ? error : descriptor_add(f, 0, 1);
}

static int64_t move(const uint64_t a[6], int writes)
{
	uint64_t n = a[2];
	struct memory memory;

	SHARED_ARGUMENT(f, 0);
	if ((f->flags & O_ACCMODE) == (writes ? O_RDONLY : O_WRONLY))
		return -EBADF;
	return user_memory(USER(1), &n, &memory) ? -EFAULT : shared_move(f, a[3], memory, n, writes);
}

int64_t sys_cp_file_read(const uint64_t a[6])
{
	return move(a, 0);
}

int64_t sys_cp_file_write(const uint64_t a[6])
{
	return move(a, 1);
}

int64_t sys_cp_file_wait(const uint64_t a[6])
{
	int64_t time;

	SHARED_ARGUMENT(f, 0);
	int64_t error = time_get(USER(2), &time, 1);
	return error ? error : shared_wait(f, a[1], time < 0 ? FOR_EVER : now() + time);
}

int64_t sys_cp_file_notify(const uint64_t a[6])
{
	SHARED_ARGUMENT(f, 0);
	return shared_state(f, FILE_NOTIFY);
}

int64_t sys_cp_file_sequence(const uint64_t a[6])
{
	SHARED_ARGUMENT(f, 0);
	return shared_state(f, FILE_SEQUENCE);
}

int64_t sys_cp_file_revoke(const uint64_t a[6])
{
	SHARED_ARGUMENT(f, 0);
	return shared_revoke(f);
}
