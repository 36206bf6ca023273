/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Instructions that move the stack pointer, on the data stack r15.
 */
#include <string.h>

#include <carrel/gate.h>

#include "emit.h"

/* V moved by `change`; r15 follows later. */
static void moved(struct emitter *e, long change)
{
	e->lag -= change;
}

void stack_forget(struct emitter *e)
{
	e->touched = false;
}

/* r15 has been written by a 32-bit instruction: in a program, back into the window. The flags are lost. */
static void rebase(struct emitter *e)
{
	if (libos(e))
		return;
	emit(e, "or %%gs:0x10000, %%r15");
	e->touched = true;
	e->touch = 0;
}

/* The same, of what `how` makes of the operand `text`, where flags are live. They are kept in rax, which the operand may name. */
static void set_by(struct emitter *e, const char *how, const char *text, uint32_t live)
{
	enum gpr x = scratch_pick(e, registers_busy(e->s) | BIT(RAX), 0);

	if (x == NO_REG)
		source_wants_register(e->source, e->s, "the stack's pointer");
	e->held |= BIT(x);
	emit(e, "%s %s, %%%s", how, text, register_name(x, 4));
	enum gpr keep = flags_keep(e, live, 0);
	emit(e, "mov %%%s, %%r15d", register_name(x, 4));
	rebase(e);
	flags_back(e, keep);
}

/* r15 = address + 0, of its text, which no flag depends on. */
static void stack_set(struct emitter *e, const char *address, uint32_t live)
{
	if (libos(e) || !(live & FLAGS_BIT)) {
		emit(e, "lea %s, %%r15d", address);
		rebase(e);
	} else
		set_by(e, "lea", address, live);
}

/* A load that goes nowhere, of `at` from r15. Where no register is known to be free (code by hand), one there and back: slow, but nothing
 * is changed. */
static void touch(struct emitter *e, uint32_t live, long at)
{
	enum gpr x = scratch_pick(e, live, BIT(RSP) | BIT(R15));

	if (x == NO_REG) {
		emit(e, "xchg %%rax, %ld(%%r15)", at);
		emit(e, "xchg %%rax, %ld(%%r15)", at);
	} else
		emit(e, "mov %ld(%%r15), %%%s", at, register_name(x, 4));
	e->touched = true;
	e->touch = at;
}

static void flush(struct emitter *e, uint32_t live, int delta)
{
	long by = -e->lag;

	e->lag = 0;
	if (!by)
		return;
	if (libos(e)) {
		emit(e, "lea %ld(%%r15), %%r15d", by);
	} else if (by < -STACK_REACH || by > STACK_REACH) {
		char address[32];
		snprintf(address, sizeof address, "%ld(%%r15)", by);
		stack_set(e, address, live);
	} else {
		if (!e->touched || by - e->touch < -STACK_REACH || by - e->touch > STACK_REACH)
			touch(e, live, by - delta);     /* where the stack's pointer is then: in a frame, or on its return slot */
		emit(e, "lea %ld(%%r15), %%r15", by);
		e->touch -= by;
	}
}

void stack_flush(struct emitter *e)
{
	flush(e, e->s->live, e->delta);
}

void stack_flush_behind(struct emitter *e)
{
	flush(e, e->s->after, e->delta_after);
}

static void push(struct emitter *e)
{
	const struct operand *o = &e->s->operands[0];

	if (mnemonic_is(e->s, "pushf") || e->s->count != 1)
		source_error(e->source, e->s, "%s is not supported", e->s->text);
	if (o->kind == OPERAND_REGISTER && o->size == 8 && o->reg != RSP)
		emit(e, "mov %%%s, %s", register_name(o->reg, 8), stack_slot(e, -8));
	else if (o->kind == OPERAND_IMMEDIATE)
		emit(e, "movq $%s, %s", o->text, stack_slot(e, -8));
	else if (o->kind == OPERAND_MEMORY) {
		enum gpr by = scratch_pick(e, registers_busy(e->s) | (libos(e) ? BIT(R14) | BIT(R11) : 0), 0);
		if (by == NO_REG)
			source_wants_register(e->source, e->s, "a push from memory");
		emit(e, "mov %s, %%%s", memory_text(e, o), register_name(by, 8));
		emit(e, "mov %%%s, %s", register_name(by, 8), stack_slot(e, -8));
	} else
		source_error(e->source, e->s, "%s is not supported", e->s->text);
	moved(e, -8);
}

static void pop(struct emitter *e)
{
	const struct operand *o = &e->s->operands[0];

	if (e->s->count != 1 || o->kind != OPERAND_REGISTER || o->size != 8 || o->reg == RSP)
		source_error(e->source, e->s, "%s is not supported", e->s->text);
	emit(e, "mov %s, %%%s", stack_slot(e, 0), register_name(o->reg, 8));
	moved(e, 8);
}

/* V becomes address + 0; the address has been written into r15 with delta_after added. */
static void pivoted(struct emitter *e)
{
	e->lag = e->delta_after - e->delta;     /* the caller of this pass takes the change of delta off again */
}

