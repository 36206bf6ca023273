/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The cache of decoded blocks, shared by all threads: inserted under a lock, found without one, freed only with the world
 * stopped. Code is read here and nowhere else; what the program writes there later counts only after FENCE.I or a change of the
 * mapping.
 */
#include <stdlib.h>
#include <string.h>
#include "emulator/block.h"
#include "emulator/memory.h"
#include "emulator/fault.h"
#include "emulator/world.h"
#include "emulator/translate/translate.h"

enum { CHAINS = 1 << 14, CONTEXTS = 4096 };

static struct block *_Atomic chain[CHAINS];
static pthread_mutex_t block_mutex = PTHREAD_MUTEX_INITIALIZER; /* guards insertion, contexts and the translator */
static size_t blocks;

/* Every pair of PCC bounds (and whether it may execute at all) seen: its place is its name. */
static struct context {
	uint64_t base, top;
	bool capability_mode, data_from_zero;
} contexts[CONTEXTS];
static unsigned context_count;

/* The caller has stopped the world. */
static void flush_all(void)
{
	for (unsigned n = 0; n < CHAINS; n++) {
		struct block *block = chain[n], *next;
		for (; block; block = next) {
			next = block->next;
			free(block->place);
			free(block);
		}
		chain[n] = NULL;
	}
	blocks = 0;
	translate_flush();
	world_lock();
	for (struct cpu *cpu = world_first(); cpu; cpu = cpu->next)
		memset(cpu->jump, 0, sizeof cpu->jump);
	world_unlock();
}

/* The number of this cpu's context; 0 when there is no place left. Under block_mutex. */
static unsigned context_number(const struct cpu *cpu)
{
	unsigned __int128 top = cpu->code_bounds.top;
	struct context c = {cpu->code_bounds.base, top >> 64 ? ~(uint64_t)0 : (uint64_t)top, capability_flag(cpu->pcc),
			    !cpu->data_base};
	if (!cpu->pcc.tag || !(cpu->code_permissions & PERMIT_EXECUTE))
		c.base = c.top = 1; /* covers nothing: every block is a fault */
	for (unsigned n = 0; n < context_count; n++)
		if (contexts[n].base == c.base && contexts[n].top == c.top &&
		    contexts[n].capability_mode == c.capability_mode && contexts[n].data_from_zero == c.data_from_zero)
			return n + 1;
	if (context_count == CONTEXTS)
		return 0;
	contexts[context_count++] = c;
	return context_count;
}

static uint64_t context_search(struct cpu *cpu)
{
	pthread_mutex_lock(&block_mutex);
	unsigned number = context_number(cpu);
	pthread_mutex_unlock(&block_mutex);
	if (number)
		return number;
	exclusive_begin_apart(cpu); /* all places taken: start over, without the blocks that name them */
	flush_all();
	context_count = 0;
	world_lock();
	for (struct cpu *other = world_first(); other; other = other->next) {
		memset(other->context_seen, 0, sizeof other->context_seen);
		other->context = context_number(other);
	}
	world_unlock();
	exclusive_end(cpu);
	return cpu->context;
}

uint64_t block_context(struct cpu *cpu)
{
	uint64_t base = cpu->code_bounds.base, top = (uint64_t)(cpu->code_bounds.top >> 1);
	uint64_t kind = 1 | (uint64_t)!cpu->data_base << 1 | (uint64_t)capability_flag(cpu->pcc) << 2 |
			(uint64_t)(cpu->pcc.tag && (cpu->code_permissions & PERMIT_EXECUTE)) << 3 |
			(uint64_t)((unsigned)cpu->code_bounds.top & 1) << 4;
	struct context_seen *seen =
		&cpu->context_seen[(base >> 12 ^ base >> 22 ^ base >> 32 ^ kind >> 1) & (CONTEXTS_SEEN - 1)];
	if (seen->kind == kind && seen->base == base && seen->top == top)
		return seen->number;
	uint64_t number = context_search(cpu);
	*seen = (struct context_seen){base, top, kind, number};
	return number;
}

static unsigned hash(uint64_t pc, uint64_t context)
{
	return (unsigned)(((pc ^ context << 50) * 0x9e3779b97f4a7c15ull) >> 50);
}

/* One instruction at pc: its length, or 0 with why it cannot be fetched. */
static unsigned fetch(struct cpu *cpu, uint64_t pc, uint32_t *word, int32_t *why)
{
	uint16_t half;
	if (!cpu->pcc.tag)
		*why = CHERI_TAG;
	else if (capability_sealed(cpu->pcc))
		*why = CHERI_SEAL;
	else if (!(cpu->code_permissions & PERMIT_EXECUTE))
		*why = CHERI_PERMIT_EXECUTE;
	else if (!(pc >= cpu->code_bounds.base && (unsigned __int128)pc + 2 <= cpu->code_bounds.top))
		*why = CHERI_LENGTH;
	else if (!memory_fetchable(pc, 2))
		*why = 0;
	else {
		memcpy(&half, memory_host(pc), 2);
		*word = half;
		if ((half & 3) != 3)
			return 2;
		if ((unsigned __int128)pc + 4 > cpu->code_bounds.top) {
			*why = CHERI_LENGTH;
			return 0;
		}
		if (!memory_fetchable(pc + 2, 2)) {
			*why = 0;
			return 0;
		}
		memcpy(&half, memory_host(pc + 2), 2);
		*word |= (uint32_t)half << 16;
		return 4;
	}
	return 0;
}

