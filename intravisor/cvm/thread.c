/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The guest threads of a cVM: numbers, host threads, interruptions, the end. A library OS chooses when threads start, end and
 * are kicked; a number names a thread of its own cVM or nothing. A struct guest_thread lives until its host thread has taken it
 * out of the table under the cVM's lock, so what the table names can be kicked under that lock. Trusted.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <carrel/host.h>
#include "intravisor/cvm/copy.h"
#include "intravisor/cvm/quota.h"
#include "intravisor/cvm/snapshot.h"
#include "intravisor/cvm/thread.h"
#include "intravisor/host/host.h"
#include "intravisor/share/share.h"

#define HOST_STACK 262144u      /* bytes: host calls keep a few paths on it */

struct guest_thread {
	struct caller caller;           /* first: the machine thread's owner */
	unsigned number;
	uint32_t entry, stack;
	uint64_t argument;
	timer_t timer;                  /* kicks this thread, from `deadline` on; valid if timed */
	uint64_t deadline;
	int timed;
	clockid_t clock;                /* its processor time; valid if begun, under the cVM's lock */
	int begun;
	uint64_t clear;                 /* host address of the word to clear at the end, or 0 */
};

static int number_take(struct cvm *cvm, struct guest_thread *thread)
{
	int error = -EAGAIN;

	if (quota_take_more(&cvm->mappings, MAPPINGS_OF_THREAD))
		return error;
	pthread_mutex_lock(&cvm->lock);
	for (unsigned i = 0; error && i < CVM_THREADS_MOST && !cvm->ending; i++)
		if (!cvm->threads[i]) {
			cvm->threads[i] = thread;
			cvm->thread_count++;
			thread->number = i;
			error = 0;
		}
	pthread_mutex_unlock(&cvm->lock);
	if (error)
		quota_give(&cvm->mappings, MAPPINGS_OF_THREAD);
	return error;
}

static void number_give(struct guest_thread *thread)
{
	struct cvm *cvm = thread->caller.cvm;

	pthread_mutex_lock(&cvm->lock);
	cvm->threads[thread->number] = NULL;
	pthread_mutex_unlock(&cvm->lock);
}

static void stop_all(struct cvm *cvm)
{
	for (unsigned i = 0; i < CVM_THREADS_MOST; i++)
		if (cvm->threads[i])
			machine_thread_stop(cvm->threads[i]->caller.thread);
}

/* For a millisecond at most, and then all are told to stop again. Under the cVM's lock. */
static void left_wait(struct cvm *cvm)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&cvm->left, &cvm->lock, &until);
	stop_all(cvm);
}

/* A thread that ends its cVM stays until the first one has left: a stop can come just before a host system call that blocks, so it
 * is said again, and the first thread's own loop (threads_run) sees to the others only when it is out. */
static void first_stop(struct cvm *cvm)
{
	pthread_mutex_lock(&cvm->lock);
	stop_all(cvm);
	while (cvm->threads[0])
		left_wait(cvm);
	pthread_mutex_unlock(&cvm->lock);
}

static void clock_take(struct guest_thread *thread)
{
	pthread_mutex_lock(&thread->caller.cvm->lock);
	thread->begun = !pthread_getcpuclockid(pthread_self(), &thread->clock);
	pthread_mutex_unlock(&thread->caller.cvm->lock);
}

static void timer_drop(struct guest_thread *thread)
{
	if (thread->timed)
		timer_delete(thread->timer);
	thread->timed = 0;
}

/* Its signal goes to the thread's home, which outlives the timer, or the thread moves. */
static int64_t timer_set(struct guest_thread *thread, uint64_t deadline)
{
	struct itimerspec when = {.it_value = {(time_t)(deadline / 1000000000u), (long)(deadline % 1000000000u)}};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = MACHINE_KICK};

	if (!thread->timed && !deadline)
		return 0;
	event._sigev_un._tid = machine_thread_home(thread->caller.thread);
	if (!thread->timed && timer_create(CLOCK_MONOTONIC, &event, &thread->timer))
		return -errno;
	thread->timed = 1;
	thread->deadline = deadline;
	return timer_settime(thread->timer, TIMER_ABSTIME, &when, NULL) ? -errno : 0;
}

