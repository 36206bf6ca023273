/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The translator: a block's operations one by one, then its slow paths and exits. Code memory is mapped twice, once to write and
 * once to run. Exits to known addresses are joined with their targets once those are translated; a backward one looks at
 * cpu->interrupt first, as do indirect jumps, so no loop is without a look.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <asm/prctl.h>
#include <unistd.h>
#include <ucontext.h>
#include "emulator/block.h"
#include "emulator/memory.h"
#include "emulator/translate/emit.h"
#include "emulator/translate/step.h"
#include "emulator/translate/translate.h"

enum { CODE_SIZE = 64 << 20, BLOCK_ROOM = 64 << 10, EXITS = 1 << 20, RANGES = 1 << 18 };

static uint8_t *code_write, *code_run;
static size_t used, start; /* start: behind the stubs */
static uint8_t *no_code, *leave_stub, *slow_stub; /* as written */

static uint8_t **exits; /* the rel32 of each exit, as written */
static unsigned exit_count;
static struct range {
	uint32_t from; /* in the code */
	uint32_t *offset; /* of each operation's code, from there */
	const struct block *block;
} * ranges;
static unsigned range_count;

void translate_enter_code(char *cpu_biased, const void *native);
extern const char translate_leave_code[], translate_slow_code[];

static void jump_absolute(struct emitter *e, const void *to)
{
	struct operand through = in_register(RDX);
	emit_move_constant(e, RDX, (uint64_t)to);
	emit(e, 0, 0xff, 4, through);
}

static void stubs(struct emitter *e)
{
	leave_stub = e->at;
	jump_absolute(e, translate_leave_code);
	slow_stub = e->at;
	jump_absolute(e, translate_slow_code);
	no_code = e->at; /* rax: the address that has no code */
	emit(e, WIDE, 0x89, RAX, FIELD(pc));
	emit_immediate(e, 0, 0xc7, 0, FIELD(exit_number), 0);
	jump_absolute(e, translate_leave_code);
}

/* Fresh code memory at the places given, or anywhere: written through one mapping, run through the other. */
static bool code_map(void *write_at, void *run_at)
{
	int fd = memfd_create("carrel-cheri code", MFD_CLOEXEC), fixed = write_at ? MAP_FIXED : 0;
	if (fd < 0 || ftruncate(fd, CODE_SIZE))
		return false;
	code_write = mmap(write_at, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | fixed, fd, 0);
	code_run = mmap(run_at, CODE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED | fixed, fd, 0);
	close(fd);
	if (code_write == MAP_FAILED || code_run == MAP_FAILED)
		return false;
	static struct emitter emitter;
	emitter = (struct emitter){.at = code_write, .end = code_write + 4096};
	stubs(&emitter);
	return true;
}

bool translate_init(void)
{
	exits = malloc(EXITS * sizeof *exits);
	ranges = malloc(RANGES * sizeof *ranges);
	start = used = 4096;
	exit_count = 1;
	return exits && ranges && code_map(NULL, NULL);
}

/* The mappings are shared with the parent: this process needs its own before it writes or runs any code. */
bool translate_forked(void)
{
	return !code_run || code_map(code_write, code_run);
}

const void *translate_no_code(void)
{
	return no_code ? no_code - code_write + code_run : NULL;
}

void translate_flush(void)
{
	for (unsigned n = 0; n < range_count; n++)
		free(ranges[n].offset);
	range_count = 0;
	exit_count = 1;
	used = start;
}

size_t translate_total(void)
{
	return range_count;
}

size_t translate_bytes(void)
{
	return used - start;
}

/* A way out, by the jump or branch whose rel32 is given. */
static void leave_by(struct emitter *e, uint8_t *rel, uint64_t pc, bool linkable)
{
	e->leave[e->leaves++] = (struct leave){rel, pc, linkable};
}

static void look_at_interrupt(struct emitter *e)
{
	emit_immediate(e, 0, 0x81, 7, FIELD(interrupt), 0);
}

/* The registers written since the last time hold integers. */
static void settle(struct emitter *e, uint32_t written)
{
	if (e->variant == WITH_CAPABILITIES && written)
		emit_immediate(e, 0, 0x81, 4, FIELD(capability_mask), (int32_t)~written);
}

static uint32_t written(const struct emitter *e)
{
	return e->block->place[e->operation - e->block->operation].written;
}

static uint32_t written_before(const struct emitter *e)
{
	ptrdiff_t n = e->operation - e->block->operation;
	return n ? e->block->place[n - 1].written : 0;
}

static void go(struct emitter *e, uint64_t to)
{
	settle(e, written(e));
	if (to <= e->pc) {
		look_at_interrupt(e);
		leave_by(e, emit_branch(e, C_NE), to, false);
	}
	if (to == e->block->pc)
		emit_target(e, emit_jump(e), e->entry);
	else
		leave_by(e, emit_jump(e), to, true);
}

