/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What is asked of a terminal with ioctl, and whom it belongs to: sessions, the group in front, and what the others may not do.
 */
#include "libos/terminal/terminal.h"

#define SIGHUP   1
#define SIGCONT  18
#define SIGTTOU  22
#define SIGWINCH 28

void group_signal(int group, int signal)
{
	for (struct process *p = group ? processes : NULL, *next; p; p = next) {
		next = p->next;
		if (p->group == group)
			signal_process(p, (struct signal_info){.signal = signal, .code = 0x80});        /* SI_KERNEL */
	}
}

/* Nobody who could let it go on: no member has a parent in another group of the session. */
static int orphaned(const struct process *one)
{
	for (const struct process *p = processes; p; p = p->next)
		if (p->group == one->group && !p->dead && p->parent && p->parent->group != p->group && p->parent->session == p->session)
			return 0;
	return 1;
}

int64_t terminal_background(const struct terminal *t, int signal)
{
	const struct process *p = process_current();

	if (!t->session || p->session != t->session || !t->group || p->group == t->group)
		return 0;
	if ((thread_current()->mask & SIGNAL_BIT(signal)) || p->actions[signal].handler == 1)
		return signal == SIGTTOU ? 0 : -EIO;
	if (orphaned(p))
		return -EIO;
	group_signal(p->group, signal);
	return -RESTART;
}

static int64_t number_put(struct user at, int value)
{
	return user_put(at, &value, sizeof value);
}

static int64_t settings_set(struct terminal *t, unsigned request, struct user at)
{
	struct termios settings;
	int64_t error = terminal_background(t, SIGTTOU);

	if (error || (error = user_get(&settings, at, sizeof settings)))
		return error;
	if (request == TCSETSF)
		terminal_flush(t, 1, 0);
	terminal_set(t, &settings);
	wait_wake(&t->slave_queue, UINT32_MAX);
	wait_wake(&t->master_queue, UINT32_MAX);
	return 0;
}

static int64_t size_set(struct terminal *t, struct user at)
{
	uint16_t size[4];

	if (user_get(size, at, sizeof size))
		return -EFAULT;
	if (memcmp(size, t->size, sizeof size))
		group_signal(t->group, SIGWINCH);
	memcpy(t->size, size, sizeof size);
	return 0;
}

static int64_t group_set(struct terminal *t, struct user at)
{
	const struct process *p = processes, *self = process_current();
	int group;
	int64_t error = terminal_background(t, SIGTTOU);

	if (error)
		return error;
	if (!t->session || self->session != t->session)
		return -ENOTTY;
	if (user_get(&group, at, sizeof group))
		return -EFAULT;
	if (group < 0)
		return -EINVAL;
	while (p && p->group != group)
		p = p->next;
	if (!p)
		return -ESRCH;
	if (p->session != t->session)
		return -EPERM;
	t->group = group;
	return 0;
}

static int64_t session_take(struct terminal *t, int steal)
{
	const struct process *self = process_current();

	if (t->session && t->session == self->session)
		return 0;
	if (self->session != self->id || terminal_of(self->session) || (t->session && (steal != 1 || boot->uid)))
		return -EPERM;
	t->session = self->session;
	t->group = self->group;
	return 0;
}

static int64_t session_leave(struct terminal *t)
{
	const struct process *self = process_current();
	int group = t->group;

	if (!t->session || self->session != t->session || self->session != self->id)
		return -ENOTTY;
	t->session = t->group = 0;
	group_signal(group, SIGHUP);
	group_signal(group, SIGCONT);
	return 0;
}

/* A master's side of flushing and stopping is the slave's other one. */
static int64_t flush(struct terminal *t, uint64_t which, int master)
{
	int input = which == 0 || which == 2, output = which == 1 || which == 2;

	if (which > 2)
		return -EINVAL;
	terminal_flush(t, master ? output : input, master ? input : output);
	wait_wake(&t->slave_queue, UINT32_MAX);
	wait_wake(&t->master_queue, UINT32_MAX);
	return 0;
}

static int64_t flow(struct terminal *t, uint64_t what)
{
	if (what > 3)
		return -EINVAL;
	if (what < 2)
		t->stopped = !what;
	else if (t->settings.c_cc[what == 2 ? VSTOP : VSTART])
		terminal_typed(t, t->settings.c_cc[what == 2 ? VSTOP : VSTART]);
	wait_wake(&t->slave_queue, UINT32_MAX);
	wait_wake(&t->master_queue, UINT32_MAX);
	return 0;
}

static int64_t master_control(struct terminal *t, unsigned request, struct user at)
{
	struct file *f;
	int64_t error;
	int on;

	switch (request) {
	case TIOCGPTN:
		return number_put(at, (int)t->number);
	case TIOCSPTLCK:
		if (user_get(&on, at, sizeof on))
			return -EFAULT;
		t->locked = on != 0;
		return 0;
	case TIOCGPTLCK:
		return number_put(at, t->locked);
	case TIOCGPTPEER:
		error = terminal_open(t, (int)at.at, &f);
		if (error)
			return error;
		char path[24];
		format(path, sizeof path, "/dev/pts/%u", t->number);
		f->path = heap_text(path);
		return descriptor_add(f, 0, (int)at.at & O_CLOEXEC);
	case TIOCSIG:
		if (at.at != 2 && at.at != 3 && at.at != 20)
			return -EINVAL;
		group_signal(t->group, (int)at.at);
		return 0;
	}
	return -ENOTTY;
}

int64_t terminal_control(struct file *f, unsigned request, struct user at)
{
	struct terminal *t = f->object;
	int master = f->device, mine = t->session && t->session == process_current()->session;

	if (!master && !t->masters)
		return -EIO;
	switch (request) {
	case TCGETS:
		return user_put(at, &t->settings, sizeof t->settings);
	case TCSETS: case TCSETSW: case TCSETSF:
		return settings_set(t, request, at);
	case TIOCGWINSZ:
		return user_put(at, t->size, sizeof t->size);
	case TIOCSWINSZ:
		return size_set(t, at);
	case TIOCGPGRP:
		return mine || master ? number_put(at, t->group) : -ENOTTY;
	case TIOCSPGRP:
		return group_set(t, at);
	case TIOCGSID:
		return (mine || master) && t->session ? number_put(at, t->session) : -ENOTTY;
	case TIOCSCTTY:
		return master ? -ENOTTY : session_take(t, (int)at.at);
	case TIOCNOTTY:
		return session_leave(t);
	case TCFLSH:
		return flush(t, at.at, master);
	case TCXONC:
		return flow(t, at.at);
	case TCSBRK: case TCSBRKP:      /* nothing is on its way, and there is no line to break */
		return 0;
	case TIOCOUTQ:
		return number_put(at, 0);
	}
	return master ? master_control(t, request, at) : -ENOTTY;
}
