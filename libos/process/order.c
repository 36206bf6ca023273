/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Orders from outside (`carrel exec`, health checks): whichever thread is kicked takes them, under the kernel lock and without
 * sleeping. A process that an order starts is nobody's child, has a session of its own, and finds its program itself, on its own
 * thread (sys/exec.c).
 */
#include "libos/net/socket.h"
#include "libos/process/order.h"
#include "libos/process/process.h"

static void done(uint32_t id, int status)
{
	HOST(order_done, id, status);
}

static int stream_add(struct process *p, const struct host_order *o, unsigned fd)
{
	struct file *f = file_make(&host_operations, O_RDWR);

	if (!f)
		return -ENOMEM;
	f->handle = o->handles[fd];
	return descriptors_first(p->files, fd, f);
}

/* With its files and an empty window; NULL: not enough of something. */
static struct process *process_for(const struct host_order *o)
{
	struct process *p = process_make();
	unsigned streams = 0;

	while (p && streams < 3 && !stream_add(p, o, streams))
		streams++;
	for (unsigned i = streams; i < 3; i++)
		HOST(close, o->handles[i]);
	if (!p)
		return NULL;
	int64_t window = streams == 3 ? HOST(window_open) : -ENOMEM;
	if (window >= 0 && !(p->space = space_make(boot->memory_limit, window)))
		HOST(window_close, window);
	if (p->space)
		return p;
	descriptors_drop(p->files);
	process_reap(p);
	return NULL;
}

static int execute(const struct host_order *o)
{
	struct program_text argv = {.count = o->argc}, envp = {.count = o->envc};
	const char *text = (const char *)(o + 1);
	struct thread *t = thread_slot();
	struct process *p = t ? process_for(o) : NULL;

	for (uint32_t i = 0; i < o->argc; i++)
		argv.bytes += strlen(text + argv.bytes) + 1;
	envp.bytes = o->length - argv.bytes;
	if (p) {
		argv.text = heap_allocate(argv.bytes + !argv.bytes);
		envp.text = heap_allocate(envp.bytes + !envp.bytes);
		p->arguments = argv.text;       /* until program_begin takes its own */
		p->argument_bytes = argv.bytes;
		p->environment = envp.text;
		p->environment_bytes = envp.bytes;
		p->order = o->id;
		p->order_counts[0] = o->argc;
		p->order_counts[1] = o->envc;
	}
	int error = !p || !argv.text || !envp.text;
	if (!error) {
		memcpy(argv.text, text, argv.bytes);
		memcpy(envp.text, text + argv.bytes, envp.bytes);
		process_thread(p, t);
		kernel_single = 0;
		t->number = HOST(thread_fresh, space_window(p->space), own_ref(order_begin), own_ref(t) + THREAD_STACK, (uintptr_t)t);
		error = t->number < 0;
	}
	if (!error)
		return 0;
	if (p) {
		p->threads = NULL;
		descriptors_drop(p->files);
		space_release(p->space);
		process_reap(p);
	}
	if (t)
		thread_slot_free(t);
	return -ENOMEM;
}

/* As a terminal would: to its whole group. */
static void signal_to(const struct host_order *o)
{
	int group = 0;

	for (struct process *p = processes; p && !group; p = p->next)
		if (p->order == o->id)
			group = p->group;
	for (struct process *p = group ? processes : NULL, *next; p; p = next) {
		next = p->next;
		if (p->group == group)
			signal_process(p, (struct signal_info){.signal = (int)o->value, .code = 0x80});
	}
}

static int listens(uint16_t port)
{
	const struct address to = {.length = 16, .in_family = AF_INET, .in_port = __builtin_bswap16(port), .in_ip = {127, 0, 0, 1}};
	const struct socket probe = {.domain = AF_INET, .type = SOCK_STREAM};
	int64_t error;

	return name_find(&probe, &to, &error) != NULL;
}

void orders_serve(void)
{
	struct host_order *o = heap_allocate(HOST_ORDER_MOST);

	if (!o)
		return;
	while ((int64_t)HOST(order_take, own_ref(o)) > 0)
		switch (o->kind) {
		case HOST_ORDER_EXECUTE:
			if (execute(o))
				done(o->id, 126 << 8);
			break;
		case HOST_ORDER_SIGNAL:
			if (o->value >= 1 && o->value <= SIGNALS)
				signal_to(o);
			break;
		case HOST_ORDER_PROBE:
			done(o->id, listens((uint16_t)o->value) ? 0 : 1 << 8);
			break;
		default:
			done(o->id, 126 << 8);
		}
	heap_free(o, HOST_ORDER_MOST);
}
