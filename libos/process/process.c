/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Processes: their table, how they are made and forgotten.
 */
#include "libos/process/timer.h"

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

int process_id_new(void)
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
	p->id = p->group = p->session = process_id_new();
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
	if (!(p->space = space_make(boot->memory_limit, 0)))
		die("no memory for the first process");
}

struct process *process_copy(const struct process *from)
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
