/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What one instruction form is, under a policy (docs/architecture.md, "Machine code"). The decoder is Zydis; where its
 * answers are known to be incomplete (bit offsets in registers, hidden memory operands, duplicate prefixes) the raw bytes
 * are looked at, and the allow-list leaves out what it gets wrong (clzero, monitor, enqcmd...). The attacker chose every byte.
 */
#include <string.h>
#include <Zydis/Zydis.h>

#include <carrel/image.h>
#include "machine/x86_64/verify_forms.h"

struct seen {
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	const uint8_t *bytes;
	int libos;
	int gs, fs;             /* segment prefix present */
	int address32;          /* 67 present */
};

#define REFUSE(rule_, reason_) return (*refusal = (struct refusal){rule_, reason_}), -1

static int vector_set(ZydisISASet set)
{
	switch (set) {
#define ALLOW(name)
#define ALLOW_SET(name) case ZYDIS_ISA_SET_##name:
#include "machine/x86_64/verify_allowed.def"
#undef ALLOW
#undef ALLOW_SET
		return 1;
	default:
		return 0;
	}
}

static int listed(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
#define ALLOW(name) case ZYDIS_MNEMONIC_##name:
#define ALLOW_SET(name)
#include "machine/x86_64/verify_allowed.def"
#undef ALLOW
#undef ALLOW_SET
		return 1;
	default:
		return 0;
	}
}

/* Vector instructions whose address is not, or not only, the operand one sees. */
static int lane_addressed(ZydisMnemonic m)
{
	return m == ZYDIS_MNEMONIC_MASKMOVQ || m == ZYDIS_MNEMONIC_MASKMOVDQU || m == ZYDIS_MNEMONIC_VMASKMOVDQU ||
	       m == ZYDIS_MNEMONIC_VMASKMOVPS || m == ZYDIS_MNEMONIC_VMASKMOVPD || m == ZYDIS_MNEMONIC_VPMASKMOVD ||
	       m == ZYDIS_MNEMONIC_VPMASKMOVQ;
}

/* 0..15 for a general register of any width, else -1. */
static int general(ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

	return whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15 ? (int)whole - (int)ZYDIS_REGISTER_RAX : -1;
}

/* The long nops gas pads with, and no other use of 2e or a repeated 66: 66* 2e? 0f 1f modrm sib disp. They access nothing. */
static int padding_nop(const uint8_t *b, size_t n)
{
	size_t at = 0;

	while (at < n && at < 6 && b[at] == 0x66)
		at++;
	size_t sixtysix = at;
	int cs = at < n && b[at] == 0x2e;
	at += (size_t)cs;
	if ((cs || sixtysix > 1) && !(n - at == 8 && !memcmp(b + at, "\x0f\x1f\x84\x00", 4)))
		return 0;
	return n - at >= 3 && b[at] == 0x0f && b[at + 1] == 0x1f &&
	       (b[at + 2] == 0x00 || b[at + 2] == 0x40 || b[at + 2] == 0x80 ||
		((b[at + 2] == 0x44 || b[at + 2] == 0x84) && b[at + 3] == 0x00));
}

static int prefixes_check(struct seen *s, struct refusal *refusal)
{
	unsigned count[256] = {0};

	for (int k = 0; k < s->i.raw.prefix_count; k++) {
		uint8_t value = s->i.raw.prefixes[k].value;
		if (count[value]++)
			REFUSE("prefix", "a prefix stands twice");
		if (value == 0x2e || value == 0x36 || value == 0x3e || value == 0x26)
			REFUSE("prefix", "cs, ss, ds and es prefixes are not accepted");
		if ((value & 0xf0) == 0x40 && k != s->i.raw.prefix_count - 1)
			REFUSE("prefix", "REX is not the last prefix");         /* nor can there be two */
		if (s->i.raw.prefixes[k].type == ZYDIS_PREFIX_TYPE_IGNORED && (value & 0xf0) != 0x40)
			REFUSE("prefix", "a prefix without effect");
	}
	s->gs = count[0x65] != 0;
	s->fs = count[0x64] != 0;
	s->address32 = count[0x67] != 0;
	if (s->gs && s->fs)
		REFUSE("prefix", "two segments");
	if (count[0xf2] && count[0xf3])
		REFUSE("prefix", "two repeat prefixes");
	if (s->i.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE || s->i.mnemonic == ZYDIS_MNEMONIC_RET) {
		if (count[0x66] || count[0x67] || count[0xf2] || count[0xf3] || count[0xf0] || count[0x64])
			REFUSE("branch-prefix", "a branch takes no prefix: processors differ on what it means");
	} else if ((count[0xf2] || count[0xf3]) && (s->i.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
			ZYDIS_ATTRIB_HAS_REPNE | ZYDIS_ATTRIB_HAS_XACQUIRE | ZYDIS_ATTRIB_HAS_XRELEASE | ZYDIS_ATTRIB_HAS_BND)))
		REFUSE("prefix", "rep and transaction prefixes are not accepted");
	return 0;
}

