/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * See fake.h.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "fake.h"
#include "libos/process/bell.h"
#include "libos/terminal/terminal.h"

#define ENSURE(condition)                                                                                                \
	do {                                                                                                              \
		if (!(condition)) {                                                                                       \
			printf("Bail out! host call rule broken: %s\n", #condition);                                      \
			exit(1);                                                                                          \
		}                                                                                                         \
	} while (0)

uint8_t fake_pages[1 << 20], *fake_window;
int fake_memory_fails;
struct carrel_boot *boot;

/* The one thread: where machine_isa.h of this folder says the stack is. */
_Alignas(THREAD_STACK) char fake_stack[THREAD_STACK];
static struct process process = {.id = 1, .group = 1, .session = 1, .mask = 022};
static char directory[PATH_MOST] = "/";

struct space *space_current(void)
{
	return process.space;
}

void fake_space(uint64_t limit)
{
	process.space = space_make(limit, 0);
	ENSURE(process.space);
}

/* Nobody else is there: no lock, and a wait would be for ever. */
int64_t host_steady(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	return host_call(number, a, b, c, d, e, f);
}

int waits_not(void)
{
	return 0;
}

void host_begin(void)
{
}

int64_t host_result(int64_t result)
{
	return result;
}

void wait_begin(struct waiter *w, struct wait_queue *queue)
{
	(void)w;
	(void)queue;
}

void wait_end(struct waiter *w)
{
	(void)w;
}

int64_t wait_sleep(int64_t deadline)
{
	ENSURE(deadline < 0);
	return -EINTR;
}

struct process *processes;

struct process *process_find(int id)
{
	(void)id;
	return NULL;
}

unsigned wait_wake_for(struct wait_queue *queue, unsigned most, unsigned events)
{
	(void)events;
	return wait_wake(queue, most);
}

void watches_drop(struct file *f)
{
	(void)f;
}

unsigned wait_wake(struct wait_queue *queue, unsigned most)
{
	(void)queue;
	(void)most;
	return 0;
}

void fake_start(uint64_t memory_limit)
{
	static struct {
		struct carrel_boot boot;
		char strings[16];
	} block = {.strings = "/"};

	block.boot.working_directory = block.boot.hostname = block.boot.image_path = sizeof block.boot;
	block.boot.memory_limit = memory_limit;
	boot = &block.boot;
	thread_current()->process = &process;
	process.directory = directory;
	process.image = (char *)"/image";
	process.files = descriptors_make();
	fake_window = mmap(NULL, WINDOW_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ENSURE(fake_window != MAP_FAILED);
	srandom(1);
}

uint32_t fake_random(uint32_t below)
{
	return (uint32_t)random() % below;
}

static int reachable(uint32_t at, size_t n, int least)
{
	for (uint64_t page = at / 4096; page * 4096 < (uint64_t)at + n; page++)
		if (page >= sizeof fake_pages || fake_pages[page] < least)
			return 0;
	return 1;
}

int user_copy_from(void *to, uint32_t from, size_t n)
{
	if (!reachable(from, n, PAGE_READ))
		return -EFAULT;
	memcpy(to, fake_window + from, n);
	return 0;
}

int user_copy_to(uint32_t to, const void *from, size_t n)
{
	if (!reachable(to, n, PAGE_WRITE))
		return -EFAULT;
	memcpy(fake_window + to, from, n);
	return 0;
}

int user_fill(uint32_t to, size_t n)
{
	if (!reachable(to, n, PAGE_WRITE))
		return -EFAULT;
	memset(fake_window + to, 0, n);
	return 0;
}

int64_t user_string_from(char *to, uint32_t from, size_t room)
{
	for (size_t n = 0; n < room; n++) {
		if (user_copy_from(to + n, from + (uint32_t)n, 1))
			return -EFAULT;
		if (!to[n])
			return (int64_t)n;
	}
	return (int64_t)room;
}

void die(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(1);
}

/* A range of the program's window, as the Intravisor checks it. */
static uint64_t range(uint64_t ref, uint64_t length)
{
	uint64_t at = ref & ~REF_PROGRAM;

	ENSURE((ref & REF_PROGRAM) && at % 4096 == 0 && length && length % 4096 == 0);
	ENSURE(at >= WINDOW_MEMORY_START && at < WINDOW_MEMORY_END && length <= WINDOW_MEMORY_END - at);
	return at;
}

static void pages_set(uint64_t at, uint64_t length, int state)
{
	for (uint64_t page = at / 4096; page * 4096 < at + length; page++)
		fake_pages[page] = (uint8_t)state;
}

static int state_of(uint64_t protection)
{
	ENSURE(!(protection & ~3ull));
	return protection & 2 ? PAGE_WRITE : protection & 1 ? PAGE_READ : PAGE_UNREADABLE;
}

static int64_t memory_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t at, to;

	if (number == HOST_memory_map && !(a & REF_PROGRAM))    /* the library OS's own heap */
		return mmap((void *)a, b, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ? -ENOMEM : 0;
	if (fake_memory_fails)
		return -ENOMEM;
	at = range(a, b);
	switch (number) {
	case HOST_memory_map:
		pages_set(at, b, state_of(c));
		madvise(fake_window + at, b, MADV_DONTNEED);
		return 0;
	case HOST_memory_unmap:
		pages_set(at, b, PAGE_NONE);
		return 0;
	case HOST_memory_protect:
		ENSURE(reachable((uint32_t)at, b, PAGE_UNREADABLE));
		pages_set(at, b, state_of(c));
		return 0;
	case HOST_memory_move:
		to = range(c, b);
		ENSURE(at + b <= to || to + b <= at);
		ENSURE(reachable((uint32_t)at, b, PAGE_UNREADABLE));
		memcpy(fake_pages + to / 4096, fake_pages + at / 4096, b / 4096);
		memcpy(fake_window + to, fake_window + at, b);
		pages_set(at, b, PAGE_NONE);
		return 0;
	default:
		ENSURE(0);
	}
}

int64_t host_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	(void)d;
	(void)e;
	(void)f;
	switch (number) {
	case HOST_memory_map: case HOST_memory_unmap: case HOST_memory_protect: case HOST_memory_move:
		return memory_call(number, a, b, c);
	case HOST_clock_get:
		return clock_gettime((clockid_t)a, (struct timespec *)b) ? -EINVAL : 0;
	default:
		return -EBADF;          /* no host files, no streams */
	}
}

/* Nothing is shared with others: no handle is ever had. */
int kernel_single = 1;
uint32_t kernel_word;

void kernel_lock_shared(void)
{
	abort();
}

void kernel_unlock_shared(void)
{
	abort();
}

int64_t wait_sleep_listening(int64_t deadline)
{
	return wait_sleep(deadline);
}

int64_t bell_attach(int64_t handle, struct wait_queue *queue)
{
	(void)handle;
	(void)queue;
	return -ENOMEM;
}

void bell_detach(int64_t handle)
{
	(void)handle;
}

int64_t host_fast(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	return host_call(number, a, b, c, d, e, f);
}

/* No terminals. */
int64_t terminal_master(int flags, struct file **f)
{
	(void)flags;
	(void)f;
	return -ENOENT;
}

int64_t terminal_slave(const char *number, int flags, struct file **f)
{
	(void)number;
	return terminal_master(flags, f);
}

int64_t terminal_open(struct terminal *t, int flags, struct file **f)
{
	(void)t;
	return terminal_master(flags, f);
}

int64_t terminal_stat(const char *number, struct host_stat *s)
{
	(void)number;
	(void)s;
	return -ENOENT;
}

struct file *terminal_names(void)
{
	return NULL;
}

struct terminal *terminal_of(int session)
{
	(void)session;
	return NULL;
}