void thread_moved(struct machine_thread *machine_thread)
{
	struct guest_thread *thread = machine_thread_owner(machine_thread);

	clock_take(thread);
	if (!thread->timed)
		return;
	timer_drop(thread);
	timer_set(thread, thread->deadline);
}

static void run(struct guest_thread *thread)
{
	struct machine_thread *who;

	clock_take(thread);
	int64_t left = machine_thread_run(thread->caller.thread, thread->entry, thread->stack, thread->argument, &who);

	thread = machine_thread_owner(who);     /* it need not be the one that began here, nor its cVM the same */
	struct cvm *cvm = thread->caller.cvm;
	timer_drop(thread);
	if (left == -EINVAL)
		cvm_end(cvm, SIGILL);
	share_thread_left(&thread->caller);
	number_give(thread);
	/* Stores 0 there and wakes one waiter. By the kernel: no fix-up works here any more, outside of machine_thread_run. */
	if (thread->clear)
		syscall(SYS_futex, thread->clear, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, NULL, thread->clear,
			FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0));
	if (__atomic_load_n(&cvm->ending, __ATOMIC_SEQ_CST))    /* a fault says no more than that */
		first_stop(cvm);
	machine_thread_destroy(thread->caller.thread);
	cvm_window_release(cvm, thread->caller.program);
	quota_give(&cvm->mappings, MAPPINGS_OF_THREAD);
	pthread_mutex_lock(&cvm->lock);
	cvm->thread_count--;
	pthread_cond_broadcast(&cvm->left);
	pthread_mutex_unlock(&cvm->lock);       /* the cVM may be gone from here on */
	free(thread);
}

static void *host_thread(void *argument)
{
	run(argument);
	return NULL;
}

static struct guest_thread *guest_thread(struct cvm *cvm, struct window *program, uint32_t entry, uint32_t stack, uint64_t argument)
{
	struct guest_thread *thread = calloc(1, sizeof *thread);

	if (thread)
		*thread = (struct guest_thread){.caller = {.cvm = cvm, .program = program}, .entry = entry, .stack = stack,
						.argument = argument};
	return thread;
}

static int host_thread_begin(struct guest_thread *thread)
{
	pthread_attr_t attributes;
	pthread_t id;
	int error = pthread_attr_init(&attributes);

	if (error)
		return -error;
	pthread_attr_setstacksize(&attributes, HOST_STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&id, &attributes, host_thread, thread);
	pthread_attr_destroy(&attributes);
	return error ? -EAGAIN : 0;
}

static int64_t thread_make(struct caller *caller, const uint64_t a[6], int fresh)
{
	if (a[1] > UINT32_MAX || a[2] > UINT32_MAX || !machine_entry_ok(caller->cvm->libos.base, (uint32_t)a[1]))
		return -EINVAL;
	struct cvm *cvm = caller->cvm;
	struct window *program = cvm_window_hold(caller, a[0]);
	if (!program)
		return -EBADF;
	struct guest_thread *thread = guest_thread(cvm, program, (uint32_t)a[1], (uint32_t)a[2], a[3]);
	int64_t error = thread ? 0 : -ENOMEM;
	/* The copied frames return into images: they must be the same there. A window that no thread runs in gets no more images
	 * but by this library OS's own calls, and one that maps some meanwhile only adds. */
	if (!error && !fresh && !copy_same_images(program, caller->program))
		error = -EINVAL;
	/* Two threads of one program: what one fills the other must not see half full (snapshot.c). */
	if (!error && program == caller->program)
		error = snapshot_fetch_all(program);
	if (!error)
		thread->caller.thread = fresh ? machine_thread_create(program->base, cvm->libos.base, &thread->caller)
					      : machine_thread_copy(caller->thread, program->base, &thread->caller);
	if (!error && !thread->caller.thread)
		error = -EAGAIN;
	if (!error)
		error = number_take(cvm, thread);
	if (!error) {
		unsigned number = thread->number;
		error = host_thread_begin(thread);
		if (!error)
			return number;
		number_give(thread);
		quota_give(&cvm->mappings, MAPPINGS_OF_THREAD);
		pthread_mutex_lock(&cvm->lock);
		cvm->thread_count--;
		pthread_mutex_unlock(&cvm->lock);
	}
	if (thread)
		machine_thread_destroy(thread->caller.thread);
	free(thread);
	cvm_window_release(cvm, program);
	return error;
}

