/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Jumps through tables (docs/architecture.md). A table is data in the text, 8 bytes for each place, behind the functions of its section.
 */
#include "emit.h"

/* Of the `and`: all of a table's places, rounded up to a power of two, are there; those behind its end trap. */
size_t table_places(size_t lands)
{
	size_t n = 1;

	while (n < lands)
		n *= 2;
	return n;
}

static void bound_write(struct emitter *e, const struct statement *bound)
{
	const struct operand *from = &bound->operands[0];

	emit(e, from->kind == OPERAND_IMMEDIATE ? "and $%s, %%%s" : "movzbl %s, %%%s", from->text, register_name(bound->operands[1].reg, 4));
}

/* Behind what bounds `which`. */
static void jump_write(struct emitter *e, enum gpr which, enum gpr place, unsigned number)
{
	emit(e, "lea .Lcarrel_table_%u(%%rip), %%%s", number, register_name(place, 8));
	emit(e, "add (%%%s,%%%s,8), %%%s", register_name(place, 8), register_name(which, 8), register_name(place, 8));
	emit(e, "jmp *%%%s", register_name(place, 8));
}

/* The verifier knows a table by a jump through it that it lies right behind; this one is never run. 16 bytes, or 19, come before it. */
static void table(struct emitter *e, unsigned number, const size_t *lands, size_t count)
{
	fprintf(e->out, table_places(count) <= 128 ? "\t.p2align 4\n" : "\t.p2align 3\n\t.nops 5\n");
	emit(e, "and $%zu, %%ecx", table_places(count) - 1);
	jump_write(e, RCX, RAX, number);
	fprintf(e->out, ".Lcarrel_table_%u:\n", number);
	for (size_t i = 0; i < table_places(count); i++)
		if (i < count)
			emit(e, ".quad %s-.Lcarrel_table_%u", e->source->statements[lands[i]].text, number);
		else
			emit(e, ".quad .Lcarrel_end_%u-.Lcarrel_table_%u", number, number);
	if (table_places(count) > count)
		fprintf(e->out, ".Lcarrel_end_%u:\n\tud2\n", number);
}

/* Where no register is free: comparisons, which need none; a dozen for the largest table, and the rest of the file may use all registers.
 * Places [first, last] of `lands`. */
static void compare(struct emitter *e, enum gpr index, const size_t *lands, size_t first, size_t last)
{
	static unsigned numbers;
	const struct statement *all = e->source->statements;
	size_t same = first;

	while (same < last && lands[same + 1] == lands[first])
		same++;
	if (same == last) {
		emit(e, "jmp %s", all[lands[first]].text);
		return;
	}
	size_t middle = first + (last - first + 1) / 2;
	unsigned number = ++numbers;
	emit(e, "cmp $%zu, %%%s", middle, register_name(index, 4));
	emit(e, "jae .Lcarrel_from_%u", number);
	compare(e, index, lands, first, middle - 1);
	fprintf(e->out, ".Lcarrel_from_%u:\n", number);
	compare(e, index, lands, middle, last);
}

void table_jump(struct emitter *e)
{
	static unsigned numbers;
	const struct statement *s = e->s;
	struct array *array = s->array;
	const size_t *lands = array ? array->lands : s->lands;
	size_t count = array ? array->lands_count : s->lands_count;
	uint32_t fixed = BIT(RSP) | BIT(R15) | (libos(e) ? BIT(R14) | BIT(R11) : 0), busy = s->after | BIT(s->index) | fixed;
	bool fresh = !array || !array->number;

	stack_flush(e);
	if (array && s->operands[0].base != NO_REG)
		busy |= BIT(s->operands[0].base);
	if (s->bound && s->bound->operands[0].kind == OPERAND_REGISTER)         /* an interrupted jump begins again */
		busy |= BIT(s->bound->operands[0].reg);
	enum gpr place = scratch_pick(e, busy, 0);
	bool kept = s->bounded && s->loaded != s->index;        /* the index is what it was, or its register has the label */
	enum gpr which = !(((s->index_dead || kept ? 0 : s->after) | fixed) & BIT(s->index)) ? s->index : place == NO_REG ? NO_REG : scratch_pick(e, busy, BIT(place));
	if ((place == NO_REG || which == NO_REG) && (!array || s->certain) && s->loaded == NO_REG) {
		if (s->bound)
			bound_write(e, s->bound);
		compare(e, s->index, lands, 0, count - 1);
		return;
	}
	if (place == NO_REG || which == NO_REG)
		source_wants_register(e->source, s, "a jump through a table");
	unsigned number = fresh ? ++numbers : array->number, slow = array && !s->certain ? ++numbers : 0;
	if (array)
		array->number = number;
	if (slow) {
		emit(e, "lea %s(%%rip), %%%s", array->name, register_name(place, 4));
		emit(e, "cmp %%%s, %%%s", register_name(place, 4), register_name(s->operands[0].base, 4));
		emit(e, "jne .Lcarrel_slow_%u", slow);
	}
	if (s->bound)
		bound_write(e, s->bound);
	if (which != s->index)
		emit(e, "mov %%%s, %%%s", register_name(s->index, 4), register_name(which, 4));
	if (s->loaded != NO_REG)
		emit(e, "mov %s, %%%s", memory_text(e, &s->operands[0]), register_name(s->loaded, 8));
	if (!s->bound || which != s->index)
		emit(e, "and $%zu, %%%s", table_places(count) - 1, register_name(which, 4));
	jump_write(e, which, place, number);
	fprintf(e->out, "\t.subsection 1\n");
	if (slow) {
		fprintf(e->out, ".Lcarrel_slow_%u:\n", slow);
		e->window_known = false;
		struct operand to = s->operands[0];
		if (s->loaded != NO_REG) {
			emit(e, "mov %s, %%%s", memory_text(e, &to), register_name(s->loaded, 8));
			to = (struct operand){.kind = OPERAND_REGISTER, .reg = s->loaded, .size = 8};
		}
		checked_branch(e, &to, place, libos(e) ? R11 : which, "jmp");
	}
	if (fresh)
		table(e, number, lands, count);
	fprintf(e->out, "\t.subsection 0\n");
}