static void fill(struct operation *op, enum code code, int32_t immediate)
{
	*op = (struct operation){.code = code, .immediate = immediate};
}

static struct block *build(struct cpu *cpu, uint64_t pc)
{
	struct operation op[2 * BLOCK_MOST + 2];
	struct place place[2 * BLOCK_MOST + 2];
	const void *const *label = interpret_labels();
	unsigned n = 0, instructions = 0, offset = 0;
	uint32_t written = 0;
	bool ended = false, capability_mode = capability_flag(cpu->pcc);
	while (!ended && instructions < BLOCK_MOST) {
		uint32_t word = 0;
		int32_t why = 0;
		unsigned length = fetch(cpu, pc + offset, &word, &why);
		if (!length) {
			if (offset) /* faults only if control gets here */
				break;
			fill(&op[n], FETCH_FAULT, why);
			ended = true;
		} else if (capability_mode || !decode(length == 2 ? decode_expand((uint16_t)word) : word, &op[n]) ||
			   (!settings.cheri && decode_kind(op[n].code) == KIND_CAPABILITY)) {
			fill(&op[n], ILLEGAL, (int32_t)word);
			op[n].rs1 = length;
			ended = true;
		} else if ((decode_kind(op[n].code) == KIND_CAPABILITY || op[n].code == ECALL) && written) {
			struct operation capability = op[n];
			fill(&op[n], SETTLE, (int32_t)written);
			place[n] = (struct place){.offset = offset, .done = instructions};
			written = 0;
			op[++n] = capability;
		}
		enum code code = op[n].code;
		ended = ended || decode_ends_block(code);
		if (decode_result(code) == RESULT_X && op[n].rd != SINK)
			written |= 1u << op[n].rd;
		instructions++;
		place[n] = (struct place){.offset = offset, .done = instructions, .written = written};
		n++;
		offset += length;
	}
	if (!ended) {
		fill(&op[n], STEP, 0);
		place[n] = (struct place){.offset = offset, .done = instructions, .written = written};
		n++;
	}
	struct block *block = malloc(sizeof *block + n * sizeof *op);
	struct place *places = malloc(n * sizeof *place);
	if (!block || !places)
		abort();
	*block = (struct block){.pc = pc, .count = n, .size = offset, .place = places};
	for (unsigned i = 0; i < n; i++)
		op[i].run = label[op[i].code];
	memcpy(block->operation, op, n * sizeof *op);
	memcpy(places, place, n * sizeof *place);
	return block;
}

static struct block *search(uint64_t pc, uint64_t context)
{
	struct block *block = chain[hash(pc, context)];
	while (block && (block->pc != pc || block->context != context))
		block = block->next;
	return block;
}

static void jump_fill(struct jump *jump, const struct block *block)
{
	for (unsigned variant = 0; variant < VARIANTS; variant++) {
		const void *native = block->native[variant];
		jump->native[variant] = native ? native : translate_no_code();
	}
}

struct block *block_find(struct cpu *cpu)
{
	struct jump *jump = &cpu->jump[cpu->pc >> 1 & (JUMPS - 1)];
	if (likely(jump->pc == cpu->pc && jump->context == cpu->context)) {
		jump_fill(jump, jump->block);
		return jump->block;
	}
	struct block *block = search(cpu->pc, cpu->context);
	if (!block) {
		pthread_mutex_lock(&block_mutex);
		block = search(cpu->pc, cpu->context);
		if (!block) {
			block = build(cpu, cpu->pc);
			block->context = cpu->context;
			block->next = chain[hash(cpu->pc, cpu->context)];
			chain[hash(cpu->pc, cpu->context)] = block;
			blocks++;
		}
		pthread_mutex_unlock(&block_mutex);
	}
	*jump = (struct jump){.pc = cpu->pc, .context = cpu->context, .block = block};
	jump_fill(jump, block);
	return block;
}

bool block_run(struct cpu *cpu, struct block *block)
{
	enum variant variant = cpu->capability_mask || block->refused[WITHOUT_CAPABILITIES];
	if (block->native[variant]) {
		cpu->translated_entries++;
		translate_enter(cpu, block->native[variant]);
		translate_link(cpu, variant);
		return true;
	}
	if (block->refused[variant] || ++block->executions < settings.hot)
		return false;
	pthread_mutex_lock(&block_mutex);
	bool room = block->native[variant] || block->refused[variant] || translate_block(cpu, block, variant);
	pthread_mutex_unlock(&block_mutex);
	if (!room)
		block_flush(cpu);
	return true;
}

void block_flush(struct cpu *cpu)
{
	exclusive_begin_apart(cpu);
	flush_all();
	exclusive_end(cpu);
}

size_t block_total(void)
{
	return blocks;
}
