/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Threads and processes: clone, exit, futex. An emulated thread is a host thread; a fork is the host's, without memory shared
 * (vfork too: docs/caveats.md).
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "emulator/block.h"
#include "emulator/float.h"
#include "emulator/memory.h"
#include "emulator/signal.h"
#include "emulator/stats.h"
#include "emulator/system.h"
#include "emulator/system_state.h"
#include "emulator/translate/translate.h"
#include "emulator/world.h"

struct birth {
	struct cpu *cpu;
	unsigned host_float;
	sem_t born;
	int32_t thread_id;
	uint64_t told[2]; /* where to write it, 0 for nowhere */
};

static void *thread_main(void *argument)
{
	struct birth *birth = argument;
	struct cpu *cpu = birth->cpu;
	unsigned host_float = birth->host_float;
	cpu_current = cpu;
	signal_mask_set(cpu, &cpu->mask); /* a fault of the copies below is to reach its handler */
	cpu->thread_id = birth->thread_id = (int)HOST(SYS_gettid);
	for (int n = 0; n < 2; n++) /* before the thread can run, and end, which clears it */
		if (birth->told[n])
			memory_copy_out(birth->told[n], &birth->thread_id, 4);
	world_add(cpu);
	sem_post(&birth->born); /* birth is gone from here on */
	_mm_setcsr(host_float);
	cpu_run(cpu);
}

static int64_t thread_start(struct cpu *parent, uint64_t flags, uint64_t stack, uint64_t parent_id, uint64_t tls,
			    uint64_t child_id)
{
	struct cpu *cpu = aligned_alloc(64, (sizeof *cpu + 63) & ~(size_t)63);
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	if (!cpu)
		return -ENOMEM;
	memcpy(cpu, parent, sizeof *cpu);
	memset(cpu->jump, 0, sizeof cpu->jump);
	cpu->running = 0;
	cpu->interrupt = 1; /* look at the world before the first block */
	cpu->pending = 0;
	cpu->instructions = cpu->translated_entries = 0;
	cpu->alternate_set = false;
	cpu->reserved_address = ~(uint64_t)0;
	cpu->clear_child = flags & CLONE_CHILD_CLEARTID ? child_id : 0;
	cpu_put_integer(cpu, 2, stack);
	cpu_put_integer(cpu, 10, 0);
	if (flags & CLONE_SETTLS)
		cpu_put_integer(cpu, 4, tls);
	struct birth birth = { .cpu = cpu, .host_float = _mm_getcsr() };
	birth.told[0] = flags & CLONE_PARENT_SETTID ? parent_id : 0;
	birth.told[1] = flags & CLONE_CHILD_SETTID ? child_id : 0;
	sem_init(&birth.born, 0, 0);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 512 * 1024);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before); /* the child opens its own mask */
	int error = pthread_create(&thread, &attributes, thread_main, &birth);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (error) {
		free(cpu);
		return -error;
	}
	while (sem_wait(&birth.born))
		;
	return birth.thread_id;
}

static int64_t process_fork(struct cpu *cpu, uint64_t flags, uint64_t stack, uint64_t parent_id, uint64_t tls,
			    uint64_t child_id)
{
	exclusive_begin(cpu); /* nobody else is in the middle of anything */
	system_memory_lock();
	memory_tags_lock();
	pid_t child = fork();
	int error = errno;
	memory_tags_unlock();
	system_memory_unlock();
	if (!child) {
		world_forked(cpu);
		signal_forked();
		cpu->thread_id = getpid();
		cpu->instructions = 0;
		if (!translate_forked())
			settings.translate = false;
		block_flush(cpu);
	}
	exclusive_end(cpu);
	if (child < 0)
		return -error;
	int32_t id = child ? child : getpid();
	if (child) {
		if (flags & CLONE_PARENT_SETTID)
			memory_copy_out(parent_id, &id, 4);
		return child;
	}
	cpu->clear_child = flags & CLONE_CHILD_CLEARTID ? child_id : 0;
	atomic_store(&cpu->pending, 0);
	if (stack)
		cpu_put_integer(cpu, 2, stack);
	if (flags & CLONE_SETTLS)
		cpu_put_integer(cpu, 4, tls);
	if (flags & CLONE_CHILD_SETTID)
		memory_copy_out(child_id, &id, 4);
	return 0;
}

SYSTEM(clone)
{
	uint64_t flags = in->a[0], sharing = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
	if ((flags & sharing) == sharing)
		return thread_start(cpu, flags, in->a[1], in->a[2], in->a[3], in->a[4]);
	if ((flags & CLONE_VM) && !(flags & CLONE_VFORK))
		return -EINVAL;
	if (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_FILES))
		return -EINVAL;
	return process_fork(cpu, flags, in->a[1], in->a[2], in->a[3], in->a[4]);
}

_Noreturn static void process_exit(struct cpu *cpu, int code)
{
	stats_report(cpu);
	fflush(NULL);
	_exit(code);
}

SYSTEM(exit_group)
{
	process_exit(cpu, (int)in->a[0]);
}

SYSTEM(exit)
{
	int32_t zero = 0;
	if (world_count() == 1)
		process_exit(cpu, (int)in->a[0]);
	if (cpu->clear_child && memory_copy_out(cpu->clear_child, &zero, 4))
		HOST(SYS_futex, system_pointer(cpu->clear_child), FUTEX_WAKE, 1);
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	cpu_current = NULL;
	stats_add(cpu);
	world_remove(cpu);
	if (world_count() == 0) /* the other one left meanwhile */
		_exit((int)in->a[0]);
	if (cpu->thread_id != getpid()) /* the first one's is not from malloc */
		free(cpu);
	pthread_exit(NULL);
}

SYSTEM(set_tid_address)
{
	cpu->clear_child = in->a[0];
	return cpu->thread_id;
}

SYSTEM(set_robust_list)
{
	cpu->robust_list = in->a[0]; /* not walked at a thread's death: docs/caveats.md */
	return in->a[1] == 24 ? 0 : -EINVAL;
}

SYSTEM(futex)
{
	uint64_t command = in->a[1] & (uint64_t)FUTEX_CMD_MASK, fourth = in->a[3];
	if (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_LOCK_PI ||
	    command == FUTEX_WAIT_REQUEUE_PI || command == FUTEX_LOCK_PI2)
		fourth = system_pointer(fourth);
	return HOST_BLOCK(cpu, SYS_futex, system_pointer(in->a[0]), in->a[1], in->a[2], fourth,
			  system_pointer(in->a[4]), in->a[5]);
}

SYSTEM(futex_waitv)
{
	struct futex_waitv list[FUTEX_WAITV_MAX];
	if (!in->a[1] || in->a[1] > FUTEX_WAITV_MAX)
		return -EINVAL;
	if (!memory_copy_in(list, in->a[0], in->a[1] * sizeof *list))
		return -EFAULT;
	for (uint64_t n = 0; n < in->a[1]; n++)
		list[n].uaddr = system_pointer(list[n].uaddr);
	return HOST_BLOCK(cpu, SYS_futex_waitv, (uint64_t)list, in->a[1], in->a[2], system_pointer(in->a[3]), in->a[4]);
}

SYSTEM(membarrier)
{
	(void)cpu;
	return HOST(SYS_membarrier, in->a[0], in->a[1], in->a[2]);
}