/* Instructions that certainly fault where their memory operand is not mapped, whatever registers and flags hold: prefetches, nops with an
 * operand and x87 stores with a pending exception do not, so these are named one by one. */
static int touches(ZydisMnemonic m)
{
	return m == ZYDIS_MNEMONIC_MOV || m == ZYDIS_MNEMONIC_MOVZX || m == ZYDIS_MNEMONIC_MOVSX || m == ZYDIS_MNEMONIC_MOVSXD ||
	       m == ZYDIS_MNEMONIC_ADD || m == ZYDIS_MNEMONIC_SUB || m == ZYDIS_MNEMONIC_CMP || m == ZYDIS_MNEMONIC_TEST ||
	       m == ZYDIS_MNEMONIC_AND || m == ZYDIS_MNEMONIC_OR || m == ZYDIS_MNEMONIC_XOR || m == ZYDIS_MNEMONIC_XCHG;
}

/* or MEMORY,%T, 64 bits wide, T whatever; its memory is looked at elsewhere. */
static int rebases(const struct seen *s)
{
	return s->i.mnemonic == ZYDIS_MNEMONIC_OR && s->i.opcode == 0x0b && s->i.operand_width == 64 && s->i.raw.prefix_count == 2;
}

static void value_at(struct form *form, unsigned at, unsigned bits)
{
	form->value_at = (uint8_t)at;
	form->value_size = (uint8_t)(bits / 8);
}

