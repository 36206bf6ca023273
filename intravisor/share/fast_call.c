/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A program's call, and its callee's copies from and to the buffers that came along (call.h). Of the fast kind. Trusted. An attacker
 * controls every argument, and the list of buffers also while it is read: once, into a copy.
 */

#include "intravisor/share/call.h"
#include <carrel/gate.h>

struct export exports[EXPORTS_MOST];
uint32_t watch_awake;
uint64_t watch_tick;

#define COPY_MOST (1ull << 20)  /* at once: so long the end of a call may have to wait */

static uint8_t *program_memory(const struct caller *caller, uint64_t at, uint64_t length)
{
	return at <= UINT32_MAX ? cvm_reference_plain(caller, REF_PROGRAM | at, length) : NULL;
}

static int64_t buffers_get(const struct caller *caller, uint64_t at, struct machine_buffer *buffers, uint64_t count)
{
	uint64_t list[CALL_BUFFERS_MOST][3];
	const void *from = count <= CALL_BUFFERS_MOST ? program_memory(caller, at, count * sizeof *list) : NULL;

	if (!from)
		return count <= CALL_BUFFERS_MOST ? -EFAULT : -EINVAL;
	if (machine_copy(list, from, count * sizeof *list))
		return -EFAULT;
	for (uint64_t i = 0; i < count; i++) {
		buffers[i] = (struct machine_buffer){program_memory(caller, list[i][0], list[i][1]), list[i][1], list[i][2]};
		if (!buffers[i].at)
			return -EFAULT;
	}
	return 0;
}

int64_t share_call(void *owner, const uint64_t a[8])
{
	struct caller *caller = owner;
	uint64_t id = export_slot(caller, a[0] & 0xffff), count = a[0] >> 16 & 0xffff, limit = a[0] >> 32;
	struct machine_buffer buffers[CALL_BUFFERS_MOST];
	int64_t error = count ? buffers_get(caller, a[1], buffers, count) : 0;

	if (error)
		return error;
	if (!id || (id & EXPORT_OWN))
		return -EBADF;
	struct export *export = export_of(id);
	if (limit)
		limit += __atomic_load_n(&watch_tick, __ATOMIC_RELAXED) + 1;
	for (uint32_t i = 0, used = __atomic_load_n(&export->used, __ATOMIC_ACQUIRE); i < used; i++) {
		struct machine_thread *callee = __atomic_load_n(&export->threads[i], __ATOMIC_ACQUIRE);
		int64_t entered = callee ? machine_call_enter(caller->thread, callee, id, limit, buffers, (unsigned)count) : -EAGAIN;
		if (entered == -EAGAIN)
			continue;
		if (limit && !__atomic_load_n(&watch_awake, __ATOMIC_SEQ_CST) &&
		    !__atomic_exchange_n(&watch_awake, 1, __ATOMIC_SEQ_CST))
			fast_wake(&watch_awake, 1);
		return entered;
	}
	return __atomic_load_n(&export->service.id, __ATOMIC_ACQUIRE) == id ? -EAGAIN : -ECONNREFUSED;
}

/* (buffer | CALL_COPY_OUT, offset, own, length) */
int64_t share_call_copy(void *owner, uint64_t unused, const uint64_t a[6])
{
	struct caller *caller = owner;
	uint8_t *own = program_memory(caller, a[2], a[3]);
	uint64_t out = a[0] & CALL_COPY_OUT, at = a[1], left = a[3];
	int64_t error = 0;

	(void)unused;
	if (!own)
		return -EFAULT;
	do {    /* what a longer one does after the call's end is not done */
		const struct machine_buffer *buffer = machine_call_hold(caller->thread, a[0] & ~(uint64_t)CALL_COPY_OUT);
		uint64_t n = left < COPY_MOST ? left : COPY_MOST;
		if (!buffer)
			return -ENOTCONN;
		if (!(buffer->rights & (out ? CALL_WRITE : CALL_READ)))
			error = -EACCES;
		else if (at > buffer->length || left > buffer->length - at)
			error = -EINVAL;
		else if (out ? machine_copy(buffer->at + at, own, n) : machine_copy(own, buffer->at + at, n))
			error = -EFAULT;
		machine_call_release(caller->thread);
		at += n;
		own += n;
		left -= n;
	} while (left && !error);
	return error ? error : (int64_t)a[3];
}
