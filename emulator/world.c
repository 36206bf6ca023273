/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The list of emulated threads and stopping them. `stopped` counts how deep one thread holds the world; a thread asked to stop
 * does so at its next look at cpu->interrupt, or is outside emulated code anyway. One that wants the world within an instruction
 * goes on in its block when it had it: `within` counts those that still wait, and nobody frees blocks before them.
 */
#include <sched.h>
#include "emulator/world.h"

static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;	/* guards the list; held only briefly */
static pthread_mutex_t stop_mutex = PTHREAD_MUTEX_INITIALIZER;	/* held by who stopped the world */
static pthread_mutex_t wait_mutex = PTHREAD_MUTEX_INITIALIZER;	/* for the condition */
static pthread_cond_t wait_condition = PTHREAD_COND_INITIALIZER;
static struct cpu *list;
static unsigned threads;
static _Atomic int stopped, within;
static _Thread_local int depth;

void world_lock(void)
{
	pthread_mutex_lock(&list_mutex);
}

void world_unlock(void)
{
	pthread_mutex_unlock(&list_mutex);
}

struct cpu *world_first(void)
{
	return list;
}

void world_add(struct cpu *cpu)
{
	world_lock();
	cpu->next = list;
	list = cpu;
	threads++;
	world_unlock();
}

void world_remove(struct cpu *cpu)
{
	world_lock();
	struct cpu **at = &list;
	while (*at && *at != cpu)
		at = &(*at)->next;
	if (*at) {
		*at = cpu->next;
		threads--;
	}
	world_unlock();
}

unsigned world_count(void)
{
	return threads;
}

struct cpu *world_find(int thread_id)
{
	struct cpu *cpu = list;
	while (cpu && cpu->thread_id != thread_id)
		cpu = cpu->next;
	return cpu;
}

static void announce(void)
{
	pthread_mutex_lock(&wait_mutex);
	pthread_cond_broadcast(&wait_condition);
	pthread_mutex_unlock(&wait_mutex);
}

void world_leave(struct cpu *cpu)
{
	atomic_store(&cpu->running, 0);
	if (atomic_load(&stopped))
		announce();
}

void world_enter(struct cpu *cpu)
{
	for (;;) {
		atomic_store(&cpu->running, 1);
		if (!atomic_load(&stopped) || depth)
			return;
		atomic_store(&cpu->running, 0);
		pthread_mutex_lock(&wait_mutex);
		pthread_cond_broadcast(&wait_condition);
		while (atomic_load(&stopped))
			pthread_cond_wait(&wait_condition, &wait_mutex);
		pthread_mutex_unlock(&wait_mutex);
	}
}

static void take(struct cpu *cpu, int instruction)
{
	if (depth++)
		return;
	int was_running = atomic_load(&cpu->running);
	atomic_fetch_add(&within, instruction);	/* before `running` says that others need not wait for this thread */
	if (was_running)
		world_leave(cpu);
	pthread_mutex_lock(&stop_mutex);
	atomic_fetch_sub(&within, instruction);
	atomic_store(&stopped, 1);
	world_lock();
	for (struct cpu *other = list; other; other = other->next)
		if (other != cpu)
			atomic_fetch_or(&other->interrupt, 1);
	pthread_mutex_lock(&wait_mutex);
	for (struct cpu *other = list; other; other = other->next)
		while (other != cpu && atomic_load(&other->running))
			pthread_cond_wait(&wait_condition, &wait_mutex);
	pthread_mutex_unlock(&wait_mutex);
	world_unlock();
	if (was_running)
		atomic_store(&cpu->running, 1);
}

void exclusive_begin(struct cpu *cpu)
{
	take(cpu, 1);
}

void exclusive_begin_apart(struct cpu *cpu)
{
	for (take(cpu, 0); depth == 1 && atomic_load(&within); take(cpu, 0)) {
		exclusive_end(cpu);
		sched_yield();
	}
}

void exclusive_end(struct cpu *cpu)
{
	(void)cpu;
	if (--depth)
		return;
	atomic_store(&stopped, 0);
	announce();
	pthread_mutex_unlock(&stop_mutex);
}

void exclusive_abandon(struct cpu *cpu)
{
	if (!depth)
		return;
	depth = 1;
	exclusive_end(cpu);
}

void world_forked(struct cpu *cpu)
{
	/* Other threads may have been inside these; stop_mutex is this thread's. */
	pthread_mutex_init(&list_mutex, NULL);
	pthread_mutex_init(&wait_mutex, NULL);
	pthread_cond_init(&wait_condition, NULL);
	atomic_store(&within, 0);
	list = cpu;
	cpu->next = NULL;
	threads = 1;
}
