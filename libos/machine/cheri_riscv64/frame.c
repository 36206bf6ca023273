/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The frame of a signal handler on the program's stack: siginfo_t and ucontext_t as riscv64 Linux lays them out (arch/riscv/include/uapi/
 * asm/ucontext.h), then what only the way back needs. The program may change all of it, and resume with any integers it likes.
 *
 * A call that starts again after the handler is shown with the pc of the jump to its gate, as Linux shows the system call
 * instruction: so a handler can tell that it was not done (thread cancellation does), and may go elsewhere instead.
 */
#include <carrel/entry.h>
#include "libos/process/process.h"

#define GATE_CALL 4             /* bytes of `jalr t0` */

struct info {           /* siginfo_t, 128 bytes */
	int32_t signal, error, code, pad;
	union {
		struct {
			int32_t pid;
			uint32_t uid;
			int64_t value;
		} sent;
		uint64_t address;
		uint8_t room[112];
	};
};
struct frame {
	struct info info;
	uint64_t flags, link, stack[3], mask, mask_room[15], pad;
	uint64_t pc, x[31];     /* x1 first */
	uint64_t floating[32];
	uint32_t status, status_pad;
	uint64_t float_room[33];
	uint64_t pc_shown, pc_true, restart, call[7];
};
_Static_assert(sizeof(struct info) == 128 && offsetof(struct frame, pc) == 128 + 176, "as Linux has it");
_Static_assert(sizeof(struct frame) % 16 == 0, "the stack's alignment");

static int on_stack(const struct thread *t, uint64_t at)
{
	return !(t->stack[1] & 2) && at - t->stack[0] <= t->stack[2];
}

int frame_put(struct thread *t, const struct signal_info *info, const struct action *action, uint64_t mask, int restart)
{
	struct frame *f = heap_allocate(sizeof *f);
	struct carrel_registers *r = &t->registers;
	uint64_t top = r->general[REG_STACK];

	if (!f)
		return -ENOMEM;
	if ((action->flags & 0x08000000) && !(t->stack[1] & 2) && !on_stack(t, top))        /* SA_ONSTACK */
		top = t->stack[0] + t->stack[2];
	uint64_t at = (top - sizeof *f) & ~15ull;
	f->info.signal = info->signal;
	f->info.code = info->code;
	if (info->address || (info->code > 0 && info->code < 0x80 && (info->signal == 11 || info->signal == 7 || info->signal == 8 || info->signal == 4)))
		f->info.address = info->address;
	else {
		f->info.sent.pid = info->pid;
		f->info.sent.uid = info->uid;
		f->info.sent.value = info->value;
	}
	memcpy(f->stack, t->stack, sizeof f->stack);
	f->mask = mask;
	memcpy(f->x, r->general + 1, sizeof f->x);
	f->pc_true = r->pc;
	f->pc = f->pc_shown = restart ? r->pc - GATE_CALL : r->pc;
	memcpy(f->floating, r->floating, sizeof f->floating);
	f->status = (uint32_t)r->status;
	f->restart = (uint64_t)restart;
	memcpy(f->call, t->call, sizeof f->call);
	int error = at > top ? -EFAULT : user_put((struct user){at}, f, sizeof *f);
	heap_free(f, sizeof *f);
	if (error)
		return error;
	r->general[REG_STACK] = at;
	r->general[REG_LINK] = program_address(ENTRY_SLOT(ENTRY_RETURN));
	r->general[REG_A] = (uint64_t)info->signal;
	r->general[REG_A + 1] = at;
	r->general[REG_A + 2] = at + offsetof(struct frame, flags);
	r->pc = action->handler;
	return 0;
}

int frame_get(struct thread *t, uint64_t at, uint64_t *mask, int *restart)
{
	struct frame *f = heap_allocate(sizeof *f);
	struct carrel_registers *r = &t->registers;
	int error = f ? user_get(f, (struct user){at}, sizeof *f) : -ENOMEM;

	if (!error) {
		memcpy(r->general + 1, f->x, sizeof f->x);
		/* The frame is the program's to change: a return that starts itself again would eat the library OS's stack. */
		*restart = f->restart && f->pc == f->pc_shown && f->call[0] != RESUME_NUMBER;
		r->pc = f->pc == f->pc_shown ? f->pc_true : f->pc;
		memcpy(r->floating, f->floating, sizeof r->floating);
		r->status = f->status;
		memcpy(t->call, f->call, sizeof t->call);
		if (!on_stack(t, r->general[REG_STACK]))
			memcpy(t->stack, f->stack, sizeof t->stack);
		*mask = f->mask;
	}
	heap_free(f, sizeof *f);
	return error;
}
