/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The memory calls. The host maps inside the reservation only, and never executable: code is read, not run. Unmapping puts the
 * reservation back. What may have been code makes the decoded blocks go.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "emulator/block.h"
#include "emulator/memory.h"
#include "emulator/system.h"
#include "emulator/system_state.h"
#include "emulator/world.h"

static pthread_mutex_t map_mutex = PTHREAD_MUTEX_INITIALIZER; /* guards what is mapped where, and brk */
static uint64_t brk_start, brk_now;

void system_brk_set(uint64_t start)
{
	brk_start = brk_now = start;
}

static uint64_t pages(uint64_t size)
{
	return (size + 4095) & ~(uint64_t)4095;
}

static bool in_range(uint64_t address, uint64_t size)
{
	return address >= MEMORY_LOWEST && size <= MEMORY_SIZE && address <= MEMORY_SIZE - size && !(address & 4095);
}

static int host_protection(uint64_t protection)
{
	return (protection & PROT_WRITE ? PROT_READ | PROT_WRITE : 0) |
	       (protection & (PROT_READ | PROT_EXEC) ? PROT_READ : 0);
}

static void flush_code(struct cpu *cpu)
{
	world_enter(cpu);
	block_flush(cpu);
	world_leave(cpu);
}

SYSTEM(mmap)
{
	uint64_t address = in->a[0], size = pages(in->a[1]), protection = in->a[2], flags = in->a[3] & ~(uint64_t)0x40;
	bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE), shared = (flags & MAP_TYPE) != MAP_PRIVATE,
	     code = protection & PROT_EXEC;
	if (!in->a[1] || (in->a[5] & 4095))
		return -EINVAL;
	if (size < in->a[1] || size > MEMORY_SIZE)
		return -ENOMEM;
	if (fixed && !in_range(address, size))
		return address & 4095 ? -EINVAL : -ENOMEM;
	pthread_mutex_lock(&map_mutex);
	int64_t result = -ENOMEM;
	if (!fixed)
		address = memory_find(size, address);
	else if ((flags & MAP_FIXED_NOREPLACE) && !memory_free(address, size))
		result = -EEXIST, address = 0;
	if (address) {
		code = code || memory_executable(address, size);
		result = HOST(SYS_mmap, MEMORY_BASE + address, size, (uint64_t)host_protection(protection),
			      (flags & ~(uint64_t)MAP_FIXED_NOREPLACE) | MAP_FIXED, in->a[4], in->a[5]);
		if (result >= 0) {
			memory_forget_tags(address, size);
			memory_note(address, size, STATE_MAPPED | (shared ? STATE_SHARED : 0) | (protection & 7));
			result = (int64_t)address;
		}
	}
	pthread_mutex_unlock(&map_mutex);
	if (result >= 0 && code)
		flush_code(cpu);
	return result;
}

static int64_t unmap(uint64_t address, uint64_t size)
{
	int64_t result = HOST(SYS_mmap, MEMORY_BASE + address, size, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, (uint64_t)-1, 0);
	if (result < 0)
		return result;
	memory_forget_tags(address, size);
	memory_note(address, size, 0);
	memory_found_again(address, size);
	return 0;
}

SYSTEM(munmap)
{
	uint64_t address = in->a[0], size = pages(in->a[1]);
	if (!in->a[1] || !in_range(address, size))
		return -EINVAL;
	pthread_mutex_lock(&map_mutex);
	bool code = memory_executable(address, size);
	int64_t result = unmap(address, size);
	pthread_mutex_unlock(&map_mutex);
	if (code)
		flush_code(cpu);
	return result;
}

SYSTEM(mprotect)
{
	uint64_t address = in->a[0], size = pages(in->a[1]), protection = in->a[2] & 7;
	if (address & 4095)
		return -EINVAL;
	if (!size)
		return 0;
	if (!in_range(address, size))
		return -ENOMEM;
	pthread_mutex_lock(&map_mutex);
	bool code = memory_executable(address, size) || (protection & PROT_EXEC);
	int64_t result = !memory_mapped(address, size) ? -ENOMEM
						       : HOST(SYS_mprotect, MEMORY_BASE + address, size,
							      (uint64_t)host_protection(protection));
	if (result >= 0)
		memory_protected(address, size, (int)protection);
	pthread_mutex_unlock(&map_mutex);
	if (code)
		flush_code(cpu);
	return result;
}

