/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Windows' gate tables, control stacks and threads on x86-64. Trusted. An attacker controls the offsets that
 * library OSes hand to the entry functions; they are checked here to be landing pads of the code arena.
 */
#include <cpuid.h>
#include <errno.h>
#include <immintrin.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <carrel/gate.h>
#include <carrel/window.h>
#include "machine/x86_64/thread.h"

_Static_assert(sizeof(struct context) == C_WORDS * 8, "context.h's offsets are the struct's");
_Static_assert(offsetof(struct context, host_call) == C_HOST_CALL, "context.h");
_Static_assert(offsetof(struct context, avx) == C_AVX, "context.h");
_Static_assert(offsetof(struct context, first_return) == C_FIRST_RETURN, "context.h");

struct machine_upcalls machine_calls;
uint8_t *gate_page;

/* The only trusted addresses a guest can read are in this copy, away from the Intravisor's text. */
int machine_init(const struct machine_upcalls *upcalls)
{
	size_t size = (size_t)(gate_code_end - gate_code_start);
	uint8_t *page;

	if (gate_page)
		return 0;
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return -errno;
	memcpy(page, gate_code_start, size);
	if (mprotect(page, size, PROT_READ | PROT_EXEC)) {
		int error = -errno;
		munmap(page, size);
		return error;
	}
	machine_calls = *upcalls;
	gate_page = page;
	return fault_init();
}

uint64_t gate_address(const uint8_t *gate)
{
	return (uint64_t)(gate_page + (gate - gate_code_start));
}

