/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Pairs of pseudo-terminals as files: /dev/ptmx makes one, /dev/pts/N is its slave. Reading and writing wait here; a pair goes when both
 * ends are closed, and is hung up when the master is.
 */
#include "libos/terminal/terminal.h"

#define SIGHUP  1
#define SIGCONT 18
#define SIGTTIN 21
#define SIGTTOU 22
#define TENTH   100000000       /* VTIME counts tenths of a second */

static struct terminal *terminals;

static struct terminal *numbered(const char *text)
{
	unsigned number = 0;

	if (!*text || (*text == '0' && text[1]))
		return NULL;
	for (; *text >= '0' && *text <= '9' && number < TERMINALS_MOST; text++)
		number = number * 10 + (unsigned)(*text - '0');
	for (struct terminal *t = *text ? NULL : terminals; t; t = t->next)
		if (t->number == number && t->masters)
			return t;
	return NULL;
}

struct terminal *terminal_of(int session)
{
	for (struct terminal *t = terminals; t; t = t->next)
		if (t->session == session)
			return t;
	return NULL;
}

void terminal_leader_gone(const struct process *p)
{
	struct terminal *t = p->id == p->session ? terminal_of(p->session) : NULL;
	int group = t ? t->group : 0;

	if (!t)
		return;
	t->session = t->group = 0;
	group_signal(group, SIGHUP);
}

static void hang_up(struct terminal *t)
{
	struct process *leader = t->session ? process_find(t->session) : NULL;

	t->session = t->group = 0;
	if (leader) {
		signal_process(leader, (struct signal_info){.signal = SIGHUP, .code = 0x80});
		signal_process(leader, (struct signal_info){.signal = SIGCONT, .code = 0x80});
	}
}

static void terminal_close(struct file *f)
{
	struct terminal *t = f->object, **link = &terminals;

	if (f->device)
		t->masters--;
	else
		t->slaves--;
	if (!t->masters && f->device)
		hang_up(t);
	wait_wake(&t->master_queue, UINT32_MAX);
	wait_wake(&t->slave_queue, UINT32_MAX);
	if (t->masters || t->slaves)
		return;
	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	wait_dismiss(&t->master_queue);
	wait_dismiss(&t->slave_queue);
	heap_free(t, sizeof *t);
}

/* ---- the slave ---- */
static int64_t slave_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	struct terminal *t = f->object;
	uint64_t done = 0;
	int64_t error = offset >= 0 ? -ESPIPE : terminal_background(t, SIGTTIN);
	int64_t begun = now(), last = begun;
	struct waiter w = {0};

	if (error || !n)
		return error;
	wait_begin(&w, &t->slave_queue);
	while (t->masters) {
		uint64_t least = t->settings.c_cc[VMIN], time = (uint64_t)t->settings.c_cc[VTIME] * TENTH;
		int64_t deadline = FOR_EVER;
		int lines = (t->settings.c_lflag & ICANON) != 0;
		uint64_t wanted = lines || !least ? 1 : least < n ? least : n;
		if (terminal_readable(t) >= wanted || (!lines && !least && !time))
			break;
		if (f->flags & O_NONBLOCK) {
			error = terminal_readable(t) ? 0 : -EAGAIN;
			break;
		}
		if (!lines && time && (!least || t->length))
			deadline = (least ? last : begun) + (int64_t)time;
		uint32_t had = t->length;
		error = wait_sleep(deadline);
		if (t->length != had)
			last = now();
		if (error)
			break;
	}
	wait_end(&w);
	if (error && error != -ETIMEDOUT)
		return error;
	for (struct taken taken = {0}; done < n && !taken.line && t->masters;) {
		uint8_t piece[256];
		uint32_t got = terminal_take(t, piece, n - done < sizeof piece ? (uint32_t)(n - done) : sizeof piece, &taken);
		if (!taken.used)
			break;
		if (memory_put(memory_after(to, done), piece, got))
			return done ? (int64_t)done : -EFAULT;
		terminal_skip(t, &taken);
		done += got;
	}
	wait_wake_for(&t->master_queue, UINT32_MAX, READY_OUT);
	return (int64_t)done;
}