SYSTEM(mremap)
{
	uint64_t address = in->a[0], old = pages(in->a[1]), new = pages(in->a[2]), flags = in->a[3], to = 0;
	if (!old || !new || !in_range(address, old) || (flags & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) ||
	    ((flags & MREMAP_DONTUNMAP) && (!(flags & MREMAP_FIXED) || old != new)))
		return -EINVAL;
	if (new > MEMORY_SIZE)
		return -ENOMEM;
	pthread_mutex_lock(&map_mutex);
	int64_t result = -EFAULT;
	uint8_t state = *(uint8_t *)(MEMORY_STATE + (address >> 12));
	bool code = memory_executable(address, old);
	if (!memory_mapped(address, old))
		goto out;
	if (new <= old && !(flags & MREMAP_FIXED)) {
		result = new < old ? unmap(address + new, old - new) : 0;
		result = result < 0 ? result : (int64_t)address;
		goto out;
	}
	result = -ENOMEM;
	if (flags & MREMAP_FIXED) {
		to = in->a[4];
		if (!in_range(to, new) || (to < address + old && address < to + new)) {
			result = -EINVAL;
			goto out;
		}
	} else if (in_range(address, new) && memory_free(address + old, new - old)) {
		to = address;
		HOST(SYS_munmap, MEMORY_BASE + address + old,
		     new - old); /* for the host's mremap to grow into; map_mutex is held */
	} else if (flags & MREMAP_MAYMOVE) {
		to = memory_find(new, 0);
	}
	if (!to)
		goto out;
	result = HOST(SYS_mremap, MEMORY_BASE + address, old, new, to == address ? 0 : MREMAP_MAYMOVE | MREMAP_FIXED | (flags & MREMAP_DONTUNMAP),
		      MEMORY_BASE + to);
	if (to == address && result < 0)
		unmap(address + old, new - old);
	if (result < 0)
		goto out;
	if (to != address) {
		memory_forget_tags(to, new);
		if (flags & MREMAP_DONTUNMAP)
			memory_forget_tags(address, old);
		else
			unmap(address, old);
	}
	memory_note(to, new, state);
	result = (int64_t)to;
out:
	pthread_mutex_unlock(&map_mutex);
	if (code)
		flush_code(cpu);
	return result;
}

SYSTEM(brk)
{
	(void)cpu;
	uint64_t wanted = in->a[0];
	pthread_mutex_lock(&map_mutex);
	uint64_t end = pages(brk_now), new_end = pages(wanted);
	if (wanted >= brk_start && wanted < MEMORY_SIZE / 2) {
		if (new_end > end && memory_free(end, new_end - end) &&
		    HOST(SYS_mmap, MEMORY_BASE + end, new_end - end, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0) >= 0) {
			memory_note(end, new_end - end, STATE_MAPPED | PROT_READ | PROT_WRITE);
			brk_now = wanted;
		} else if (new_end <= end) {
			if (new_end < end)
				unmap(new_end, end - new_end);
			brk_now = wanted;
		}
	}
	uint64_t now = brk_now;
	pthread_mutex_unlock(&map_mutex);
	return (int64_t)now;
}

SYSTEM(madvise)
{
	(void)cpu;
	uint64_t address = in->a[0], size = pages(in->a[1]);
	if (!size)
		return 0;
	if (!in_range(address, size))
		return address & 4095 ? -EINVAL : -ENOMEM;
	switch (in->a[2]) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
		return 0;
	case MADV_DONTNEED:
	case MADV_FREE:
		memory_forget_tags(address, size);
		return HOST(SYS_madvise, MEMORY_BASE + address, size, in->a[2]);
	default:
		return -EINVAL;
	}
}

SYSTEM(msync)
{
	(void)cpu;
	return in_range(in->a[0], pages(in->a[1])) ? HOST(SYS_msync, MEMORY_BASE + in->a[0], in->a[1], in->a[2])
						   : -ENOMEM;
}

SYSTEM(riscv_flush_icache)
{
	(void)in;
	flush_code(cpu);
	return 0;
}

void system_memory_lock(void)
{
	pthread_mutex_lock(&map_mutex);
}

void system_memory_unlock(void)
{
	pthread_mutex_unlock(&map_mutex);
}