/* A memory operand that is accessed (not lea). */
static int memory_check(const struct seen *s, const ZydisDecodedOperand *o, struct form *form, struct refusal *refusal)
{
	int base = o->mem.base == ZYDIS_REGISTER_NONE ? -1 : general(o->mem.base);
	int index = o->mem.index == ZYDIS_REGISTER_NONE ? -1 : general(o->mem.index);
	int plain = o->mem.base == ZYDIS_REGISTER_NONE && o->mem.index == ZYDIS_REGISTER_NONE;

	if (o->mem.type != ZYDIS_MEMOP_TYPE_MEM)
		REFUSE("memory-form", "an address per lane or with hidden parts");
	if ((s->i.mnemonic == ZYDIS_MNEMONIC_BT || s->i.mnemonic == ZYDIS_MNEMONIC_BTS || s->i.mnemonic == ZYDIS_MNEMONIC_BTR ||
	     s->i.mnemonic == ZYDIS_MNEMONIC_BTC) && s->o[1].type == ZYDIS_OPERAND_TYPE_REGISTER)
		REFUSE("bit-offset", "a bit offset in a register reaches beyond its operand");
	if (s->i.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && s->i.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
	    s->i.opcode >= 0xa0 && s->i.opcode <= 0xa3)
		REFUSE("memory-form", "an absolute 64-bit address");
	if (o->mem.base == ZYDIS_REGISTER_RIP) {
		if (s->gs || s->fs || s->address32 || s->i.raw.disp.size != 32)
			REFUSE("memory-form", "a pc-relative access takes no prefix");
		form->kind = FORM_RELATIVE_ACCESS;
		value_at(form, s->i.raw.disp.offset, 32);
		return 0;
	}
	if (s->gs && s->address32) {
		if ((!plain && base < 0 && index < 0) || o->mem.base == ZYDIS_REGISTER_EIP)
			REFUSE("memory-form", "not a 32-bit address of general registers");
		return 0;
	}
	if (s->gs) {
		/* The window base and the gate slots: absolute disp32 through a SIB byte, nothing else. */
		if (s->libos || !plain || s->i.raw.disp.size != 32)
			REFUSE("memory-form", "a gs access needs the address-size prefix 67");
		value_at(form, s->i.raw.disp.offset, 32);
		if (s->i.mnemonic == ZYDIS_MNEMONIC_CALL)
			form->kind = FORM_GATE;
		else if (rebases(s) && general(s->o[0].reg.value) == 15)
			form->stack = STACK_REBASE;
		else if (rebases(s))
			form->kind = FORM_REBASE;
		else
			REFUSE("memory-form", "a gs access needs the address-size prefix 67");
		return 0;
	}
	if (s->fs) {
		if (s->libos)
			REFUSE("memory-form", "a library OS has no thread pointer");
		if (!plain || s->address32 || s->i.raw.disp.size != 32 || s->i.mnemonic != ZYDIS_MNEMONIC_MOV || s->i.opcode != 0x8b ||
		    s->i.opcode_map != ZYDIS_OPCODE_MAP_DEFAULT || s->i.operand_width != 64 || s->i.raw.prefix_count != 2)
			REFUSE("memory-form", "of fs, only the thread pointer is read, into a 64-bit register");
		form->kind = FORM_THREAD_POINTER;
		value_at(form, s->i.raw.disp.offset, 32);
		return 0;
	}
	if (!s->libos && !s->address32 && o->mem.base == ZYDIS_REGISTER_R15 && index < 0) {
		if (form->stack)
			REFUSE("memory-form", "an access at %r15 that writes r15");
		form->stack = touches(s->i.mnemonic) ? STACK_TOUCH : STACK_ACCESS;
		value_at(form, s->i.raw.disp.offset, s->i.raw.disp.size);
		return 0;
	}
	if (!s->address32 && s->i.mnemonic == ZYDIS_MNEMONIC_ADD && s->i.opcode == 0x03 && s->i.operand_width == 64 && o->mem.scale == 8 &&
	    base >= 0 && index >= 0 && s->i.raw.prefix_count == 1) {
		form->kind = FORM_TABLE_ADD;    /* its bytes are compared there */
		return 0;
	}
	if (s->libos && !s->address32 && o->mem.base == ZYDIS_REGISTER_R14) {
		value_at(form, s->i.raw.disp.offset, s->i.raw.disp.size);
		if (s->i.mnemonic == ZYDIS_MNEMONIC_CALL && o->mem.index == ZYDIS_REGISTER_NONE && form->value_size) {
			form->kind = FORM_GATE;
			return 0;
		}
		if (o->mem.scale == 1 && (o->mem.index == ZYDIS_REGISTER_R11 || o->mem.index == ZYDIS_REGISTER_R15)) {
			form->kind = FORM_WINDOW;
			return 0;
		}
		if (o->mem.scale == 1 && index >= 0 && index != 14 && index != 4 && s->i.mnemonic == ZYDIS_MNEMONIC_MOV &&
		    s->i.opcode == 0x8b && s->i.operand_width == 32 && !form->value_size) {
			form->kind = FORM_UNIT_LOAD;
			return 0;
		}
	}
	REFUSE("memory-form", s->libos ? "not disp(%r14,%r11), disp(%r14,%r15), pc-relative or a program address"
				       : "not %gs: with 32-bit registers, disp(%r15) or pc-relative");
}

static int lea_check(const struct seen *s, const ZydisDecodedOperand *o, struct form *form, struct refusal *refusal)
{
	if (s->gs || s->fs || s->address32)
		REFUSE("lea", "lea takes no segment and no 67");
	if (o->mem.base == ZYDIS_REGISTER_RIP && s->i.operand_width != 32) {
		if (s->i.operand_width != 64 || s->i.raw.prefix_count != 1)
			REFUSE("lea", "a pc-relative lea must have a 32-bit destination");
		form->kind = FORM_TABLE;
		value_at(form, s->i.raw.disp.offset, 32);
	}
	return 0;
}

