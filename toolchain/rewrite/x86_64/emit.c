/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Last pass: writes each statement in the policy's forms (docs/architecture.md, "Machine code").
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/gate.h>

#include "emit.h"

bool libos(const struct emitter *e)
{
	return e->source->policy == POLICY_LIBOS;
}

void emit(struct emitter *e, const char *format, ...)
{
	va_list arguments;

	fputc('\t', e->out);
	va_start(arguments, format);
	vfprintf(e->out, format, arguments);
	va_end(arguments);
	fputc('\n', e->out);
}

const char *trap_label(struct emitter *e)
{
	static char text[40];

	e->trap_used = true;
	snprintf(text, sizeof text, ".Lcarrel_trap_%d", e->traps);
	return text;
}

static void traps_end(struct emitter *e)
{
	if (!e->trap_used)
		return;
	fprintf(e->out, ".Lcarrel_trap_%d:\n\tud2\n", e->traps++);
	e->trap_used = false;
}

enum gpr scratch_pick(const struct emitter *e, uint32_t live, uint32_t taken)
{
	static const enum gpr order[] = {R11, R10, RAX, RCX, RDX, RSI, RDI, R8, R9, RBX, RBP, R12, R13, R14};

	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (!((live | taken | e->held) & BIT(order[i])))
			return order[i];
	return NO_REG;
}

/* disp + number, as text. */
static void displacement(char *to, size_t room, const char *disp, long extra)
{
	long n;

	if (operand_number(disp, &n))
		snprintf(to, room, n + extra ? "%ld" : "", n + extra);
	else if (extra)
		snprintf(to, room, "%s%+ld", disp, extra);
	else
		snprintf(to, room, "%s", disp);
}

char *text_buffer(void)
{
	static char buffers[8][TEXT_BUFFER];
	static int next;

	return buffers[next++ % 8];
}

static long from_v(const struct emitter *e)
{
	return -(e->delta + e->lag);
}

const char *address_parts(struct emitter *e, const struct operand *o, long extra, int size)
{
	char *text = text_buffer(), disp[2048];
	enum gpr base = o->base;

	if (strlen(o->disp) > sizeof disp - 64)
		source_error(e->source, e->s, "too long an address: %s", e->s->text);

	if (base == RSP) {
		extra += from_v(e);
		base = R15;
	}
	if (o->index == RSP)
		source_error(e->source, e->s, "the stack pointer as an index: %s", e->s->text);
	displacement(disp, sizeof disp, o->disp, extra);
	if (base == RIP)
		snprintf(text, TEXT_BUFFER, "%s(%%rip)", disp);
	else if (base == NO_REG && o->index == NO_REG)
		snprintf(text, TEXT_BUFFER, size == 4 ? "%s(,%%eiz)" : "%s", *disp ? disp : "0");
	else if (o->index == NO_REG)
		snprintf(text, TEXT_BUFFER, "%s(%%%s)", disp, register_name(base, size));
	else
		snprintf(text, TEXT_BUFFER, "%s(%s%s,%%%s,%s)", disp, base == NO_REG ? "" : "%", base == NO_REG ? "" : register_name(base, size),
			 register_name(o->index, size), o->scale);
	return text;
}

const char *address_text(struct emitter *e, const struct operand *o, long extra)
{
	return address_parts(e, o, extra, 8);
}

static struct operand stack_operand(char *disp)
{
	return (struct operand){.kind = OPERAND_MEMORY, .base = RSP, .index = NO_REG, .disp = disp, .scale = "1", .wide = true};
}

const char *stack_slot(struct emitter *e, long offset)
{
	char disp[32];
	struct operand o = stack_operand(disp);

	snprintf(disp, sizeof disp, "%ld", offset);
	return memory_text(e, &o);
}

struct operand stack_offset(struct emitter *e, const struct operand *o, enum gpr x)
{
	struct operand stack = stack_operand(o->disp), by = *o;

	emit(e, "lea %s, %%%s", address_text(e, &stack, 0), register_name(x, 4));
	by.base = x;
	by.disp = "";
	return by;
}

