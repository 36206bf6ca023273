/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A program's call, and its callee's copies from and to the buffers that came along (call.h). Of the fast kind. Trusted. An attacker
 * controls every argument, and the list of buffers also while it is read: once, into a copy.
 */
#include <sys/syscall.h>
#include <time.h>

#include "intravisor/share/call.h"
#include <carrel/gate.h>
#include <carrel/isa.h>

struct export exports[EXPORTS_MOST];
uint32_t watch_awake;

uint64_t watch_now(void)
{
	int64_t time[2] = {0, 0};

	machine_clock(CLOCK_MONOTONIC, time);
	return (uint64_t)time[0] * 1000 + (uint64_t)time[1] / 1000000;
}

static struct machine_range program_memory(const struct caller *caller, uint64_t at, uint64_t length)
{
	at = ISA_OFFSET(caller->program->base, at);
	return at <= UINT32_MAX ? cvm_range(caller, REF_PROGRAM | at, length) : (struct machine_range){0};
}

static int64_t buffers_get(const struct caller *caller, uint64_t at, struct machine_buffer *buffers, uint64_t count)
{
	uint64_t list[CALL_BUFFERS_MOST][3];
	const void *from = program_memory(caller, at, count * sizeof *list).at;

	if (!from || machine_copy(list, from, count * sizeof *list))
		return -EFAULT;
	for (uint64_t i = 0; i < count; i++) {
		buffers[i].memory = program_memory(caller, list[i][0], list[i][1]);
		buffers[i].rights = list[i][2];
		if (!buffers[i].memory.at)
			return -EFAULT;
	}
	return 0;
}

/* carrel run --trace: a call passes no library OS that could show it. Of the caller's name a copy: once the call has begun, the caller may be
 * gone. */
#define NAME_MOST 63u
static unsigned name_copy(char *to, const char *name)
{
	unsigned n = 0;

	for (; name && n < NAME_MOST && name[n]; n++)
		to[n] = name[n];
	to[n] = 0;
	return n;
}

static __attribute__((noinline)) void trace(const char *caller, const char *callee, int64_t result)
{
	char text[5 * NAME_MOST + 1];
	unsigned n = 0;
	const char *parts[] = {caller, *caller ? ": " : "", "cp_call(", callee, result > 0 ? ") enters\n" : ") is refused\n"};

	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
		n += name_copy(text + n, parts[i]);     /* the export may be given away meanwhile */
	machine_system(SYS_write, 2, (long)text, n, 0, 0, 0);
}

int64_t share_call(void *owner, const uint64_t a[8])
{
	struct caller *caller = owner;
	uint64_t id = export_slot(caller, a[0] & 0xffff), count = a[0] >> 16 & 0xffff, limit = a[0] >> 32;
	struct machine_buffer buffers[CALL_BUFFERS_MOST];
	char name[NAME_MOST + 1];
	int traced = caller->cvm->config->trace;
	int64_t result = !id || (id & EXPORT_OWN) ? -EBADF : count > CALL_BUFFERS_MOST ? -EINVAL : -EAGAIN;

	if (count && result == -EAGAIN && buffers_get(caller, a[1], buffers, count))
		result = -EFAULT;
	if (limit)
		limit += watch_now() + 1;
	if (traced)
		name_copy(name, caller->cvm->config->name);
	for (unsigned i = 0; i < EXPORT_THREADS && result == -EAGAIN; i++) {
		struct machine_thread *callee = __atomic_load_n(&export_of(id)->threads[i], __ATOMIC_ACQUIRE);
		if (callee)
			result = machine_call_enter(caller->thread, callee, id, limit, buffers, (unsigned)count);
	}
	if (result > 0 && limit && !__atomic_load_n(&watch_awake, __ATOMIC_SEQ_CST) &&
	    !__atomic_exchange_n(&watch_awake, 1, __ATOMIC_SEQ_CST))
		fast_wake(&watch_awake, 1);
	/* Behind an entered call nothing of `caller` is touched: a kick may have parted it from this host thread, and it may have ended. */
	if (traced && result != -EAGAIN)        /* else the caller tries again */
		trace(name, id ? export_of(id)->name : "", result);
	return result == -EAGAIN && __atomic_load_n(&export_of(id)->id, __ATOMIC_SEQ_CST) != id ? -ECONNREFUSED : result;
}

/* (buffer | CALL_COPY_OUT, offset, own, length) */
int64_t share_call_copy(void *owner, uint64_t unused, const uint64_t a[6])
{
	struct caller *caller = owner;
	uint64_t out = a[0] & CALL_COPY_OUT, n = a[3] < CALL_COPY_MOST ? a[3] : CALL_COPY_MOST;
	const struct machine_range own = program_memory(caller, a[2], n);
	const struct machine_buffer *buffer = own.at ? machine_call_hold(caller->thread, a[0] ^ out) : NULL;
	int64_t result = (int64_t)n;

	(void)unused;
	if (!buffer)
		return own.at ? -ENOTCONN : -EFAULT;
	if (!(buffer->rights & (out ? CALL_WRITE : CALL_READ)))
		result = -EACCES;
	else if (a[1] > buffer->memory.length || n > buffer->memory.length - a[1])
		result = -EINVAL;
	else {
		int error = out ? machine_copy_ranges(&buffer->memory, a[1], &own, 0, n) : machine_copy_ranges(&own, 0, &buffer->memory, a[1], n);
		result = error ? error : result;
	}
	machine_call_release(caller->thread);
	return result;
}
