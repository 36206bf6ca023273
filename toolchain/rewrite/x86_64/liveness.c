/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Third pass: which general registers are live before each instruction of a function, so that the check of an
 * indirect jump can borrow dead ones. Conservative: what it does not know is a use. The arithmetic flags count as
 * one more register.
 */
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

#define EVERYTHING (0xffffu | FLAGS_BIT)
#define ARGUMENTS (BIT(RAX) | BIT(RCX) | BIT(RDX) | BIT(RSI) | BIT(RDI) | BIT(R8) | BIT(R9))
#define SAVED (CALL_KEEPS | BIT(RSP))
#define SCRATCH (BIT(RAX) | BIT(RCX) | BIT(RDX) | BIT(RSI) | BIT(RDI) | BIT(R8) | BIT(R9) | BIT(R10) | BIT(R11))
#define AT_TAIL_CALL (ARGUMENTS | SAVED)
#define AT_RETURN (SAVED | BIT(RAX) | BIT(RDX))

static bool has_memory(const struct statement *s)
{
	for (int i = 0; i < s->count; i++)
		if (s->operands[i].kind == OPERAND_MEMORY)
			return true;
	return false;
}

static bool writes_whole(const struct statement *s)
{
	static const char *const movers[] = {"mov", "movabs", "lea", "popcnt", "lzcnt", "tzcnt", "pop", "rorx", "shlx", "shrx",
					     "sarx", "andn", NULL};
	const struct operand *to = &s->operands[s->count - 1];

	if (to->kind != OPERAND_REGISTER || to->size < 4)
		return false;
	for (int i = 0; movers[i]; i++)
		if (mnemonic_is(s, movers[i]))
			return true;
	return !strncmp(s->mnemonic, "movz", 4) || !strncmp(s->mnemonic, "movs", 4) || !strncmp(s->mnemonic, "cvt", 3) ||
	       !strncmp(s->mnemonic, "vcvt", 4) || !strncmp(s->mnemonic, "pmovmskb", 8) || !strncmp(s->mnemonic, "movmsk", 6) ||
	       !strncmp(s->mnemonic, "vpmovmskb", 9) || !strncmp(s->mnemonic, "vmov", 4);
}

static void use_define(const struct statement *s, uint32_t *use, uint32_t *define)
{
	*use = *define = 0;
	for (int i = 0; i < s->count; i++) {
		const struct operand *o = &s->operands[i];
		if (o->kind == OPERAND_REGISTER)
			*use |= BIT(o->reg);
		else if (o->kind == OPERAND_MEMORY) {
			if (o->base != NO_REG && o->base != RIP)
				*use |= BIT(o->base);
			if (o->index != NO_REG)
				*use |= BIT(o->index);
		}
	}
	if (s->count == 2 && s->operands[0].kind == OPERAND_REGISTER && s->operands[1].kind == OPERAND_REGISTER &&
	    s->operands[0].reg == s->operands[1].reg && s->operands[0].size >= 4 &&
	    (mnemonic_is(s, "xor") || mnemonic_is(s, "sub"))) {
		*define |= BIT(s->operands[0].reg) | FLAGS_BIT;
		*use = 0;
		return;
	}
	if (s->count && writes_whole(s)) {
		const struct operand *to = &s->operands[s->count - 1];
		uint32_t sources = 0;
		for (int i = 0; i + 1 < s->count; i++) {
			const struct operand *o = &s->operands[i];
			if (o->kind == OPERAND_REGISTER)
				sources |= BIT(o->reg);
			if (o->kind == OPERAND_MEMORY && o->base != NO_REG && o->base != RIP)
				sources |= BIT(o->base);
			if (o->kind == OPERAND_MEMORY && o->index != NO_REG)
				sources |= BIT(o->index);
		}
		*use = sources;
		*define |= BIT(to->reg);
	}
	static const char *const implicit[] = {"mul", "imul", "div", "idiv", "cltq", "cltd", "cqto", "cwtl", "cbtw", "cwtd",
		"cdqe", "cdq", "cqo", "cwde", "cbw", "cwd", "lahf", "sahf", "cpuid", "xgetbv", "cmpxchg", "cmpxchg8b",
		"cmpxchg16b", "movs", "stos", "lods", "cmps", "scas", "jrcxz", "jecxz", "loop", "mulx", NULL};
	for (int i = 0; implicit[i]; i++)
		if (mnemonic_is(s, implicit[i]))
			*use |= BIT(RAX) | BIT(RCX) | BIT(RDX) | BIT(RBX) | BIT(RSI) | BIT(RDI);
	if (!strncmp(s->mnemonic + (*s->mnemonic == 'v'), "pcmpestr", 8))    /* the strings' lengths */
		*use |= BIT(RAX) | BIT(RDX);
	if (mnemonic_is(s, "syscall"))
		*use |= ARGUMENTS | BIT(R10);
	if (*s->prefix)
		*use |= BIT(RAX) | BIT(RCX) | BIT(RSI) | BIT(RDI);
	/* flags: who certainly reads none and writes all */
	if (mnemonic_is(s, "add") || mnemonic_is(s, "sub") || mnemonic_is(s, "cmp") || mnemonic_is(s, "test") ||
	    mnemonic_is(s, "and") || mnemonic_is(s, "or") || mnemonic_is(s, "xor") || mnemonic_is(s, "neg") ||
	    (!strcmp(s->prefix, "lock") && !strncmp(s->mnemonic, "bt", 2)))      /* a compiler's: emit_bit.c */
		*define |= FLAGS_BIT;
	else if (!writes_whole(s) || has_memory(s) == 0)
		if ((s->mnemonic[0] == 'j' && !mnemonic_is(s, "jmp") && !mnemonic_is(s, "jrcxz")) || !strncmp(s->mnemonic, "set", 3) ||
		    !strncmp(s->mnemonic, "cmov", 4) ||
		    !strncmp(s->mnemonic, "adc", 3) || !strncmp(s->mnemonic, "sbb", 3) || !strncmp(s->mnemonic, "rc", 2) ||
		    !strncmp(s->mnemonic, "adcx", 4) || !strncmp(s->mnemonic, "adox", 4) || !strcmp(s->mnemonic, "lahf") || !strncmp(s->mnemonic, "fcmov", 5) ||
		    !strcmp(s->mnemonic, "cmc"))
			*use |= FLAGS_BIT;
}

