/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Processes: their table, clone and fork, the end. When the first ends the cVM ends.
 */
#include <linux/sched.h>

#include "libos/process/timer.h"
#include "libos/terminal/terminal.h"
#include "libos/sys/sys.h"

#define CLONE_SUPPORTED (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | \
			 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_CHILD_SETTID | 0xffu)

struct process *processes;
static int ids = 1;
static unsigned process_count = 1;

struct space *space_current(void)
{
	return process_current()->space;
}

struct process *process_find(int id)
{
	struct process *p = processes;

	while (p && p->id != id)
		p = p->next;
	return p;
}

struct thread *thread_find(int id)
{
	for (struct process *p = processes; p; p = p->next)
		for (struct thread *t = p->threads; t; t = t->next)
			if (t->id == id)
				return t;
	return NULL;
}

static int id_new(void)
{
	do
		ids = ids < 32767 ? ids + 1 : 2;
	while (process_find(ids) || thread_find(ids));
	return ids;
}

static struct process *process_empty(void)
{
	struct process *p = heap_allocate(sizeof *p);

	if (p && (p->files = descriptors_make()) && (p->directory = heap_allocate(PATH_MOST))) {
		p->mask = boot->file_mode_mask;
		p->directory[0] = '/';
		return p;
	}
	if (p)
		descriptors_drop(p->files);
	heap_free(p, sizeof *p);
	return NULL;
}

void process_thread(struct process *p, struct thread *t)
{
	t->process = p;
	t->id = p->id;
	t->alive = 1;
	t->stack[1] = 2;        /* SS_DISABLE */
	p->threads = t;
	p->thread_count = 1;
}

struct process *process_make(void)
{
	struct process *p = process_count < PROCESSES_MOST ? process_empty() : NULL;

	if (!p)
		return NULL;
	const char *start = boot_string(boot->working_directory);
	if (strlen(start) < PATH_MOST)
		memcpy(p->directory, start, strlen(start) + 1);
	p->id = p->group = p->session = id_new();
	p->next = processes;
	processes = p;
	process_count++;
	return p;
}

void process_first(void)
{
	struct process *p = process_empty();
	struct thread *t = thread_current();

	if (!p)
		die("no memory for the first process");
	memset(t, 0, sizeof *t);
	p->id = p->group = p->session = 1;
	p->program = boot->program;
	process_thread(p, t);
	processes = p;
	if (!(p->space = space_make(boot->memory_limit ? boot->memory_limit + SPACE_STACK_SIZE : 0, 0)))
		die("no memory for the first process");
}

/* A child that shares nothing but what its files do; its space is made by the caller. */
static struct process *process_copy(const struct process *from)
{
	struct process *p = process_count < PROCESSES_MOST ? heap_allocate(sizeof *p) : NULL;

	if (!p)
		return NULL;
	*p = *from;
	p->files = descriptors_copy(from->files);
	p->directory = heap_allocate(PATH_MOST);
	p->image = from->image ? heap_text(from->image) : NULL;
	p->groups = heap_allocate(from->group_count * sizeof *p->groups + !from->group_count);
	p->arguments = p->environment = NULL;
	p->argument_bytes = p->environment_bytes = 0;
	p->threads = NULL;
	p->thread_count = 0;
	p->pending = (struct signal_queue){0};
	p->children = (struct wait_queue){0};
	p->ending = p->dead = p->stopped = p->reported = p->executed = 0;
	p->vfork_parent = NULL;
	p->order = 0;
	p->timers = NULL;
	p->timer_thread = NULL;
	p->timer_at = 0;
	p->signals = (struct wait_queue){0};
	p->gone = p->used_by_children = (struct usage){.resident = 0};
	p->gone_time = 0;
	p->parent = (struct process *)from;
	if (!p->files || !p->directory || !p->groups) {
		descriptors_drop(p->files);
		heap_free(p->groups, p->group_count * sizeof *p->groups + !p->group_count);
		heap_free(p->directory, PATH_MOST);
		heap_text_free(p->image);
		heap_free(p, sizeof *p);
		return NULL;
	}
	memcpy(p->directory, from->directory, strlen(from->directory) + 1);
	memcpy(p->groups, from->groups, p->group_count * sizeof *p->groups);
	process_count++;
	return p;
}

void process_reap(struct process *p)
{
	struct process **link = &processes;

	while (*link && *link != p)
		link = &(*link)->next;
	if (*link)
		*link = p->next;
	process_count--;
	signals_forget(&p->pending, ~0ull);
	timers_drop(p, 1);
	heap_text_free(p->image);
	heap_free(p->groups, p->group_count * sizeof *p->groups + !p->group_count);
	heap_free(p->arguments, p->argument_bytes + !p->argument_bytes);
	heap_free(p->environment, p->environment_bytes + !p->environment_bytes);
	heap_free(p->directory, PATH_MOST);
	wait_dismiss(&p->signals);    /* watches of signalfds, in epoll sets that outlive it */
	heap_free(p, sizeof *p);
}