static int64_t slave_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	struct terminal *t = f->object;
	uint64_t done = 0;
	int64_t error = offset >= 0 ? -ESPIPE : t->settings.c_lflag & TOSTOP ? terminal_background(t, SIGTTOU) : 0;

	while (done < n && !error) {
		uint8_t piece[256];
		uint32_t most = n - done < sizeof piece ? (uint32_t)(n - done) : sizeof piece;
		struct waiter w = {0};
		wait_begin(&w, &t->slave_queue);
		while (!error && t->masters && (t->stopped || !terminal_room(t)))
			error = f->flags & O_NONBLOCK ? -EAGAIN : wait_sleep(FOR_EVER);
		wait_end(&w);
		if (!error && !t->masters)
			error = -EIO;
		if (error)
			break;
		most = most < terminal_room(t) ? most : terminal_room(t);
		if (memory_get(piece, memory_after(from, done), most)) {
			error = -EFAULT;
			break;
		}
		for (uint32_t i = 0; i < most; i++)
			terminal_print(t, piece[i]);
		done += most;
		wait_wake_for(&t->master_queue, UINT32_MAX, READY_IN);
	}
	return done ? (int64_t)done : error;
}

static unsigned slave_poll(struct file *f)
{
	const struct terminal *t = f->object;
	const cc_t *keys = t->settings.c_cc;
	uint32_t wanted = !(t->settings.c_lflag & ICANON) && !keys[VTIME] && keys[VMIN] ? keys[VMIN] : 1;

	if (!t->masters)
		return READY_IN | READY_OUT | READY_ERROR | READY_HANGUP;
	return (terminal_readable(t) >= wanted ? READY_IN : 0) | (terminal_room(t) && !t->stopped ? READY_OUT : 0);
}

static int64_t slave_available(struct file *f)
{
	return terminal_readable(f->object);
}

static struct wait_queue *slave_queue(struct file *f)
{
	return &((struct terminal *)f->object)->slave_queue;
}

static void device_as(struct host_stat *s, unsigned major, unsigned minor, uint32_t mode)
{
	*s = stat_now(S_IFCHR | mode, DEVICE_TERMINALS);
	s->ino = 3 + minor;
	s->rdev = major << 8 | minor;
}

static int64_t slave_stat(struct file *f, struct host_stat *s)
{
	device_as(s, 136, ((struct terminal *)f->object)->number, 0620);
	s->nlink = 1;
	return 0;
}

/* ---- the master ---- */
static int64_t master_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	struct terminal *t = f->object;
	uint64_t done = 0;
	int64_t error = offset >= 0 ? -ESPIPE : 0;
	struct waiter w = {0};

	if (error || !n)
		return error;
	wait_begin(&w, &t->master_queue);
	while (!error && !t->output_length)
		error = t->opened && !t->slaves ? -EIO : f->flags & O_NONBLOCK ? -EAGAIN : wait_sleep(FOR_EVER);
	wait_end(&w);
	if (error)
		return error;
	while (done < n && t->output_length) {
		uint64_t piece = TERMINAL_OUTPUT - t->output_start;
		piece = piece < t->output_length ? piece : t->output_length;
		piece = piece < n - done ? piece : n - done;
		if (memory_put(memory_after(to, done), t->output + t->output_start, piece))
			return done ? (int64_t)done : -EFAULT;
		t->output_start = (t->output_start + (uint32_t)piece) % TERMINAL_OUTPUT;
		t->output_length -= (uint32_t)piece;
		done += piece;
	}
	wait_wake_for(&t->slave_queue, UINT32_MAX, READY_OUT);
	return (int64_t)done;
}

static int64_t master_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	struct terminal *t = f->object;
	uint64_t done = 0;
	int64_t error = offset >= 0 ? -ESPIPE : 0;

	while (done < n && !error) {
		uint8_t piece[64];
		uint32_t most = n - done < sizeof piece ? (uint32_t)(n - done) : sizeof piece, used = 0;
		struct waiter w = {0};
		wait_begin(&w, &t->master_queue);
		while (!error && terminal_full(t))
			error = f->flags & O_NONBLOCK ? -EAGAIN : wait_sleep(FOR_EVER);
		wait_end(&w);
		if (!error && memory_get(piece, memory_after(from, done), most))
			error = -EFAULT;
		while (!error && used < most && !terminal_full(t)) {
			int signal = terminal_receive(t, piece[used++]);
			if (signal)
				group_signal(t->group, signal);
		}
		done += used;
		wait_wake(&t->slave_queue, UINT32_MAX);         /* it may be stopped or not, too */
		wait_wake_for(&t->master_queue, UINT32_MAX, READY_IN);
	}
	return done ? (int64_t)done : error;
}