/* Does what the statement becomes prove to the verifier that there is memory? (`touches` in machine/x86_64/verify_judge.c) */
static bool touches(const struct statement *s)
{
	static const char *const such[] = {"mov", "push", "pop", "add", "sub", "cmp", "test", "and", "or", "xor", "xchg", "call", NULL};
	bool found = !strncmp(s->mnemonic, "movz", 4) || !strncmp(s->mnemonic, "movs", 4);

	for (int i = 0; i < s->count; i++)
		if (s->operands[i].kind == OPERAND_OTHER_REGISTER)
			return false;
	for (int i = 0; such[i]; i++)
		found |= mnemonic_is(s, such[i]);
	return found;
}

/* Of a program's stack, by r15 itself, which the instruction does not write. */
static bool stack_text(struct emitter *e, const struct operand *o, char *text)
{
	const struct operand *to = e->s->count ? &e->s->operands[e->s->count - 1] : NULL;
	long n;

	if (o->base != RSP || o->index != NO_REG || !operand_number(o->disp, &n) || (to && to->kind == OPERAND_REGISTER && to->reg == RSP))
		return false;
	n += from_v(e);
	if (n < -STACK_DISTANCE || n > STACK_DISTANCE)
		return false;
	snprintf(text, TEXT_BUFFER, n ? "%ld(%%r15)" : "(%%r15)", n);
	if (touches(e->s)) {
		e->touched = true;
		e->touch = n;
	}
	return true;
}

const char *memory_text(struct emitter *e, const struct operand *o)
{
	char *text = text_buffer();
	long n;

	if (o->base == RIP) {
		if (o->segment)
			source_error(e->source, e->s, "a segment with a pc-relative address: %s", e->s->text);
		return address_parts(e, o, 0, 8);
	}
	if (o->segment == 'f') {
		if (libos(e))
			source_error(e->source, e->s, "the library OS has no thread pointer: %s", e->s->text);
		return thread_local_text(e, o);
	}
	if (o->segment && !(o->segment == 'g' && libos(e)))
		source_error(e->source, e->s, "segment %%%cs belongs to Carrel: %s", o->segment, e->s->text);
	if (!libos(e) && strchr(o->disp, '@') && (o->base != NO_REG || o->index != NO_REG))
		return thread_local_text(e, o);
	if (!libos(e) && !o->segment && stack_text(e, o, text))
		return text;
	if (!libos(e) || o->segment == 'g') {
		if (!libos(e) && e->source->trap)
			trap_check(e);
		snprintf(text, TEXT_BUFFER, "%%gs:%s", address_parts(e, o, 0, 4));
		return text;
	}
	if (o->base == R14)
		return o->text;
	if (o->base == RSP && o->index == NO_REG && operand_number(o->disp, &n) && n > -0x4000 && n < 0x4000) {
		char disp[32];
		displacement(disp, sizeof disp, o->disp, from_v(e));
		snprintf(text, TEXT_BUFFER, "%s(%%r14,%%r15)", disp);
		return text;
	}
	return window_text(e, o);
}

const char *operand_print(struct emitter *e, const struct operand *o)
{
	char *text = text_buffer();

	switch (o->kind) {
	case OPERAND_MEMORY:
		return memory_text(e, o);
	case OPERAND_IMMEDIATE:
		snprintf(text, TEXT_BUFFER, "$%s", o->text);
		return text;
	default:
		return o->text;
	}
}

