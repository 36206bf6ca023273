/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * clone, fork and vfork: asked for by a system call, done at the interruption that shows the program's registers (thread.c).
 */
#include <linux/sched.h>

#include "libos/sys/sys.h"

#define CLONE_SUPPORTED (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | \
			 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_CHILD_SETTID | 0xffu)

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
	new->id = process_id_new();
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