int machine_window_open(void *base, int compartment)
{
	uint8_t *table = (uint8_t *)base - 4096;
	uint64_t *end = base;

	if (mmap(table, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	for (int i = 0; i < GATE_SLOTS; i++)
		*(end - GATE_SLOT(i) / 8) = gate_address(gate_empty_slot);
	if (compartment == MACHINE_PROGRAM) {
		*(end - GATE_SLOT(GATE_SYSCALL) / 8) = gate_address(gate_syscall);
		*(end - GATE_SLOT(GATE_SYSCALL_RAW) / 8) = gate_address(gate_syscall_raw);
		*(end - GATE_SLOT(GATE_CONTROL_MARK) / 8) = gate_address(gate_control_mark);
		*(end - GATE_SLOT(GATE_CONTROL_UNWIND) / 8) = gate_address(gate_control_unwind);
		*(end - GATE_SLOT(GATE_THREAD_POINTER) / 8) = gate_address(gate_thread_pointer);
	} else
		*(end - GATE_SLOT(GATE_HOST_CALL) / 8) = gate_address(gate_host_call);
	*(end - GATE_BASE_SLOT / 8) = (uint64_t)base;
	return mprotect(table, 4096, PROT_READ) ? -errno : 0;
}

/* size bytes aligned to size, which is a power of two. */
static uint8_t *region_reserve(size_t size)
{
	uint8_t *all = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (all == MAP_FAILED)
		return NULL;
	uint8_t *region = (uint8_t *)(((uintptr_t)all + size - 1) & ~(size - 1));
	if (region > all)
		munmap(all, (size_t)(region - all));
	munmap(region + size, (size_t)(all + 2 * size - (region + size)));
	return region;
}

static int has_avx(void)
{
	unsigned a, b, c, d;

	/* AVX and OSXSAVE: the kernel saves ymm when both are reported. */
	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_AVX) && (c & bit_OSXSAVE);
}

__attribute__((target("fsgsbase"))) static uint64_t host_thread_pointer(void)
{
	return _readfsbase_u64();
}

struct machine_thread *machine_thread_create(void *program_window, void *libos_window, void *owner)
{
	struct machine_thread *thread = calloc(1, sizeof *thread);

	if (!thread)
		return NULL;
	thread->control = region_reserve(CONTROL_REGION);
	thread->signal_stack = region_reserve(SIGNAL_REGION);
	if (!thread->control || !thread->signal_stack ||
	    mprotect(thread->control + CONTROL_GUARD, CONTROL_REGION - CONTROL_GUARD, PROT_READ | PROT_WRITE) ||
	    mprotect(thread->signal_stack, SIGNAL_REGION, PROT_READ | PROT_WRITE)) {
		machine_thread_destroy(thread);
		return NULL;
	}
	struct context *context = (struct context *)(thread->control + CONTROL_REGION - CONTEXT_SIZE);
	*context = (struct context){
		.program_base = (uint64_t)program_window,
		.libos_base = (uint64_t)libos_window,
		.syscall_entry = gate_address(gate_empty_slot),
		.libos_stack = LIBOS_STACK_TOP,
		/* Inside the window, where nothing is mapped yet, until the program sets its own. */
		.guest_fs = (uint64_t)program_window + WINDOW_MEMORY_START,
		.control_low = (uint64_t)thread->control + CONTROL_GUARD + CONTROL_HEADROOM,
		.host_call = (uint64_t)machine_calls.host_call,
		.thread = (uint64_t)thread,
		.first_return = gate_address(gate_first_return),
		.avx = (uint64_t)has_avx(),
	};
	thread->context = context;
	thread->owner = owner;
	*(struct context **)(thread->signal_stack + SIGNAL_REGION - 16) = context;
	return thread;
}

void machine_thread_destroy(struct machine_thread *thread)
{
	if (!thread)
		return;
	if (thread->control)
		munmap(thread->control, CONTROL_REGION);
	if (thread->signal_stack)
		munmap(thread->signal_stack, SIGNAL_REGION);
	free(thread);
}

void *machine_thread_owner(const struct machine_thread *thread)
{
	return thread->owner;
}

int64_t machine_thread_run(struct machine_thread *thread, uint32_t entry, uint32_t stack, uint64_t argument)
{
	stack_t mine = {.ss_sp = thread->signal_stack, .ss_size = SIGNAL_REGION - 64}, before;
	struct context *context = thread->context;

	if (sigaltstack(&mine, &before))
		return -errno;
	context->host_fs = host_thread_pointer();
	int64_t value = context_enter(context, context->libos_base + entry, stack, argument);
	sigaltstack(&before, NULL);
	return value;
}

void machine_thread_leave(struct machine_thread *thread, int64_t value)
{
	context_leave(thread->context, value);
}

/* Is there a landing pad at this offset of the arena? If the page is data the jump faults: it is not executable. */
static int landing_pad(uint64_t base, uint32_t offset)
{
	uint32_t word;

	return offset >= WINDOW_ARENA_START && offset <= WINDOW_ARENA_END - 4 &&
	       !machine_copy_in(&word, (void *)(base + offset), sizeof word) && word == LANDING_PAD;
}

int machine_thread_program(struct machine_thread *thread, uint32_t entry, uint32_t stack)
{
	struct context *context = thread->context;

	if (!landing_pad(context->program_base, entry))
		return -EINVAL;
	context_program(context, context->program_base + entry, stack);
}

int machine_thread_syscall_entry(struct machine_thread *thread, uint32_t entry)
{
	if (!landing_pad(thread->context->libos_base, entry))
		return -EINVAL;
	thread->context->syscall_entry = thread->context->libos_base + entry;
	return 0;
}

int machine_thread_fixup(struct machine_thread *thread, uint32_t start, uint32_t end, uint32_t target)
{
	if (start > end || !landing_pad(thread->context->libos_base, target))
		return -EINVAL;
	thread->fixup_start = start;
	thread->fixup_end = end;
	thread->fixup_target = target;
	return 0;
}

int machine_copy_in(void *to, const void *guest, size_t length)
{
	return guest_copy(to, guest, length);
}

int machine_copy_out(void *guest, const void *from, size_t length)
{
	return guest_copy(guest, from, length);
}
