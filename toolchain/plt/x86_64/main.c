/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * carrel-plt: the jumps that ld itself writes for calls into other objects (.plt and its kin), made into Carrel's forms in the linked
 * file. An entry loads its function's address from the table and jumps to a checked branch; those lie where ld's lazy binding was,
 * which nobody uses (musl binds at once), or in plt.o when there is no such place. Untrusted: the verifier judges what comes out.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/gate.h>

#define ENTRY 16
#define UNIT  32
#define TRAP  0xcc

/* The checked branch to r11, as docs/architecture.md has it, with its trap behind it. */
static const uint8_t unit[UNIT] = {
	0x45, 0x89, 0xdb,                                       /* mov %r11d, %r11d */
	0x65, 0x67, 0x45, 0x8b, 0x13,                           /* mov %gs:(%r11d), %r10d */
	0x41, 0x81, 0xc2, 0x0d, 0xf0, 0xe1, 0x05,               /* add $-LANDING_PAD, %r10d */
	0x75, 0x0c,                                             /* jne to the ud2 */
	0x65, 0x4c, 0x0b, 0x1c, 0x25, 0x00, 0x00, 0x01, 0x00,   /* or %gs:0x10000, %r11 */
	0x41, 0xff, 0xe3,                                       /* jmp *%r11 */
	0x0f, 0x0b, TRAP,                                       /* ud2 */
};
_Static_assert(LANDING_PAD == (uint32_t)-0x05e1f00d, "the unit's constant");

struct image {
	const char *name;
	uint8_t *bytes;
	size_t size;
	const Elf64_Shdr *sections;
	unsigned count;
	const char *names;
};

static void fail(const struct image *image, const char *why)
{
	fprintf(stderr, "carrel-plt: %s: %s\n", image->name, why);
	exit(1);
}

static void image_read(struct image *image)
{
	FILE *in = fopen(image->name, "rb");
	long size = in && !fseek(in, 0, SEEK_END) ? ftell(in) : -1;
	const Elf64_Ehdr *e;

	if (size < 0 || fseek(in, 0, SEEK_SET) || !(image->bytes = malloc((size_t)size + 1)) ||
	    fread(image->bytes, 1, (size_t)size, in) != (size_t)size) {
		perror(image->name);
		exit(1);
	}
	fclose(in);
	image->size = (size_t)size;
	e = (const Elf64_Ehdr *)image->bytes;
	if (image->size < sizeof *e || memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_ident[EI_CLASS] != ELFCLASS64 ||
	    e->e_shentsize != sizeof(Elf64_Shdr) || e->e_shoff > image->size ||
	    e->e_shnum > (image->size - e->e_shoff) / sizeof(Elf64_Shdr) || e->e_shstrndx >= e->e_shnum)
		fail(image, "not a linked file with sections");
	image->sections = (const Elf64_Shdr *)(image->bytes + e->e_shoff);
	image->count = e->e_shnum;
	image->names = (const char *)image->bytes + image->sections[e->e_shstrndx].sh_offset;
	for (unsigned i = 0; i < image->count; i++)
		if (image->sections[i].sh_type != SHT_NOBITS &&
		    (image->sections[i].sh_offset > image->size || image->sections[i].sh_size > image->size - image->sections[i].sh_offset))
			fail(image, "a section lies outside the file");
}

static int is_code(const Elf64_Shdr *s)
{
	return (s->sh_flags & SHF_EXECINSTR) && s->sh_type == SHT_PROGBITS && s->sh_size;
}

static const Elf64_Shdr *section(const struct image *image, const char *name)
{
	for (unsigned i = 0; i < image->count; i++)
		if (is_code(&image->sections[i]) && !strcmp(image->names + image->sections[i].sh_name, name))
			return &image->sections[i];
	return NULL;
}