static void lea(struct emitter *e)
{
	const struct operand *from = &e->s->operands[0], *to = &e->s->operands[1];
	int size = to->size;

	if (e->s->count != 2 || from->kind != OPERAND_MEMORY || to->kind != OPERAND_REGISTER || from->segment)
		source_error(e->source, e->s, "not a lea the rewriter knows: %s", e->s->text);
	if (from->base == RSP && from->index != NO_REG && size == 8 && !libos(e)) {
		/* The sum may be more than a pointer. */
		enum gpr x = to->reg != from->index ? to->reg : scratch_pick(e, registers_busy(e->s), 0);
		if (x == NO_REG)
			source_wants_register(e->source, e->s, "an address on the stack");
		struct operand sum = stack_offset(e, from, x);
		emit(e, "lea %s, %%%s", address_text(e, &sum, 0), register_name(to->reg, 8));
		return;
	}
	if (from->base == RIP || !from->wide || (from->base == RSP && !libos(e)))
		size = 4;
	emit(e, "lea %s, %%%s", address_text(e, from, 0), register_name(to->reg, size));
}

static const char *high_name(enum gpr reg)
{
	return reg == RAX ? "ah" : reg == RCX ? "ch" : reg == RDX ? "dh" : "bh";
}

/* ah, ch, dh and bh cannot stand beside r8-r15, which the rewritten address may name: swap the register's two low bytes
 * around the instruction (xchg keeps the flags). NO_REG: not needed. */
static enum gpr high_byte_swap(struct emitter *e)
{
	const struct statement *s = e->s;
	const struct operand *high = high_byte(s), *memory = NULL;

	for (int i = 0; i < s->count; i++)
		if (s->operands[i].kind == OPERAND_MEMORY)
			memory = &s->operands[i];
	if (!high || !memory || memory->base == RIP)
		return NO_REG;
	bool worked_out = memory->segment == 'f' || strchr(memory->disp, '@');
	if (!(libos(e) || memory->base == RSP || (worked_out && scratch_pick(e, registers_busy(s), REX_REGISTERS) == NO_REG)))
		return NO_REG;
	if (memory->base == high->reg || memory->index == high->reg)
		source_error(e->source, s, "%%%s beside an address that uses it: %s", high_name(high->reg), s->text);
	emit(e, "xchg %%%s, %%%s", register_name(high->reg, 1), high_name(high->reg));
	return high->reg;
}

/* The landing pad's bytes may stand nowhere else: a constant that holds them is moved inverted. */
static bool immediate_avoid(struct emitter *e)
{
	const struct statement *s = e->s;
	const struct operand *from = &s->operands[0], *to = &s->operands[1];
	long n;

	if (!s->count || from->kind != OPERAND_IMMEDIATE || !operand_number(from->text, &n))
		return false;
	bool holds = false;
	for (int shift = 0; shift <= 32; shift += 8)
		holds |= ((uint64_t)n >> shift & 0xffffffff) == LANDING_PAD;
	if (!holds)
		return false;
	if (!(mnemonic_is(s, "mov") || mnemonic_is(s, "movabs")) || to->kind != OPERAND_REGISTER || to->size < 4)
		source_error(e->source, s, "a constant with the bytes of a landing pad (a nested function whose address is taken? It would need an "
					   "executable stack): %s", s->text);
	if (to->size == 4)
		emit(e, "mov $%u, %%%s", ~(uint32_t)n, register_name(to->reg, 4));
	else
		emit(e, "movabs $%lld, %%%s", ~(long long)n, register_name(to->reg, 8));
	emit(e, "not %%%s", register_name(to->reg, to->size));
	return true;
}

