/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The loader. The file is an attacker's: every offset, size and sum is checked before use, headers are read once, and mapping
 * goes by the same calls that the program itself has, so that nothing outside the reservation can be reached.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "emulator/load.h"
#include "emulator/memory.h"
#include "emulator/signal.h"
#include "emulator/system.h"
#include "emulator/system_state.h"

enum { HEADERS_MOST = 64 };
#define PIE_BASE 0x200000000ull
#define STACK_TOP (MEMORY_SIZE - 0x1000000)
#define STACK_SIZE (8ull << 20)
#define TRAMPOLINE (MEMORY_SIZE - 0x800000)

struct image {
	const char *path;
	int fd;
	uint64_t file_size;
	Elf64_Ehdr header;
	Elf64_Phdr program[HEADERS_MOST];
	uint64_t lowest, highest, bias;
};

static int refuse(const struct image *image, const char *why)
{
	fprintf(stderr, "carrel-cheri: %s: %s\n", image->path, why);
	return 126;
}

static int read_headers(struct image *image)
{
	Elf64_Ehdr *h = &image->header;
	if (image->file_size < sizeof *h || pread(image->fd, h, sizeof *h, 0) != sizeof *h ||
	    memcmp(h->e_ident, ELFMAG, SELFMAG))
		return refuse(image, "not an ELF file; give a static riscv64 Linux program");
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_RISCV)
		return refuse(image, "an ELF file of another machine; compile it with riscv64-linux-gnu-gcc -static");
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return refuse(image, "not a program (an object file, or a core)");
	if (h->e_phentsize != sizeof(Elf64_Phdr) || !h->e_phnum || h->e_phnum > HEADERS_MOST)
		return refuse(image, "its table of program headers is of no size a program has");
	size_t bytes = h->e_phnum * sizeof(Elf64_Phdr);
	if (h->e_phoff > image->file_size || bytes > image->file_size - h->e_phoff ||
	    pread(image->fd, image->program, bytes, (off_t)h->e_phoff) != (ssize_t)bytes)
		return refuse(image, "truncated: its program headers are beyond its end");
	return 0;
}

static int check_segments(struct image *image)
{
	image->lowest = MEMORY_SIZE;
	for (unsigned n = 0; n < image->header.e_phnum; n++) {
		const Elf64_Phdr *p = &image->program[n];
		if (p->p_type == PT_INTERP)
			return refuse(image, "dynamically linked, which is not supported; link it with -static");
		if (p->p_type != PT_LOAD || !p->p_memsz)
			continue;
		if (p->p_offset > image->file_size || p->p_filesz > image->file_size - p->p_offset)
			return refuse(image, "truncated: a segment is beyond its end");
		if (p->p_filesz > p->p_memsz || p->p_vaddr > MEMORY_SIZE / 4 || p->p_memsz > MEMORY_SIZE / 4 ||
		    (p->p_vaddr & 4095) != (p->p_offset & 4095))
			return refuse(image, "a segment has impossible addresses");
		uint64_t end = p->p_vaddr + p->p_memsz;
		image->lowest = p->p_vaddr < image->lowest ? p->p_vaddr : image->lowest;
		image->highest = end > image->highest ? end : image->highest;
	}
	if (image->lowest >= image->highest)
		return refuse(image, "nothing in it to load");
	image->bias = image->header.e_type == ET_DYN ? PIE_BASE : 0;
	if (image->lowest + image->bias < MEMORY_LOWEST)
		return refuse(image, "a segment below address 0x10000, which Linux does not map");
	return 0;
}

static bool map(struct cpu *cpu, uint64_t address, uint64_t size, int protection, int fd, uint64_t offset)
{
	int flags = MAP_PRIVATE | MAP_FIXED | (fd < 0 ? MAP_ANONYMOUS : 0);
	struct arguments in = {{address, size, (uint64_t)protection, (uint64_t)flags, (uint64_t)fd, offset}};
	return system_mmap(cpu, &in) >= 0;
}

