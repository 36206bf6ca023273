/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * From the Intravisor's hand to the program's first instruction: relocate, register, lay out argc, argv, envp and auxv in
 * the program's window, enter. An exec comes by here too, with a window of its own.
 */
#include <elf.h>
#include <linux/mman.h>

#include <carrel/image.h>
#include "libos/machine/machine.h"
#include "libos/process/process.h"

struct carrel_boot *boot;

extern char user_copy_start[], user_copy_end[], user_copy_fault[], system_call_entry[];
void libos_start(uint64_t base, const Elf64_Dyn *dynamic) __attribute__((noreturn));

void die(const char *why)
{
	HOST(report, own_ref(why), strlen(why));
	HOST(exit, 127 << 8);
	__builtin_unreachable();
}

/* Relative relocations only: a static image without symbols to bind. */
static void relocate(uint64_t base, const Elf64_Dyn *dynamic)
{
	uint64_t at = 0, size = 0;

	for (; dynamic->d_tag; dynamic++) {
		if (dynamic->d_tag == DT_RELA)
			at = base + dynamic->d_un.d_ptr;
		if (dynamic->d_tag == DT_RELASZ)
			size = dynamic->d_un.d_val;
	}
	for (const Elf64_Rela *r = (const Elf64_Rela *)at; size >= sizeof *r; r++, size -= sizeof *r)
		if (ELF64_R_TYPE(r->r_info) == MACHINE_RELATIVE)
			*(uint64_t *)(base + r->r_offset) = base + (uint64_t)r->r_addend;
}

/* Copies a block of strings to the program's stack; gives the lowered top. */
static uint64_t strings_put(uint64_t top, struct program_text text, uint64_t *words, size_t *at)
{
	size_t length = 0;

	top -= text.bytes;
	if (text.bytes && user_copy_to((uint32_t)top, text.text, text.bytes))
		return 0;
	for (uint32_t i = 0; i < text.count; i++) {
		words[(*at)++] = program_address(top + length);
		length += strlen(text.text + length) + 1;
	}
	words[(*at)++] = 0;
	return top;
}

/* In the window that gs names; 0 when the program's stack cannot take it. */
uint64_t stack_build(const struct process *p, struct program_text argv, struct program_text envp)
{
	size_t most = (size_t)argv.count + envp.count + 64, at = 0;
	uint64_t *words = heap_allocate(most * sizeof *words), top = space_stack_top(), random, name;
	uint8_t seed[16];

	if (!words)
		return 0;
	HOST(random, own_ref(seed), sizeof seed);
	top -= 16;
	random = top;
	int error = user_copy_to((uint32_t)top, seed, 16);
	top -= strlen(p->image) + 1;
	name = top;
	error |= user_copy_to((uint32_t)top, p->image, strlen(p->image) + 1);
	words[at++] = argv.count;
	top = strings_put(top, argv, words, &at);
	top = top ? strings_put(top, envp, words, &at) : 0;
	const uint64_t auxiliary[][2] = {
		{AT_PHDR, program_address(p->program.phdr)}, {AT_PHENT, sizeof(Elf64_Phdr)}, {AT_PHNUM, p->program.phnum}, {AT_PAGESZ, 4096},
		{AT_BASE, p->interpreter.entry ? program_address(p->interpreter.base) : 0}, {AT_FLAGS, 0}, {AT_ENTRY, program_address(p->program.entry)}, {AT_UID, boot->uid}, {AT_EUID, boot->uid},
		{AT_GID, boot->gid}, {AT_EGID, boot->gid}, {AT_SECURE, 0}, {AT_RANDOM, program_address(random)}, {AT_EXECFN, program_address(name)}, {AT_CLKTCK, 100},
		{AT_HWCAP, boot->hwcap}, {AT_HWCAP2, boot->hwcap2}, {BOOT_AT_TICKS, boot->ticks}, {AT_NULL, 0},
	};
	for (size_t i = 0; i < sizeof auxiliary / sizeof *auxiliary; i++) {
		words[at++] = auxiliary[i][0];
		words[at++] = auxiliary[i][1];
	}
	if (top) {
		top = (top - at * 8) & ~15ull;
		error |= user_copy_to((uint32_t)top, words, at * 8);
	}
	heap_free(words, most * sizeof *words);
	return error ? 0 : top;
}

static char *bytes_copy(const char *from, size_t n)
{
	char *to = heap_allocate(n + !n);

	if (!to)
		die("no memory for the program's arguments");
	memcpy(to, from, n);
	return to;
}

static struct program_text boot_text(uint32_t offset, uint32_t count)
{
	const char *first = boot_string(offset);
	struct program_text text = {.count = count};

	for (uint32_t i = 0; i < count; i++)
		text.bytes += strlen(first + text.bytes) + 1;
	text.text = bytes_copy(first, text.bytes);
	return text;
}

/* Takes the strings over, for /proc, and goes to the program. Under the kernel lock. */
void program_begin(struct program_text argv, struct program_text envp)
{
	struct process *p = process_current();
	uint64_t stack = 0;

	heap_free(p->arguments, p->argument_bytes + !p->argument_bytes);
	heap_free(p->environment, p->environment_bytes + !p->environment_bytes);
	p->arguments = argv.text;
	p->argument_bytes = argv.bytes;
	p->environment = envp.text;
	p->environment_bytes = envp.bytes;
	HOST(thread_registers, own_ref(&thread_current()->registers));
	uint64_t top = (space_stack_top() + 4095) & ~4095ull;
	if (space_map(top - SPACE_STACK_SIZE, SPACE_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, NULL, 0) >= 0)
		stack = stack_build(p, argv, envp);
	if (!stack && p->id == 1)
		die("no memory for the program's stack");
	if (!stack)
		process_exit(9);
	int attention = thread_current()->attention;
	kernel_unlock();
	if (attention)
		HOST(thread_kick, thread_current()->number);
	HOST(program_enter, p->interpreter.entry ? p->interpreter.entry : p->program.entry, stack);
	die("the Intravisor refuses the program's entry");
}

void entries_set(void)
{
	if (HOST(entry_set, 0, 0, 0, own_ref(system_call_entry)) || HOST(entry_set, 2, 0, 0, own_ref(interrupted)) ||
	    HOST(entry_set, 1, own_ref(user_copy_start), own_ref(user_copy_end), own_ref(user_copy_fault)))
		die("the Intravisor refuses the entry points");
}

void libos_start(uint64_t base, const Elf64_Dyn *dynamic)
{
	relocate(base, dynamic);
	boot = own_pointer(LIBOS_BOOT);
	if (boot->abi != BOOT_ABI)
		die("this library OS is for another Intravisor");
	entries_set();
	if (HOST(memory_map, own_ref(thread_current()) + THREAD_GUARD, 4096, 0))
		die("no guard below the first stack");
	process_first();
	kernel_lock();
	filesystem_start();
	struct process *p = process_current();
	if (!(p->image = heap_text(boot_string(boot->image_path))))
		die("no memory for the first process");
	if (interpreter_map(NULL, &p->program, space_window(p->space), &p->interpreter))
		die("the program is linked dynamically, and its dynamic linker (" IMAGE_INTERPRETER ") cannot be had: is "
		    "sysroot/lib/libc.so beside this library OS?");
	program_begin(boot_text(boot->argv, boot->argc), boot_text(boot->envp, boot->envc));
}
