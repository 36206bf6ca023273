/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Xcheri's inspection, derivation and jumps (ISAv9). Derivation never traps: what must not be yields an untagged capability.
 * Jumps trap with cause and register. execute_capability_memory.c has loads and stores.
 */
#include "emulator/execute.h"
#include "emulator/fault.h"
#include "emulator/memory.h"

#define CS1 cpu_get(cpu, op->rs1)
#define CS2 cpu_get(cpu, op->rs2)
#define RS2 cpu->x[op->rs2]
#define INSPECT(code, expression)                                                                                      \
	EXECUTE(code)                                                                                                  \
	{                                                                                                              \
		struct capability c = CS1;                                                                             \
		cpu->x[op->rd] = (uint64_t)(expression);                                                               \
	}

static uint64_t length(struct capability c)
{
	struct bounds b = capability_bounds(c);
	unsigned __int128 size = (b.top - b.base) & ((((unsigned __int128)1) << 65) - 1);
	return size >> 64 ? ~(uint64_t)0 : (uint64_t)size;
}

static int64_t type(struct capability c)
{
	uint32_t t = capability_type(c);
	return t > TYPE_MOST ? (int64_t)t - 0x40000 : (int64_t)t;
}

INSPECT(CGETPERM, capability_permissions(c))
INSPECT(CGETTYPE, type(c))
INSPECT(CGETBASE, capability_bounds(c).base)
INSPECT(CGETLEN, length(c))
INSPECT(CGETTAG, c.tag)
INSPECT(CGETSEALED, capability_sealed(c))
INSPECT(CGETOFFSET, c.address - capability_bounds(c).base)
INSPECT(CGETFLAGS, capability_flag(c))
INSPECT(CGETADDR, c.address)
INSPECT(CGETHIGH, c.upper)
INSPECT(CGETTOP, capability_bounds(c).top >> 64 ? ~(uint64_t)0 : (uint64_t)capability_bounds(c).top)
INSPECT(CRRL, (c.address + ~capability_alignment_mask(c.address)) & capability_alignment_mask(c.address))
INSPECT(CRAM, capability_alignment_mask(c.address))
INSPECT(CSUB, c.address - RS2)

static bool same(struct capability a, struct capability b)
{
	return a.tag == b.tag && a.address == b.address && a.upper == b.upper;
}
INSPECT(CSEQX, same(c, CS2))

/* Of an instruction whose first operand 0 means DDC. */
static struct capability or_data(struct cpu *cpu, unsigned r)
{
	return r ? cpu_get(cpu, r) : cpu->ddc;
}

static bool within(struct capability outer, struct capability inner)
{
	struct bounds o = capability_bounds(outer), i = capability_bounds(inner);
	uint32_t permissions = capability_permissions(inner);
	return i.base >= o.base && i.top <= o.top && (permissions & capability_permissions(outer)) == permissions;
}

EXECUTE(CTESTSUBSET)
{
	struct capability outer = or_data(cpu, op->rs1), inner = CS2;
	cpu->x[op->rd] = outer.tag == inner.tag && within(outer, inner);
}

/* A sealed capability cannot be changed: the result of trying is untagged. */
static struct capability changeable(struct capability c)
{
	if (capability_sealed(c))
		c.tag = false;
	return c;
}

static void bound(struct cpu *cpu, const struct operation *op, uint64_t size, bool must_be_exact)
{
	struct capability c = changeable(CS1);
	bool exact, covered = capability_covers(c, c.address, size);
	c = capability_with_bounds(c, size, &exact);
	c.tag = c.tag && covered && (exact || !must_be_exact);
	cpu_put(cpu, op->rd, c);
}
EXECUTE(CSETBOUNDS)
{
	bound(cpu, op, RS2, false);
}
EXECUTE(CSETBOUNDSEXACT)
{
	bound(cpu, op, RS2, true);
}
EXECUTE(CSETBOUNDSIMM)
{
	bound(cpu, op, (uint64_t)op->immediate, false);
}