/* Where a new thread enters the library OS: its registers are filled, and it has never run. */
static void thread_begin(uint64_t argument) __attribute__((noreturn));
static void thread_begin(uint64_t argument)
{
	struct thread *t = (struct thread *)argument;

	HOST(thread_registers, own_ref(&t->registers));
	kernel_lock();
	if (t->attention)
		HOST(thread_kick, t->number);
	kernel_unlock();
	HOST(thread_resume, own_ref(&t->registers), RESUME_PROGRAM);
	die("the Intravisor refuses a new thread's registers");
}

static int64_t space_for(struct process *child, const struct process *from, uint64_t flags)
{
	if (flags & CLONE_VM) {
		child->space = from->space;
		space_hold(child->space);
		return 0;
	}
	if (!MACHINE_FORKS)     /* the copy's pointers would still point into the parent's window */
		return -ENOSYS;
	int64_t window = HOST(window_copy), error = window < 0 ? window : 0;
	if (error)
		return error;
	if (!(child->space = space_make(0, window))) {
		HOST(window_close, window);
		return -ENOMEM;
	}
	error = space_copy(from->space, child->space);
	if (error)
		space_release(child->space);
	return error;
}

/* What is checked here is checked before anything is made; call[1..5]: flags, stack, parent id, child id, thread pointer. */
int64_t clone_now(struct thread *t)
{
	uint64_t flags = t->call[1], stack = t->call[2];
	struct process *p = t->process, *child = p;
	struct thread *new;
	int64_t error;
	int thread = (flags & CLONE_THREAD) != 0;

	if (!(new = thread_slot()))
		return -EAGAIN;
	new->id = id_new();
	if (!thread) {
		child = process_copy(p);
		if (!child) {
			thread_slot_free(new);
			return -EAGAIN;
		}
		child->id = new->id;
		child->exit_signal = (int)(flags & 0xff);
		if ((error = space_for(child, p, flags))) {
			descriptors_drop(child->files);
			process_reap(child);
			thread_slot_free(new);
			return error == -EFAULT ? -ENOMEM : error;
		}
		child->next = processes;
		processes = child;
	}
	new->process = child;
	new->registers = t->registers;
	new->registers.general[REG_A] = 0;
	if (stack)
		new->registers.general[REG_STACK] = machine_program_pointer(stack);
	if (flags & CLONE_SETTLS)
		new->registers.thread_pointer = t->call[5];
	new->mask = t->mask;
	new->alive = 1;
	memcpy(new->name, t->name, sizeof new->name);
	new->stack[1] = 2;
	new->policy = t->policy_reset ? 0 : t->policy;
	new->priority = t->policy_reset ? 0 : t->priority;
	new->nice = t->nice;
	memcpy(new->affinity, t->affinity, sizeof new->affinity);
	if (!(flags & CLONE_VM))
		memcpy(new->stack, t->stack, sizeof new->stack);
	if (flags & CLONE_CHILD_CLEARTID)
		new->clear_id = t->call[4];
	new->next = child->threads;
	child->threads = new;
	child->thread_count++;
	if (flags & CLONE_PARENT_SETTID)
		user_put((struct user){t->call[3]}, &new->id, 4);
	if ((flags & CLONE_CHILD_SETTID) && (flags & CLONE_VM))
		user_put((struct user){t->call[4]}, &new->id, 4);
	kernel_single = 0;
	error = HOST(thread_start, (flags & CLONE_VM) && p->space == child->space ? UINT64_MAX : (uint64_t)space_window(child->space),
		     own_ref(thread_begin), own_ref(new) + THREAD_STACK, (uintptr_t)new);
	if (error < 0) {
		child->threads = new->next;
		child->thread_count--;
		if (!thread) {
			descriptors_drop(child->files);
			space_release(child->space);
			process_reap(child);
		}
		thread_slot_free(new);
		return error == -EINVAL ? -EAGAIN : error;
	}
	new->number = error;
	if (!(flags & CLONE_VFORK))
		return new->id;
	/* The parent waits; its child may be gone before it runs again. */
	int id = new->id;
	struct wait_queue none = {0};
	struct waiter w = {0};
	child->vfork_parent = t;
	wait_begin(&w, &none);
	while ((child = process_find(id)) && child->vfork_parent == t && wait_sleep_through(FOR_EVER) != -RESTART)
		;
	if ((child = process_find(id)) && child->vfork_parent == t)
		child->vfork_parent = NULL;
	wait_end(&w);
	return id;
}

