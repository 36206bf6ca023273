/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The verifier's rules for r15, the pointer of a program's stack. It is the one address a program has: r15 = window base + offset, so
 * that the stack is reached without gs. Trusted; the attacker chose every byte.
 *
 * Invariant: before every instruction of a program, but the rebase behind a write, r15 lies within STACK_REACH of a byte of the window.
 * So an access at disp(%r15), |disp| <= STACK_DISTANCE, reaches no further than STACK_REACH + STACK_DISTANCE and its operand beyond the
 * window: the low guard of the window above, and less than the high guard of the one below (of the one at 0: addresses of the kernel's). If an access that has to fault where nothing is mapped does not, what it touched is in the window.
 *  - lea k(%r15),%r15: something at t from r15 has been touched since the last call, with no branch into the instructions between (their
 *    starts are taken away), and |k - t| <= STACK_REACH.
 *  - a 32-bit write of r15d, then or %gs:0x10000,%r15: window base | offset, in the window. Nothing branches to the `or`, and nothing comes
 *    between them but an interruption.
 *  - a call comes back with what the callee leaves there: it keeps the invariant, and what was touched is forgotten.
 *  - whoever else gives a program its r15 gives a place of the window's memory (stack_place in thread.h): a start, a call from another cVM,
 *    the way back from an interruption. That may be between a touch and its lea: there |k| <= STACK_REACH + STACK_DISTANCE in all until
 *    the next touch, less than what lies between the memory and the window's ends, so r15 stays in the window.
 */
#include <carrel/gate.h>
#include <carrel/window.h>
#include "machine/x86_64/verify_walk.h"

_Static_assert(STACK_REACH + STACK_DISTANCE + 0x1000 <= WINDOW_LOW_GUARD && WINDOW_LOW_GUARD <= WINDOW_HIGH_GUARD,
	       "the guards are wider than what r15 reaches; 4 KiB for operands");

static int far(int64_t distance, int64_t most)
{
	return distance < -most || distance > most;
}

static int in_window(struct walk *w, uint64_t from, int64_t distance)
{
	w->known = 1;
	w->touched = distance;
	w->touched_end = from;
	return 0;
}

int stack_check(struct walk *w, uint64_t at, const struct form *form, int64_t value)
{
	uint64_t end = at + form->length;

	if (w->set != (form->stack == STACK_REBASE))
		return walk_refuse(w, at, form->length, "stack-rebase", w->set ? "not or %gs:0x10000,%r15 behind a write of r15d" :
									  "or %gs:0x10000,%r15 without a write of r15d before it");
	switch ((enum form_stack)form->stack) {
	case STACK_NONE:
		return 0;
	case STACK_ACCESS:
	case STACK_TOUCH:
		if (far(value, STACK_DISTANCE))
			return walk_refuse(w, at, form->length, "stack-range", "a displacement beyond the window's guards");
		return form->stack == STACK_TOUCH ? in_window(w, end, value) : 0;
	case STACK_MOVE:
		if (!w->known || far(value - w->touched, STACK_REACH))
			return walk_refuse(w, at, form->length, "stack-range", "r15 moves away from where the stack was last touched");
		for (uint64_t i = w->touched_end; i <= at; i++)
			w->starts[i / 64] &= ~(1ull << i % 64);
		return in_window(w, end, w->touched - value);
	case STACK_SET:
		w->set = 1;
		return 0;
	case STACK_REBASE:
		if (value != GATE_BASE_SLOT)
			return walk_refuse(w, at, form->length, "memory-form", "a gs access needs the address-size prefix 67");
		w->set = 0;
		w->starts[at / 64] &= ~(1ull << at % 64);
		return in_window(w, end, 0);
	case STACK_LOST:
		w->known = 0;
		return 0;
	}
	return walk_refuse(w, at, form->length, "decode", "internal: unknown form");
}