static void leave(struct emitter *e)
{
	char address[32];

	snprintf(address, sizeof address, "%d(%%rbp)", 8 + e->delta_after);
	stack_set(e, address, e->s->live);
	if (libos(e))
		emit(e, "mov %d(%%r14,%%r15), %%rbp", -8 - e->delta_after);
	else
		emit(e, "mov %%gs:(%%ebp), %%rbp");
	pivoted(e);
}

/* Any other instruction that names rsp: make r15 = V for it. */
static void bare(struct emitter *e)
{
	const struct statement *s = e->s;
	char text[8192] = "", one[4096];
	bool writes = s->count && s->operands[s->count - 1].kind == OPERAND_REGISTER && s->operands[s->count - 1].reg == RSP &&
		      !mnemonic_is(s, "cmp") && !mnemonic_is(s, "test") && !mnemonic_is(s, "bt");
	bool moves = mnemonic_is(s, "mov");
	size_t length = strlen(s->mnemonic);
	enum gpr as = R15;

	if (mnemonic_is(s, "xchg") || (writes && !moves && !mnemonic_is(s, "add") && !mnemonic_is(s, "sub") && !mnemonic_is(s, "and") &&
				       !mnemonic_is(s, "or") && !mnemonic_is(s, "xor")))
		source_error(e->source, s, "%s is not supported on the stack pointer", s->text);
	e->lag += e->delta;
	stack_flush(e);
	e->lag = -e->delta;
	if (!writes && !libos(e)) {
		as = scratch_pick(e, registers_busy(s), 0);
		if (as == NO_REG)
			source_wants_register(e->source, s, "the stack's pointer");
		e->held |= BIT(as);
		emit(e, "mov %%r15d, %%%s", register_name(as, 4));
	}
	if (writes && moves && !libos(e) && (s->after & FLAGS_BIT)) {
		set_by(e, "movl", operand_print(e, &s->operands[0]), s->after);
		return;
	}
	for (int i = 0; i < s->count; i++) {
		const struct operand *o = &s->operands[i];
		if (o->kind == OPERAND_REGISTER)
			snprintf(one, sizeof one, "%%%s", register_name(o->reg == RSP ? as : o->reg, writes ? 4 : o->size));
		else
			snprintf(one, sizeof one, "%s", operand_print(e, o));
		if (i)
			strcat(text, ", ");
		strcat(text, one);
	}
	if (writes && s->mnemonic[length - 1] == 'q')
		emit(e, "%.*sl %s", (int)length - 1, s->mnemonic, text);
	else
		emit(e, "%s %s", s->mnemonic, text);
	if (writes)
		rebase(e);
}

bool stack_instruction(struct emitter *e)
{
	const struct statement *s = e->s;
	const struct operand *to = s->count ? &s->operands[s->count - 1] : NULL, *from = s->count == 2 ? &s->operands[0] : NULL;
	long n;

	if (mnemonic_is(s, "push"))
		return push(e), true;
	if (mnemonic_is(s, "pop"))
		return pop(e), true;
	if (mnemonic_is(s, "leave"))
		return leave(e), true;
	bool names = false;
	for (int i = 0; i < s->count; i++)
		names |= s->operands[i].kind == OPERAND_REGISTER && s->operands[i].reg == RSP;
	if (!names)
		return false;
	bool to_stack = to->kind == OPERAND_REGISTER && to->reg == RSP && to->size == 8;
	if (to_stack && from && from->kind == OPERAND_IMMEDIATE && operand_number(from->text, &n) && (s->has_cfi || !s->app) &&
	    (mnemonic_is(s, "add") || mnemonic_is(s, "sub"))) {
		moved(e, mnemonic_is(s, "add") ? n : -n);
		return true;
	}
	if (to_stack && from && mnemonic_is(s, "mov") && from->kind == OPERAND_REGISTER && from->reg != RSP) {
		char address[32];
		snprintf(address, sizeof address, "%d(%%%s)", e->delta_after, register_name(from->reg, 8));
		stack_set(e, address, s->live);
		pivoted(e);
		return true;
	}
	if (to_stack && from && mnemonic_is(s, "lea")) {
		if (from->base == RSP && from->index == NO_REG && operand_number(from->disp, &n)) {
			moved(e, n);
			return true;
		}
		stack_set(e, address_text(e, from, e->delta_after), s->live);
		pivoted(e);
		return true;
	}
	if (from && from->kind == OPERAND_REGISTER && from->reg == RSP && from->size == 8 && mnemonic_is(s, "mov") &&
	    to->kind == OPERAND_REGISTER && !to_stack) {
		long by = e->delta + e->lag;
		if (by)
			emit(e, "lea %ld(%%r15), %%%s", -by, register_name(to->reg, 4));
		else
			emit(e, "mov %%r15d, %%%s", register_name(to->reg, 4));
		return true;
	}
	bare(e);
	return true;
}
