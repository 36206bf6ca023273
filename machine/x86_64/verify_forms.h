/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The verifier's two halves: verify_judge.c says what one instruction *form* is (its bytes without displacement and
 * immediate), verify.c walks text, remembers forms and checks what depends on the instance. Trusted.
 */
#ifndef VERIFY_FORMS_H
#define VERIFY_FORMS_H
#include <stdint.h>
#include <stddef.h>

/* What must be checked about each instance of a form. */
enum form_kind {
	FORM_PLAIN,             /* nothing */
	FORM_BRANCH,            /* relative: the target */
	FORM_RELATIVE_ACCESS,   /* rip-relative: the target lies in the image */
	FORM_THREAD_POINTER,    /* mov %fs:disp32, a 64-bit register: the displacement */
	FORM_WINDOW,            /* library OS: disp(%r14,%r11|%r15): the displacement */
	FORM_GATE,              /* call through a slot: the displacement */
	FORM_REBASE,            /* program: or %gs:0x10000,%T: only inside a checked branch; the displacement */
	FORM_UNIT_LOAD,         /* library OS: mov (%r14,%T),%Sd: only inside a checked branch */
	FORM_TABLE,             /* lea TABLE(%rip),%S: only inside a jump through a table */
	FORM_TABLE_ADD,         /* add (%S,%T,8),%S: likewise */
	FORM_INDIRECT,          /* jmp *%T or call *%T: closes a checked branch */
};

/* What an instruction of a program does with r15, its stack's pointer (verify_stack.c). */
enum form_stack {
	STACK_NONE,
	STACK_ACCESS,           /* memory at disp(%r15), without gs: the displacement */
	STACK_TOUCH,            /* the same, by an instruction that does not go on where nothing is mapped */
	STACK_MOVE,             /* lea disp(%r15),%r15: the displacement */
	STACK_SET,              /* a 32-bit write of r15d: a rebase must follow */
	STACK_REBASE,           /* or %gs:0x10000,%r15: only behind such a write; the displacement */
	STACK_LOST,             /* a call: r15 comes back as any other */
};

#define FORM_NO_REGISTER 0xff
#define FORM_LENGTH_MOST 15

struct form {
	uint8_t kind;
	uint8_t stack;          /* enum form_stack: beside the kind, which is FORM_PLAIN where the displacement is the stack's */
	uint8_t length;
	uint8_t key;            /* bytes that identify the form: up to displacement or immediate */
	uint8_t value_at;       /* offset of the displacement or branch distance to check, and its size: 1 or 4 */
	uint8_t value_size;
	uint8_t zero_extends;   /* register that a 32-bit mov writes, for the head of a checked branch */
	uint8_t target;         /* FORM_INDIRECT: T */
};

struct refusal {
	const char *rule;
	const char *reason;
};

/* Judges the instruction at bytes[0..available) under IMAGE_POLICY_*. 0 and the form, or -1 and the refusal (length in *length when known). */
int judge_form(int policy, const uint8_t *bytes, size_t available, struct form *form, struct refusal *refusal, unsigned *length);

#endif
