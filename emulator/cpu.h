/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The state of one emulated hardware thread, and the decoded form of its code. Everything in x, f and capabilities is under the
 * emulated program's control; everything else is the emulator's own and out of the program's reach.
 */
#ifndef EMULATOR_CPU_H
#define EMULATOR_CPU_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "emulator/capability.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Instruction codes, in the table's order, then what only the block builder makes. */
enum code {
#define INSTRUCTION(kind, code, name, match, mask, format, result) code,
#include "emulator/instructions.def"
#undef INSTRUCTION
	SETTLE,		/* the integer registers of the mask in `immediate` were written: they hold no capability */
	STEP,		/* end of a block that could go on: continue at the next address */
	ILLEGAL,	/* no instruction: `immediate` is the encoding */
	FETCH_FAULT,	/* the code cannot be read, or PCC does not reach it: why is in `immediate` */
	CODES,
	OPERATIONS_ENCODED = SETTLE,
};

enum { SINK = 32 };	/* integer results for x0 go to x[32] */

struct cpu;

struct operation {
	const void *run;	/* interpret.c: its label; 0 until the block is built */
	int32_t immediate;
	uint8_t rd, rs1, rs2, code;
};
_Static_assert(CODES <= 256 && sizeof(struct operation) == 16, "an operation is 16 bytes");

struct place {			/* beside each operation */
	struct block *_Atomic link;	/* where the exit from here leads, once known */
	uint16_t offset;	/* from the block's pc, in bytes */
	uint16_t done;		/* instructions up to and including this one */
	uint32_t written;	/* integer registers written since the last SETTLE, this operation's included */
};

/* Straight-line code from pc up to an unconditional transfer; conditional branches inside leave it when taken. */
struct block {
	uint64_t pc, context;
	struct block *next;	/* in its hash chain */
	const void *_Atomic native[2];	/* translate/: host code, by whether registers may hold capabilities (enum variant) */
	uint32_t count, executions;
	uint32_t size;		/* bytes of code */
	bool refused[2];	/* not worth translating */
	struct place *place;
	struct operation operation[];
};

enum variant { WITHOUT_CAPABILITIES, WITH_CAPABILITIES, VARIANTS };

struct jump {
	uint64_t pc, context;	/* context 0: empty */
	const void *native[VARIANTS];	/* where translated code goes; its own exit while the target is not translated */
	struct block *block;
	uint64_t padding[3];
};
_Static_assert(sizeof(struct jump) == 64, "translated code shifts by it");
enum { JUMPS = 4096, CONTEXTS_SEEN = 64 };

struct pending_fault {
	int signal, code;
	uint64_t address;
	uint32_t cheri;		/* cause | register << 5; 0 where it is no capability violation */
	char text[160];
};

struct cpu {
	/* Reached by translated code: offsets are small. */
	uint64_t x[33];
	uint64_t pc;
	uint64_t data_base;			/* DDC, cached: */
	uint64_t load_count[5], store_count[5];	/* how many addresses from data_base an access of 1 << n bytes may have */
	_Atomic uint32_t interrupt;		/* look at signals and the world before going on */
	uint32_t exit_number;			/* translate.c: which exit was taken, 0 when it leads to no fixed address */
	uint32_t rounding;			/* frm */
	uint32_t capability_mask;		/* bit r: register r has a capability half; else it is an integer */
	uint64_t f[32];
	uint64_t context;			/* number of PCC's bounds and DDC's kind: block.c */
	struct block *block;			/* being run, for faults */
	const struct operation *operation;

	struct context_seen {
		uint64_t base, top, kind, number;
	} context_seen[CONTEXTS_SEEN];		/* block.c: contexts by their bounds, so that a crossing need not search */
	uint64_t upper[32];
	uint32_t tags;				/* meaningful where capability_mask is set */
	struct capability pcc, ddc;		/* pcc.address is not kept: pc is */
	struct bounds code_bounds;
	uint32_t code_permissions;

	uint64_t reserved_address, reserved_value[2];	/* LR/SC; address ~0 when none */
	uint8_t reserved_size;
	bool reserved_tag;

	struct jump jump[JUMPS] __attribute__((aligned(64)));
	sigjmp_buf recover;
	struct pending_fault fault;
	uint64_t instructions;			/* interpreted, for --stats */
	uint64_t translated_entries;

	/* thread.c, signal.c */
	struct cpu *next;
	pthread_t thread;
	int thread_id;
	_Atomic int running;			/* in emulated code; 0 while in a system call or stopped */
	uint64_t clear_child, robust_list;
	sigset_t mask;				/* the program's blocked signals */
	_Atomic uint64_t pending;		/* bit signal - 1: arrived, not delivered */
	siginfo_t information[65];
	uint64_t alternate_base, alternate_size;
	bool alternate_set;
};

extern _Thread_local struct cpu *cpu_current;

/* The emulator's settings, fixed before the first instruction. */
struct settings {
	bool trace, stats, cheri, translate;
	uint32_t hot;		/* executions before a block is translated */
	const char *self;	/* the emulator's own file, for execve */
	char *const *options;	/* its options, passed on to programs it execs */
	int option_count;
};
extern struct settings settings;

/* cpu.c */
void cpu_init(struct cpu *cpu);
void cpu_set_data(struct cpu *cpu, struct capability ddc);
void cpu_set_code(struct cpu *cpu, struct capability pcc);
struct capability cpu_get(const struct cpu *cpu, unsigned r);
void cpu_put(struct cpu *cpu, unsigned r, struct capability c);
static inline void cpu_put_integer(struct cpu *cpu, unsigned r, uint64_t value)
{
	if (!r)
		return;
	cpu->x[r] = value;
	cpu->capability_mask &= ~(1u << r);
}
struct capability cpu_pcc(const struct cpu *cpu, uint64_t address);
_Noreturn void cpu_run(struct cpu *cpu);

/* interpret.c: runs from a block until something else than interpreted code is due; cpu->pc is where to go on. */
void interpret(struct cpu *cpu, struct block *block);
const void *const *interpret_labels(void);

/* Functions of execute_*.c, one per instruction that is not inside interpret.c. */
typedef void execute_function(struct cpu *cpu, const struct operation *operation);
extern execute_function *const execute_functions[CODES];

#endif
