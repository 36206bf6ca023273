/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The interpreter: threaded code over decoded blocks. It is the reference that translated code is compared with. Integer
 * instructions are here; the others are calls to execute_*.c. Nothing here trusts an address: memory is reached through memory.h.
 */
#include <stdio.h>
#include <string.h>
#include "emulator/block.h"
#include "emulator/fault.h"
#include "emulator/memory.h"
#include "emulator/system.h"
#include "emulator/trace.h"

static const void *const *labels;

const void *const *interpret_labels(void)
{
	if (!labels)
		interpret(NULL, NULL);
	return labels;
}

#define NEXT() do { op++; goto *op->run; } while (0)
#define X(r) cpu->x[op->r]
#define IMMEDIATE ((int64_t)op->immediate)
#define PC (block->pc + block->place[op - block->operation].offset)
#define SIMPLE(code, expression) label_##code: X(rd) = (uint64_t)(expression); NEXT()
#define WORD(code, expression) label_##code: X(rd) = (uint64_t)(int64_t)(int32_t)(expression); NEXT()
#define BRANCH(code, condition) label_##code: if (condition) { cpu->pc = PC + (uint64_t)IMMEDIATE; goto leave_direct; } NEXT()
#define LOAD_TO(code, type, n, destination, extra) \
	label_##code: { \
		type value; \
		__builtin_memcpy(&value, memory_load_check(cpu, op, X(rs1) + (uint64_t)IMMEDIATE, n), sizeof value); \
		destination = (uint64_t)(int64_t)value | (extra); \
	} NEXT()
#define STORE_FROM(code, type, n, source) \
	label_##code: { \
		uint64_t address = X(rs1) + (uint64_t)IMMEDIATE; \
		type value = (type)(source); \
		void *to = memory_store_check(cpu, op, address, n); \
		if (unlikely(memory_page_tagged(address))) \
			memory_store_tagged(address, &value, sizeof value); \
		else \
			__builtin_memcpy(to, &value, sizeof value); \
	} NEXT()

static inline int64_t divide(int64_t a, int64_t b)
{
	return b == 0 ? -1 : a == INT64_MIN && b == -1 ? a : a / b;
}
static inline int64_t rest(int64_t a, int64_t b)
{
	return b == 0 ? a : b == -1 ? 0 : a % b;
}
static inline int32_t divide_word(int32_t a, int32_t b)
{
	return b == 0 ? -1 : a == INT32_MIN && b == -1 ? a : a / b;
}
static inline int32_t rest_word(int32_t a, int32_t b)
{
	return b == 0 ? a : b == -1 ? 0 : a % b;
}

