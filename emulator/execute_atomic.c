/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The A extension on the host's atomics. Store-conditional compares with the value that was loaded. On pages that hold
 * capabilities every update is made under the lock of tags and clears the tag.
 */
#include "emulator/execute.h"
#include "emulator/fault.h"
#include "emulator/memory.h"

static void aligned(struct cpu *cpu, const struct operation *op, uint64_t address, unsigned n)
{
	if (address & ((1u << n) - 1))
		fault_signal(cpu, op, SIGBUS, BUS_ADRALN, address, "misaligned atomic access");
}

#define LOAD_RESERVED(code, type, n) \
	EXECUTE(code) \
	{ \
		uint64_t address = cpu->x[op->rs1]; \
		type *at = memory_load_check(cpu, op, address, n); \
		aligned(cpu, op, address, n); \
		type value = __atomic_load_n(at, __ATOMIC_SEQ_CST); \
		cpu->reserved_address = address; \
		cpu->reserved_size = sizeof(type); \
		cpu->reserved_value[0] = (uint64_t)value; \
		cpu->x[op->rd] = (uint64_t)(int64_t)value; \
	}
LOAD_RESERVED(LR_W, int32_t, 2)
LOAD_RESERVED(LR_D, int64_t, 3)

#define STORE_CONDITIONAL(code, type, n) \
	EXECUTE(code) \
	{ \
		uint64_t address = cpu->x[op->rs1]; \
		type *at = memory_store_check(cpu, op, address, n), value = (type)cpu->x[op->rs2]; \
		aligned(cpu, op, address, n); \
		bool stored = false; \
		if (cpu->reserved_address == address && cpu->reserved_size == sizeof(type)) { \
			type expected = (type)cpu->reserved_value[0]; \
			bool tagged = memory_page_tagged(address); \
			if (tagged) \
				memory_tags_lock(); \
			stored = __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
			if (tagged && stored) \
				memory_tag_clear(address, sizeof(type)); \
			if (tagged) \
				memory_tags_unlock(); \
		} \
		cpu->reserved_address = ~(uint64_t)0; \
		cpu->x[op->rd] = !stored; \
	}
STORE_CONDITIONAL(SC_W, int32_t, 2)
STORE_CONDITIONAL(SC_D, int64_t, 3)

#define UPDATE(code, type, n, expression) \
	EXECUTE(code) \
	{ \
		uint64_t address = cpu->x[op->rs1]; \
		memory_load_check(cpu, op, address, n); \
		type *at = memory_store_check(cpu, op, address, n), b = (type)cpu->x[op->rs2]; \
		aligned(cpu, op, address, n); \
		bool tagged = memory_page_tagged(address); \
		if (tagged) \
			memory_tags_lock(); \
		type a = __atomic_load_n(at, __ATOMIC_SEQ_CST); \
		while (!__atomic_compare_exchange_n(at, &a, (type)(expression), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) \
			; \
		if (tagged) { \
			memory_tag_clear(address, sizeof(type)); \
			memory_tags_unlock(); \
		} \
		cpu->x[op->rd] = (uint64_t)(int64_t)a; \
	}
#define BOTH(name, type_w, type_d, expression) UPDATE(name##_W, type_w, 2, expression) UPDATE(name##_D, type_d, 3, expression)
BOTH(AMOSWAP, int32_t, int64_t, b)
UPDATE(AMOADD_W, int32_t, 2, (uint32_t)a + (uint32_t)b)
UPDATE(AMOADD_D, int64_t, 3, (uint64_t)a + (uint64_t)b)
BOTH(AMOXOR, int32_t, int64_t, a ^ b)
BOTH(AMOAND, int32_t, int64_t, a & b)
BOTH(AMOOR, int32_t, int64_t, a | b)
BOTH(AMOMIN, int32_t, int64_t, a < b ? a : b)
BOTH(AMOMAX, int32_t, int64_t, a > b ? a : b)
/* Unsigned order; the result of a word is sign-extended all the same. */
UPDATE(AMOMINU_W, int32_t, 2, (uint32_t)a < (uint32_t)b ? a : b)
UPDATE(AMOMAXU_W, int32_t, 2, (uint32_t)a > (uint32_t)b ? a : b)
UPDATE(AMOMINU_D, int64_t, 3, (uint64_t)a < (uint64_t)b ? a : b)
UPDATE(AMOMAXU_D, int64_t, 3, (uint64_t)a > (uint64_t)b ? a : b)
