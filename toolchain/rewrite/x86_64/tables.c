/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Fifth pass: indirect jumps that the verifier can be shown to go through a table (docs/architecture.md), which needs no look at
 * the landing pad: those of switches, whose table the compiler writes right behind them, and computed gotos that take their label
 * from the one array of labels their function has. What is not certain here is compared where it runs (emit_table.c).
 */
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

static uint32_t registers_of(const struct statement *s)
{
	uint32_t registers = 0;

	for (int i = 0; i < s->count; i++) {
		const struct operand *o = &s->operands[i];
		registers |= o->kind == OPERAND_REGISTER ? BIT(o->reg) : 0;
		registers |= o->kind == OPERAND_MEMORY && o->base != NO_REG ? BIT(o->base) : 0;
		registers |= o->kind == OPERAND_MEMORY && o->index != NO_REG ? BIT(o->index) : 0;
	}
	return registers;
}

static bool touches(const struct statement *s, enum gpr reg)
{
	return registers_of(s) & BIT(reg);
}

/* Does this instruction do nothing but what its operands say, and go on? */
static bool simple(const struct statement *s)
{
	static const char *const such[] = {"lea", "add", "sub", "and", "or", "xor", "shl", "sal", "shr", "sar", "cmp", "test", NULL};
	bool found = !strncmp(s->mnemonic, "mov", 3);

	for (int i = 0; such[i]; i++)
		found |= mnemonic_is(s, such[i]);
	return found && s->count == 2 && !*s->prefix && !s->app;
}

static bool writes_register(const struct statement *s, enum gpr reg)
{
	return s->operands[1].kind == OPERAND_REGISTER && s->operands[1].reg == reg && !mnemonic_is(s, "cmp") && !mnemonic_is(s, "test");
}

static bool writes_memory(const struct statement *s)
{
	return s->operands[1].kind == OPERAND_MEMORY && !mnemonic_is(s, "cmp") && !mnemonic_is(s, "test");
}

/* The instruction before `at` in its block, or SIZE_MAX. */
static size_t before(const struct source *source, size_t at)
{
	while (at-- > 0) {
		const struct statement *s = &source->statements[at];
		if (s->kind == STATEMENT_INSTRUCTION)
			return simple(s) ? at : SIZE_MAX;
		if (s->kind == STATEMENT_LABEL && s->code && !label_is_debug(s->text))
			return SIZE_MAX;
	}
	return SIZE_MAX;
}

/* `OP ..., %REG`, searched backwards from `at` past what touches none of the registers in `keep`. */
static size_t writer_find(const struct source *source, size_t at, const char *op, enum gpr reg, uint32_t keep, bool *stores)
{
	while ((at = before(source, at)) != SIZE_MAX) {
		const struct statement *s = &source->statements[at];
		const struct operand *to = &s->operands[1];
		if (mnemonic_is(s, op) && to->kind == OPERAND_REGISTER && to->reg == reg && to->size == 8)
			return at;
		for (enum gpr r = RAX; r <= R15; r++)
			if ((keep & BIT(r)) && touches(s, r))
				return SIZE_MAX;
		*stores |= writes_memory(s);
	}
	return SIZE_MAX;
}

/* (B,I,SCALE) and nothing more */
static bool indexed(const struct operand *o, const char *scale)
{
	return o->kind == OPERAND_MEMORY && !o->segment && o->wide && o->base != NO_REG && o->base != RIP && o->base != RSP &&
	       o->index != NO_REG && o->index != RSP && !strcmp(o->scale, scale) && (!*o->disp || !strcmp(o->disp, "0"));
}

static char *register_text(enum gpr reg)
{
	char text[8];

	snprintf(text, sizeof text, "%%%s", register_name(reg, 4));
	return strdup(text);
}

/* NAME(,I,8) */
static bool indexed_by_name(const struct operand *o, const char *name)
{
	return o->kind == OPERAND_MEMORY && !o->segment && o->wide && o->base == NO_REG && o->index != NO_REG && o->index != RSP &&
	       !strcmp(o->scale, "8") && !strcmp(o->disp, name);
}

/* The statements (from, to) may not take these registers for dead. */
static void keep_alive(struct source *source, size_t from, size_t to, uint32_t registers)
{
	for (size_t i = from; i < to; i++) {
		source->statements[i].live |= registers;
		source->statements[i].after |= registers;
	}
}

