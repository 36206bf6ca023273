/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * From the Intravisor's hand to the program's first instruction: relocate, register, lay out argc, argv, envp and auxv in
 * the program's window, enter.
 */
#include <elf.h>
#include <linux/mman.h>

#include "libos/fs/fs.h"
#include "libos/libos.h"
#include "libos/machine/machine.h"


struct carrel_boot *boot;

extern char user_copy_start[], user_copy_end[], user_copy_fault[], system_call_entry[];
void libos_start(uint64_t base, const Elf64_Dyn *dynamic) __attribute__((noreturn));

void die(const char *why)
{
	HOST(report, (uintptr_t)why, strlen(why));
	HOST(exit, 127 << 8);
	__builtin_unreachable();
}

void process_end(int status)
{
	HOST(exit, status);
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

/* Copies a block of n strings to the program's stack top; gives the lowered top. */
static uint64_t strings_put(uint64_t top, uint32_t offset, uint32_t n, uint64_t *words, size_t *at)
{
	const char *first = boot_string(offset);
	size_t length = 0;

	for (uint32_t i = 0; i < n; i++)
		length += strlen(first + length) + 1;
	top -= length;
	if (user_copy_to((uint32_t)top, first, length))
		die("cannot lay out the program's arguments");
	length = 0;
	for (uint32_t i = 0; i < n; i++) {
		words[(*at)++] = top + length;
		length += strlen(first + length) + 1;
	}
	words[(*at)++] = 0;
	return top;
}

static uint64_t stack_build(void)
{
	size_t most = (size_t)boot->argc + boot->envc + 64, at = 0;
	uint64_t *words = heap_allocate(most * sizeof *words), top = SPACE_STACK_TOP, random, name;
	const char *path = boot_string(boot->image_path);

	if (!words)
		die("no memory for the program's arguments");
	top -= 16;
	random = top;
	user_copy_to((uint32_t)top, boot->random, 16);
	top -= strlen(path) + 1;
	name = top;
	user_copy_to((uint32_t)top, path, strlen(path) + 1);
	words[at++] = boot->argc;
	top = strings_put(top, boot->argv, boot->argc, words, &at);
	top = strings_put(top, boot->envp, boot->envc, words, &at);
	const uint64_t auxiliary[][2] = {
		{AT_PHDR, boot->program.phdr}, {AT_PHENT, sizeof(Elf64_Phdr)}, {AT_PHNUM, boot->program.phnum}, {AT_PAGESZ, 4096},
		{AT_BASE, 0}, {AT_FLAGS, 0}, {AT_ENTRY, boot->program.entry}, {AT_UID, boot->uid}, {AT_EUID, boot->uid},
		{AT_GID, boot->gid}, {AT_EGID, boot->gid}, {AT_SECURE, 0}, {AT_RANDOM, random}, {AT_EXECFN, name}, {AT_CLKTCK, 100},
		{AT_HWCAP, boot->hwcap}, {AT_HWCAP2, boot->hwcap2}, {AT_NULL, 0},
	};
	for (size_t i = 0; i < sizeof auxiliary / sizeof *auxiliary; i++) {
		words[at++] = auxiliary[i][0];
		words[at++] = auxiliary[i][1];
	}
	top = (top - at * 8) & ~15ull;
	if (user_copy_to((uint32_t)top, words, at * 8))
		die("cannot lay out the program's stack");
	heap_free(words, most * sizeof *words);
	return top;
}

void libos_start(uint64_t base, const Elf64_Dyn *dynamic)
{
	relocate(base, dynamic);
	boot = (struct carrel_boot *)LIBOS_BOOT;
	if (boot->abi != BOOT_ABI)
		die("this library OS is for another Intravisor");
	if (HOST(entry_set, 0, 0, 0, (uintptr_t)system_call_entry) ||
	    HOST(entry_set, 1, (uintptr_t)user_copy_start, (uintptr_t)user_copy_end, (uintptr_t)user_copy_fault))
		die("the Intravisor refuses the entry points");
	space_start(boot->memory_limit ? boot->memory_limit + SPACE_STACK_SIZE : 0);
	if (space_map(SPACE_STACK_TOP - SPACE_STACK_SIZE, SPACE_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, -1, 0) < 0)
		die("no memory for the program's stack");
	filesystem_start();
	HOST(program_enter, boot->program.entry, stack_build());
	die("the Intravisor refuses the program's entry");
}
