/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The host calls that steer a cVM and its memory (hostcall.def 0-9). Trusted.
 */
#include <errno.h>

#include <carrel/host.h>
#include "intravisor/cvm/memory.h"
#include "intravisor/cvm/report.h"
#include "intravisor/host/host.h"

int64_t host_exit(struct caller *caller, const uint64_t a[6])
{
	cvm_end(caller->cvm, (int)(a[0] & 0xff7f));
	machine_thread_leave(caller->thread, 0);
}

int64_t host_entry_set(struct caller *caller, const uint64_t a[6])
{
	if (a[1] > UINT32_MAX || a[2] > UINT32_MAX || a[3] > UINT32_MAX)
		return -EINVAL;
	switch (a[0]) {
	case 0:
		return machine_thread_syscall_entry(caller->thread, (uint32_t)a[3]);
	case 1:
		return machine_thread_fixup(caller->thread, (uint32_t)a[1], (uint32_t)a[2], (uint32_t)a[3]);
	case 2:
		return machine_thread_interrupt_entry(caller->thread, (uint32_t)a[3]);
	default:
		return -EINVAL;
	}
}

int64_t host_fault_report(struct caller *caller, const uint64_t a[6])
{
	(void)a;
	if (machine_thread_fault(caller->thread)->signal)
		cvm_report_fault(caller->cvm, caller->program, machine_thread_fault(caller->thread));
	return 0;
}

int64_t host_program_enter(struct caller *caller, const uint64_t a[6])
{
	if (a[0] > UINT32_MAX || a[1] > UINT32_MAX)
		return -EINVAL;
	return machine_thread_program(caller->thread, (uint32_t)a[0], (uint32_t)a[1]);
}

int64_t host_memory_map(struct caller *caller, const uint64_t a[6])
{
	return cvm_memory_map(caller, a[0], a[1], a[2]);
}

int64_t host_memory_unmap(struct caller *caller, const uint64_t a[6])
{
	return cvm_memory_unmap(caller, a[0], a[1]);
}

int64_t host_memory_protect(struct caller *caller, const uint64_t a[6])
{
	return cvm_memory_protect(caller, a[0], a[1], a[2]);
}

int64_t host_memory_discard(struct caller *caller, const uint64_t a[6])
{
	return cvm_memory_discard(caller, a[0], a[1]);
}

int64_t host_memory_move(struct caller *caller, const uint64_t a[6])
{
	return cvm_memory_move(caller, a[0], a[1], a[2]);
}

int64_t host_memory_sync(struct caller *caller, const uint64_t a[6])
{
	return cvm_memory_sync(caller, a[0], a[1], a[2]);
}
