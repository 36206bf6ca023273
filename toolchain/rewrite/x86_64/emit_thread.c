/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Thread-local variables: the thread pointer is a word of fs (carrel/gate.h), all else is memory at a distance from it.
 */
#include <string.h>

#include <carrel/gate.h>

#include "emit.h"

const struct operand *high_byte(const struct statement *s)
{
	for (int i = 0; i < s->count; i++)
		if (s->operands[i].high)
			return &s->operands[i];
	return NULL;
}

static enum gpr address_scratch(const struct emitter *e, const struct operand *o)
{
	const struct operand *to = &e->s->operands[e->s->count - 1];
	uint32_t named = BIT(RSP) | BIT(R15) | (o->base >= 0 ? BIT(o->base) : 0) | (o->index >= 0 ? BIT(o->index) : 0);
	enum gpr x = scratch_pick(e, registers_busy(e->s), high_byte(e->s) ? REX_REGISTERS : 0);

	if (x == NO_REG)        /* high_byte_swap has seen to that */
		x = scratch_pick(e, registers_busy(e->s), 0);
	/* What the instruction loads into will do. */
	if (x == NO_REG && !strncmp(e->s->mnemonic, "mov", 3) && to != o && to->kind == OPERAND_REGISTER && to->size >= 4 && !(named & BIT(to->reg)))
		x = to->reg;
	if (x == NO_REG)
		source_wants_register(e->source, e->s, "a thread-local address");
	return x;
}

const char *thread_local_text(struct emitter *e, const struct operand *o)
{
	enum gpr x = address_scratch(e, o);
	struct operand address = *o;
	char *text = text_buffer();
	bool registers = o->base != NO_REG || o->index != NO_REG;

	if (o->segment == 'f') {
		emit(e, "mov %%fs:%#x, %%%s", THREAD_POINTER_AT, register_name(x, 8));
		if (o->base != NO_REG && o->index != NO_REG)
			emit(e, "lea (%%%s,%%%s), %%%s", register_name(x, 8), register_name(o->base, 8), register_name(x, 8));
		else if (o->base != NO_REG)
			address.index = o->base;
		address.base = x;
		if (!strchr(o->disp, '@') && !(e->source->trap && registers)) {
			snprintf(text, TEXT_BUFFER, "%%gs:%s", address_parts(e, &address, 0, 4));
			return text;
		}
	}
	emit(e, "lea %s, %%%s", address_parts(e, &address, 0, 8), register_name(x, 8));
	if (e->source->trap && registers)
		trap_check_register(e, x, registers_busy(e->s) | BIT(x));
	snprintf(text, TEXT_BUFFER, "%%gs:(%%%s)", register_name(x, 4));
	return text;
}

/* The block's first word is its own address (the psABI's TLS supplement): mov or add %fs:0, %x. */
bool thread_pointer(struct emitter *e)
{
	const struct operand *from = &e->s->operands[0], *to = &e->s->operands[1];
	bool adds = mnemonic_is(e->s, "add");
	long n;

	if (libos(e) || !(adds || mnemonic_is(e->s, "mov")) || e->s->count != 2 || from->kind != OPERAND_MEMORY || from->segment != 'f' ||
	    from->base != NO_REG || from->index != NO_REG || !operand_number(from->disp, &n) || n || to->kind != OPERAND_REGISTER || to->size != 8)
		return false;
	enum gpr x = adds ? address_scratch(e, from) : to->reg;
	emit(e, "mov %%fs:%#x, %%%s", THREAD_POINTER_AT, register_name(x, 8));
	if (adds)
		emit(e, "add %%%s, %%%s", register_name(x, 8), register_name(to->reg, 8));
	return true;
}