static int map_segment(struct cpu *cpu, struct image *image, const Elf64_Phdr *p)
{
	int protection = (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
			 (p->p_flags & PF_X ? PROT_EXEC : 0);
	uint64_t start = (p->p_vaddr + image->bias) & ~(uint64_t)4095, skew = p->p_vaddr & 4095;
	uint64_t file_end = p->p_vaddr + image->bias + p->p_filesz, end = p->p_vaddr + image->bias + p->p_memsz;
	uint64_t file_pages = p->p_filesz ? (file_end + 4095) & ~(uint64_t)4095 : start,
		 pages = (end + 4095) & ~(uint64_t)4095;
	if (p->p_filesz && !map(cpu, start, p->p_filesz + skew, protection, image->fd, p->p_offset - skew))
		return refuse(image, "a segment cannot be mapped");
	if (pages > file_pages && !map(cpu, file_pages, pages - file_pages, protection, -1, 0))
		return refuse(image, "no memory for a segment");
	if (p->p_filesz && p->p_memsz > p->p_filesz && file_pages > file_end && (protection & PROT_WRITE)) {
		uint64_t rest = (file_pages < end ? file_pages : end) - file_end;
		static const char zeros[4096];
		if (!memory_copy_out(file_end, zeros, rest))
			return refuse(image, "a segment cannot be cleared");
	}
	return 0;
}

/* argc, argv, envp and the auxiliary vector below the strings, as Linux does it. */
static int build_stack(struct cpu *cpu, struct image *image, const char *name, int count, char **arguments,
		       char **environment)
{
	uint64_t sp = STACK_TOP, random[2], headers = 0;
	size_t variables = 0, n = 0, strings = strlen(name) + strlen(image->path) + 2;
	if (!map(cpu, STACK_TOP - STACK_SIZE, STACK_SIZE, PROT_READ | PROT_WRITE, -1, 0))
		return refuse(image, "no memory for the stack");
	for (int k = 1; k < count; k++)
		strings += strlen(arguments[k]) + 1;
	for (; environment[variables]; variables++)
		strings += strlen(environment[variables]) + 1;
	if (strings + (variables + (size_t)count) * 8 > STACK_SIZE / 4)
		return refuse(image, "arguments and environment are too long");
	uint64_t *words = calloc((size_t)count + variables + 64, 8);
	if (!words)
		return refuse(image, "no memory");
#define PUSH_STRING(text) (sp -= strlen(text) + 1, memory_copy_out(sp, text, strlen(text) + 1), sp)
	words[n++] = (uint64_t)count;
	words[n++] = PUSH_STRING(name);
	for (int k = 1; k < count; k++)
		words[n++] = PUSH_STRING(arguments[k]);
	words[n++] = 0;
	for (size_t k = 0; k < variables; k++)
		words[n++] = PUSH_STRING(environment[k]);
	words[n++] = 0;
	uint64_t file = PUSH_STRING(image->path);
	if (getrandom(random, sizeof random, 0) != sizeof random)
		random[0] = random[1] = 0;
	sp = (sp - 16) & ~(uint64_t)15;
	uint64_t random_at = sp;
	memory_copy_out(sp, random, 16);
	for (unsigned k = 0; k < image->header.e_phnum; k++) {
		const Elf64_Phdr *p = &image->program[k];
		if (p->p_type == PT_LOAD && p->p_offset <= image->header.e_phoff &&
		    image->header.e_phoff < p->p_offset + p->p_filesz)
			headers = p->p_vaddr + image->bias + image->header.e_phoff - p->p_offset;
	}
	const uint64_t letters = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 8 | 1 << 12; /* A C D F I M */
	const uint64_t vector[][2] = {
		{AT_PHDR, headers},
		{AT_PHENT, sizeof(Elf64_Phdr)},
		{AT_PHNUM, image->header.e_phnum},
		{AT_PAGESZ, 4096},
		{AT_BASE, 0},
		{AT_FLAGS, 0},
		{AT_ENTRY, image->header.e_entry + image->bias},
		{AT_UID, getuid()},
		{AT_EUID, geteuid()},
		{AT_GID, getgid()},
		{AT_EGID, getegid()},
		{AT_HWCAP, letters},
		{AT_CLKTCK, 100},
		{AT_SECURE, 0},
		{AT_RANDOM, random_at},
		{AT_EXECFN, file},
		{AT_NULL, 0},
	};
	memcpy(words + n, vector, sizeof vector);
	n += sizeof vector / 8;
	sp = (sp - n * 8) & ~(uint64_t)15;
	bool good = memory_copy_out(sp, words, n * 8);
	free(words);
	cpu->x[2] = sp;
	return good ? 0 : refuse(image, "the stack cannot be written");
}

static int load(struct cpu *cpu, struct image *image, const char *name, int count, char **arguments, char **environment)
{
	static const uint32_t trampoline[2] = {0x08b00893, 0x00000073}; /* li a7, rt_sigreturn; ecall */
	int status = read_headers(image);
	if (!status)
		status = check_segments(image);
	for (unsigned n = 0; !status && n < image->header.e_phnum; n++)
		if (image->program[n].p_type == PT_LOAD && image->program[n].p_memsz)
			status = map_segment(cpu, image, &image->program[n]);
	if (!status)
		status = build_stack(cpu, image, name, count, arguments, environment);
	if (status)
		return status;
	struct arguments protect = {{TRAMPOLINE, 4096, PROT_READ | PROT_EXEC}};
	if (!map(cpu, TRAMPOLINE, 4096, PROT_READ | PROT_WRITE, -1, 0) ||
	    !memory_copy_out(TRAMPOLINE, trampoline, sizeof trampoline) || system_mprotect(cpu, &protect) < 0)
		return refuse(image, "no memory");
	signal_init(TRAMPOLINE, cpu->pcc, cpu->ddc);
	system_brk_set((image->highest + image->bias + 4095) & ~(uint64_t)4095);
	system_program_path(image->path);
	cpu->pc = image->header.e_entry + image->bias;
	return 0;
}

int load_program(struct cpu *cpu, const char *path, const char *name, int count, char **arguments, char **environment)
{
	struct image image = {.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
	struct stat file;
	if (image.fd < 0 || fstat(image.fd, &file)) {
		fprintf(stderr, "carrel-cheri: %s: %s\n", path, strerror(errno));
		return errno == ENOENT || errno == ENOTDIR ? 127 : 126;
	}
	int status = S_ISREG(file.st_mode)
			     ? 0
			     : refuse(&image, S_ISDIR(file.st_mode) ? "is a directory" : "not a regular file");
	image.file_size = (uint64_t)file.st_size;
	if (!status)
		status = load(cpu, &image, name, count, arguments, environment);
	close(image.fd);
	return status;
}