int64_t host_thread_start(struct caller *caller, const uint64_t a[6])
{
	return thread_make(caller, a, 0);
}

int64_t host_thread_fresh(struct caller *caller, const uint64_t a[6])
{
	return thread_make(caller, a, 1);
}

int64_t host_exit(struct caller *caller, const uint64_t a[6])
{
	cvm_end(caller->cvm, (int)(a[0] & 0xff7f));
	machine_thread_leave(caller->thread, 0);
}

int64_t host_entry_set(struct caller *caller, const uint64_t a[6])
{
	if (a[1] > UINT32_MAX || a[2] > UINT32_MAX || a[3] > UINT32_MAX)
		return -EINVAL;
	return machine_thread_entry_set(caller->thread, a[0], (uint32_t)a[1], (uint32_t)a[2], (uint32_t)a[3]);
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

int64_t host_thread_exit(struct caller *caller, const uint64_t a[6])
{
	struct guest_thread *thread = (struct guest_thread *)caller;
	/* Of the library OS only: its window outlives every thread. */
	void *word = a[0] && a[0] >> 32 == 0 && a[0] % 4 == 0 ? cvm_reference(caller, a[0], 4) : NULL;

	if (a[0] && !word)
		return -EFAULT;
	thread->clear = (uint64_t)word;
	machine_thread_leave(caller->thread, 0);
}

int64_t host_thread_kick(struct caller *caller, const uint64_t a[6])
{
	struct cvm *cvm = caller->cvm;
	int64_t error = -ESRCH;

	pthread_mutex_lock(&cvm->lock);
	if (a[0] < CVM_THREADS_MOST && cvm->threads[a[0]]) {
		machine_thread_kick(cvm->threads[a[0]]->caller.thread);
		error = 0;
	}
	pthread_mutex_unlock(&cvm->lock);
	return error;
}

/* What the table names has not left its host thread yet, so the clock is that thread's. */
int64_t host_thread_time(struct caller *caller, const uint64_t a[6])
{
	struct cvm *cvm = caller->cvm;
	struct timespec time;
	int64_t error = -ESRCH;

	pthread_mutex_lock(&cvm->lock);
	if (a[0] < CVM_THREADS_MOST && cvm->threads[a[0]])
		error = !cvm->threads[a[0]]->begun ? -EAGAIN : clock_gettime(cvm->threads[a[0]]->clock, &time) ? -errno : 0;
	pthread_mutex_unlock(&cvm->lock);
	return error ? error : cvm_copy_out(caller, a[1], &time, sizeof time);
}

int64_t host_timer(struct caller *caller, const uint64_t a[6])
{
	return a[0] > INT64_MAX ? -EINVAL : timer_set((struct guest_thread *)caller, a[0]);
}

int64_t host_thread_registers(struct caller *caller, const uint64_t a[6])
{
	void *at = a[0] && a[0] >> 32 == 0 ? cvm_reference(caller, a[0], sizeof(struct carrel_registers)) : NULL;

	if (a[0] && !at)
		return -EFAULT;
	machine_thread_registers(caller->thread, at);
	return 0;
}

int64_t host_thread_resume(struct caller *caller, const uint64_t a[6])
{
	struct carrel_registers registers;

	if (cvm_copy_in(caller, &registers, a[0], sizeof registers))
		return -EFAULT;
	/* The thread that is to end must not slip through into its program. */
	if (__atomic_load_n(&caller->cvm->ending, __ATOMIC_SEQ_CST))
		return -EINTR;
	return machine_thread_resume(caller->thread, &registers, a[1]);
}

void cvm_end(struct cvm *cvm, int status)
{
	pthread_mutex_lock(&cvm->lock);
	if (!__atomic_exchange_n(&cvm->ending, 1, __ATOMIC_SEQ_CST))    /* a fault takes no lock */
		cvm->exit_status = status;
	stop_all(cvm);
	pthread_cond_broadcast(&cvm->left);     /* threads_run may wait without looking */
	pthread_mutex_unlock(&cvm->lock);
}

void cvm_kick(struct cvm *cvm)
{
	pthread_mutex_lock(&cvm->lock);
	for (unsigned i = 0; i < CVM_THREADS_MOST; i++)
		if (cvm->threads[i]) {
			machine_thread_kick(cvm->threads[i]->caller.thread);
			break;
		}
	pthread_mutex_unlock(&cvm->lock);
}

void cvm_signal(struct cvm *cvm, int signal)
{
	pthread_mutex_lock(&cvm->lock);
	cvm->host_signals |= 1ull << (signal - 1);
	pthread_mutex_unlock(&cvm->lock);
	cvm_kick(cvm);
}

uint64_t cvm_signals_waiting(struct cvm *cvm)
{
	pthread_mutex_lock(&cvm->lock);
	uint64_t waiting = cvm->host_signals;
	pthread_mutex_unlock(&cvm->lock);
	return waiting;
}

int64_t host_signals_take(struct caller *caller, const uint64_t a[6])
{
	(void)a;
	pthread_mutex_lock(&caller->cvm->lock);
	uint64_t taken = caller->cvm->host_signals & (HOST_ORDER_WAITS - 1);
	caller->cvm->host_signals = 0;
	taken |= caller->cvm->orders ? HOST_ORDER_WAITS : 0;
	pthread_mutex_unlock(&caller->cvm->lock);
	return (int64_t)taken;
}

void threads_forget(struct cvm *cvm)
{
	struct guest_thread *first = cvm->threads[0];

	if (!first)
		return;
	machine_thread_destroy(first->caller.thread);
	cvm_window_release(cvm, first->caller.program);
	free(first);
}

void threads_run(struct cvm *cvm, uint32_t entry, uint32_t stack, uint64_t argument)
{
	struct guest_thread *first = cvm->threads[0];

	first->entry = entry;
	first->stack = stack;
	first->argument = argument;
	/* Where it may call or be called, its host thread may end up with another cVM's guest: not this one, which waits for the cVM. */
	int moves = 0;
	for (size_t i = 0; i < cvm->config->grant_count; i++)
		moves |= cvm->config->grants[i].kind == GRANT_CALL;
	if (!moves || host_thread_begin(first))
		run(first);
	/* A thread may be in a place where a stop is only noted (machine.h), so it is said again until all have left. */
	pthread_mutex_lock(&cvm->lock);
	while (cvm->thread_count)
		if (cvm->ending)
			left_wait(cvm);
		else
			pthread_cond_wait(&cvm->left, &cvm->lock);
	pthread_mutex_unlock(&cvm->lock);
}

int threads_first(struct cvm *cvm, struct window *program)
{
	struct guest_thread *first = guest_thread(cvm, program, 0, 0, 0);

	if (!first)
		return -ENOMEM;
	first->caller.thread = machine_thread_create(program->base, cvm->libos.base, &first->caller);
	if (!first->caller.thread || number_take(cvm, first)) {
		machine_thread_destroy(first->caller.thread);
		free(first);
		return -ENOMEM;
	}
	return 0;
}