/* Where a branch at `from` leads, by a name, or a number and a direction. */
static bool branch_target(const struct labels *labels, const struct source *source, size_t from, const char *name, size_t *at)
{
	size_t digits = strspn(name, "0123456789");

	if (digits && (name[digits] == 'f' || name[digits] == 'b') && !name[digits + 1]) {
		for (size_t i = from; name[digits] == 'f' ? ++i < source->count : i-- > 0;)
			if (source->statements[i].kind == STATEMENT_LABEL && strlen(source->statements[i].text) == digits &&
			    !strncmp(source->statements[i].text, name, digits)) {
				*at = i;
				return true;
			}
		return false;
	}
	return label_find(labels, name, at);
}

/* r10 carries the static chain to a nested function called directly; gcc names those `inner.0` (clones: `outer.part.0`,
 * `inner.0.part.1`). Their addresses are never taken: trampolines are refused. */
static uint32_t static_chain(const struct statement *s)
{
	const char *name = s->operands[0].text, *dot;

	if (s->operands[0].kind != OPERAND_SYMBOL || name[0] == '.')
		return 0;
	dot = strchr(name, '.');
	return dot && dot[1] >= '0' && dot[1] <= '9' ? BIT(R10) : 0;
}

/* At a branch that leaves the function: a tail call, or, by a local label, the rest of it in another section; but .LTHUNK is what gcc calls
 * the function that a thunk of C++ goes on to. */
static uint32_t elsewhere(const struct source *source, const struct statement *s)
{
	const char *name = s->operands[0].text;
	size_t length = strlen(name);

	if (!source->compiled || s->app || (name[0] == '.' && strncmp(name, ".LTHUNK", 7)) || (length > 5 && !strcmp(name + length - 5, ".cold")))
		return EVERYTHING;
	return (s->calls ? SAVED | s->takes : AT_TAIL_CALL) | static_chain(s);
}

/* A gate takes its arguments as a system call does. */
static bool gate_call(const struct source *source, const struct statement *s)
{
	const struct operand *o = &s->operands[0];

	return o->kind == OPERAND_MEMORY && (o->segment == 'g' || (source->policy == POLICY_LIBOS && o->base == R14));
}

/* What a call takes beside the calling convention's registers: a gate no flags, other code by hand whatever it likes. */
static uint32_t by_hand(const struct source *source, const struct statement *s)
{
	return gate_call(source, s) ? BIT(R10) : s->app || !source->compiled ? BIT(R10) | BIT(R11) | FLAGS_BIT : 0;
}

