/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Windows' gate tables, control stacks and threads on x86-64. Trusted. An attacker controls the offsets that
 * library OSes hand to the entry functions; they are checked here to be landing pads of the code arena.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <carrel/gate.h>
#include <carrel/window.h>
#include "machine/x86_64/thread.h"

_Static_assert(offsetof(struct context, records) == C_WORDS * 8 && C_RECORDS == C_WORDS * 8 && sizeof(struct context) <= CONTEXT_SIZE,
	       "context.h's offsets are the struct's");
_Static_assert(offsetof(struct context, kicked) == C_KICKED && offsetof(struct context, record_count) == C_RECORD_COUNT, "context.h");
_Static_assert(offsetof(struct context, start_rsp) == C_START_RSP && sizeof(struct record) == 16, "context.h");
_Static_assert(offsetof(struct context, leaving) == C_LEAVING, "context.h");
_Static_assert(offsetof(struct context, host_call) == C_HOST_CALL, "context.h");
_Static_assert(offsetof(struct context, avx) == C_AVX, "context.h");
_Static_assert(offsetof(struct context, host_fast) == C_HOST_FAST && offsetof(struct context, owner) == C_OWNER, "context.h");
_Static_assert(offsetof(struct context, first_return) == C_FIRST_RETURN, "context.h");
_Static_assert(offsetof(struct context, carrier) == C_CARRIER && offsetof(struct context, floor) == C_FLOOR, "context.h");
_Static_assert(offsetof(struct context, call) == C_CALL && offsetof(struct context, serve_slot) == C_SERVE_SLOT, "context.h");
_Static_assert(offsetof(struct context, entry) == C_ENTRY && offsetof(struct context, server) == C_SERVER, "context.h");

#ifndef __GLIBC__
#error "THREAD_POINTER_AT is a word that glibc reserves (carrel/gate.h)"
#endif

#define RED_ZONE 128u

struct machine_upcalls machine_calls;
uint8_t *gate_page;
uint8_t copy_wide;
int machine_ticks_steady;

/* Does the kernel take the time from the counter of ticks? */
static int clock_is_tsc(void)
{
	FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");
	char name[8] = "";
	int is = file && fgets(name, sizeof name, file) && !strcmp(name, "tsc\n");

	if (file)
		fclose(file);
	return is;
}

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
	/* AMD's lose nothing where a program's upper halves were written back; on Intel's its SSE code would wait for them from then on. */
	copy_wide = __builtin_cpu_is("amd") && __builtin_cpu_supports("avx");
	void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
	if (vdso)
		*(void **)&fast_clock = dlsym(vdso, "__vdso_clock_gettime");
	machine_ticks_steady = clock_is_tsc();
	return fault_init();
}

uint64_t gate_address(const uint8_t *gate)
{
	return (uint64_t)(gate_page + (gate - gate_code_start));
}

_Static_assert(GATE_BASE_SLOT == WINDOW_GATES && GATE_SLOT(GATE_SLOTS) <= WINDOW_GATES + 4096 && WINDOW_GATES + 4096 <= WINDOW_ARENA_START &&
	       WINDOW_GATES >= WINDOW_LOW_GUARD, "the table lies where no guest's memory is");

/* Before a thread of its guest comes there. The reserved page itself becomes the table: a mapping over it that failed could leave a hole,
 * and would be in core dumps. */
