/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS that calls every host call of the table, and numbers beyond it, with boundary, random and valid-looking
 * arguments: what an argument is (ref, handle, window...) comes from its name in the table. Several threads over the same
 * handles, windows and memory; its program is taken to it by an interruption, so that threads can be started at all. That it
 * ends by a fault is as it should be; the Intravisor and the cVMs beside it must not notice.
 *
 * The program's first argument is the seed: the same seed gives every thread the same calls.
 */
#include <stddef.h>
#include <stdint.h>

#include <carrel/boot.h>
#include <carrel/host.h>
#include <carrel/registers.h>
#include <carrel/window.h>

#define POOL      0x50000000u   /* structures */
#define POOL_SIZE 0x100000u
#define LAND      0x54000000u   /* what the memory calls change */
#define LAND_SIZE 0x400000u
#define STACKS    0x60000000u
#define STACK     0x20000u
#define THREADS   4u            /* from the start */
#define THREADS_MOST 64u
#define CALLS     20000u
#define CALLS_MOST (sizeof calls / sizeof *calls)

int64_t host_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
int64_t host_fast(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
extern char system_call_entry[], interrupted_entry[], thread_entry[];
void fuzz_start(void);
void fuzz_system_call(void);
void fuzz_interrupted(void);
void fuzz_thread(uint64_t number);

__asm__(".text\n"
	".globl _start, host_call, host_fast, system_call_entry, interrupted_entry, thread_entry\n"
	".type _start, @function\n_start:\n	endbr64\n	.carrel_delta 0\n	call fuzz_start\n	int3\n"
	".type host_call, @function\nhost_call:\n	endbr64\n	.carrel_delta 8\n"
	"	mov %rdi, %rax\n	mov %rsi, %rdi\n	mov %rdx, %rsi\n	mov %rcx, %rdx\n	mov %r8, %r10\n	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n	call *0x10008(%r14)\n	ret\n"
	".type host_fast, @function\nhost_fast:\n	endbr64\n	.carrel_delta 8\n"
	"	mov %rdi, %rax\n	mov %rsi, %rdi\n	mov %rdx, %rsi\n	mov %rcx, %rdx\n	mov %r8, %r10\n	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n	call *0x10010(%r14)\n	ret\n"
	".type system_call_entry, @function\nsystem_call_entry:\n	endbr64\n	.carrel_delta 8\n	sub $8, %rsp\n"
	"	call fuzz_system_call\n	add $8, %rsp\n	xor %eax, %eax\n	ret\n"
	".type interrupted_entry, @function\ninterrupted_entry:\n	endbr64\n	.carrel_delta 8\n	sub $8, %rsp\n"
	"	call fuzz_interrupted\n	int3\n"
	".type thread_entry, @function\nthread_entry:\n	endbr64\n	.carrel_delta 0\n	call fuzz_thread\n	int3\n");

/* The table's own words. */
static const struct entry {
	uint64_t number;
	char arguments[96];
} calls[] = {
#define HOST_CALL(number, name, names, text) {number, #names},
#include <carrel/hostcall.def>
};

static uint64_t seed;
static uint32_t program_entry, started, stacks = THREADS;

struct random {
	uint64_t state;
};

static uint64_t word(struct random *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return r->state * 0x2545f4914f6cdd1du;
}

static uint64_t below(struct random *r, uint64_t n)
{
	return (word(r) >> 16) % n;
}

static int one_in(struct random *r, unsigned n)
{
	return !below(r, n);
}

static uint64_t number(struct random *r)
{
	uint64_t w = word(r);

	switch (w >> 32 & 15) {
	case 0: return word(r);
	case 1: return UINT64_MAX;
	case 2: return -(w & 4095);
	case 3: case 4: case 5: return w & 7;
	case 6: return 1ull << (w & 63);
	case 7: return (1ull << (w & 63)) - 1;
	case 8: return -(1ull << (w & 63));
	case 9: return w & 0xffff;
	case 10: return 4096;
	case 11: return (w & 31) * 4096;
	case 12: return w & 255;
	case 13: return 0x100000000u + (w & 0xfff);
	case 14: return 256;
	default: return 0;
	}
}

static uint64_t ref(struct random *r);

/* Relative names, and some that lead out. */
static void path_fill(struct random *r, char *at)
{
	static const char names[][16] = {"f0", "f1", "d0", "d0/f0", "..", "../x", "d0/../..", "", ".", "link", "/etc/passwd", "d0/../f1", "fifo", "true", "f0/x", "s0"};
	const char *name = names[below(r, 16)];

	for (int i = 0; i < 16; i++)
		at[i] = name[i];
}

/* 512 bytes that look like something. */
static void structure_fill(struct random *r, uint8_t *at)
{
	static const uint32_t four[] = {0x0100007f, 0, 0x0100000a, 0xffffffff, 0x0100007f, 0x010000e0};
	static const uint16_t ports[] = {0xc322 /* 8899 */, 0x3500, 0x0100, 0, 0xc322};
	uint64_t *w = (uint64_t *)at;
	uint32_t *h = (uint32_t *)at;

	switch (below(r, 8)) {
	case 0: path_fill(r, (char *)at); break;
	case 1:         /* a time */
		for (int i = 0; i < 4; i++)
			w[i] = i & 1 ? below(r, 2000000) : 0;
		break;
	case 2:         /* vectors */
		for (int i = 0; i < 16; i++) {
			w[2 * i] = one_in(r, 4) ? number(r) : POOL + below(r, POOL_SIZE);
			w[2 * i + 1] = one_in(r, 6) ? number(r) : below(r, 2000);
		}
		break;
	case 3: {       /* an address; host_received has it 4 bytes further on */
		int six = one_in(r, 3);
		for (int i = 0; i < 10; i++)
			h[i] = 0;
		h[0] = one_in(r, 8) ? (uint32_t)number(r) : six ? 28 : 16;
		h[1] = (six ? 10 : 2) | (uint32_t)ports[below(r, 5)] << 16;
		h[2] = six ? 0 : four[below(r, 6)];
		if (six) {
			h[5] = one_in(r, 2) ? 0xffff0000 : 0;
			h[6] = one_in(r, 2) ? 0x01000000 : four[below(r, 6)];
		}
		break;
	}
	case 4:         /* things to poll */
		for (int i = 0; i < 32; i++) {
			w[i] = word(r);
			((struct host_poll *)at)[i].handle = (uint32_t)below(r, 40);
		}
		break;
	case 5:
		for (int i = 0; i < 64; i++)
			w[i] = number(r);
		break;
	case 6:
		for (int i = 0; i < 64; i++)
			w[i] = 0;
		break;
	default:
		for (int i = 0; i < 64; i++)
			w[i] = word(r);
	}
}

static uint64_t ref(struct random *r)
{
	uint64_t w = word(r), slot = POOL + (w >> 8) % (POOL_SIZE / 512) * 512;

	switch (w >> 40 & 31) {
	case 0: return 0;
	case 1: return w & 0xffff;
	case 2: return WINDOW_MEMORY_END - (w >> 3 & 63);
	case 3: return 0xfffff000 + (w >> 3 & 4095);
	case 4: return word(r);
	case 5: return (2 + (w & 7)) << 32 | slot;
	case 6: return 0x8000000000000000u + slot;
	case 7: return POOL + POOL_SIZE - (w & 63);
	case 8: return (uintptr_t)&host_call;
	case 9: return REF_PROGRAM + program_entry + (w & 4095);
	case 10: return REF_PROGRAM + LAND + (w & (LAND_SIZE - 1));
	case 11: return LAND + (w & (LAND_SIZE - 1));
	case 12: return LIBOS_BOOT + (w & 4095);
	case 13: return slot + (w & 511);
	default:
		structure_fill(r, (uint8_t *)slot);
		return slot;
	}
}

/* Whole pages of what may be mapped, in any window. */
static uint64_t pages(struct random *r)
{
	uint64_t which = below(r, 4) ? below(r, 2) : below(r, 12);

	if (one_in(r, 60))
		return number(r);
	return which << 32 | (LAND + below(r, LAND_SIZE / 4096) * 4096);
}

static int is(const char *text, size_t length, const char *name)
{
	size_t i = 0;

	while (i < length && name[i] && text[i] == name[i])
		i++;
	return i == length && !name[i];
}

static uint64_t name_at(struct random *r)
{
	char *at = (char *)(uintptr_t)(POOL + below(r, POOL_SIZE / 512) * 512);

	at[0] = 's';
	at[1] = (char)('0' + below(r, 3));
	return (uintptr_t)at;
}

/* Of capabilities and CP_Files. */
static uint64_t shared_argument(struct random *r, uint64_t call, const char *text, size_t length)
{
	int map = call == HOST_file_map;

	if (is(text, length, "index") || is(text, length, "to") || is(text, length, "from"))
		return below(r, 24);
	if (is(text, length, "handle"))
		return below(r, 40);
	if (is(text, length, "name"))
		return name_at(r);
	if (is(text, length, "name_length"))
		return 2;
	if (is(text, length, "a"))
		return one_in(r, 2) ? below(r, 24) : one_in(r, 2) ? LAND + below(r, LAND_SIZE) : 0xff;
	if (is(text, length, "b") || is(text, length, "to_offset") || is(text, length, "from_offset") || (is(text, length, "offset") && !map))
		return one_in(r, 2) ? below(r, 8) : below(r, LAND_SIZE);
	if (is(text, length, "ref"))
		return map ? pages(r) : ref(r);
	if (is(text, length, "length"))
		return map ? below(r, 16) * 4096 : one_in(r, 4) ? below(r, 4 << 20) : below(r, 512);
	if (is(text, length, "offset"))
		return below(r, 4) * 4096;
	if (is(text, length, "permissions"))
		return one_in(r, 2) ? 0x1c3 : below(r, 0x200);
	return below(r, 8);             /* how, what, rights, store, write, protection, writable, number */
}

static uint64_t argument(struct random *r, uint64_t call, const char *text, size_t length)
{
	int memory = (call >= HOST_memory_map && call <= HOST_memory_sync) || call == HOST_memory_copy;

	if (one_in(r, 20))
		return one_in(r, 2) ? number(r) : ref(r);
	if (call >= HOST_capability_derive && call <= HOST_grant_describe)
		return shared_argument(r, call, text, length);
	if (memory && (is(text, length, "ref") || is(text, length, "old_ref") || is(text, length, "new_ref")))
		return pages(r);
	if (memory && is(text, length, "offset"))
		return call == HOST_memory_copy ? LAND + below(r, LAND_SIZE / 4096) * 4096 : below(r, 4) * 4096;
	if (memory && is(text, length, "length"))
		return below(r, 64) * 4096;
	if (memory)
		return is(text, length, "handle") || is(text, length, "number") ? below(r, 30) : below(r, 4) | (one_in(r, 3) ? 0x100 : 0);
	if (is(text, length, "handle") || is(text, length, "directory") || is(text, length, "to") || is(text, length, "from") ||
	    is(text, length, "network") || is(text, length, "events") || is(text, length, "old_directory") || is(text, length, "new_directory"))
		return below(r, 40);
	if (is(text, length, "path_length"))
		return one_in(r, 3) ? 0 : below(r, 9);
	if (is(text, length, "lengths"))
		return below(r, 9) | below(r, 9) << 32;
	if (is(text, length, "path") || is(text, length, "old_ref") || is(text, length, "new_ref")) {
		uint64_t at = POOL + below(r, POOL_SIZE / 512) * 512;
		path_fill(r, (char *)at);
		return at;
	}
	if (is(text, length, "ref") || is(text, length, "address") || is(text, length, "vectors") || is(text, length, "received") ||
	    is(text, length, "target") || is(text, length, "timeout_ref"))
		return ref(r);
	if (is(text, length, "entry"))
		return one_in(r, 2) ? (uintptr_t)thread_entry : program_entry;
	if (is(text, length, "stack"))
		return number(r);
	if (is(text, length, "timeout_ns") || is(text, length, "deadline_ns"))
		return below(r, 3000000);
	if (is(text, length, "number") || is(text, length, "id"))
		return below(r, 10);
	if (is(text, length, "level"))
		return one_in(r, 2) ? 1 : 6;
	if (is(text, length, "domain"))
		return one_in(r, 2) ? 2 : 10;
	if (is(text, length, "type") || is(text, length, "operation"))
		return 1 + below(r, 3);
	if (is(text, length, "by"))
		return below(r, 3);
	if (is(text, length, "a"))      /* of streams: a name, a port, a peer */
		return one_in(r, 2) ? below(r, 3) : name_at(r);
	if (is(text, length, "b") || is(text, length, "c"))
		return one_in(r, 3) ? name_at(r) : 2 + below(r, 5);
	if (is(text, length, "listener"))
		return below(r, 40);
	if (is(text, length, "flags") && call >= HOST_stream_listen)
		return below(r, 4);
	return one_in(r, 2) ? number(r) : below(r, 64);
}

/* What would end the fuzz goes through seldom. */
static int tamed(struct random *r, uint64_t call, uint64_t a[6])
{
	/* Our own ground, by the first word or the third. */
	if (call >= HOST_memory_map && call <= HOST_memory_move)
		for (int i = 0; i < 3; i += 2)
			if (a[i] >> 32 == 0 && (a[i] < LAND || a[i] >= STACKS) && a[i] >= WINDOW_MEMORY_START && !one_in(r, 200))
				a[i] = LAND;
	switch (call) {
	case HOST_thread_start:         /* each on a stack of its own: two on one would soon be the end */
		if (!one_in(r, 10)) {   /* refused, whatever it is */
			a[1] = number(r) & ~4095ull;
			return 1;
		}
		a[2] = STACKS + (uint64_t)__atomic_add_fetch(&stacks, 1, __ATOMIC_RELAXED) * STACK;
		a[1] = (uintptr_t)thread_entry;
		return stacks < THREADS_MOST;
	case HOST_exit: case HOST_thread_exit: case HOST_window_enter: case HOST_program_enter: case HOST_thread_resume:
		return one_in(r, 300);
	case HOST_entry_set: case HOST_thread_registers:
		return one_in(r, 50);
	case HOST_report: case HOST_fault_report: case HOST_trace:
		return one_in(r, 100);
	case HOST_close: case HOST_share_close:
		return one_in(r, 2);
	case HOST_bell_wait:            /* nobody rings for one alone */
		return one_in(r, 20) && (a[1] = ref(r));
	case HOST_random: case HOST_read: case HOST_write:
		if (!one_in(r, 100) && a[1] > 0x10000)
			a[1] &= 0xffff;
		return 1;
	case HOST_memory_object:
		a[0] &= one_in(r, 20) ? UINT64_MAX : one_in(r, 2) ? 0xff000 : 0xfffff;
		a[1] = below(r, 3);
		return 1;
	case HOST_futex:
		return a[1] > 1 || one_in(r, 8);
	default:
		return 1;
	}
}

static void one_call(struct random *r)
{
	const struct entry *e = &calls[below(r, CALLS_MOST)];
	uint64_t a[6] = {0}, call = e->number;
	unsigned n = 0;

	for (const char *at = e->arguments + 1; n < 6 && *at && *at != ')';) {
		size_t length = 0;
		while (at[length] && at[length] != ',' && at[length] != ')')
			length++;
		a[n++] = argument(r, call, at, length);
		at += length;
		while (*at == ',' || *at == ' ')
			at++;
	}
	for (; n < 6; n++)
		a[n] = one_in(r, 2) ? 0 : number(r);
	if (one_in(r, 64))
		call = one_in(r, 2) ? below(r, 128) : number(r);
	if (!tamed(r, call, a))
		return;
	if (one_in(r, 2))
		host_fast(call, a[0], a[1], a[2], a[3], a[4], a[5]);
	else
		host_call(call, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void many_calls(uint64_t who)
{
	struct random r = {(seed * 64 + who) * 0x9e3779b97f4a7c15u | 1};

	for (unsigned i = 0; i < CALLS; i++)
		one_call(&r);
}

void fuzz_thread(uint64_t who)
{
	many_calls(who & 63);
	host_call(HOST_thread_exit, 0, 0, 0, 0, 0, 0);
}

void fuzz_system_call(void)
{
	struct random r = {(seed + started++) * 0x9e3779b97f4a7c15u | 1};

	for (int i = 0; i < 20; i++)
		one_call(&r);
}

void fuzz_interrupted(void)
{
	for (uint32_t i = 1; i < THREADS; i++)
		host_call(HOST_thread_start, UINT64_MAX, (uintptr_t)thread_entry, STACKS + (i + 1) * STACK, i, 0, 0);
	many_calls(0);
	host_call(HOST_exit, 0, 0, 0, 0, 0, 0);
}

void fuzz_start(void)
{
	static struct carrel_registers registers;
	const struct carrel_boot *boot = (const struct carrel_boot *)(uintptr_t)LIBOS_BOOT;
	const char *text = (const char *)(uintptr_t)LIBOS_BOOT + boot->argv;

	while (*text++)
		;
	while (*text >= '0' && *text <= '9')
		seed = seed * 10 + (uint64_t)(*text++ - '0');
	program_entry = boot->program.entry;
	host_call(HOST_memory_map, POOL, POOL_SIZE, 3, 0, 0, 0);
	host_call(HOST_memory_map, LAND, LAND_SIZE, 3, 0, 0, 0);
	host_call(HOST_memory_map, REF_PROGRAM + LAND, LAND_SIZE, 3, 0, 0, 0);
	host_call(HOST_memory_map, STACKS, (THREADS_MOST + 1) * STACK, 3, 0, 0, 0);
	host_call(HOST_entry_set, 0, 0, 0, (uintptr_t)system_call_entry, 0, 0);
	host_call(HOST_entry_set, 2, 0, 0, (uintptr_t)interrupted_entry, 0, 0);
	host_call(HOST_thread_registers, (uintptr_t)&registers, 0, 0, 0, 0, 0);
	host_call(HOST_thread_kick, 0, 0, 0, 0, 0, 0);
	host_call(HOST_program_enter, program_entry, 0, 0, 0, 0, 0);
	host_call(HOST_exit, 99 << 8, 0, 0, 0, 0, 0);
}