static void branch(struct emitter *e, const struct operation *op, unsigned condition)
{
	uint64_t to = e->pc + (uint64_t)(int64_t)op->immediate;
	if (op->rs1 == op->rs2) {
		emit(e, 0, 0x39, RAX, in_register(RAX));
	} else if (!op->rs2 && pinned[op->rs1] >= 0) {
		emit(e, WIDE, 0x85, pinned[op->rs1], in_register(pinned[op->rs1]));
	} else if (!op->rs2) {
		emit_immediate(e, WIDE, 0x81, 7, guest(op->rs1), 0);
	} else {
		int a = source(e, op->rs1, RAX);
		emit(e, WIDE, 0x3b, a, guest(op->rs2));
	}
	if (to > e->pc && (e->variant == WITHOUT_CAPABILITIES || !written(e))) {
		leave_by(e, emit_branch(e, condition), to, true);
		return;
	}
	uint8_t *not_taken = emit_branch(e, condition ^ 1);
	go(e, to);
	emit_here(e, not_taken);
}

static void link_register(struct emitter *e, const struct operation *op)
{
	if (op->rd == SINK)
		return;
	int to = target(op->rd, RCX);
	emit_move_constant(e, to, e->block->pc + e->block->size);
	store_result(e, op->rd, to);
}

static void jump_indirect(struct emitter *e, const struct operation *op)
{
	struct operand entry = FIELD(jump);
	entry.index = RCX;
	if (pinned[op->rs1] >= 0) {
		emit(e, WIDE, 0x8d, RAX, at(pinned[op->rs1], op->immediate));
	} else {
		load_into(e, RAX, op->rs1);
		if (op->immediate)
			emit_immediate(e, WIDE, 0x81, 0, in_register(RAX), op->immediate);
	}
	emit_immediate(e, WIDE, 0x81, 4, in_register(RAX), -2);
	link_register(e, op);
	settle(e, written(e));
	if (e->variant == WITH_CAPABILITIES) { /* the last one gone? Then the other variant from here on */
		emit_immediate(e, 0, 0x81, 7, FIELD(capability_mask), 0);
		emit_target(e, emit_branch(e, C_E), no_code);
	}
	emit(e, 0, 0x8b, RCX, in_register(RAX));
	emit_immediate(e, 0, 0xc1, 4, in_register(RCX), 5);
	emit_immediate(e, 0, 0x81, 4, in_register(RCX), (JUMPS - 1) << 6);
	_Static_assert(sizeof(struct jump) == 64 && offsetof(struct jump, pc) == 0, "the shift above");
	emit(e, WIDE, 0x3b, RAX, entry);
	emit_target(e, emit_branch(e, C_NE), no_code);
	emit(e, WIDE, 0x8b, RDX, FIELD(context));
	entry.displacement += (int32_t)offsetof(struct jump, context);
	emit(e, WIDE, 0x3b, RDX, entry);
	emit_target(e, emit_branch(e, C_NE), no_code);
	look_at_interrupt(e);
	emit_target(e, emit_branch(e, C_NE), no_code);
	entry.displacement += (int32_t)(offsetof(struct jump, native[e->variant]) - offsetof(struct jump, context));
	emit(e, 0, 0xff, 4, entry);
}

/* True when the block ends here. */
static bool operation(struct emitter *e, const struct operation *op)
{
	switch (op->code) {
	case JAL:
		link_register(e, op);
		go(e, e->pc + (uint64_t)(int64_t)op->immediate);
		return true;
	case JALR:
		jump_indirect(e, op);
		return true;
	case STEP:
		settle(e, written(e));
		leave_by(e, emit_jump(e), e->pc, true);
		return true;
	case SETTLE:
		settle(e, (uint32_t)op->immediate);
		return false;
	case BEQ:
		branch(e, op, C_E);
		return false;
	case BNE:
		branch(e, op, C_NE);
		return false;
	case BLT:
		branch(e, op, C_L);
		return false;
	case BGE:
		branch(e, op, C_GE);
		return false;
	case BLTU:
		branch(e, op, C_B);
		return false;
	case BGEU:
		branch(e, op, C_AE);
		return false;
	default:
		break;
	}
	if (!step_possible(op, e->variant)) { /* the interpreter goes on from here */
		settle(e, written_before(e));
		leave_by(e, emit_jump(e), e->pc, false);
		return true;
	}
	if (!emit_integer(e, op) && !emit_memory(e, op) && !emit_float(e, op))
		slow_only(e);
	return false;
}

