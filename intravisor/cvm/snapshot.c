/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Fork without copying: the kernel's own copy-on-write keeps the parent's memory as it was, in a process that never runs anything
 * but the loop below. The parent goes on as after fork(2), at fork's price. The child's pages are inaccessible at first; where its
 * program, its library OS or a host call first needs one, its surroundings are read from that process (/proc/self/mem, opened by
 * itself: no process is ever named by number).
 *
 * - Only the forked window is inherited, of all windows (MADV_DONTFORK on the others meanwhile). What is read from the copy are
 *   offsets in that window that memory_copy was asked for and checked, whatever windows lie there by now.
 * - A page is missing (quota.c) from memory_copy on until it was brought or replaced: both under the window's lock, so it is brought
 *   once, and nothing that the guest has put there since is overwritten. Every path that reaches program memory brings first: faults
 *   of guest code, cvm_reference, and the memory calls. machine_copy does not: what it copies has been through cvm_reference.
 * - A page is filled while it is accessible: a second thread of the same program could see it half full. So who starts one brings all
 *   first (thread_start); a library OS that gets around that harms its own program.
 * - The process ends with its last page or window, or when this process is no more. Descriptors are shared with it, so that a guest's
 *   close is one. Without it (killed by hand) the child faults.
 * A guest chooses when and how often it forks, and what it touches. Trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <carrel/window.h>
#include "intravisor/cvm/copy.h"
#include "intravisor/cvm/quota.h"
#include "intravisor/cvm/snapshot.h"
#include "intravisor/cvm/window.h"
#include "intravisor/host/host.h"

#define PAYS        (9u << 20)          /* bytes that a program has mapped, its stack of 8 MiB among them */
/* What one touch brings: little for a child that is about to execute something; for one that reads on, ever more. As long as the copy is
 * there the parent's first write to each page makes the host interrupt the processor that runs the child, which shares its address
 * space: some microseconds. */
#define SURROUNDINGS 0x10000u
#define SURROUNDINGS_MOST 0x400000u
#define TOUCHES_SMALL 16u
#define BORDERS_MOST 512u               /* host mappings of a window from where on a touch brings all between two that are there */

/* In memory that both processes share. */
struct snapshot {
	struct snapshot *next;  /* of those that ended and are not reaped */
	const uint8_t *from;    /* base of the window it is of */
	pid_t process;
	int end;                /* eventfd: written to, it ends */
	enum { BEGINS, READY, ENDED } state;    /* a futex's word; READY hands the two descriptors over */
	int memory, pagemap;
	unsigned touches;
};

/* Guards `over`; held while a snapshot is taken, so that one at a time changes what is inherited. After a window's lock. */
static pthread_mutex_t taking = PTHREAD_MUTEX_INITIALIZER;
static struct snapshot *over;
static int self = -1;           /* pidfd of this process */

void snapshot_init(void)
{
	if (self < 0)
		self = (int)syscall(SYS_pidfd_open, getpid(), 0);
}

/* All that the other process ever does; no library function that could take a lock, which another thread may have had. */
static __attribute__((noreturn)) void keep(struct snapshot *s)
{
	struct pollfd ends[2] = {{.fd = self, .events = POLLIN}, {.fd = s->end, .events = POLLIN}};
	struct timespec second;
	uint32_t state = BEGINS;

	s->memory = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDONLY | O_CLOEXEC);
	s->pagemap = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (!__atomic_compare_exchange_n((uint32_t *)&s->state, &state, READY, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		syscall(SYS_close, s->memory);
		syscall(SYS_close, s->pagemap);
	}
	syscall(SYS_futex, &s->state, FUTEX_WAKE, 1, NULL, NULL, 0);
	/* The eventfd's number may be something else's already if it was closed before this process ran: hence the state, too. */
	while (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) != ENDED) {
		second = (struct timespec){.tv_sec = 1};
		if (syscall(SYS_ppoll, ends, 2, &second, NULL, 8) > 0)
			break;
	}
	for (;;)
		syscall(SYS_exit_group, 0);
}

static void reap(void)
{
	for (struct snapshot **link = &over; *link;) {
		struct snapshot *s = *link;
		if (waitpid(s->process, NULL, WNOHANG | __WALL) == 0) {
			link = &s->next;
			continue;
		}
		*link = s->next;
		munmap(s, sizeof *s);
	}
}

static void end(struct snapshot *s)
{
	const uint64_t one = 1;

	if (__atomic_exchange_n((uint32_t *)&s->state, ENDED, __ATOMIC_ACQ_REL) == READY) {
		close(s->memory);
		close(s->pagemap);
	}
	ssize_t told = write(s->end, &one, sizeof one);
	(void)told;                     /* else within a second */
	close(s->end);
	pthread_mutex_lock(&taking);
	s->next = over;
	over = s;
	reap();
	pthread_mutex_unlock(&taking);
}

