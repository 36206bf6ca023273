/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Call is not on this machine yet (docs/caveats.md): its gate tables have neither GATE_SERVE nor GATE_CALL, so nothing is ever
 * served or called. What would export a function is refused: no entry of a program is one. Trusted.
 */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "machine/machine.h"

int machine_program_entry_ok(const void *program_window, uint32_t entry)
{
	(void)program_window, (void)entry;
	return 0;
}

int64_t machine_call_serve(struct machine_thread *thread, const uint64_t *service, uint64_t id, uint32_t entry)
{
	(void)thread, (void)service, (void)id, (void)entry;
	return -ENOSYS;
}

int64_t machine_call_enter(struct machine_thread *caller, struct machine_thread *callee, uint64_t id, uint64_t limit,
			   const struct machine_buffer *buffers, unsigned count)
{
	(void)caller, (void)callee, (void)id, (void)limit, (void)buffers, (void)count;
	return -ENOSYS;
}

const struct machine_buffer *machine_call_hold(struct machine_thread *callee, uint64_t index)
{
	(void)callee, (void)index;
	return NULL;
}

void machine_call_release(struct machine_thread *callee)
{
	(void)callee;           /* nothing was held */
}

int machine_call_expire(struct machine_thread *callee, uint64_t now)
{
	(void)callee, (void)now;
	return 0;               /* it has no call */
}

void machine_call_look(struct machine_thread *callee)
{
	(void)callee;           /* it serves nothing */
}