void vfork_done(struct process *p)
{
	struct thread *parent = p->vfork_parent;

	p->vfork_parent = NULL;
	if (parent)
		thread_wake(parent);
}

static int64_t clone_later(uint64_t number, uint64_t flags, uint64_t stack, uint64_t parent_id, uint64_t child_id, uint64_t pointer)
{
	struct thread *t = thread_current();

	if ((flags & ~(uint64_t)CLONE_SUPPORTED) || ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM)) ||
	    ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND)))
		return -EINVAL;
	/* Sharing files, directory or handlers without being one process is not done. */
	if (!(flags & CLONE_THREAD) && (flags & (CLONE_FILES | CLONE_FS | CLONE_SIGHAND)))
		return -EINVAL;
	if (((flags & CLONE_THREAD) && !(flags & CLONE_FILES)) || ((flags & CLONE_VM) && !(flags & (CLONE_THREAD | CLONE_VFORK))))
		return -EINVAL;
	const uint64_t call[7] = {number, flags, stack, parent_id, child_id, pointer, 0};
	memcpy(t->call, call, sizeof call);
	t->deferred = DEFER_CLONE;
	t->attention = 1;
	return 0;
}

int64_t sys_clone(const uint64_t a[6])
{
	return clone_later(56, a[0] & 0xffffffffu, a[1], a[2], a[MACHINE_CLONE_ID], a[MACHINE_CLONE_TLS]);
}

int64_t sys_fork(const uint64_t a[6])
{
	(void)a;
	return clone_later(57, 17, 0, 0, 0, 0);
}

int64_t sys_vfork(const uint64_t a[6])
{
	(void)a;
	return clone_later(58, CLONE_VM | CLONE_VFORK | 17, 0, 0, 0, 0);
}

/* ---- the end ---- */
void process_kill(struct process *p, int status)
{
	if (p->ending)
		return;
	p->ending = 1;
	p->status = status;
	for (struct thread *t = p->threads; t; t = t->next)
		thread_poke(t);
}

/* The last thread of a process is going: what it had is given back; its parent hears of it. */
static void process_last(struct process *p)
{
	if (p->id == 1) {
		HOST(exit, p->status);
		__builtin_unreachable();
	}
	descriptors_drop(p->files);
	p->files = NULL;
	p->dead = 1;
	terminal_leader_gone(p);
	p->space = NULL;        /* the caller releases it, last */
	vfork_done(p);
	if (p->order)
		HOST(order_done, p->order, p->status);
	for (struct process *c = processes, *next; c; c = next) {
		next = c->next;
		if (c->parent == p) {
			c->parent = NULL;
			if (c->dead)
				process_reap(c);
		}
	}
	struct process *parent = p->parent;
	if (!parent || parent->dead) {
		process_reap(p);
		return;
	}
	int status = p->status, killed = status & 0x7f;
	if (p->exit_signal)
		signal_process(parent, (struct signal_info){.signal = p->exit_signal, .code = killed ? 2 : 1, .pid = p->id,
							    .uid = boot->uid, .value = killed ? killed : status >> 8 & 0xff});
	wait_wake(&parent->children, UINT32_MAX);
	if (p->exit_signal == 17 && (parent->actions[17].handler == 1 || (parent->actions[17].flags & 2)))     /* SA_NOCLDWAIT */
		process_reap(p);
}

void thread_exit_now(int status)
{
	struct thread *t = thread_current(), **link;
	struct process *p = t->process;
	struct space *space = p->space;
	uint32_t zero = 0;

	robust_release(t);
	signals_forget(&t->pending, ~0ull);
	if (t->clear_id && p->thread_count > 1 && !user_put((struct user){t->clear_id}, &zero, 4))
		futex_wake_user(p, t->clear_id);
	for (link = &p->threads; *link != t; link = &(*link)->next)
		;
	*link = t->next;
	timers_leave(t);
	usage_leave(t);
	int last = --p->thread_count == 0;
	if (p->thread_count == 1)
		thread_wake(p->threads);        /* it may wait for that: execve */
	if (last) {
		if (!p->ending)
			p->status = status;
		p->ending = 1;
		process_last(p);
		space_release(space);
	}
	t->process = NULL;
	thread_slot_free(t);
	kernel_unlock();
	HOST(thread_exit, own_ref(&t->alive));
	die("the Intravisor does not let a thread end");
}

void process_exit(int status)
{
	process_kill(process_current(), status);
	thread_exit_now(status);
}