/* clone with fork's meaning, but for descriptors and directory. */
static pid_t process_make(struct snapshot *s, const struct window *from)
{
	sigset_t every, before;
	pid_t process = -1;

	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	pthread_mutex_lock(&taking);
	reap();
	if (!windows_inherit(from)) {
		process = (pid_t)syscall(SYS_clone, CLONE_FILES | CLONE_FS, NULL, NULL, NULL, NULL);
		if (!process)
			keep(s);
	}
	windows_inherit(NULL);
	pthread_mutex_unlock(&taking);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return process;
}

/* The parent does not wait for that, whoever needs a page does. The two descriptors can be had: snapshot_take left enough. */
static int ready(struct snapshot *s)
{
	for (int i = 0; i < 50 && __atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == BEGINS; i++) {
		const struct timespec most = {.tv_nsec = 100000000};
		syscall(SYS_futex, &s->state, FUTEX_WAIT, BEGINS, &most, NULL, 0);
	}
	return __atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == READY && s->memory >= 0 && s->pagemap >= 0;
}

void snapshot_take(struct window *to, const struct window *from)
{
	if (self < 0 || from->mapped < PAYS)
		return;
	struct snapshot *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return;
	*s = (struct snapshot){.from = from->base, .end = eventfd(0, EFD_CLOEXEC)};
	if (s->end >= 0 && !host_descriptor_kept(s->end) && (s->process = process_make(s, from)) > 0) {
		to->snapshot = s;
		return;
	}
	if (s->end >= 0)
		close(s->end);
	munmap(s, sizeof *s);
}

void snapshot_end(struct window *window)
{
	if (window->snapshot)
		end(window->snapshot);
	window->snapshot = NULL;
}

int snapshot_of(const struct window *window, const struct window *from)
{
	return window->snapshot && window->snapshot->from == from->base;
}

/* One run of missing pages that are alike. */
static int bring(struct window *window, struct missing run)
{
	/* Its ends may lie amid pages that are missing: two more host mappings. All of those lie between borders that are there. */
	if (window->mappings > BORDERS_MOST || quota_allows_protect(window, run.offset, run.length))
		quota_missing_all(window, &run);
	else
		quota_protect(window, run.offset, run.length);
	uint8_t *at = window->base + run.offset;
	if (!ready(window->snapshot))
		return -EIO;
	const struct source source = {window->snapshot->memory, window->snapshot->pagemap};
	if (mprotect(at, run.length, PROT_READ | PROT_WRITE))
		return -errno;
	int error = copy_contents(&source, at, window->snapshot->from + run.offset, run.length, run.of_file);
	int protection = error ? PROT_NONE : run.protection;
	if (protection != (PROT_READ | PROT_WRITE) && mprotect(at, run.length, protection) && !error)
		error = -errno;
	if (!error)
		quota_come(window, run.offset, run.length);
	return error;
}

int snapshot_bring(struct window *window, uint32_t offset, uint64_t length)
{
	struct missing run;
	int error = 0;

	if (!window->missing)
		return 0;
	while (!error && quota_missing(window, offset, length, &run))
		error = bring(window, run);
	if (!window->missing)
		snapshot_end(window);
	return error;
}

int snapshot_fetch(struct window *window, uint32_t offset, uint64_t length)
{
	pthread_mutex_lock(&window->lock);
	int error = snapshot_bring(window, offset, length);
	pthread_mutex_unlock(&window->lock);
	return error;
}

int snapshot_fetch_all(struct window *window)
{
	return snapshot_fetch(window, WINDOW_MEMORY_START, WINDOW_MEMORY_END - WINDOW_MEMORY_START);
}

int snapshot_fault(struct window *window, uint32_t offset)
{
	struct missing run;

	if (offset < WINDOW_MEMORY_START || offset >= WINDOW_MEMORY_END)
		return 0;
	pthread_mutex_lock(&window->lock);
	int came = quota_missing(window, offset & ~4095u, 4096, &run);
	if (came) {
		uint64_t size = SURROUNDINGS;
		for (unsigned n = window->snapshot->touches++; n >= TOUCHES_SMALL && size < SURROUNDINGS_MOST; n -= TOUCHES_SMALL)
			size *= 2;
		/* WINDOW_MEMORY_START is aligned to it, WINDOW_MEMORY_END to the least. */
		uint64_t start = offset & ~(size - 1), end = start + size < WINDOW_MEMORY_END ? start + size : WINDOW_MEMORY_END;
		came = !snapshot_bring(window, (uint32_t)start, end - start);
	}
	pthread_mutex_unlock(&window->lock);
	return came;
}