int machine_window_open(void *base, int compartment)
{
	uint64_t *table = (uint64_t *)((uint8_t *)base + WINDOW_GATES);
	static const struct {
		int compartment;
		unsigned slot;
		const uint8_t *gate;
	} gates[] = {
		{MACHINE_PROGRAM, GATE_SYSCALL, gate_syscall}, {MACHINE_PROGRAM, GATE_SYSCALL_RAW, gate_syscall_raw},
		{MACHINE_PROGRAM, GATE_CONTROL_MARK, gate_control_mark}, {MACHINE_PROGRAM, GATE_CONTROL_UNWIND, gate_control_unwind},
		{MACHINE_PROGRAM, GATE_THREAD_POINTER, gate_thread_pointer}, {MACHINE_PROGRAM, GATE_CALL, gate_call},
		{MACHINE_PROGRAM, GATE_SERVE, gate_serve}, {MACHINE_PROGRAM, GATE_CALL_COPY, gate_call_copy},
		{MACHINE_LIBOS, GATE_HOST_CALL, gate_host_call}, {MACHINE_LIBOS, GATE_HOST_FAST, gate_host_fast},
	};

	if (mprotect(table, 4096, PROT_READ | PROT_WRITE))
		return -errno;
	*table++ = (uint64_t)base;
	for (unsigned i = 0; i < GATE_SLOTS; i++)
		table[i] = gate_address(gate_empty_slot);
	for (size_t i = 0; i < sizeof gates / sizeof *gates; i++)
		if (gates[i].compartment == compartment)
			table[gates[i].slot] = gate_address(gates[i].gate);
	return mprotect(table - 1, 4096, PROT_READ) ? -errno : 0;
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

/* The next entry begins on an empty control stack, whose only frame returns to a gate. */
static void start_over(struct machine_thread *thread)
{
	struct context *context = thread->context;
	uint64_t *first = (uint64_t *)((uint64_t)context - CONTEXT_FIRST);

	call_abandon(thread);   /* the frame it would return to goes */
	first[0] = first[1] = context->first_return;    /* 0 would be of a window at 0 */
	context->start_rsp = (uint64_t)first;
	context->record_count = 0;
	context->floor = CONTEXT_FIRST;
	context->server[S_RSP / 8] = 0;
}

/* One that was used before, or a fresh one; of both only what thread.h says, and state, are set. */
static struct machine_thread *thread_get(void)
{
	struct machine_thread *thread = thread_used_again();

	if (thread)
		return thread;
	thread = aligned_alloc(64, sizeof *thread);
	uint8_t *control = region_reserve(CONTROL_REGION), *stack = region_reserve(SIGNAL_REGION);
	if (thread && control && stack && !mprotect(control + CONTROL_GUARD, CONTROL_REGION - CONTROL_GUARD, PROT_READ | PROT_WRITE) &&
	    !mprotect(stack, SIGNAL_REGION, PROT_READ | PROT_WRITE)) {
		*thread = (struct machine_thread){.region = control, .home = (struct carrier *)(stack + SIGNAL_REGION) - 1,
						  .context = (struct context *)(control + CONTROL_REGION - CONTEXT_SIZE)};
		thread->context->thread = (uint64_t)thread;
		return thread;
	}
	if (control)
		munmap(control, CONTROL_REGION);
	if (stack)
		munmap(stack, SIGNAL_REGION);
	free(thread);
	return NULL;
}

struct machine_thread *machine_thread_create(void *program_window, void *libos_window, void *owner)
{
	struct machine_thread *thread = thread_get();

	if (!thread)
		return NULL;
	struct context *context = thread->context;
	thread_clear(thread, owner);
	context->program_base = (uint64_t)program_window;
	context->libos_base = (uint64_t)libos_window;
	context->syscall_entry = gate_address(gate_empty_slot);
	context->libos_stack = LIBOS_STACK_TOP;
	context->control_low = (uint64_t)thread->region + CONTROL_GUARD + CONTROL_HEADROOM;
	context->host_call = (uint64_t)machine_calls.host_call;
	context->host_fast = (uint64_t)machine_calls.host_fast;
	context->owner = (uint64_t)owner;
	context->first_return = gate_address(gate_first_return);
	context->avx = __builtin_cpu_supports("avx") != 0;      /* the processor has it, and the kernel saves ymm */
	context->carrier = thread->home;
	context->call = (uint64_t)machine_calls.call;
	context->call_end = (uint64_t)call_end;
	context->call_copy = (uint64_t)machine_calls.call_copy;
	context->serve = (uint64_t)machine_calls.serve;
	start_over(thread);
	return thread;
}

/* Only return addresses lie on the frames of an interrupted program: into its window, which are moved along, and gates'. */
struct machine_thread *machine_thread_copy(const struct machine_thread *from, void *program_window, void *owner)
{
	const struct context *old = from->context;

	if (!old->record_count)
		return NULL;
	struct machine_thread *thread = machine_thread_create(program_window, (void *)old->libos_base, owner);
	if (!thread)
		return NULL;
	struct context *context = thread->context;
	uint64_t moved = (uint64_t)context - (uint64_t)old, rsp = old->records[old->record_count - 1].rsp;
	for (uint64_t at = rsp; at < (uint64_t)old; at += 8) {
		uint64_t word = *(uint64_t *)at;
		*(uint64_t *)(at + moved) = word - old->program_base < WINDOW_SIZE ? word - old->program_base + (uint64_t)program_window
										   : word;
	}
	context->floor = old->floor;
	context->record_count = old->record_count;
	for (uint64_t i = 0; i < old->record_count; i++) {
		context->records[i] = old->records[i];
		context->records[i].rsp += moved;
	}
	*(uint64_t *)(rsp + moved - 8) = gate_address(gate_interrupt_return);
	context->start_rsp = rsp + moved - 8;
	context->syscall_entry = old->syscall_entry;
	context->interrupt_entry = old->interrupt_entry;
	context->program_tp = old->program_tp;
	thread->fixup_start = from->fixup_start;
	thread->fixup_end = from->fixup_end;
	thread->fixup_target = from->fixup_target;
	return thread;
}

/* What lies on its stacks is nobody's business any more, and takes no memory. */
void machine_thread_destroy(struct machine_thread *thread)
{
	if (!thread)
		return;
	madvise(thread->region + CONTROL_GUARD, CONTROL_REGION - CONTROL_GUARD - CONTEXT_SIZE, MADV_DONTNEED);
	madvise(carrier_stack(thread->home), SIGNAL_REGION - 4096, MADV_DONTNEED);
	thread_unused(thread);
}

int64_t context_run(struct context *context, uint32_t entry, uint32_t stack, uint64_t argument)
{
	context->libos_stack = stack;
	return context_enter(context, context->libos_base + entry, stack, argument);
}

int machine_entry_ok(const void *window, uint32_t entry)
{
	uint32_t word;

	return entry >= WINDOW_ARENA_START && entry <= WINDOW_ARENA_END - 4 &&
	       !machine_copy_in(&word, (const uint8_t *)window + entry, sizeof word) && word == LANDING_PAD;
}

int machine_thread_program(struct machine_thread *thread, uint32_t entry, uint32_t stack)
{
	struct context *context = thread->context;

	if (!machine_entry_ok((void *)context->program_base, entry))
		return -EINVAL;
	start_over(thread);
	context_again(context, context->program_base + entry, stack_place(context, stack), 0, 0);
}

void machine_thread_window(struct machine_thread *thread, void *program_window, uint32_t entry, uint64_t argument)
{
	struct context *context = thread->context;

	/* All frames go: return addresses of the old window must not outlive it here. */
	start_over(thread);
	context->program_base = (uint64_t)program_window;
	context->program_tp = 0;
	context_again(context, context->libos_base + entry, context->libos_stack, argument, context->libos_base);
}

int machine_thread_entry_set(struct machine_thread *thread, uint64_t which, uint32_t start, uint32_t end, uint32_t target)
{
	struct context *context = thread->context;

	if (which > 2 || (which == 1 && start > end) || !machine_entry_ok((void *)context->libos_base, target))
		return -EINVAL;
	if (which == 0)
		context->syscall_entry = context->libos_base + target;
	else if (which == 2)
		context->interrupt_entry = context->libos_base + target;
	else {
		thread->fixup_start = start;
		thread->fixup_end = end;
		thread->fixup_target = target;
	}
	return 0;
}

void machine_thread_registers(struct machine_thread *thread, void *registers)
{
	thread->registers = registers;
}

const struct machine_fault *machine_thread_fault(const struct machine_thread *thread)
{
	return &thread->last;
}

/* Calls push the way back below the frame that serves, which nothing may unwind past; the data stack begins below its red zone. */
void context_serves(struct context *context, uint32_t entry)
{
	context->floor = (uint64_t)context - context->server[S_RSP / 8] + 8;
	context->entry = context->program_base + entry;
	context->entry_stack = stack_place(context, (context->server[S_R15 / 8] - RED_ZONE) & ~15ull);
}

void context_served(struct context *context)
{
	context->floor = CONTEXT_FIRST;
}

void context_adopt(struct context *context, int64_t error)
{
	context_adopted(context, error, gate_address(gate_call_out));
}
