/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Windows' entry pages, their capabilities, and threads on CHERI-RISC-V. Trusted. An attacker controls the offsets that library OSes
 * hand to the entry functions; PCC confines what is entered wherever that is, so they are only kept inside the code arena.
 *
 * A window is the DDC of its compartment: [base, base + 4 GiB), to load and store, and to load capabilities, which are only in its
 * entry table; never to store any. PCC is its lowest GiB, where the code arena lies; nothing but images and the entry page is mapped
 * executable there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <carrel/entry.h>
#include <carrel/window.h>
#include "machine/cheri_riscv64/thread.h"

#define CHECK(field, name) _Static_assert(offsetof(struct context, field) == name, "context.h's offsets are the struct's")
CHECK(host_data, C_HOST_DATA);
CHECK(program_gate, C_PROGRAM_GATE);
CHECK(libos_gate, C_LIBOS_GATE);
CHECK(syscall_entry, C_SYSCALL_ENTRY);
CHECK(libos_stack, C_LIBOS_STACK);
CHECK(host_sp, C_HOST_SP);
CHECK(thread, C_THREAD);
CHECK(leaving, C_LEAVING);
CHECK(host_fast, C_HOST_FAST);
CHECK(owner, C_OWNER);
CHECK(carrier, C_CARRIER);
CHECK(call, C_CALL);
CHECK(entry, C_ENTRY);
CHECK(caller, C_CALLER);
CHECK(server, C_SERVER);
_Static_assert(offsetof(struct carrier, host_tp) == CARRIER_HOST_TP && sizeof(struct context) <= CONTEXT_SIZE, "carrier.h, context.h");
_Static_assert(offsetof(struct signal_frame, x) == 304 && offsetof(struct signal_frame, c) == 1088, "thread.h's frame");

#define DATA_PERMISSIONS (PERMIT_GLOBAL | PERMIT_LOAD | PERMIT_STORE | PERMIT_LOAD_CAP)
#define CODE_PERMISSIONS (PERMIT_GLOBAL | PERMIT_EXECUTE | PERMIT_LOAD)
#define GATE_PERMISSIONS (PERMIT_GLOBAL | PERMIT_LOAD | PERMIT_LOAD_CAP | PERMIT_CINVOKE)
#define ENTRY_TABLE      (ENTRY_PAGE + 0x1000)

struct machine_upcalls machine_calls;
int machine_ticks_steady;

int machine_init(const struct machine_upcalls *upcalls)
{
	machine_calls = *upcalls;
	return fault_init();
}

static void entry_put(struct capability *slot, const uint8_t *gate, uint64_t type)
{
	capability_own(slot, 1, (uint64_t)gate);
	capability_seal(slot, type);
}

