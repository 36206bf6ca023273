/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Call, for programs (CAP-VMs, OSDI 2022, section 4.2): a program of one cVM exports a function under a name it was granted; a program of
 * another opens the name and calls it. The caller's thread itself runs the function, in the callee's cVM, at once: no system call, no
 * other thread that would have to wake up.
 *
 *   serving   a call enters on the stack of a thread that is in cp_call_serve, with that thread's thread-local variables; each serves one
 *             call at a time. As many threads serve, so many calls at once; the others look again after a while (10 us to 1 ms), in
 *             no particular order.
 *   words     six go in, one comes back. Pointers mean nothing on the other side: buffers of the caller's go along as such, up to four, and
 *             the function copies from and to them while it runs (cp_call_read, cp_call_write), not behind that.
 *   blocking  the caller waits for a thread that is free, then for the function; each at most `limit` milliseconds, if that is not 0
 *             (some milliseconds more).
 *   errors    EAGAIN never; ECONNREFUSED the export has ended, EBADF no such slot, EFAULT, EINVAL buffers, ETIMEDOUT with *begun 0: nothing has
 *             happened. ETIMEDOUT, EINTR (a signal of the caller's) and ECONNRESET (the callee exits, crashes, is killed or
 *             executes another program), with *begun 1: the function may have done all, some or none of its work, and may go on with it, but
 *             it does not touch the caller's memory any more.
 *   processes slots belong to the process: neither fork nor exec passes them on. A child that a function forks must not return from it.
 *   signals   the function runs on its own process's handlers, masks and locks; the caller's signals end the call.
 * What a function leaves in registers, stack and floating-point state is not seen by its caller, nor the other way round.
 */
#ifndef CARREL_CP_CALL_H
#define CARREL_CP_CALL_H
#include <errno.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include <carrel/cp_gate.h>

struct cp_buffer {
	void *address;
	size_t length;          /* bytes */
	unsigned long rights;   /* CP_READ | CP_WRITE: what the callee may do */
};
#define CP_READ  CALL_READ
#define CP_WRITE CALL_WRITE

/* Exports a function: a slot for cp_call_serve. -1 and errno: EACCES not granted, EADDRINUSE the name is exported, ENFILE, EMFILE. */
static inline int cp_call_export(const char *name, long (*function)(long, long, long, long, long, long))
{
	return (int)syscall(4110, name, function);
}

/* Opens what is exported under a name: a slot for cp_call. -1 and errno: EACCES not granted, ENOENT nothing is, EMFILE. */
static inline int cp_call_open(const char *name)
{
	return (int)syscall(4110, name, NULL);
}

/* Ends an export (calls that are under way come to their end), or forgets an open one. 0, or -1 and EBADF. */
static inline int cp_call_close(int slot)
{
	return (int)syscall(4111, slot);
}

/* Serves calls until the export ends (EBADF) or another error (EBUSY within a call, EAGAIN 64 threads serve it): always -1. Handlers of signals
 * run between calls as they do in a program that sleeps. */
static inline int cp_call_serve(int slot)
{
	long result;

	do {
		result = cp_gate_serve(slot);
	} while (result == -EINTR);
	errno = (int)-result;
	return -1;
}

/* One attempt: -EAGAIN when no thread is free. *begun 1: the result is the function's. */
static inline long cp_call_once(int slot, const long words[6], const struct cp_buffer *buffers, unsigned count, unsigned limit, long *begun)
{
	return cp_gate_call((unsigned)slot | (long)count << 16 | (long)limit << 32, words, buffers, begun);
}

/* Calls. 0: *result is what the function gave. -1 and errno, as said above; begun may be NULL. */
static inline int cp_call(int slot, const long words[6], const struct cp_buffer *buffers, unsigned count, unsigned limit, long *result,
			  int *begun)
{
	struct timespec start = {0, 0}, now, pause = {0, 0};
	long given;

	if ((unsigned)slot > 0xffff || count > CALL_BUFFERS_MOST) {
		errno = (unsigned)slot > 0xffff ? EBADF : EINVAL;
		return -1;
	}
	for (;;) {
		long value = cp_call_once(slot, words, buffers, count, limit, &given);
		if (given) {
			*result = value;
			return 0;
		}
		if (begun)
			*begun = value == -EINTR || value == -ETIMEDOUT || value == -ECONNRESET;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (!start.tv_sec)
			start = now;
		if (value == -EAGAIN && limit &&
		    (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 >= (long)limit)
			value = -ETIMEDOUT;
		if (value != -EAGAIN) {
			errno = (int)-value;
			return -1;
		}
		/* A moment longer each time: whoever serves is about to be free, or not for long. */
		if (pause.tv_nsec)
			nanosleep(&pause, NULL);
		pause.tv_nsec = pause.tv_nsec ? pause.tv_nsec < 1000000 ? 2 * pause.tv_nsec : pause.tv_nsec : 10000;
	}
}

/* By a function that is called: copies between its own memory and buffer `index` of the call, from byte `offset` of it on. The length; or -1
 * and errno: EACCES the buffer lacks that right, EINVAL beyond its end, EFAULT memory of either side, ENOTCONN no such buffer, or the
 * call is over for its caller. */
static inline long cp_call_copy(unsigned long what, size_t offset, void *own, size_t length)
{
	long result = cp_gate_copy(what, offset, own, length);

	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}
/* Internal: all of it, CALL_COPY_MOST bytes a time. */
static inline long cp_call_copy_all(unsigned long what, size_t offset, char *own, size_t length)
{
	size_t done = 0;
	long n;

	do {
		if ((n = cp_call_copy(what, offset + done, own + done, length - done)) < 0)
			return -1;
	} while ((done += (size_t)n) < length);
	return (long)done;
}
static inline long cp_call_read(unsigned index, size_t offset, void *to, size_t length)
{
	return cp_call_copy_all(index, offset, (char *)to, length);
}
static inline long cp_call_write(unsigned index, size_t offset, const void *from, size_t length)
{
	return cp_call_copy_all(index | CALL_COPY_OUT, offset, (char *)from, length);
}
#endif