void interpret(struct cpu *cpu, struct block *block)
{
	static const void *const by_code[CODES] = {
#define ENTRY_INTEGER(code) [code] = &&label_##code,
#define ENTRY_ATOMIC(code) [code] = &&call,
#define ENTRY_FLOAT(code) [code] = &&call,
#define ENTRY_CONTROL(code) [code] = &&call,
#define ENTRY_CAPABILITY(code) [code] = &&call,
#define INSTRUCTION(kind, code, name, match, mask, format, result) ENTRY_##kind(code)
#include "emulator/instructions.def"
#undef INSTRUCTION
		[SETTLE] = &&label_SETTLE, [STEP] = &&label_STEP, [ILLEGAL] = &&label_ILLEGAL, [FETCH_FAULT] = &&label_FETCH_FAULT,
	};
	static const void *plain[CODES], *traced[CODES];
	if (!cpu) {
		for (unsigned code = 0; code < CODES; code++) {
			bool last = decode_kind(code) == KIND_CAPABILITY && decode_ends_block(code);
			plain[code] = last ? &&call_last : by_code[code];
			traced[code] = &&trace;
		}
		labels = settings.trace ? traced : plain;
		return;
	}
	const struct operation *op;
enter:
	cpu->block = block;
	op = block->operation;
	goto *op->run;

trace:
	trace_operation(cpu, block, op);
	goto *plain[op->code];

call:
	execute_functions[op->code](cpu, op);
	NEXT();
call_last: {	/* this may take the block away */
		struct place place = block->place[op - block->operation];
		cpu->pc = block->pc + place.offset + 4;
		execute_functions[op->code](cpu, op);
		cpu->capability_mask &= ~place.written;
		cpu->instructions += place.done;
		goto next;
	}

leave_direct: {
		struct place *place = &block->place[op - block->operation];
		cpu->capability_mask &= ~place->written;
		cpu->instructions += place->done;
		struct block *next = place->link;
		if (unlikely(cpu->interrupt))
			return;
		if (unlikely(!next)) {
			next = block_find(cpu);
			place->link = next;
		}
		block = next;
		goto go_on;
	}
leave:
	cpu->capability_mask &= ~block->place[op - block->operation].written;
	cpu->instructions += block->place[op - block->operation].done;
next:
	if (unlikely(cpu->interrupt))
		return;
	block = block_find(cpu);
go_on:
	if (settings.translate) {	/* leave it to block_run, unless that would not have it */
		enum variant variant = cpu->capability_mask || block->refused[WITHOUT_CAPABILITIES];
		if (block->native[variant] || (!block->refused[variant] && ++block->executions >= settings.hot))
			return;
	}
	goto enter;

label_SETTLE:
	cpu->capability_mask &= ~(uint32_t)op->immediate;
	NEXT();
label_STEP:
	cpu->pc = PC;
	goto leave_direct;
label_ILLEGAL:
	fault_illegal(cpu, op, (uint32_t)op->immediate);
label_FETCH_FAULT:
	if (op->immediate)
		fault_cheri(cpu, op, op->immediate, CHERI_PCC, PC);
	fault_signal(cpu, op, SIGSEGV, SEGV_MAPERR, PC, "code that cannot be read");

label_LUI:
	X(rd) = (uint64_t)IMMEDIATE;
	NEXT();
label_AUIPC:
	X(rd) = PC + (uint64_t)IMMEDIATE;
	NEXT();
label_JAL: {
		/* the instruction's length is where the block ends */
		uint64_t here = PC;
		X(rd) = block->pc + block->size;
		cpu->pc = here + (uint64_t)IMMEDIATE;
		goto leave_direct;
	}
label_JALR: {
		uint64_t to = (X(rs1) + (uint64_t)IMMEDIATE) & ~(uint64_t)1;
		X(rd) = block->pc + block->size;
		cpu->pc = to;
		goto leave;
	}
	BRANCH(BEQ, X(rs1) == X(rs2));
	BRANCH(BNE, X(rs1) != X(rs2));
	BRANCH(BLT, (int64_t)X(rs1) < (int64_t)X(rs2));
	BRANCH(BGE, (int64_t)X(rs1) >= (int64_t)X(rs2));
	BRANCH(BLTU, X(rs1) < X(rs2));
	BRANCH(BGEU, X(rs1) >= X(rs2));
	LOAD_TO(LB, int8_t, 0, X(rd), 0);
	LOAD_TO(LH, int16_t, 1, X(rd), 0);
	LOAD_TO(LW, int32_t, 2, X(rd), 0);
	LOAD_TO(LD, int64_t, 3, X(rd), 0);
	LOAD_TO(LBU, uint8_t, 0, X(rd), 0);
	LOAD_TO(LHU, uint16_t, 1, X(rd), 0);
	LOAD_TO(LWU, uint32_t, 2, X(rd), 0);
	LOAD_TO(FLW, uint32_t, 2, cpu->f[op->rd], 0xffffffff00000000ull);
	LOAD_TO(FLD, uint64_t, 3, cpu->f[op->rd], 0);
	STORE_FROM(SB, uint8_t, 0, X(rs2));
	STORE_FROM(SH, uint16_t, 1, X(rs2));
	STORE_FROM(SW, uint32_t, 2, X(rs2));
	STORE_FROM(SD, uint64_t, 3, X(rs2));
	STORE_FROM(FSW, uint32_t, 2, cpu->f[op->rs2]);
	STORE_FROM(FSD, uint64_t, 3, cpu->f[op->rs2]);
	SIMPLE(ADDI, X(rs1) + (uint64_t)IMMEDIATE);
	SIMPLE(SLTI, (int64_t)X(rs1) < IMMEDIATE);
	SIMPLE(SLTIU, X(rs1) < (uint64_t)IMMEDIATE);
	SIMPLE(XORI, X(rs1) ^ (uint64_t)IMMEDIATE);
	SIMPLE(ORI, X(rs1) | (uint64_t)IMMEDIATE);
	SIMPLE(ANDI, X(rs1) & (uint64_t)IMMEDIATE);
	SIMPLE(SLLI, X(rs1) << IMMEDIATE);
	SIMPLE(SRLI, X(rs1) >> IMMEDIATE);
	SIMPLE(SRAI, (int64_t)X(rs1) >> IMMEDIATE);
	SIMPLE(ADD, X(rs1) + X(rs2));
	SIMPLE(SUB, X(rs1) - X(rs2));
	SIMPLE(SLL, X(rs1) << (X(rs2) & 63));
	SIMPLE(SLT, (int64_t)X(rs1) < (int64_t)X(rs2));
	SIMPLE(SLTU, X(rs1) < X(rs2));
	SIMPLE(XOR, X(rs1) ^ X(rs2));
	SIMPLE(SRL, X(rs1) >> (X(rs2) & 63));
	SIMPLE(SRA, (int64_t)X(rs1) >> (X(rs2) & 63));
	SIMPLE(OR, X(rs1) | X(rs2));
	SIMPLE(AND, X(rs1) & X(rs2));
	WORD(ADDIW, (uint32_t)X(rs1) + (uint32_t)op->immediate);
	WORD(SLLIW, (uint32_t)X(rs1) << op->immediate);
	WORD(SRLIW, (uint32_t)X(rs1) >> op->immediate);
	WORD(SRAIW, (int32_t)X(rs1) >> op->immediate);
	WORD(ADDW, (uint32_t)X(rs1) + (uint32_t)X(rs2));
	WORD(SUBW, (uint32_t)X(rs1) - (uint32_t)X(rs2));
	WORD(SLLW, (uint32_t)X(rs1) << (X(rs2) & 31));
	WORD(SRLW, (uint32_t)X(rs1) >> (X(rs2) & 31));
	WORD(SRAW, (int32_t)X(rs1) >> (X(rs2) & 31));
	SIMPLE(MUL, X(rs1) * X(rs2));
	SIMPLE(MULH, (__int128)(int64_t)X(rs1) * (int64_t)X(rs2) >> 64);
	SIMPLE(MULHSU, (__int128)(int64_t)X(rs1) * (__int128)X(rs2) >> 64);
	SIMPLE(MULHU, (unsigned __int128)X(rs1) * X(rs2) >> 64);
	SIMPLE(DIV, divide((int64_t)X(rs1), (int64_t)X(rs2)));
	SIMPLE(DIVU, X(rs2) ? X(rs1) / X(rs2) : ~(uint64_t)0);
	SIMPLE(REM, rest((int64_t)X(rs1), (int64_t)X(rs2)));
	SIMPLE(REMU, X(rs2) ? X(rs1) % X(rs2) : X(rs1));
	WORD(MULW, (uint32_t)X(rs1) * (uint32_t)X(rs2));
	WORD(DIVW, divide_word((int32_t)X(rs1), (int32_t)X(rs2)));
	WORD(DIVUW, (uint32_t)X(rs2) ? (uint32_t)X(rs1) / (uint32_t)X(rs2) : ~(uint32_t)0);
	WORD(REMW, rest_word((int32_t)X(rs1), (int32_t)X(rs2)));
	WORD(REMUW, (uint32_t)X(rs2) ? (uint32_t)X(rs1) % (uint32_t)X(rs2) : (uint32_t)X(rs1));
label_FENCE:
	atomic_thread_fence(memory_order_seq_cst);
	NEXT();
label_FENCE_I:
	cpu->pc = block->pc + block->size;
	cpu->capability_mask &= ~block->place[op - block->operation].written;
	cpu->instructions += block->place[op - block->operation].done;
	block_flush(cpu);	/* this block is gone */
	return;
label_ECALL:
	if (!(cpu->code_permissions & PERMIT_SYSTEM_REGISTERS))
		fault_cheri(cpu, op, CHERI_SYSTEM_REGISTERS, CHERI_PCC, PC);
	cpu->pc = block->pc + block->size;
	cpu->instructions += block->place[op - block->operation].done;
	system_call(cpu);	/* may change anything, blocks included */
	return;
label_EBREAK:
	fault_signal(cpu, op, SIGTRAP, TRAP_BRKPT, PC, "ebreak");
}