static void plain(struct emitter *e)
{
	const struct statement *s = e->s;
	char text[2 * TEXT_BUFFER] = "";

	if (mnemonic_is(s, "nop") && s->count) {
		emit(e, "nop");
		return;
	}
	if (mnemonic_is(s, "movabs") && (s->operands[0].kind == OPERAND_MEMORY || s->operands[1].kind == OPERAND_MEMORY))
		source_error(e->source, s, "an absolute 64-bit address: %s", s->text);
	if (!strncmp(s->prefix, "rep", 3) && mnemonic_is(s, "bsf")) {
		/* gcc's spelling of an instruction that is tzcnt where there is one */
		emit(e, "tzcnt%s %s, %s", s->mnemonic + 3, operand_print(e, &s->operands[0]), operand_print(e, &s->operands[1]));
		return;
	}
	if (!strncmp(s->prefix, "rep", 3) && mnemonic_is(s, "nop") && !s->count) {
		emit(e, "pause");
		return;
	}
	if (*s->prefix && strcmp(s->prefix, "lock"))
		source_error(e->source, s, "prefix `%s` is not supported here: %s", s->prefix, s->text);
	if (immediate_avoid(e) || thread_pointer(e))
		return;
	enum gpr swapped = high_byte_swap(e);
	for (int i = 0; i < s->count; i++) {
		const struct operand *o = &s->operands[i];
		if (i)
			strcat(text, ", ");
		if (swapped != NO_REG && o->high) {
			strcat(text, "%");
			strcat(text, register_name(o->reg, 1));
		} else
			strncat(text, operand_print(e, o), sizeof text - strlen(text) - 3);
	}
	emit(e, "%s%s%s %s", s->prefix, *s->prefix ? " " : "", s->mnemonic, text);
	if (swapped != NO_REG)
		emit(e, "xchg %%%s, %%%s", register_name(swapped, 1), high_name(swapped));
}

static void instruction(struct emitter *e)
{
	const struct statement *s = e->s;
	const struct operand *first = &s->operands[0];

	if (!libos(e))
		for (int i = 0; i < s->count; i++)
			if (s->operands[i].reg == R15 || s->operands[i].base == R15 || s->operands[i].index == R15)
				source_error(e->source, s, "r15 is the data stack's pointer: name it %%rsp: %s", s->text);
	if (!mnemonic_known(s))
		source_error(e->source, s, "unknown or unsupported instruction: %s", s->text);
	for (int i = 0; i < s->count; i++) {
		const struct operand *o = &s->operands[i];
		if (o->kind == OPERAND_REGISTER && o->reg == R14 && libos(e) && i == s->count - 1 && !mnemonic_is(s, "cmp"))
			source_error(e->source, s, "r14 is the library OS's window: %s", s->text);
	}
	if (s->count && first->indirect && (mnemonic_is(s, "call") || mnemonic_is(s, "jmp")))
		branch_indirect(e, mnemonic_is(s, "call"));
	else if (mnemonic_is(s, "call"))
		call_direct(e);
	else if (mnemonic_is(s, "ret")) {
		if (s->count)
			source_error(e->source, s, "ret with an operand: %s", s->text);
		e->lag += e->delta - 8;         /* hand-written code may return in another state: r15 = V + 8 always */
		stack_flush(e);
		emit(e, "ret");
	} else if (mnemonic_is(s, "syscall"))
		emit(e, libos(e) ? "ud2" : "call *%%gs:0x10010"), stack_forget(e);
	else if (s->count == 1 && first->kind == OPERAND_SYMBOL) {
		stack_flush(e);
		if (mnemonic_is(s, "jecxz"))
			source_error(e->source, s, "only the 64-bit form, jrcxz, is supported: %s", s->text);
		if (mnemonic_is(s, "loop")) {
			static int loops;
			emit(e, "lea -1(%%rcx), %%rcx");
			emit(e, "jrcxz .Lcarrel_loop_%d", ++loops);
			emit(e, "jmp %s", first->text);
			fprintf(e->out, ".Lcarrel_loop_%d:\n", loops);
			stack_forget(e);
		} else
			emit(e, "%s %s", s->mnemonic, first->text);
	} else if (!stack_instruction(e) && !string_instruction(e) && !bit_instruction(e)) {
		if (mnemonic_is(s, "lea"))
			lea(e);
		else
			plain(e);
	}
	window_behind(e);
	e->lag -= e->delta_after - e->delta;
	e->falls = statement_falls_through(s);
	if (!e->falls)
		e->lag = 0;
	if (e->lag > LAG_MOST || e->lag < -(1 << 20))
		stack_flush_behind(e);
}

static const char *const code_directives[] = {".loc", ".file", ".cfi_", ".p2align", ".align", ".balign", ".type", ".size",
	".globl", ".global", ".weak", ".hidden", ".protected", ".internal", ".local", ".set", ".equ", ".section", ".text",
	".data", ".bss", ".pushsection", ".popsection", ".previous", ".ident", ".comm", ".lcomm", ".symver", ".weakref",
	".addrsig", ".line", ".nops", NULL};
