/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the passes of the rewriter share: a source file as a list of statements, an instruction's operands, and the
 * register numbering of x86-64. Untrusted: the verifier judges the machine code that comes out.
 */
#ifndef REWRITE_H
#define REWRITE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum gpr { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, RIP, NO_REG = -1 };
#define BIT(r) (1u << (r))
#define CALL_KEEPS (BIT(RBX) | BIT(RBP) | BIT(R12) | BIT(R13) | BIT(R14) | BIT(R15))
#define FLAGS_BIT (1u << 16)    /* the arithmetic flags, in a liveness mask */

enum policy { POLICY_PROGRAM, POLICY_LIBOS };

enum operand_kind { OPERAND_REGISTER, OPERAND_OTHER_REGISTER, OPERAND_IMMEDIATE, OPERAND_MEMORY, OPERAND_SYMBOL };

struct operand {
	enum operand_kind kind;
	bool indirect;          /* written with '*' */
	char *text;             /* as written, without '*'; of an immediate without '$' */
	enum gpr reg;           /* OPERAND_REGISTER */
	int size;               /* bytes of the register: 1 2 4 8 */
	bool high;              /* ah ch dh bh */
	char segment;           /* 0, 'f', 'g' or another first letter */
	char *disp;             /* symbolic or numeric displacement, "" if none */
	enum gpr base, index;   /* 64-bit numbering; RIP possible as base */
	bool wide;              /* base and index were written as 64-bit registers */
	char *scale;
};

enum statement_kind { STATEMENT_LABEL, STATEMENT_DIRECTIVE, STATEMENT_INSTRUCTION, STATEMENT_TEXT };

#define MOST_OPERANDS 5
struct statement {
	enum statement_kind kind;
	const char *file;       /* where it was written, as far as known: see read.c */
	int line;
	char *text;             /* label name, directive with arguments, or the instruction */
	bool code;              /* lies in an executable section */
	bool app;               /* from inline assembly */
	/* instructions */
	char *prefix;           /* "lock", "rep"... or "" */
	char *mnemonic;
	int count;
	struct operand operands[MOST_OPERANDS];
	/* set by the passes */
	int delta;              /* r15 - V before this statement: 0 or 8 */
	bool is_function;       /* a label that .type calls a function */
	enum { PAD_NONE, PAD_THERE, PAD_MISSING, PAD_UNWANTED } pad;    /* of a label: has it a landing pad, or is it to get one? */
	uint32_t unwinds;       /* registers that must be right at a call here for an unwinder (mask); only with CFI */
	bool has_cfi;           /* inside .cfi_startproc ... .cfi_endproc */
	bool calls;             /* gcc's dump (-dP) calls it a call, or a tail call, */
	uint32_t takes;         /* that takes these registers (mask) */
	uint32_t dies;          /* of a jump, from the dump: registers that nobody reads behind it */
	uint32_t live;          /* registers live before it (mask) */
	uint32_t after;         /* of an indirect jump: registers live where it may land */
	size_t *lands;          /* of a switch's jump: the statements its table names; NULL: not known */
	size_t lands_count;
	const char *table;      /* that one's name, if it holds whole addresses; NULL: differences */
	int function;           /* index of the function it lies in, -1 outside */
	enum gpr index;         /* of a jump through a table: which of its places; else NO_REG */
	bool index_dead;        /* whatever `after` says */
	enum gpr loaded;        /* that takes its label from an array: where that is read later on, too; else NO_REG */
	struct array *array;    /* NULL: a switch, and `lands` its table */
	bool certain;           /* that is what the operand's base holds; else they are compared first */
	bool bounded;           /* the index is within the table */
	struct statement *bound;        /* what makes it that, taken from its place to be a step of the jump; or NULL */
};

/* A static array of labels, for computed gotos */
#define TABLE_PLACES 4096u      /* TABLE_MOST of machine/x86_64/unit.h */
struct array {
	const char *name;
	size_t *lands;
	size_t lands_count;
	int function;
	size_t at;              /* its label's statement; its lines follow */
	bool jumps;             /* some jump through it has been converted */
	unsigned number;        /* of its table, once that is written */
};

struct source {
	const char *name;       /* for messages */
	bool compiled;          /* by a compiler, which puts landing pads and CFI where they belong */
	bool dumped;            /* with -dP: what each call takes is known */
	struct statement *statements;
	size_t count;
	enum policy policy;
	bool trap;              /* -mtrap */
	FILE *out;
	int functions;
	struct array *arrays;
	size_t array_count;
	char **cold;            /* labels NAME.cold: the parts of functions a compiler keeps apart */
	size_t cold_count;
};

/* Prints "NAME:LINE: error: ..." and ends the rewriter with status 1. */
__attribute__((noreturn, format(printf, 3, 4)))
void source_error(const struct source *source, const struct statement *at, const char *format, ...);

/* Only with another option can this be compiled. carrel-cc (CARREL_RETRY names a file) does it at once; by hand it is an error. */
__attribute__((noreturn)) void source_wants(const struct source *source, const struct statement *at, const char *option, const char *what);
/* Better code is possible with the compiler's dump (-dP). Returns where there is one, or none to be had. */
void source_asks_dump(const struct source *source);
__attribute__((noreturn)) void source_wants_register(const struct source *source, const struct statement *at, const char *purpose);

void source_read(struct source *source, FILE *in);              /* read.c */
void operand_parse(const struct source *source, struct statement *s, char *arguments);  /* operand.c */
const char *register_name(enum gpr reg, int size);
bool mnemonic_known(const struct statement *s);                 /* mnemonic.c */
bool mnemonic_is(const struct statement *s, const char *base);  /* base, or base with a size suffix */
bool label_is_debug(const char *name);
struct labels {
	struct label *sorted;   /* the caller frees it */
	size_t count;
};
struct labels labels_of(const struct source *source, size_t first, size_t last);        /* labels.c; of these statements */
bool label_find(const struct labels *labels, const char *name, size_t *at);
bool statement_falls_through(const struct statement *s);
void weak_pass(struct source *source);                          /* weak.c */
void delta_pass(struct source *source);                         /* delta.c */
void liveness_pass(struct source *source);                      /* liveness.c */
void flags_pass(struct source *source);                         /* flags.c */
void arrays_find(struct source *source);                        /* arrays.c */
struct array *array_of(const struct source *source, int function);
void tables_pass(struct source *source);                        /* tables.c */
void pads_pass(struct source *source);                          /* pads.c */
void entries_pass(struct source *source);                       /* entries.c */
size_t table_places(size_t lands);                              /* emit_table.c */
void emit_pass(struct source *source);                          /* emit.c */
bool operand_number(const char *text, long *value);

#endif
