/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Xcheri's loads and stores: through a capability register, or through DDC with an address in an integer register, and those of
 * whole capabilities. The order of checks is the specification's: tag, seal, permission, bounds, then alignment.
 */
#include <string.h>
#include "emulator/execute.h"
#include "emulator/fault.h"
#include "emulator/memory.h"
#include "emulator/world.h"

/* Through which capability, its number for reports, and where. */
struct way {
	struct capability authority;
	unsigned reg;
	uint64_t address;
};

static struct way through_data(struct cpu *cpu, uint64_t address)
{
	return (struct way){cpu->ddc, CHERI_DDC, address};
}

static struct way through_register(struct cpu *cpu, unsigned r)
{
	struct capability c = cpu_get(cpu, r);
	return (struct way){c, r, c.address};
}

static void *check(struct cpu *cpu, const struct operation *op, const struct way *way, unsigned n, uint32_t needed)
{
	uint32_t has = capability_permissions(way->authority);
	if (!way->authority.tag)
		fault_cheri(cpu, op, CHERI_TAG, way->reg, way->address);
	if (capability_sealed(way->authority))
		fault_cheri(cpu, op, CHERI_SEAL, way->reg, way->address);
	if ((needed & PERMIT_LOAD) && !(has & PERMIT_LOAD))
		fault_cheri(cpu, op, CHERI_PERMIT_LOAD, way->reg, way->address);
	if ((needed & PERMIT_STORE) && !(has & PERMIT_STORE))
		fault_cheri(cpu, op, CHERI_PERMIT_STORE, way->reg, way->address);
	if ((needed & PERMIT_STORE_CAPABILITY) && !(has & PERMIT_STORE_CAPABILITY))
		fault_cheri(cpu, op, CHERI_PERMIT_STORE_CAPABILITY, way->reg, way->address);
	if ((needed & PERMIT_STORE_LOCAL) && !(has & PERMIT_STORE_LOCAL))
		fault_cheri(cpu, op, CHERI_PERMIT_STORE_LOCAL, way->reg, way->address);
	if (!capability_covers(way->authority, way->address, (uint64_t)1 << n))
		fault_cheri(cpu, op, CHERI_LENGTH, way->reg, way->address);
	void *at = memory_pointer(way->address, (uint64_t)1 << n);
	if (!at)
		fault_signal(cpu, op, SIGSEGV, SEGV_MAPERR, way->address, "access to no address a program has");
	cpu->operation = op;
	return at;
}

static void aligned(struct cpu *cpu, const struct operation *op, uint64_t address, unsigned n)
{
	if (address & ((1u << n) - 1))
		fault_signal(cpu, op, SIGBUS, BUS_ADRALN, address, "misaligned access of a capability or an atomic");
}

#define DDC_WAY through_data(cpu, cpu->x[op->rs1])
#define CAP_WAY through_register(cpu, op->rs1)