/* An operation that clears the upper half of the register it writes. */
static int narrow_write(const struct seen *s, const ZydisDecodedOperand *o)
{
	switch (s->i.mnemonic) {
	case ZYDIS_MNEMONIC_MOV: case ZYDIS_MNEMONIC_LEA: case ZYDIS_MNEMONIC_ADD: case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_AND: case ZYDIS_MNEMONIC_OR: case ZYDIS_MNEMONIC_XOR: case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_INC: case ZYDIS_MNEMONIC_DEC: case ZYDIS_MNEMONIC_NEG: case ZYDIS_MNEMONIC_NOT:
		return o->size == 32 && o->visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT;
	default:
		return 0;
	}
}

/* In a library OS r14 is never written, r11 and r15 only so that the upper half is clear; in a program r15 is the stack's. */
static int reserved_write(const struct seen *s, const ZydisDecodedOperand *o, struct form *form, struct refusal *refusal)
{
	int reg = general(o->reg.value);

	if (!(o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) || (reg != 15 && (!s->libos || (reg != 14 && reg != 11))))
		return 0;
	if (reg == 14)
		REFUSE("reserved-register", "r14 is the library OS's window");
	if (!s->libos && s->i.mnemonic == ZYDIS_MNEMONIC_LEA && o->size == 64 && s->o[1].mem.base == ZYDIS_REGISTER_R15 &&
	    s->o[1].mem.index == ZYDIS_REGISTER_NONE) {
		form->stack = STACK_MOVE;
		value_at(form, s->i.raw.disp.offset, s->i.raw.disp.size);
		return 0;
	}
	if (!s->libos && s->gs && !s->address32 && rebases(s))  /* the memory operand says what it is */
		return 0;
	if (form->stack || !narrow_write(s, o))
		REFUSE("reserved-register", s->libos ? "r11 and r15 are written by 32-bit mov, lea, add, sub, and, or, xor, movzx, inc, dec, neg, not only"
						     : "r15 is written by lea disp(%r15),%r15, or by a 32-bit mov, lea, add, sub, and, or, xor, "
						       "movzx, inc, dec, neg, not only");
	if (!s->libos)
		form->stack = STACK_SET;
	return 0;
}

static int operands_check(struct seen *s, struct form *form, struct refusal *refusal)
{
	int control = s->i.mnemonic == ZYDIS_MNEMONIC_CALL || s->i.mnemonic == ZYDIS_MNEMONIC_RET;

	for (int k = 0; k < s->i.operand_count; k++) {
		const ZydisDecodedOperand *o = &s->o[k];
		int hidden = o->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
		if (o->type == ZYDIS_OPERAND_TYPE_REGISTER) {
			ZydisRegisterClass class = ZydisRegisterGetClass(o->reg.value);
			if (general(o->reg.value) == 4 && !(control && hidden))
				REFUSE("stack-pointer", "only call and ret touch rsp");
			if (class == ZYDIS_REGCLASS_SEGMENT || class == ZYDIS_REGCLASS_CONTROL || class == ZYDIS_REGCLASS_DEBUG)
				REFUSE("system-register", "segment, control and debug registers are not the guest's");
			if (reserved_write(s, o, form, refusal))
				return -1;
		} else if (o->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			if (hidden && control)
				continue;       /* the control stack */
			if (hidden)
				REFUSE("implicit-memory", "a memory operand that is not written down");
			if (general(o->mem.base) == 4 || general(o->mem.index) == 4)
				REFUSE("stack-pointer", "only call and ret touch rsp");
			if (s->i.mnemonic == ZYDIS_MNEMONIC_LEA ? lea_check(s, o, form, refusal) : memory_check(s, o, form, refusal))
				return -1;
		}
	}
	return 0;
}