/* The code that calls gates, and behind it the sealed entries, which only this function stores. */
int machine_window_open(void *base, int compartment)
{
	uint8_t *page = (uint8_t *)base + ENTRY_PAGE, *table = (uint8_t *)base + ENTRY_TABLE;
	const uint8_t *code = compartment == MACHINE_PROGRAM ? entry_program_start : entry_libos_start;
	const uint8_t *end = compartment == MACHINE_PROGRAM ? entry_program_end : entry_libos_end;
	struct capability *slot = (struct capability *)table;

	if (mmap(page, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	memcpy(page, code, (size_t)(end - code));
	if (compartment == MACHINE_PROGRAM) {
		entry_put(slot, gate_syscall, OTYPE_PROGRAM);
		entry_put(slot + ENTRY_CALL, gate_call, OTYPE_PROGRAM);
		entry_put(slot + ENTRY_SERVE, gate_serve, OTYPE_PROGRAM);
		entry_put(slot + ENTRY_CALL_COPY, gate_call_copy, OTYPE_PROGRAM);
		entry_put(slot + ENTRY_CALL_RETURN, gate_call_return, OTYPE_PROGRAM);
	} else {
		entry_put(slot, gate_host_call, OTYPE_LIBOS);
		entry_put(slot + ENTRY_LEAVE, gate_leave, OTYPE_LIBOS);
		entry_put(slot + ENTRY_HOST_FAST, gate_host_fast, OTYPE_LIBOS);
	}
	return mprotect(page, 4096, PROT_READ | PROT_EXEC) || mprotect(table, 4096, PROT_READ) ? -errno : 0;
}

/* size bytes aligned to size, which is a power of two. */
static uint8_t *region_make(size_t size)
{
	uint8_t *all = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (all == MAP_FAILED)
		return NULL;
	uint8_t *region = (uint8_t *)(((uintptr_t)all + size - 1) & ~(size - 1));
	if (region > all)
		munmap(all, (size_t)(region - all));
	if (region + size < all + 2 * size)
		munmap(region + size, (size_t)(all + 2 * size - (region + size)));
	return region;
}

static void window_capabilities(struct capability *data, struct capability *code, uint64_t base)
{
	capability_make(data, 0, base, WINDOW_SIZE, DATA_PERMISSIONS);
	capability_make(code, 1, base, WINDOW_ARENA_END, CODE_PERMISSIONS);
}

/* The library OS reaches its program's memory through tp: no capabilities, which is what the program's entry table holds. */
static void program_set(struct context *context, uint64_t base)
{
	context->program_base = base;
	window_capabilities(&context->program_data, &context->program_code, base);
	capability_make(&context->program_window, 0, base, WINDOW_SIZE, DATA_PERMISSIONS & ~PERMIT_LOAD_CAP);
}

/* A call that it is in, or serves, is over: its next entry is none of that. */
static void start_over(struct machine_thread *thread)
{
	call_abandon(thread);
	thread->context->server[S_PRESENT / 8] = 0;
}

/* One that was used before, or a fresh one; of both only what thread.h says, and state, are set. */
static struct machine_thread *thread_get(void)
{
	struct machine_thread *thread = thread_used_again();

	if (thread)
		return thread;
	thread = aligned_alloc(64, sizeof *thread);
	uint8_t *region = region_make(CONTEXT_SIZE), *stack = region_make(SIGNAL_REGION);
	if (thread && region && stack) {
		*thread = (struct machine_thread){.region = region, .home = (struct carrier *)(stack + SIGNAL_REGION) - 1,
						  .context = (struct context *)region};
		thread->context->thread = (uint64_t)thread;
		return thread;
	}
	if (region)
		munmap(region, CONTEXT_SIZE);
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
	context->carrier = thread->home;
	context->call = (uint64_t)machine_calls.call;
	context->call_end = (uint64_t)call_end;
	context->call_copy = (uint64_t)machine_calls.call_copy;
	context->serve = (uint64_t)machine_calls.serve;
	context->libos_base = (uint64_t)libos_window;
	context->libos_stack = context->libos_base + LIBOS_STACK_TOP;
	context->host_call = (uint64_t)machine_calls.host_call;
	context->host_fast = (uint64_t)machine_calls.host_fast;
	context->owner = (uint64_t)owner;
	capability_own(&context->host_data, 0, 0);
	window_capabilities(&context->libos_data, &context->libos_code, context->libos_base);
	program_set(context, (uint64_t)program_window);
	capability_make(&context->program_gate, 0, (uint64_t)context, CONTEXT_SIZE, GATE_PERMISSIONS);
	capability_copy(&context->libos_gate, &context->program_gate);
	capability_seal(&context->program_gate, OTYPE_PROGRAM);
	capability_seal(&context->libos_gate, OTYPE_LIBOS);
	return thread;
}

/* The registers are the library OS's business, and there are no frames but in the program's own memory: those of another window
 * would point into the old one. */
struct machine_thread *machine_thread_copy(const struct machine_thread *from, void *program_window, void *owner)
{
	const struct context *old = from->context;

	if ((uint64_t)program_window != old->program_base)
		return NULL;
	struct machine_thread *thread = machine_thread_create(program_window, (void *)old->libos_base, owner);
	if (!thread)
		return NULL;
	capability_copy(&thread->context->syscall_entry, &old->syscall_entry);
	thread->context->interrupt_entry = old->interrupt_entry;
	thread->fixup_start = from->fixup_start;
	thread->fixup_end = from->fixup_end;
	thread->fixup_target = from->fixup_target;
	return thread;
}

void machine_thread_destroy(struct machine_thread *thread)
{
	if (!thread)
		return;
	madvise(carrier_stack(thread->home), SIGNAL_REGION - 4096, MADV_DONTNEED);
	thread_unused(thread);
}

int64_t context_run(struct context *context, uint32_t entry, uint32_t stack, uint64_t argument)
{
	context->libos_stack = context->libos_base + stack;
	return context_enter(context, context->libos_base + entry, context->libos_stack, argument, 0);
}

/* Is it an offset where a window's code can lie? PCC and the pages decide what is there. */
int machine_entry_ok(const void *window, uint32_t entry)
{
	(void)window;
	return entry >= WINDOW_ARENA_START && entry < WINDOW_ARENA_END && entry % 2 == 0;
}

int machine_thread_program(struct machine_thread *thread, uint32_t entry, uint32_t stack)
{
	struct context *context = thread->context;

	if (!machine_entry_ok((void *)context->program_base, entry))
		return -EINVAL;
	start_over(thread);
	context_again(context, context->program_base + entry, context->program_base + stack, 0, 1);
}

/* A call enters at `entry`, below what the stack of the program that serves holds (gates.S). */
void context_serves(struct context *context, uint32_t entry)
{
	context->entry = context->program_base + entry;
}

void context_served(struct context *context)
{
	context->entry = 0;
}

/* Every register of the old program's goes, capabilities among them: guests cannot keep one in memory, so none outlives its window. */
void machine_thread_window(struct machine_thread *thread, void *program_window, uint32_t entry, uint64_t argument)
{
	struct context *context = thread->context;

	start_over(thread);
	program_set(context, (uint64_t)program_window);
	context_again(context, context->libos_base + entry, context->libos_stack, argument, 0);
}

int machine_thread_entry_set(struct machine_thread *thread, uint64_t which, uint32_t start, uint32_t end, uint32_t target)
{
	struct context *context = thread->context;

	if (which > 2 || (which == 1 && start > end) || !machine_entry_ok((void *)context->libos_base, target))
		return -EINVAL;
	if (which == 0)
		return capability_at(&context->syscall_entry, &context->libos_code, context->libos_base + target) ? 0 : -EINVAL;
	if (which == 2)
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

int64_t machine_blocking(struct machine_thread *thread, long number, long a, long b, long c, long d, long e, long f)
{
	const long call[7] = {number, a, b, c, d, e, f};
	int64_t result = context_blocking(&thread->context->kicked, call);

	if (result == -EINTR)
		thread->context->kicked = 0;
	return result;
}