/* movslq (B,I,4),R; add B,R; jmp *R. A case's place in the table minus the table, added to B, is a case: so B is the table. R is the
 * compiler's own, and no case reads it. */
static void switch_convert(struct source *source, size_t jump)
{
	struct statement *all = source->statements, *s = &all[jump];
	bool stores = false;

	if (s->operands[0].kind != OPERAND_REGISTER)
		return;
	enum gpr target = s->operands[0].reg;
	size_t add = writer_find(source, jump, "add", target, BIT(target), &stores);
	if (add == SIZE_MAX || all[add].operands[0].kind != OPERAND_REGISTER || all[add].operands[0].size != 8)
		return;
	enum gpr base = all[add].operands[0].reg;
	size_t load = writer_find(source, add, "movsl", target, BIT(target) | BIT(base), &stores);
	if (load == SIZE_MAX || !indexed(&all[load].operands[0], "4") || all[load].operands[0].base != base || base == target)
		return;
	enum gpr index = all[load].operands[0].index;
	for (size_t i = load + 1; i < jump; i++)
		if (i != add && all[i].kind == STATEMENT_INSTRUCTION && (touches(&all[i], index) || touches(&all[i], base) || touches(&all[i], target)))
			return;
	keep_alive(source, load, jump, BIT(index));
	all[load].kind = all[add].kind = STATEMENT_TEXT;
	s->index = index;
	s->index_dead = index == target;
	size_t lea = s->after & BIT(base) ? SIZE_MAX : writer_find(source, load, "lea", base, BIT(base), &stores);
	if (lea != SIZE_MAX && base != index && all[lea].operands[0].kind == OPERAND_MEMORY && all[lea].operands[0].base == RIP)
		all[lea].kind = STATEMENT_TEXT;
}

/* Is B the array throughout its function? B is callee-saved, so what it held before is the caller's affair, and nothing here writes it
 * but the array's address, and pop. */
static bool base_certain(const struct source *source, const struct array *array, enum gpr base)
{
	size_t length = strlen(array->name);

	if ((base != RBX && base != RBP && (base < R12 || base > R14)) || source->cold_count)
		return false;           /* a part of it may lie elsewhere (NAME.cold) */
	for (size_t i = 0; i < source->count; i++) {
		const struct statement *s = &source->statements[i];
		if (s->kind != STATEMENT_INSTRUCTION || s->function != array->function)
			continue;
		for (int k = 0; k < s->count; k++) {
			const struct operand *o = &s->operands[k], *from = &s->operands[0];
			if (o->kind != OPERAND_REGISTER || o->reg != base || mnemonic_is(s, "push") || mnemonic_is(s, "pop"))
				continue;
			bool reads = simple(s) && (k == 0 || mnemonic_is(s, "cmp") || mnemonic_is(s, "test"));
			bool array_address = mnemonic_is(s, "lea") && k == 1 && from->kind == OPERAND_MEMORY && from->base == RIP &&
					     !strncmp(from->disp, array->name, length) && !from->disp[length];
			if (!reads && !array_address)
				return false;
		}
		if (s->app || mnemonic_is(s, "leave") || mnemonic_is(s, "cmpxchg16b") || mnemonic_is(s, "cpuid"))
			return false;
	}
	return true;
}

/* jmp *(B,I,8) or jmp *NAME(,I,8), or with a load before it. Without an array it is a switch's, of code that need not be
 * position-independent. */