EXECUTE(CANDPERM)
{
	struct capability c = changeable(CS1);
	cpu_put(cpu, op->rd, capability_with_permissions(c, capability_permissions(c) & (uint32_t)RS2));
}
EXECUTE(CSETFLAGS)
{
	cpu_put(cpu, op->rd, capability_with_flag(changeable(CS1), (unsigned)RS2));
}
EXECUTE(CSETADDR)
{
	cpu_put(cpu, op->rd, capability_with_address(changeable(CS1), RS2));
}
EXECUTE(CINCOFFSET)
{
	cpu_put(cpu, op->rd, capability_incremented(changeable(CS1), RS2));
}
EXECUTE(CINCOFFSETIMM)
{
	cpu_put(cpu, op->rd, capability_incremented(changeable(CS1), (uint64_t)(int64_t)op->immediate));
}
EXECUTE(CSETOFFSET)
{
	struct capability c = changeable(CS1);
	cpu_put(cpu, op->rd, capability_incremented(c, capability_bounds(c).base + RS2 - c.address));
}
EXECUTE(CSETHIGH)
{
	struct capability c = {CS1.address, RS2, false};
	cpu_put(cpu, op->rd, c);
}
EXECUTE(CMOVE)
{
	cpu_put(cpu, op->rd, CS1);
}
EXECUTE(CCLEARTAG)
{
	struct capability c = CS1;
	c.tag = false;
	cpu_put(cpu, op->rd, c);
}

/* May authority c seal or unseal with the type its address names? */
static bool authorises(struct capability c, uint32_t permission)
{
	return c.tag && !capability_sealed(c) && (capability_permissions(c) & permission) &&
	       capability_covers(c, c.address, 1) && c.address <= TYPE_MOST;
}

EXECUTE(CSEAL)
{
	struct capability c = changeable(CS1), authority = CS2;
	c.tag = c.tag && authorises(authority, PERMIT_SEAL);
	cpu_put(cpu, op->rd, capability_with_type(c, (uint32_t)authority.address));
}
EXECUTE(CCSEAL)
{
	struct capability c = CS1, authority = CS2;
	bool keep = !authority.tag || capability_sealed(c) || !capability_covers(authority, authority.address, 1) ||
		    authority.address == ~(uint64_t)0;
	if (!keep) {
		c.tag = c.tag && authorises(authority, PERMIT_SEAL);
		c = capability_with_type(c, (uint32_t)authority.address);
	}
	cpu_put(cpu, op->rd, c);
}
EXECUTE(CUNSEAL)
{
	struct capability c = CS1, authority = CS2;
	bool may = capability_type(c) <= TYPE_MOST && authorises(authority, PERMIT_UNSEAL) &&
		   authority.address == capability_type(c);
	c.tag = c.tag && may;
	c = capability_with_type(c, TYPE_UNSEALED);
	if (!(capability_permissions(authority) & PERMIT_GLOBAL))
		c = capability_with_permissions(c, capability_permissions(c) & ~(uint32_t)PERMIT_GLOBAL);
	cpu_put(cpu, op->rd, c);
}
EXECUTE(CSEALENTRY)
{
	struct capability c = changeable(CS1);
	c.tag = c.tag && (capability_permissions(c) & PERMIT_EXECUTE);
	cpu_put(cpu, op->rd, capability_with_type(c, TYPE_SENTRY));
}

/* Gives the bits of cs2 the authority of cs1, if that has all of it. Bounds in no form that set_bounds makes stay untagged. */
EXECUTE(CBUILDCAP)
{
	struct capability authority = or_data(cpu, op->rs1), c = CS2;
	struct bounds b = capability_bounds(c);
	bool exact, sentry = capability_type(c) == TYPE_SENTRY;
	struct capability plain = capability_with_type(c, TYPE_UNSEALED), again = plain;
	again.address = b.base;
	again = capability_with_bounds(again, (uint64_t)(b.top - b.base), &exact);
	bool whole = b.base == 0 && b.top >> 64; /* a length set_bounds cannot be given */
	bool canonical = whole ? (plain.upper & 0x7ffffff) == (capability_root(0).upper & 0x7ffffff)
			       : exact && again.upper == plain.upper;
	bool may =
		authority.tag && !capability_sealed(authority) && b.base <= b.top && within(authority, c) && canonical;
	plain.tag = may;
	cpu_put(cpu, op->rd, sentry ? capability_with_type(plain, TYPE_SENTRY) : plain);
}
EXECUTE(CCOPYTYPE)
{
	struct capability c = CS1, typed = CS2;
	if (capability_type(typed) > TYPE_MOST) {
		cpu_put(cpu, op->rd, (struct capability){.address = (uint64_t)type(typed)});
		return;
	}
	bool covered = capability_covers(c, capability_type(typed), 1);
	c = capability_with_address(changeable(c), capability_type(typed));
	c.tag = c.tag && covered;
	cpu_put(cpu, op->rd, c);
}