static void slow_paths(struct emitter *e)
{
	for (unsigned n = 0; n < e->slows;) {
		const struct slow *first = &e->slow[n];
		for (; n < e->slows && e->slow[n].operation == first->operation; n++)
			emit_here(e, e->slow[n].jump);
		emit_move_constant(e, RAX, (uint64_t)first->operation);
		emit_move_constant(e, RCX, (uint64_t)e->block);
		emit_byte(e, 0xe8);
		emit_word(e, 0);
		emit_target(e, e->at - 4, slow_stub);
		emit_target(e, emit_jump(e), first->back);
	}
}

static void leaves(struct emitter *e)
{
	for (unsigned n = 0; n < e->leaves; n++) {
		const struct leave *leave = &e->leave[n];
		unsigned number = 0;
		if (leave->linkable) {
			number = exit_count++;
			exits[number] = leave->jump;
		}
		emit_here(e, leave->jump);
		emit_move_constant(e, RAX, leave->pc);
		emit(e, WIDE, 0x89, RAX, FIELD(pc));
		emit_immediate(e, 0, 0xc7, 0, FIELD(exit_number), (int32_t)number);
		emit_target(e, emit_jump(e), leave_stub);
	}
}

bool translate_block(struct cpu *cpu, struct block *block, enum variant variant)
{
	static struct emitter emitter;
	struct emitter *e = &emitter;
	if (!step_possible(&block->operation[0], variant) || block->operation[0].code == STEP) {
		block->refused[variant] = true;
		return true;
	}
	if (used + BLOCK_ROOM > CODE_SIZE || exit_count + EXIT_MOST > EXITS || range_count == RANGES)
		return false;
	used = (used + 15) & ~(size_t)15;
	e->at = e->entry = code_write + used;
	e->end = e->at + BLOCK_ROOM;
	e->cpu = cpu;
	e->block = block;
	e->variant = variant;
	e->data_from_zero = !cpu->data_base;
	e->full = false;
	e->slows = e->leaves = 0;
	uint32_t *offset = malloc(block->count * sizeof *offset);
	bool ended = false;
	if (!offset)
		return false;
	for (unsigned n = 0; n < block->count; n++) {
		offset[n] = (uint32_t)(e->at - e->entry);
		if (ended)
			continue;
		e->operation = &block->operation[n];
		e->pc = block->pc + block->place[n].offset;
		ended = operation(e, e->operation);
	}
	slow_paths(e);
	leaves(e);
	if (e->full) { /* 64 KiB for 64 instructions is plenty */
		free(offset);
		block->refused[variant] = true;
		return true;
	}
	ranges[range_count++] = (struct range){(uint32_t)used, offset, block};
	used = (size_t)(e->at - code_write);
	atomic_store(&block->native[variant], e->entry - code_write + code_run);
	return true;
}

void translate_enter(struct cpu *cpu, const void *native)
{
	static _Thread_local bool base_set;
	if (!base_set) {
		syscall(SYS_arch_prctl, ARCH_SET_GS, MEMORY_BASE);
		base_set = true;
	}
	translate_enter_code((char *)cpu + CPU_BIAS, native);
}

void translate_link(struct cpu *cpu, enum variant variant)
{
	unsigned number = cpu->exit_number;
	if (!number)
		return;
	struct block *block = block_find(cpu);
	const uint8_t *native = block->native[variant];
	if (!native)
		return;
	uint8_t *rel = exits[number];
	int32_t distance = (int32_t)(native - (rel - code_write + code_run + 4));
	__atomic_store_n((int32_t *)rel, distance, __ATOMIC_RELEASE);
}

const struct operation *translate_fault(struct cpu *cpu, void *context)
{
	static const struct {
		uint8_t x;
		int greg;
	} where[] = {{2, REG_RBX},  {8, REG_RSI},  {9, REG_RDI},  {10, REG_R8},  {11, REG_R9}, {12, REG_R10},
		     {13, REG_R11}, {14, REG_R12}, {15, REG_R13}, {16, REG_R14}, {17, REG_R15}};
	const greg_t *greg = ((ucontext_t *)context)->uc_mcontext.gregs;
	uint64_t at = (uint64_t)greg[REG_RIP] - (uint64_t)code_run;
	if (!code_run || at >= used)
		return NULL;
	unsigned low = 0, high = range_count;
	while (high - low > 1) {
		unsigned middle = (low + high) / 2;
		if (ranges[middle].from <= at)
			low = middle;
		else
			high = middle;
	}
	const struct range *range = &ranges[low];
	unsigned n = 0;
	while (n + 1 < range->block->count && range->offset[n + 1] <= at - range->from)
		n++;
	for (unsigned k = 0; k < sizeof where / sizeof *where; k++)
		cpu->x[where[k].x] = (uint64_t)greg[where[k].greg];
	cpu->block = (struct block *)(uintptr_t)range->block;
	return &range->block->operation[n];
}