/* Does the compiler keep unlikely blocks of this function apart, as NAME.cold? A switch may jump there. */
static bool function_is_split(const struct source *source, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < source->cold_count; i++)
		if (!strncmp(source->cold[i], name, length) && (!strcmp(source->cold[i] + length, ".cold") || !source->cold[i][length]))
			return true;
	return false;
}

static void cold_find(struct source *source)
{
	for (size_t i = 0; i < source->count; i++) {
		const struct statement *s = &source->statements[i];
		size_t length = strlen(s->text);
		if (s->kind != STATEMENT_LABEL || length < 6 || strcmp(s->text + length - 5, ".cold"))
			continue;
		source->cold = realloc(source->cold, (source->cold_count + 1) * sizeof *source->cold);
		if (!source->cold)
			abort();
		source->cold[source->cold_count++] = s->text;
	}
}

/* gcc writes the table of a switch (.long .Lcase-.Ltable..., or .quad .Lcase...) right behind its jump: that is where the jump may land. What
 * does not look exactly so stays unknown. */
static void switch_follow(const struct source *source, size_t jump, const struct labels *labels)
{
	struct statement *all = source->statements, *s = &all[jump];
	const char *table = NULL;
	size_t room = 0;

	s->lands_count = 0;
	if (!source->compiled || s->app)
		return;
	for (size_t i = jump + 1; i < source->count && all[i].kind != STATEMENT_INSTRUCTION; i++) {
		const char *text = all[i].text;
		size_t at, name;
		if (all[i].kind == STATEMENT_LABEL && !all[i].code) {
			if (table)
				return;
			table = text;
			continue;
		}
		if (!table && !strncmp(text, ".cfi_endproc", 12))
			return;                 /* what follows the function is an array at most */
		bool whole = !strncmp(text, ".quad", 5);
		if (!whole && strncmp(text, ".long", 5)) {
			if (table && s->lands_count && all[i].kind == STATEMENT_DIRECTIVE)
				return;         /* the table's end */
			continue;
		}
		text += 5 + strspn(text + 5, " \t");
		name = strcspn(text, "-");
		char *one = strndup(text, name);
		bool good = table && (whole ? !text[name] : text[name] == '-' && !strcmp(text + name + 1, table)) &&
			    (!s->lands_count || whole == (s->table != NULL)) && branch_target(labels, source, jump, one, &at);
		free(one);
		if (!good)
			break;
		if (s->lands_count == room) {
			room = room ? 2 * room : 64;
			s->lands = realloc(s->lands, room * sizeof *s->lands);
			if (!s->lands)
				abort();
		}
		s->table = whole ? table : NULL;
		s->lands[s->lands_count++] = at;
	}
	s->lands_count = 0;
}

/* What is live where the indirect jump may land. */
static uint32_t at_lands(const struct source *source, const struct statement *s)
{
	uint32_t live = 0;

	for (size_t i = 0; i < s->lands_count; i++)
		live |= source->statements[s->lands[i]].live;
	return live;
}

/* What is live behind an indirect jump: of a switch, of computed gotos, or a tail call. */
static uint32_t indirect_live(const struct source *source, const struct statement *s, bool split, uint32_t at_pads, bool pads)
{
	if (s->calls)
		return SAVED | s->takes;
	if (s->lands_count)
		return at_lands(source, s);
	if (split)
		return EVERYTHING;
	return at_pads | (!source->dumped && (s->delta == 8 || !pads) ? AT_TAIL_CALL : 0);
}

