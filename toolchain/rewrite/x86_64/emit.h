/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The state of the last pass while it writes, shared by its files.
 */
#ifndef EMIT_H
#define EMIT_H
#include "rewrite.h"

/* r15 = V + delta + lag: adjustments of r15 are gathered in `lag` and written as one lea before a label, a branch or
 * a bare use, or when data would lie further below r15 than signal delivery leaves alone (STACK_SKIP). In a program that lea has to lie
 * near to where the stack has been touched, with no label between (machine/x86_64/verify_stack.c). */
#define LAG_MOST 120

struct emitter {
	struct source *source;
	const struct statement *s;
	FILE *out;
	long lag;
	int delta, delta_after;
	uint32_t held;          /* scratch registers of the current statement that hold something */
	bool touched;           /* a program's stack, since the last label or call: */
	long touch;             /* so far from where r15 is now */
	bool window_known;      /* a library OS's r11 is what this address is without its displacement, mod 2^32: */
	struct operand window;
	int traps;              /* number of the current trap label */
	bool trap_used;
	bool falls;             /* control reaches this place from the instruction before */
	const char *file;       /* where the last marker put the assembler */
	int line;
};

bool libos(const struct emitter *e);
void emit(struct emitter *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
void stack_flush(struct emitter *e);                    /* emit_stack.c; before the statement, */
void stack_flush_behind(struct emitter *e);             /* behind it */
/* Whatever is known of the stack is not where control comes from elsewhere. */
void stack_forget(struct emitter *e);
/* Text of the memory operand V + offset. */
const char *stack_slot(struct emitter *e, long offset);
/* Text of a memory operand as an access; may write an address computation first (library OS). */
const char *memory_text(struct emitter *e, const struct operand *o);
/* emit_window.c, as memory_text for a library OS; and behind each instruction. */
const char *window_text(struct emitter *e, const struct operand *o);
void window_behind(struct emitter *e);
/* Text of the address alone, 64-bit registers, `extra` added; for lea. */
const char *address_text(struct emitter *e, const struct operand *o, long extra);
const char *operand_print(struct emitter *e, const struct operand *o);
/* `o`, which is disp(%rsp,...) of a program, by offsets: disp(%rsp) goes into x, which is its base from then on. r15 is more than an offset. */
struct operand stack_offset(struct emitter *e, const struct operand *o, enum gpr x);
#define TEXT_BUFFER 4096
char *text_buffer(void);                                /* of that size, until eight more were asked for */
/* As address_text, of registers of `size` bytes, 4 or 8. */
const char *address_parts(struct emitter *e, const struct operand *o, long extra, int size);
static inline uint32_t registers_busy(const struct statement *s)        /* registers not to be written for an address of it */
{
	return s->live | s->after | BIT(RSP) | BIT(R15);
}
/* A general register that is dead in `live`, and neither in `taken` nor held; NO_REG if there is none. */
enum gpr scratch_pick(const struct emitter *e, uint32_t live, uint32_t taken);
const char *trap_label(struct emitter *e);

#define REX_REGISTERS 0xff00u                           /* r8 to r15: not beside ah, ch, dh and bh */
const struct operand *high_byte(const struct statement *s);             /* emit_thread.c; NULL: none */
/* A thread-local address, or one whose relocation a 32-bit address cannot take: worked out in a free register first. */
const char *thread_local_text(struct emitter *e, const struct operand *o);
bool thread_pointer(struct emitter *e);
void branch_indirect(struct emitter *e, bool call);     /* emit_branch.c */
void checked_branch(struct emitter *e, const struct operand *to, enum gpr t, enum gpr s, const char *how);
void call_direct(struct emitter *e);
void table_jump(struct emitter *e);                     /* emit_table.c */
bool string_instruction(struct emitter *e);             /* emit_string.c */
bool bit_instruction(struct emitter *e);                /* emit_bit.c */
bool stack_instruction(struct emitter *e);              /* emit_stack.c */
void trap_check(struct emitter *e);                     /* emit_trap.c */
/* emit_flags.c: if the flags are in `live`, keeps them in rax, and rax in the register it gives, which is not in `taken`; NO_REG: they are not. */
enum gpr flags_keep(struct emitter *e, uint32_t live, uint32_t taken);
void flags_back(struct emitter *e, enum gpr keep);
void trap_check_register(struct emitter *e, enum gpr reg, uint32_t taken);  /* emit_trap.c */

#endif
