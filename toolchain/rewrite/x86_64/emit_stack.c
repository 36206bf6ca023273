/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Instructions that move the stack pointer, on the data stack r15.
 */
#include <string.h>

#include "emit.h"

/* V moved by `change`; r15 follows later. */
static void moved(struct emitter *e, long change)
{
	e->lag -= change;
}

static const char *r15(const struct emitter *e)
{
	return libos(e) ? "r15d" : "r15";
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
	emit(e, "lea %d(%%rbp), %%%s", 8 + e->delta_after, r15(e));
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
		      !mnemonic_is(s, "cmp") && !mnemonic_is(s, "test");
	long by = e->delta + e->lag;
	size_t length = strlen(s->mnemonic);

	if (mnemonic_is(s, "xchg") || mnemonic_is(s, "imul") || mnemonic_is(s, "mul"))
		source_error(e->source, s, "%s is not supported on the stack pointer", s->text);
	if (by)
		emit(e, "lea %ld(%%r15), %%%s", -by, r15(e));
	e->lag = -e->delta;
	bool narrow = libos(e) && writes;
	for (int i = 0; i < s->count; i++) {
		const struct operand *o = &s->operands[i];
		if (o->kind == OPERAND_REGISTER)
			snprintf(one, sizeof one, "%%%s", register_name(o->reg == RSP ? R15 : o->reg, narrow ? 4 : o->size));
		else
			snprintf(one, sizeof one, "%s", operand_print(e, o));
		if (i)
			strcat(text, ", ");
		strcat(text, one);
	}
	if (narrow && s->mnemonic[length - 1] == 'q')
		emit(e, "%.*sl %s", (int)length - 1, s->mnemonic, text);
	else
		emit(e, "%s %s", s->mnemonic, text);
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
		emit(e, "lea %d(%%%s), %%%s", e->delta_after, register_name(from->reg, 8), r15(e));
		pivoted(e);
		return true;
	}
	if (to_stack && from && mnemonic_is(s, "lea")) {
		if (from->base == RSP && from->index == NO_REG && operand_number(from->disp, &n)) {
			moved(e, n);
			return true;
		}
		emit(e, "lea %s, %%%s", address_text(e, from, e->delta_after), r15(e));
		pivoted(e);
		return true;
	}
	if (from && from->kind == OPERAND_REGISTER && from->reg == RSP && from->size == 8 && mnemonic_is(s, "mov") &&
	    to->kind == OPERAND_REGISTER && !to_stack) {
		long by = e->delta + e->lag;
		if (by)
			emit(e, "lea %ld(%%r15), %%%s", -by, register_name(to->reg, 8));
		else
			emit(e, "mov %%r15, %%%s", register_name(to->reg, 8));
		return true;
	}
	bare(e);
	return true;
}