/* Between two sections of text ld leaves zeros, which are an instruction. */
static void gaps_fill(struct image *image)
{
	const Elf64_Shdr *before = NULL;

	for (unsigned i = 0; i < image->count; i++) {
		const Elf64_Shdr *s = &image->sections[i];
		if (!is_code(s))
			continue;
		if (before && s->sh_addr - before->sh_addr == s->sh_offset - before->sh_offset &&
		    s->sh_offset >= before->sh_offset + before->sh_size)
			memset(image->bytes + before->sh_offset + before->sh_size, TRAP, s->sh_offset - before->sh_offset - before->sh_size);
		before = s;
	}
}

/* The address of the checked branch in plt.o. */
static uint64_t unit_find(const struct image *image)
{
	for (unsigned i = 0; i < image->count; i++) {
		const Elf64_Shdr *s = &image->sections[i];
		const uint8_t *found = is_code(s) ? memmem(image->bytes + s->sh_offset, s->sh_size, unit, UNIT) : NULL;
		if (found)
			return s->sh_addr + (uint64_t)(found - (image->bytes + s->sh_offset));
	}
	fail(image, "plt.o was not linked in");
	return 0;
}

/* endbr64; jmp *TABLE(%rip) becomes endbr64; mov TABLE(%rip), %r11d; jmp UNIT. */
static void entries_write(struct image *image, const Elf64_Shdr *s, uint64_t units, uint64_t unit_count)
{
	static const uint8_t pad[] = {0xf3, 0x0f, 0x1e, 0xfa}, load[] = {0x44, 0x8b, 0x1d};

	for (uint64_t at = 0; at + ENTRY <= s->sh_size; at += ENTRY) {
		uint8_t *entry = image->bytes + s->sh_offset + at;
		unsigned jump = sizeof pad + (entry[sizeof pad] == 0xf2);
		int32_t table, branch;
		if (memcmp(entry, pad, sizeof pad) || entry[jump] != 0xff || entry[jump + 1] != 0x25)
			fail(image, "ld's jump table has a form that is not known (link with -z ibtplt)");
		memcpy(&table, entry + jump + 2, 4);
		table += (int32_t)(jump + 6) - (int32_t)(sizeof pad + sizeof load + 4);
		branch = (int32_t)(units + at / ENTRY % unit_count * UNIT - (s->sh_addr + at + ENTRY));
		memcpy(entry + sizeof pad, load, sizeof load);
		memcpy(entry + sizeof pad + sizeof load, &table, 4);
		entry[ENTRY - 5] = 0xe9;
		memcpy(entry + ENTRY - 4, &branch, 4);
	}
}

int main(int argc, char **argv)
{
	struct image image = {.name = argc == 2 ? argv[1] : ""};

	if (argc != 2 || !strcmp(argv[1], "--help")) {
		puts("Usage: carrel-plt FILE\nRewrites the jump tables of a file just linked by ld -z ibtplt, in place. carrel-cc runs it.");
		return argc != 2;
	}
	image_read(&image);
	const Elf64_Shdr *lazy = section(&image, ".plt"), *tables[] = {section(&image, ".plt.sec"), section(&image, ".plt.got")};
	if (!lazy && !tables[0] && !tables[1])
		return 0;
	if (lazy && !tables[0])         /* then .plt itself is called */
		fail(&image, "ld's jump table has a form that is not known (link with -z ibtplt)");
	gaps_fill(&image);
	uint64_t units = lazy ? lazy->sh_addr : 0, unit_count = lazy ? lazy->sh_size / UNIT : 0;
	if (lazy) {
		memset(image.bytes + lazy->sh_offset, TRAP, lazy->sh_size);
		for (uint64_t i = 0; i < unit_count; i++)
			memcpy(image.bytes + lazy->sh_offset + i * UNIT, unit, UNIT);
	}
	if (!unit_count) {
		units = unit_find(&image);
		unit_count = 1;
	}
	for (int i = 0; i < 2; i++)
		if (tables[i])
			entries_write(&image, tables[i], units, unit_count);
	FILE *out = fopen(image.name, "r+b");
	if (!out || fwrite(image.bytes, 1, image.size, out) != image.size || fclose(out)) {
		perror(image.name);
		return 1;
	}
	return 0;
}