EXECUTE(CSPECIALRW)
{
	enum { PCC, DDC };
	if (op->rs2 > DDC || (op->rs2 == PCC && op->rs1))
		fault_signal(cpu, op, SIGILL, ILL_PRVREG, FAULT_HERE,
			     "special capability register that a user program cannot access");
	struct capability old = op->rs2 == PCC ? cpu_pcc(cpu, cpu->pc - 4) : cpu->ddc;
	unsigned rd = op->rd;
	if (op->rs1)
		cpu_set_data(cpu, CS1); /* this may take the block away, and op with it */
	cpu_put(cpu, rd, old);
}

EXECUTE(CCLEAR)
{
	unsigned first = (unsigned)op->immediate >> 8 << 3, which = (unsigned)op->immediate & 0xff;
	for (unsigned n = 0; n < 8; n++)
		if (which >> n & 1) { /* cpu_set_data may take the block away, and op with it */
			if (first + n)
				cpu_put(cpu, first + n, (struct capability){0});
			else
				cpu_set_data(cpu, (struct capability){0});
		}
}
EXECUTE(FPCLEAR)
{
	unsigned first = (unsigned)op->immediate >> 8 << 3;
	for (unsigned n = 0; n < 8; n++)
		if (op->immediate >> n & 1)
			cpu->f[first + n] = 0;
}

/* Jumps: cpu->pc is the next instruction's address already. */
EXECUTE(JALR_CAP)
{
	struct capability to = CS1;
	uint64_t address = to.address & ~(uint64_t)1;
	if (!to.tag)
		fault_cheri(cpu, op, CHERI_TAG, op->rs1, address);
	if (capability_sealed(to) && capability_type(to) != TYPE_SENTRY)
		fault_cheri(cpu, op, CHERI_SEAL, op->rs1, address);
	if (!(capability_permissions(to) & PERMIT_EXECUTE))
		fault_cheri(cpu, op, CHERI_PERMIT_EXECUTE, op->rs1, address);
	if (!capability_covers(to, address, 2))
		fault_cheri(cpu, op, CHERI_LENGTH, op->rs1, address);
	cpu_put(cpu, op->rd, capability_with_type(cpu_pcc(cpu, cpu->pc), TYPE_SENTRY));
	cpu_set_code(cpu, capability_with_type(to, TYPE_UNSEALED));
	cpu->pc = address;
}
EXECUTE(JALR_PCC)
{
	uint64_t next = cpu->pc;
	cpu->pc = cpu->x[op->rs1] & ~(uint64_t)1;
	cpu->x[op->rd] = next;
}
EXECUTE(CINVOKE)
{
	struct capability code = CS1, data = CS2;
	uint64_t address = code.address & ~(uint64_t)1;
	if (!code.tag)
		fault_cheri(cpu, op, CHERI_TAG, op->rs1, address);
	if (!data.tag)
		fault_cheri(cpu, op, CHERI_TAG, op->rs2, address);
	if (capability_type(code) > TYPE_MOST)
		fault_cheri(cpu, op, CHERI_SEAL, op->rs1, address);
	if (capability_type(data) > TYPE_MOST)
		fault_cheri(cpu, op, CHERI_SEAL, op->rs2, address);
	if (capability_type(code) != capability_type(data))
		fault_cheri(cpu, op, CHERI_TYPE, op->rs1, address);
	if (!(capability_permissions(code) & PERMIT_CINVOKE))
		fault_cheri(cpu, op, CHERI_PERMIT_CINVOKE, op->rs1, address);
	if (!(capability_permissions(data) & PERMIT_CINVOKE))
		fault_cheri(cpu, op, CHERI_PERMIT_CINVOKE, op->rs2, address);
	if (!(capability_permissions(code) & PERMIT_EXECUTE))
		fault_cheri(cpu, op, CHERI_PERMIT_EXECUTE, op->rs1, address);
	if (capability_permissions(data) & PERMIT_EXECUTE)
		fault_cheri(cpu, op, CHERI_PERMIT_EXECUTE, op->rs2, address);
	if (!capability_covers(code, address, 2))
		fault_cheri(cpu, op, CHERI_LENGTH, op->rs1, address);
	cpu_put(cpu, 31, capability_with_type(data, TYPE_UNSEALED));
	cpu_set_code(cpu, capability_with_type(code, TYPE_UNSEALED));
	cpu->pc = address;
}