static int branch_check(const struct seen *s, struct form *form, struct refusal *refusal)
{
	const ZydisDecodedOperand *to = &s->o[0];

	if (s->i.mnemonic == ZYDIS_MNEMONIC_RET) {
		if (s->i.length != 1 || s->bytes[0] != 0xc3)    /* cb is the far one */
			REFUSE("return", "only the one-byte ret");
		return 0;
	}
	if (s->i.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
		REFUSE("far-branch", "far branches change the code segment");
	if (to->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && to->imm.is_relative) {
		if (s->i.raw.imm[0].size != 8 && s->i.raw.imm[0].size != 32)
			REFUSE("branch-prefix", "a 16-bit branch distance");
		if (s->gs || s->fs || s->i.raw.prefix_count)
			REFUSE("branch-prefix", "a direct branch takes no prefix");
		form->kind = FORM_BRANCH;
		value_at(form, s->i.raw.imm[0].offset, s->i.raw.imm[0].size);
		return 0;
	}
	if (to->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		if (to->size != 64 || s->gs || s->fs || (s->i.raw.prefix_count && s->i.raw.prefixes[0].value != 0x41))
			REFUSE("indirect-branch", "not the plain jmp *%T or call *%T");
		form->kind = FORM_INDIRECT;
		form->target = (uint8_t)general(to->reg.value);
		return 0;
	}
	if (form->kind == FORM_GATE)
		return 0;
	REFUSE("indirect-branch", "a branch through memory that is not a gate");
}

int judge_form(int policy, const uint8_t *bytes, size_t available, struct form *form, struct refusal *refusal, unsigned *length)
{
	ZydisDecoder decoder;
	struct seen s;

	*length = 0;
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);   /* a few stores */
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, available, &s.i, s.o)))
		REFUSE("decode", "not an instruction, or cut off by the end of the text");
	*length = s.i.length;
	s.bytes = bytes;
	s.libos = policy == IMAGE_POLICY_LIBOS;
	*form = (struct form){.kind = FORM_PLAIN, .length = s.i.length, .key = s.i.length, .zero_extends = FORM_NO_REGISTER,
			      .target = FORM_NO_REGISTER};
	if (s.i.mnemonic == ZYDIS_MNEMONIC_NOP && s.i.opcode == 0x1f && s.i.opcode_map == ZYDIS_OPCODE_MAP_0F) {
		/* The whole instruction is the key: no displacement is masked. */
		if (!padding_nop(bytes, s.i.length))
			REFUSE("prefix", "not one of the assembler's long nops");
		return 0;
	}
	if (prefixes_check(&s, refusal))
		return -1;
	if (s.i.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY && s.i.encoding != ZYDIS_INSTRUCTION_ENCODING_VEX)
		REFUSE("opcode", "only legacy and VEX encodings are accepted");
	int vector = vector_set(s.i.meta.isa_set) && !lane_addressed(s.i.mnemonic);
	if (!listed(s.i.mnemonic) && !vector)
		REFUSE("opcode", "not on the allow-list");
	if (s.libos && vector && !listed(s.i.mnemonic))
		REFUSE("opcode", "a library OS keeps the program's vector registers");
	if (operands_check(&s, form, refusal))
		return -1;
	if ((s.i.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE || s.i.mnemonic == ZYDIS_MNEMONIC_RET) &&
	    branch_check(&s, form, refusal))
		return -1;
	if ((s.gs || s.fs) && s.i.operand_count_visible && form->kind == FORM_PLAIN) {
		int memory = 0;
		for (int k = 0; k < s.i.operand_count_visible; k++)
			memory |= s.o[k].type == ZYDIS_OPERAND_TYPE_MEMORY;
		if (!memory)
			REFUSE("prefix", "a segment without a memory operand");
	}
	if (s.i.mnemonic == ZYDIS_MNEMONIC_CALL)
		form->stack = STACK_LOST;
	if (s.address32 && !s.gs)
		REFUSE("memory-form", "67 without gs addresses the low 4 GiB of the host");
	if (s.i.mnemonic == ZYDIS_MNEMONIC_MOV && (s.i.opcode == 0x8b || s.i.opcode == 0x89) && s.i.operand_width == 32 &&
	    s.o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && s.i.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
		form->zero_extends = (uint8_t)general(s.o[0].reg.value);
	unsigned key = s.i.length;
	if (s.i.raw.disp.size && s.i.raw.disp.offset < key)
		key = s.i.raw.disp.offset;
	for (int k = 0; k < 2; k++)
		if (s.i.raw.imm[k].size && s.i.raw.imm[k].offset < key)
			key = s.i.raw.imm[k].offset;
	form->key = (uint8_t)key;
	return 0;
}
