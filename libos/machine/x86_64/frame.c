/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The frame of a signal handler on the program's stack: siginfo_t and ucontext_t as Linux lays them out (arch/x86/include/uapi/asm/
 * sigcontext.h), then what only the way back needs. The program may change all of it; the Intravisor checks what is resumed.
 *
 * A call that starts again after the handler is shown with a pc one byte before its end, as Linux shows the system call
 * instruction: so a handler can tell that it was not done (thread cancellation does), and may go elsewhere instead.
 */
#include "libos/process/process.h"

#define RED_ZONE 128u

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
	uint64_t flags, link, stack[3];
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, pc, eflags, segments, error, trap, old_mask, cr2;
	uint64_t vector_at, reserved[8];
	uint64_t mask, mask_room[15];
	uint64_t pc_shown, pc_true, thread_pointer, restart, call[7];
	uint8_t pad[32];
	uint8_t vector[REGISTERS_VECTOR];
};
_Static_assert(sizeof(struct info) == 128, "siginfo_t");
_Static_assert(sizeof(struct frame) % 16 == 0, "the stack's alignment");

static const uint8_t order[15] = {REG_8, REG_9, REG_10, REG_11, REG_12, REG_13, REG_14, REG_STACK, REG_DI, REG_SI, REG_BP, REG_B, REG_D,
				  REG_A, REG_C};

static int on_stack(const struct thread *t, uint64_t at)
{
	return !(t->stack[1] & 2) && at - t->stack[0] <= t->stack[2];
}

int frame_put(struct thread *t, const struct signal_info *info, const struct action *action, uint64_t mask, int restart)
{
	struct frame *f = heap_allocate(sizeof *f);
	struct carrel_registers *r = &t->registers;
	uint64_t top = (uint32_t)r->general[REG_STACK];

	if (!f)
		return -ENOMEM;
	if ((action->flags & 0x08000000) && !(t->stack[1] & 2) && !on_stack(t, top))        /* SA_ONSTACK */
		top = t->stack[0] + t->stack[2];
	else
		top -= RED_ZONE + 16;
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
	uint64_t *general = &f->r8;
	for (int i = 0; i < 15; i++)
		general[i] = r->general[order[i]];
	f->sp = r->general[REG_STACK];
	f->pc_true = r->pc;
	f->pc = f->pc_shown = restart ? r->pc - 1 : r->pc;
	f->eflags = r->flags;
	f->cr2 = info->address;
	f->old_mask = f->mask = mask;
	f->vector_at = at + offsetof(struct frame, vector);
	f->thread_pointer = r->thread_pointer;
	f->restart = (uint64_t)restart;
	memcpy(f->call, t->call, sizeof f->call);
	memcpy(f->vector, r->vector, sizeof f->vector);
	int error = at > top ? -EFAULT : user_put((struct user){at}, f, sizeof *f);
	heap_free(f, sizeof *f);
	if (error)
		return error;
	r->general[REG_STACK] = at;
	r->general[REG_DI] = (uint64_t)info->signal;
	r->general[REG_SI] = at;
	r->general[REG_D] = at + offsetof(struct frame, flags);
	r->general[REG_A] = 0;
	r->pc = action->handler;
	return 0;
}

int frame_get(struct thread *t, uint64_t at, uint64_t *mask, int *restart)
{
	struct frame *f = heap_allocate(sizeof *f);
	struct carrel_registers *r = &t->registers;
	int error = f ? user_get(f, (struct user){at}, sizeof *f) : -ENOMEM;

	if (!error) {
		const uint64_t *general = &f->r8;
		for (int i = 0; i < 15; i++)
			r->general[order[i]] = general[i];
		/* The frame is the program's to change: a return that starts itself again would eat the library OS's stack. */
		*restart = f->restart && f->pc == f->pc_shown && f->call[0] != RESUME_NUMBER;
		r->pc = f->pc == f->pc_shown ? f->pc_true : f->pc;
		r->flags = f->eflags;
		r->thread_pointer = f->thread_pointer;
		memcpy(r->vector, f->vector, sizeof r->vector);
		memcpy(t->call, f->call, sizeof t->call);
		if (!on_stack(t, r->general[REG_STACK]))
			memcpy(t->stack, f->stack, sizeof t->stack);
		*mask = f->mask;
	}
	heap_free(f, sizeof *f);
	return error;
}