static void goto_convert(struct source *source, size_t jump, struct array *array, const char *name)
{
	struct statement *all = source->statements, *s = &all[jump];
	const struct operand *from = &s->operands[0];
	size_t load = SIZE_MAX;
	bool stores = false;

	if (from->kind == OPERAND_REGISTER) {
		load = writer_find(source, jump, "mov", from->reg, BIT(from->reg), &stores);
		if (load == SIZE_MAX || stores)
			return;
		if (s->after & ~s->dies & BIT(from->reg)) {
			s->loaded = from->reg;
			if (indexed_by_name(&all[load].operands[0], name))
				source_asks_dump(source);       /* only a compiler knows that a `ret` does not read it */
		}
		from = &all[load].operands[0];
	}
	bool named = indexed_by_name(from, name);
	if (!named && !(array && indexed(from, "8")))
		return;
	s->array = array;
	if (named && load != SIZE_MAX && s->loaded == NO_REG) {
		/* The label's register has the index instead, whatever happens to that meanwhile. */
		struct operand *to = &all[load].operands[1];
		s->index = to->reg;
		s->index_dead = s->certain = true;
		if (to->reg == from->index) {
			all[load].kind = STATEMENT_TEXT;
			return;
		}
		all[load].operands[0] = (struct operand){.kind = OPERAND_REGISTER, .reg = from->index, .size = 4, .base = NO_REG, .index = NO_REG,
							 .text = register_text(from->index)};
		all[load].mnemonic = all[load].text = "mov";
		to->size = 4;
		to->text = register_text(to->reg);
		return;
	}
	for (size_t i = load == SIZE_MAX ? jump : load + 1; i < jump; i++)
		if (all[i].kind == STATEMENT_INSTRUCTION && (touches(&all[i], from->index) || (!named && touches(&all[i], from->base))))
			return;
	s->index = from->index;
	s->index_dead = load != SIZE_MAX && s->loaded == NO_REG && from->index == s->operands[0].reg;
	s->certain = named || base_certain(source, array, from->base);
	if (load == SIZE_MAX)
		return;
	keep_alive(source, load, jump, BIT(from->index) | (named ? 0 : BIT(from->base)));
	s->operands[0] = *from;
	s->operands[0].indirect = true;
	all[load].kind = STATEMENT_TEXT;
}

/* What bounds the index is a step of the jump (unit.h) if it can be the last thing before it, and need not be done twice: the widening of
 * a byte, or an `and`. */
static void bound_find(struct source *source, size_t jump, size_t places)
{
	struct statement *all = source->statements, *s = &all[jump];
	size_t at = jump;
	uint32_t between = 0;
	long below = 256;

	if (s->index == NO_REG || (s->array && !s->certain))
		return;
	while ((at = before(source, at)) != SIZE_MAX && !writes_register(&all[at], s->index))
		between |= registers_of(&all[at]);
	if (at == SIZE_MAX)
		return;
	const struct operand *from = &all[at].operands[0], *to = &all[at].operands[1];
	bool widens = mnemonic_is(&all[at], "movzb"), ands = mnemonic_is(&all[at], "and") && from->kind == OPERAND_IMMEDIATE;
	if (to->size < 4 || !(widens || (ands && operand_number(from->text, &below))))
		return;
	below += ands;
	if (below < 1 || (size_t)below > places)
		return;
	s->bounded = true;
	/* Of a byte, only registers that are named without REX, or where the index wants one; and not its own second one, which is gone when an
	 * interrupted jump begins again. */
	bool byte = widens && from->kind == OPERAND_REGISTER &&
		    (from->high ? s->index < R8 && s->index != from->reg : s->index >= R8 || from->reg < RSP);
	if (s->loaded != NO_REG || !(byte || ands) || (between & (BIT(s->index) | (byte ? BIT(from->reg) : 0))))
		return;
	s->bound = &all[at];
	s->bound->kind = STATEMENT_TEXT;
	keep_alive(source, at, jump, BIT(byte ? from->reg : s->index));
}

void tables_pass(struct source *source)
{
	for (size_t i = 0; i < source->count; i++)
		source->statements[i].index = source->statements[i].loaded = NO_REG;
	if (!source->compiled)
		return;
	arrays_find(source);
	for (size_t i = 0; i < source->count; i++) {
		const struct statement *s = &source->statements[i];
		if (s->kind != STATEMENT_INSTRUCTION || !mnemonic_is(s, "jmp") || !s->count || !s->operands[0].indirect || s->calls || s->app)
			continue;
		struct array *array = array_of(source, s->function);
		if (s->lands_count && s->lands_count <= TABLE_PLACES) {
			if (s->table)
				goto_convert(source, i, NULL, s->table);
			else
				switch_convert(source, i);
			bound_find(source, i, table_places(s->lands_count));
		} else if (array && !source->trap) {
			goto_convert(source, i, array, array->name);
			bound_find(source, i, table_places(array->lands_count));
			array->jumps |= s->index != NO_REG;
		}
		if (s->index != NO_REG)         /* nothing before the jump may take what it needs now for dead */
			source->statements[i].live |= BIT(s->index) | (s->bound ? registers_of(s->bound) : 0) |
						      (s->operands[0].kind == OPERAND_MEMORY && s->operands[0].base != NO_REG ? BIT(s->operands[0].base) : 0);
	}
}