/* One function: statements [first, last]. */
static void function_liveness(struct source *source, size_t first, size_t last)
{
	struct statement *all = source->statements;
	size_t pads_count = 0;
	struct labels labels = labels_of(source, first, last);
	size_t *pads = calloc(last - first + 1, sizeof *pads);
	size_t *targets = calloc(last - first + 1, sizeof *targets);
	bool seen = false, split = false, app = false, catches = false;

	for (size_t i = first; i <= last; i++) {
		if (all[i].kind == STATEMENT_LABEL && all[i].is_function)
			split |= function_is_split(source, all[i].text);
		catches |= all[i].kind == STATEMENT_DIRECTIVE && !strncmp(all[i].text, ".cfi_lsda", 9);
		if (all[i].kind != STATEMENT_INSTRUCTION)
			continue;
		if (!strcmp(all[i].mnemonic, "endbr64") && seen)
			pads[pads_count++] = i;
		seen = true;
		app = all[i].app;       /* is the last one written by hand? */
	}
	for (size_t i = first; i <= last; i++)
		if (all[i].kind == STATEMENT_INSTRUCTION && all[i].count == 1 && all[i].operands[0].kind == OPERAND_SYMBOL &&
		    !branch_target(&labels, source, i, all[i].operands[0].text, &targets[i - first]))
			targets[i - first] = SIZE_MAX;
		else if (targets[i - first] && all[i].count == 1 && all[i].kind == STATEMENT_INSTRUCTION && !mnemonic_is(&all[i], "call") &&
			 all[targets[i - first]].delta != all[i].delta)
			source_error(source, &all[i], "the CFI here and at %s do not agree about the stack", all[i].operands[0].text);
	for (size_t i = first; catches && source->compiled && i <= last; i++)
		if (all[i].kind == STATEMENT_INSTRUCTION && mnemonic_is(&all[i], "call") && all[i].delta == 8 && !all[i].app)
			source_error(source, &all[i], "a call without a frame, in a function that catches: "
						      "-mpreferred-stack-boundary=3 does not go with exceptions");
	for (size_t i = first; i <= last; i++)
		if (all[i].kind == STATEMENT_INSTRUCTION && mnemonic_is(&all[i], "jmp") && all[i].count && all[i].operands[0].indirect)
			switch_follow(source, i, &labels);
	for (bool changed = true; changed;) {
		changed = false;
		/* What the compiler lets run past a function's end is unreachable to it (an impossible case of a switch). */
		uint32_t after = source->compiled && !app ? 0 : EVERYTHING;
		uint32_t at_pads[2] = {0, 0};      /* a jump lands where r15 stands against V as it does at the jump */
		bool pads_here[2] = {false, false};
		for (size_t p = 0; p < pads_count; p++)
			at_pads[all[pads[p]].delta == 8] |= all[pads[p]].live, pads_here[all[pads[p]].delta == 8] = true;
		for (size_t i = last + 1; i-- > first;) {
			struct statement *s = &all[i];
			uint32_t live = after, use, define;
			if (s->kind != STATEMENT_INSTRUCTION) {
				s->live = after;
				continue;
			}
			use_define(s, &use, &define);
			if (mnemonic_is(s, "ret"))
				live = source->compiled && !s->app ? AT_RETURN : AT_RETURN | SCRATCH;
			else if (!strcmp(s->mnemonic, "ud2") || !strcmp(s->mnemonic, "hlt"))
				live = source->compiled && !s->app ? 0 : EVERYTHING;    /* by hand: what does not return may use all (longjmp) */
			else if (mnemonic_is(s, "call"))
				live = (after & ~(SCRATCH | FLAGS_BIT)) | (s->calls ? s->takes : ARGUMENTS) | static_chain(s) | by_hand(source, s) |
				       s->unwinds | (catches ? (at_pads[0] | at_pads[1]) & SAVED : 0); /* an exception may end in one of them */
			else if (mnemonic_is(s, "jmp") && s->count && s->operands[0].indirect)
				live = s->after = indirect_live(source, s, split, at_pads[s->delta == 8], pads_here[0]);
			else if (s->count == 1 && s->operands[0].kind == OPERAND_SYMBOL) {
				size_t target = targets[i - first];
				uint32_t there = target == SIZE_MAX ? elsewhere(source, s) : all[target].live;
				live = statement_falls_through(s) ? after | there : there;
			}
			live = (live & ~define) | use;
			if (!mnemonic_is(s, "jmp"))
				s->after = after;
			if (live != s->live) {
				s->live = live;
				changed = true;
			}
			after = live;
		}
	}
	free(labels.sorted);
	free(pads);
	free(targets);
}

void liveness_pass(struct source *source)
{
	cold_find(source);
	for (size_t first = 0; first < source->count;) {
		size_t last = first;
		int function = source->statements[first].function;
		if (function < 0) {
			first++;
			continue;
		}
		/* A function's statements may be interrupted by data sections. */
		for (size_t i = first + 1; i < source->count; i++) {
			if (source->statements[i].function == function)
				last = i;
			else if (source->statements[i].function >= 0)
				break;
		}
		function_liveness(source, first, last);
		first = last + 1;
	}
}