static const char *const data_directives[] = {".long", ".quad", ".byte", ".value", ".word", ".short", ".int", ".2byte",
	".4byte", ".8byte", ".string", ".ascii", ".asciz", ".zero", ".skip", ".space", ".uleb128", ".sleb128", ".float",
	".double", ".single", ".octa", ".dc.", ".fill", ".base64", ".incbin", ".tfloat", NULL};

static bool listed(const char *text, const char *const *list)
{
	for (int i = 0; list[i]; i++) {
		size_t n = strlen(list[i]);
		if (!strncmp(text, list[i], n) && (list[i][n - 1] == '_' || list[i][n - 1] == '.' || !text[n] || text[n] == ' ' || text[n] == '\t'))
			return true;
	}
	return false;
}

static void directive(struct emitter *e)
{
	const struct statement *s = e->s;

	if (strstr(s->text, ".note.GNU-stack") && strstr(s->text, "\"x\""))
		source_error(e->source, s, "this code needs an executable stack (a nested function whose address is taken?); "
					   "Carrel never makes one");
	bool assignment = s->text[0] != '.' || strchr(s->text, '=');
	if (listed(s->text, data_directives)) {
		if (s->code)
			source_error(e->source, s, "data in an executable section: %s", s->text);
	} else if (!listed(s->text, code_directives) && !assignment)
		source_error(e->source, s, "unknown or unsupported directive: %s", s->text);
	if (!strncmp(s->text, ".cfi_endproc", 12) || (s->code && !e->falls && !strncmp(s->text, ".size", 5)))
		traps_end(e);
	if (strstr(s->text, "section") || !strncmp(s->text, ".text", 5) || !strncmp(s->text, ".previous", 9))
		stack_forget(e), e->window_known = false;
	if (assignment || !strncmp(s->text, ".set", 4) || !strncmp(s->text, ".equ", 4))
		e->window_known = false;        /* a place to jump to, maybe */
	fprintf(e->out, "\t%s\n", s->text);
}

static void label(struct emitter *e)
{
	const struct statement *s = e->s;

	if (s->code && !label_is_debug(s->text)) {
		stack_flush(e);
		stack_forget(e);
		e->window_known = false;
	}
	fprintf(e->out, "%s:\n", s->text);
	if (s->pad == PAD_MISSING)
		emit(e, "endbr64");
}

/* Tells the assembler where hand-written code comes from, for its own messages and line numbers. */
static void marker(struct emitter *e)
{
	const struct statement *s = e->s;
	const char *file = s->file ? s->file : e->source->name;

	if (s->kind != STATEMENT_INSTRUCTION || (e->source->compiled && !s->app) || (e->file == file && e->line == s->line))
		return;
	fprintf(e->out, "# %d \"%s\"\n", s->line, file);
	e->file = file;
	e->line = s->line;
}

void emit_pass(struct source *source)
{
	struct emitter e = {.source = source, .out = source->out};

	for (size_t i = 0; i < source->count; i++) {
		struct statement *s = &source->statements[i];
		e.s = s;
		e.held = 0;
		marker(&e);
		switch (s->kind) {
		case STATEMENT_LABEL:
			e.delta = s->delta;
			label(&e);
			break;
		case STATEMENT_DIRECTIVE:
			directive(&e);
			break;
		case STATEMENT_INSTRUCTION:
			e.delta = e.delta_after = s->delta;
			for (size_t next = i + 1; next < source->count; next++)
				if (source->statements[next].kind == STATEMENT_INSTRUCTION) {
					if (source->statements[next].function == s->function)
						e.delta_after = source->statements[next].delta;
					break;
				}
			instruction(&e);
			break;
		case STATEMENT_TEXT:
			break;
		}
	}
	if (e.trap_used) {
		fprintf(e.out, "\t.text\n");
		traps_end(&e);
	}
}
