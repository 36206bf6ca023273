/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The host calls that steer a cVM and its memory (hostcall.def 0-9). Trusted.
 */
#include <errno.h>

#include <carrel/host.h>
#include "intravisor/cvm/memory.h"
#include "intravisor/host/host.h"

int64_t host_exit(struct cvm *cvm, const uint64_t a[6])
{
	cvm->exit_status = (int)(a[0] & 0xff7f);
	machine_thread_leave(cvm->thread, 0);
}

int64_t host_entry_set(struct cvm *cvm, const uint64_t a[6])
{
	if (a[1] > UINT32_MAX || a[2] > UINT32_MAX || a[3] > UINT32_MAX)
		return -EINVAL;
	switch (a[0]) {
	case 0:
		return machine_thread_syscall_entry(cvm->thread, (uint32_t)a[3]);
	case 1:
		return machine_thread_fixup(cvm->thread, (uint32_t)a[1], (uint32_t)a[2], (uint32_t)a[3]);
	default:
		return -EINVAL;
	}
}

int64_t host_program_enter(struct cvm *cvm, const uint64_t a[6])
{
	if (a[0] > UINT32_MAX || a[1] > UINT32_MAX)
		return -EINVAL;
	return machine_thread_program(cvm->thread, (uint32_t)a[0], (uint32_t)a[1]);
}

int64_t host_memory_map(struct cvm *cvm, const uint64_t a[6])
{
	return cvm_memory_map(cvm, a[0], a[1], a[2]);
}

int64_t host_memory_unmap(struct cvm *cvm, const uint64_t a[6])
{
	return cvm_memory_unmap(cvm, a[0], a[1]);
}

int64_t host_memory_protect(struct cvm *cvm, const uint64_t a[6])
{
	return cvm_memory_protect(cvm, a[0], a[1], a[2]);
}

int64_t host_memory_discard(struct cvm *cvm, const uint64_t a[6])
{
	return cvm_memory_discard(cvm, a[0], a[1]);
}

int64_t host_memory_move(struct cvm *cvm, const uint64_t a[6])
{
	return cvm_memory_move(cvm, a[0], a[1], a[2], a[3]);
}

int64_t host_memory_sync(struct cvm *cvm, const uint64_t a[6])
{
	return cvm_memory_sync(cvm, a[0], a[1], a[2]);
}