#define LOAD(name, type, n)                                                                                            \
	EXECUTE(L_##name##_DDC)                                                                                        \
	{                                                                                                              \
		struct way w = DDC_WAY;                                                                                \
		type v;                                                                                                \
		memcpy(&v, check(cpu, op, &w, n, PERMIT_LOAD), sizeof v);                                              \
		cpu->x[op->rd] = (uint64_t)(int64_t)v;                                                                 \
	}                                                                                                              \
	EXECUTE(L_##name##_CAP)                                                                                        \
	{                                                                                                              \
		struct way w = CAP_WAY;                                                                                \
		type v;                                                                                                \
		memcpy(&v, check(cpu, op, &w, n, PERMIT_LOAD), sizeof v);                                              \
		cpu->x[op->rd] = (uint64_t)(int64_t)v;                                                                 \
	}
LOAD(B, int8_t, 0)
LOAD(H, int16_t, 1)
LOAD(W, int32_t, 2)
LOAD(D, int64_t, 3)
LOAD(BU, uint8_t, 0)
LOAD(HU, uint16_t, 1)
LOAD(WU, uint32_t, 2)

static void store(struct cpu *cpu, const struct operation *op, struct way way, unsigned n)
{
	uint64_t value = cpu->x[op->rs2];
	void *at = check(cpu, op, &way, n, PERMIT_STORE);
	if (memory_page_tagged(way.address))
		memory_store_tagged(way.address, &value, 1u << n);
	else
		memcpy(at, &value, 1u << n);
}
#define STORE(name, n)                                                                                                 \
	EXECUTE(S_##name##_DDC)                                                                                        \
	{                                                                                                              \
		store(cpu, op, DDC_WAY, n);                                                                            \
	}                                                                                                              \
	EXECUTE(S_##name##_CAP)                                                                                        \
	{                                                                                                              \
		store(cpu, op, CAP_WAY, n);                                                                            \
	}
STORE(B, 0)
STORE(H, 1)
STORE(W, 2)
STORE(D, 3)

/* Without the permission to load capabilities their bits arrive, but no tag. */
static struct capability load_capability(struct cpu *cpu, const struct operation *op, const struct way *way,
					 uint32_t needed)
{
	check(cpu, op, way, 4, needed);
	aligned(cpu, op, way->address, 4);
	struct capability c = memory_capability_load(way->address);
	if (!(capability_permissions(way->authority) & PERMIT_LOAD_CAPABILITY))
		c.tag = false;
	return c;
}

static uint32_t store_needs(struct capability c)
{
	uint32_t needed = PERMIT_STORE;
	if (c.tag)
		needed |=
			PERMIT_STORE_CAPABILITY | (capability_permissions(c) & PERMIT_GLOBAL ? 0 : PERMIT_STORE_LOCAL);
	return needed;
}

/* A page whose bytes other mappings can change must not hold tags. */
static void taggable(struct cpu *cpu, const struct operation *op, uint64_t address, struct capability c)
{
	if (c.tag && memory_shared(address))
		fault_signal(cpu, op, SIGSEGV, SEGV_ACCERR, address, "a capability stored to a shared mapping");
}

static void store_capability(struct cpu *cpu, const struct operation *op, struct way way, struct capability c)
{
	check(cpu, op, &way, 4, store_needs(c));
	aligned(cpu, op, way.address, 4);
	taggable(cpu, op, way.address, c);
	memory_capability_store(cpu, way.address, c);
}

EXECUTE(L_C_DDC)
{
	struct way w = DDC_WAY;
	cpu_put(cpu, op->rd, load_capability(cpu, op, &w, PERMIT_LOAD));
}
EXECUTE(L_C_CAP)
{
	struct way w = CAP_WAY;
	cpu_put(cpu, op->rd, load_capability(cpu, op, &w, PERMIT_LOAD));
}
EXECUTE(S_C_DDC)
{
	store_capability(cpu, op, DDC_WAY, cpu_get(cpu, op->rs2));
}
EXECUTE(S_C_CAP)
{
	store_capability(cpu, op, CAP_WAY, cpu_get(cpu, op->rs2));
}
EXECUTE(LC)
{
	struct way w = through_data(cpu, cpu->x[op->rs1] + (uint64_t)(int64_t)op->immediate);
	cpu_put(cpu, op->rd, load_capability(cpu, op, &w, PERMIT_LOAD));
}
EXECUTE(SC)
{
	store_capability(cpu, op, through_data(cpu, cpu->x[op->rs1] + (uint64_t)(int64_t)op->immediate),
			 cpu_get(cpu, op->rs2));
}

/* Load-reserved and store-conditional: by comparing with what was loaded, as in execute_atomic.c, here under the lock of tags. */
static uint64_t load_reserved(struct cpu *cpu, const struct operation *op, struct way way, unsigned n)
{
	uint64_t value = 0;
	void *at = check(cpu, op, &way, n, PERMIT_LOAD);
	aligned(cpu, op, way.address, n);
	memcpy(&value, at, 1u << n);
	cpu->reserved_address = way.address;
	cpu->reserved_size = 1u << n;
	cpu->reserved_value[0] = value;
	unsigned unused = 64 - (8u << n);
	return (uint64_t)((int64_t)(value << unused) >> unused);
}

static bool store_conditional(struct cpu *cpu, const struct operation *op, struct way way, unsigned n, uint64_t value)
{
	void *at = check(cpu, op, &way, n, PERMIT_STORE);
	aligned(cpu, op, way.address, n);
	bool stored = cpu->reserved_address == way.address && cpu->reserved_size == 1u << n;
	uint8_t old8 = (uint8_t)cpu->reserved_value[0];
	uint16_t old16 = (uint16_t)cpu->reserved_value[0];
	uint32_t old32 = (uint32_t)cpu->reserved_value[0];
	uint64_t old64 = cpu->reserved_value[0];
	cpu->reserved_address = ~(uint64_t)0;
	if (!stored)
		return false;
	memory_tags_lock();
	switch (n) {
	case 0:
		stored = __atomic_compare_exchange_n((uint8_t *)at, &old8, (uint8_t)value, false, __ATOMIC_SEQ_CST,
						     __ATOMIC_SEQ_CST);
		break;
	case 1:
		stored = __atomic_compare_exchange_n((uint16_t *)at, &old16, (uint16_t)value, false, __ATOMIC_SEQ_CST,
						     __ATOMIC_SEQ_CST);
		break;
	case 2:
		stored = __atomic_compare_exchange_n((uint32_t *)at, &old32, (uint32_t)value, false, __ATOMIC_SEQ_CST,
						     __ATOMIC_SEQ_CST);
		break;
	default:
		stored = __atomic_compare_exchange_n((uint64_t *)at, &old64, value, false, __ATOMIC_SEQ_CST,
						     __ATOMIC_SEQ_CST);
	}
	if (stored && memory_page_tagged(way.address))
		memory_tag_clear(way.address, 1u << n);
	memory_tags_unlock();
	return stored;
}

#define RESERVED(name, n)                                                                                              \
	EXECUTE(LR_##name##_DDC)                                                                                       \
	{                                                                                                              \
		cpu->x[op->rd] = load_reserved(cpu, op, DDC_WAY, n);                                                   \
	}                                                                                                              \
	EXECUTE(LR_##name##_CAP)                                                                                       \
	{                                                                                                              \
		cpu->x[op->rd] = load_reserved(cpu, op, CAP_WAY, n);                                                   \
	}                                                                                                              \
	EXECUTE(SC_##name##_DDC)                                                                                       \
	{                                                                                                              \
		cpu_put_integer(cpu, op->rs2, !store_conditional(cpu, op, DDC_WAY, n, cpu->x[op->rs2]));               \
	}                                                                                                              \
	EXECUTE(SC_##name##_CAP)                                                                                       \
	{                                                                                                              \
		cpu_put_integer(cpu, op->rs2, !store_conditional(cpu, op, CAP_WAY, n, cpu->x[op->rs2]));               \
	}
RESERVED(B, 0)
RESERVED(H, 1)
RESERVED(W, 2)
RESERVED(D, 3)

static void load_reserved_capability(struct cpu *cpu, const struct operation *op, struct way way)
{
	struct capability c = load_capability(cpu, op, &way, PERMIT_LOAD);
	cpu->reserved_address = way.address;
	cpu->reserved_size = 16;
	cpu->reserved_value[0] = c.address;
	cpu->reserved_value[1] = c.upper;
	cpu_put(cpu, op->rd, c);
}

static bool store_conditional_capability(struct cpu *cpu, const struct operation *op, struct way way,
					 struct capability c)
{
	uint64_t *at = check(cpu, op, &way, 4, store_needs(c));
	aligned(cpu, op, way.address, 4);
	taggable(cpu, op, way.address, c);
	bool stored = cpu->reserved_address == way.address && cpu->reserved_size == 16;
	cpu->reserved_address = ~(uint64_t)0;
	if (!stored)
		return false;
	exclusive_begin(cpu); /* plain stores of others included */
	stored = at[0] == cpu->reserved_value[0] && at[1] == cpu->reserved_value[1];
	if (stored)
		memory_capability_store(cpu, way.address, c);
	exclusive_end(cpu);
	return stored;
}

EXECUTE(LR_C_DDC)
{
	load_reserved_capability(cpu, op, DDC_WAY);
}
EXECUTE(LR_C_CAP)
{
	load_reserved_capability(cpu, op, CAP_WAY);
}
EXECUTE(LR_C)
{
	load_reserved_capability(cpu, op, DDC_WAY);
}
EXECUTE(SC_C_DDC)
{
	cpu_put_integer(cpu, op->rs2, !store_conditional_capability(cpu, op, DDC_WAY, cpu_get(cpu, op->rs2)));
}
EXECUTE(SC_C_CAP)
{
	cpu_put_integer(cpu, op->rs2, !store_conditional_capability(cpu, op, CAP_WAY, cpu_get(cpu, op->rs2)));
}
EXECUTE(SC_C)
{
	cpu->x[op->rd] = !store_conditional_capability(cpu, op, DDC_WAY, cpu_get(cpu, op->rs2));
}
EXECUTE(AMOSWAP_C)
{
	struct way way = DDC_WAY;
	struct capability new = cpu_get(cpu, op->rs2), old;
	check(cpu, op, &way, 4, PERMIT_LOAD | store_needs(new));
	aligned(cpu, op, way.address, 4);
	taggable(cpu, op, way.address, new);
	exclusive_begin(cpu);
	old = memory_capability_load(way.address);
	memory_capability_store(cpu, way.address, new);
	exclusive_end(cpu);
	if (!(capability_permissions(way.authority) & PERMIT_LOAD_CAPABILITY))
		old.tag = false;
	cpu_put(cpu, op->rd, old);
}

/* The tags of one 64-byte line. */
EXECUTE(CLOADTAGS)
{
	struct way way = through_register(cpu, op->rs1);
	check(cpu, op, &way, 6, PERMIT_LOAD);
	if (!(capability_permissions(way.authority) & PERMIT_LOAD_CAPABILITY))
		fault_cheri(cpu, op, CHERI_PERMIT_LOAD_CAPABILITY, way.reg, way.address);
	aligned(cpu, op, way.address, 6);
	uint64_t result = 0;
	for (unsigned n = 0; n < 4; n++)
		result |= (uint64_t)memory_capability_load(way.address + 16 * n).tag << n;
	cpu->x[op->rd] = result;
}