static unsigned master_poll(struct file *f)
{
	const struct terminal *t = f->object;

	return (t->output_length ? READY_IN : 0) | (terminal_full(t) ? 0 : READY_OUT) | (t->opened && !t->slaves ? READY_HANGUP : 0);
}

static int64_t master_available(struct file *f)
{
	return ((struct terminal *)f->object)->output_length;
}

static struct wait_queue *master_queue(struct file *f)
{
	return &((struct terminal *)f->object)->master_queue;
}

static int64_t master_stat(struct file *f, struct host_stat *s)
{
	(void)f;
	return terminal_stat(NULL, s);
}

static const struct file_operations slave_operations = {
	.read = slave_read, .write = slave_write, .available = slave_available, .stat = slave_stat, .poll = slave_poll, .queue = slave_queue,
	.control = terminal_control, .close = terminal_close,
}, master_operations = {
	.read = master_read, .write = master_write, .available = master_available, .stat = master_stat, .poll = master_poll,
	.queue = master_queue, .control = terminal_control, .close = terminal_close,
};

/* ---- names ---- */
int64_t terminal_stat(const char *number, struct host_stat *s)
{
	const struct terminal *t = number ? numbered(number) : NULL;

	if (number && !t)
		return -ENOENT;
	if (t)
		device_as(s, 136, t->number, 0620);
	else
		device_as(s, 5, 2, 0666);
	s->ino = t ? 3 + t->number : 2;
	s->nlink = 1;
	return 0;
}

struct file *terminal_names(void)
{
	char names[16 + TERMINALS_MOST * 4] = "/.\0/..";
	size_t length = 7;

	for (const struct terminal *t = terminals; t; t = t->next)
		if (t->masters)
			length = format_more(names, length, sizeof names, "%u", t->number) + 1;
	return names_file(names, length);
}

int64_t terminal_open(struct terminal *t, int flags, struct file **f)
{
	const struct process *self = process_current();

	if (t->locked || !t->masters)
		return -EIO;
	*f = file_make(&slave_operations, flags & (O_ACCMODE | O_NONBLOCK));
	if (!*f)
		return -ENOMEM;
	(*f)->object = t;
	t->slaves++;
	t->opened = 1;
	/* A leader without a terminal gets one this way; the cVM's first process is like one that a shell started, and does not. */
	if (!(flags & O_NOCTTY) && !t->session && self->id == self->session && self->id != 1 && !terminal_of(self->session)) {
		t->session = self->session;
		t->group = self->group;
	}
	return 0;
}

int64_t terminal_slave(const char *number, int flags, struct file **f)
{
	struct terminal *t = numbered(number);

	return t ? terminal_open(t, flags, f) : -ENOENT;
}

int64_t terminal_master(int flags, struct file **f)
{
	static const struct termios first = {
		.c_iflag = ICRNL | IXON, .c_oflag = OPOST | ONLCR, .c_cflag = B38400 | CS8 | CREAD,
		.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
		.c_cc = {[VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1, [VSTART] = 17, [VSTOP] = 19,
			 [VSUSP] = 26, [VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22},
	};
	struct terminal *t = heap_allocate(sizeof *t), **link = &terminals;
	unsigned number = 0;

	while (*link && (*link)->number == number)      /* the lowest that is free: they are in order */
		link = &(*link)->next, number++;
	*f = t && number < TERMINALS_MOST ? file_make(&master_operations, flags & (O_ACCMODE | O_NONBLOCK)) : NULL;
	if (!*f) {
		heap_free(t, sizeof *t);
		return t ? -ENOSPC : -ENOMEM;
	}
	t->number = number;
	t->settings = first;
	t->masters = t->locked = 1;
	t->next = *link;
	*link = t;
	(*f)->object = t;
	(*f)->device = 1;
	return 0;
}
