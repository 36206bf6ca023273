/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * ELF into pages: reads the file once into a private buffer laid out as the image will lie in memory. Every number of the
 * file is checked before it is used; sums are done in 64 bits on values bounded below 2^32. Trusted; the file is hostile.
 */
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <carrel/image.h>
#include <carrel/isa.h>
#include <carrel/window.h>
#include "intravisor/load/load.h"

#define SPAN_MOST 0x10000000u   /* 256 MiB */
#define HEADERS_MOST 64
#define PAGE 4096u

__attribute__((format(printf, 3, 4))) static int bad(struct cvm_error *error, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof error->text, format, arguments);
	va_end(arguments);
	return code;
}

static int read_whole(int fd, void *to, size_t length, uint64_t offset)
{
	for (size_t done = 0; done < length;) {
		ssize_t n = pread(fd, (uint8_t *)to + done, length - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -ENOEXEC;
		done += (size_t)n;
	}
	return 0;
}

/* The policy the note asks for, or -1. */
static int64_t note_policy(int fd, const Elf64_Phdr *headers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint8_t notes[1024];
		if (headers[i].p_type != PT_NOTE || headers[i].p_filesz > sizeof notes ||
		    read_whole(fd, notes, headers[i].p_filesz, headers[i].p_offset))
			continue;
		for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= headers[i].p_filesz;) {
			Elf64_Nhdr note;
			struct image_note wanted;
			memcpy(&note, notes + at, sizeof note);
			at += sizeof note;
			uint64_t name = (note.n_namesz + 3ull) & ~3ull, desc = (note.n_descsz + 3ull) & ~3ull;
			if (name + desc > headers[i].p_filesz - at)
				break;
			if (note.n_type == IMAGE_NOTE_TYPE && note.n_namesz == sizeof IMAGE_NOTE_NAME &&
			    !memcmp(notes + at, IMAGE_NOTE_NAME, sizeof IMAGE_NOTE_NAME) && note.n_descsz == sizeof wanted) {
				memcpy(&wanted, notes + at + name, sizeof wanted);
				return wanted.abi == IMAGE_ABI ? (int64_t)wanted.policy : -2;
			}
			at += name + desc;
		}
	}
	return -1;
}

static int segment_add(struct image *image, const Elf64_Phdr *h, const char *name, struct cvm_error *error)
{
	/* p_vaddr and p_memsz are below SPAN_MOST, checked by the caller. */
	uint32_t start = (uint32_t)h->p_vaddr & ~(PAGE - 1), end = ((uint32_t)(h->p_vaddr + h->p_memsz) + PAGE - 1) & ~(PAGE - 1);
	int protection = (h->p_flags & PF_R ? PROT_READ : 0) | (h->p_flags & PF_W ? PROT_WRITE : 0) | (h->p_flags & PF_X ? PROT_READ | PROT_EXEC : 0);
	/* Text is readable whatever the headers say: branch checks and interruptions read it. */

	if (image->segment_count == IMAGE_SEGMENTS_MOST)
		return bad(error, -ENOEXEC, "%s: too many segments", name);
	if (start == end)
		return 0;
	if (image->segment_count &&
	    start < image->segments[image->segment_count - 1].start + image->segments[image->segment_count - 1].length)
		return bad(error, -ENOEXEC, "%s: segments overlap or share a page (link with -z separate-code)", name);
	if ((protection & PROT_EXEC) && (protection & PROT_WRITE))
		return bad(error, -ENOEXEC, "%s: a segment is writable and executable", name);
	if (protection & PROT_EXEC) {
		if (image->text_length)
			return bad(error, -ENOEXEC, "%s: more than one executable segment", name);
		if (h->p_memsz != h->p_filesz)
			return bad(error, -ENOEXEC, "%s: the executable segment has bytes that are not in the file", name);
		image->text_start = start;
		image->text_length = end - start;
	}
	image->segments[image->segment_count++] = (struct image_segment){start, end - start, start, protection};
	if (end > image->span)
		image->span = end;
	return 0;
}

int image_layout(int fd, const char *name, int64_t policy, struct image_budget *budget, struct image *image, uint8_t **buffer,
		 struct machine_text *text, struct cvm_error *error)
{
	Elf64_Ehdr e;
	Elf64_Phdr headers[HEADERS_MOST];
	struct stat status;

	memset(image, 0, sizeof *image);
	*buffer = NULL;
	if (fstat(fd, &status))
		return bad(error, -errno, "%s: %s", name, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return bad(error, -EISDIR, "%s: is a directory, not an image", name);
	if (!S_ISREG(status.st_mode))
		return bad(error, -EACCES, "%s: is not a regular file", name);
	if (read_whole(fd, &e, sizeof e, 0) || memcmp(e.e_ident, ELFMAG, SELFMAG))
		return bad(error, -ENOEXEC, "%s: not a Carrel image (not an ELF file); build it with carrel-cc", name);
	if (e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_ident[EI_DATA] != ELFDATA2LSB || e.e_machine != ISA_ELF_MACHINE)
		return bad(error, -ENOEXEC, "%s: an image for another machine (ELF machine %u); this one runs " ISA_NAME
			   ": build it with carrel-cc --machine=" ISA_MACHINE ", or say its machine by --machine", name, e.e_machine);
	if (e.e_phentsize != sizeof *headers || e.e_phnum > HEADERS_MOST || !e.e_phnum ||
	    e.e_phoff > (uint64_t)INT64_MAX - sizeof headers || read_whole(fd, headers, e.e_phnum * sizeof *headers, e.e_phoff))
		return bad(error, -ENOEXEC, "%s: damaged or truncated: its program headers cannot be read", name);
	int64_t noted = note_policy(fd, headers, e.e_phnum);
	if (noted == -1)
		return bad(error, -ENOEXEC, "%s: not a Carrel image (no Carrel note); build it with carrel-cc", name);
	if (noted == -2)
		return bad(error, -ENOEXEC, "%s: made by another version of carrel-cc (image ABI differs from %d); rebuild it", name, IMAGE_ABI);
	if (noted > IMAGE_POLICY_LIBOS || (policy >= 0 && noted != policy))
		return bad(error, -ENOEXEC, "%s: is %s image", name, noted == IMAGE_POLICY_LIBOS ? "a library OS, not a program" :
			   noted == IMAGE_POLICY_PROGRAM ? "a program, not a library OS" : "of an unknown policy, not an");
	if (e.e_type != ET_DYN && e.e_type != ET_EXEC)
		return bad(error, -ENOEXEC, "%s: neither a program nor a shared object (link it with carrel-cc)", name);
	/* From here on image-relative, whatever the file says: what lies before its first address wraps, and is far outside. */
	image->linked = e.e_type == ET_EXEC ? WINDOW_ARENA_FIRST : 0;
	e.e_entry -= e.e_entry ? image->linked : 0;
	for (unsigned i = 0; i < e.e_phnum; i++) {
		Elf64_Phdr *h = &headers[i];
		if (h->p_type != PT_LOAD)
			continue;
		h->p_vaddr -= image->linked;
		if (h->p_vaddr >= SPAN_MOST || h->p_memsz >= SPAN_MOST || h->p_vaddr + h->p_memsz > SPAN_MOST || h->p_filesz > h->p_memsz ||
		    h->p_offset > (uint64_t)INT64_MAX - SPAN_MOST)
			return bad(error, -ENOEXEC, "%s: damaged: segment %u does not fit the 256 MiB an image may have", name, i);
		int code = segment_add(image, h, name, error);
		if (code)
			return code;
	}
	if (!image->text_length)
		return bad(error, -ENOEXEC, "%s: has no executable segment", name);
	if (budget && image_budget_take(budget, image->span))
		return bad(error, -ENOMEM, "%s: its %u bytes are more than this cVM may have in images", name, image->span);
	uint8_t *all = mmap(NULL, image->span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED) {
		image_budget_give(budget, image->span);
		return bad(error, -ENOMEM, "%s: no memory to read it", name);
	}
	memset(all + image->text_start, ISA_TRAP_BYTE, image->text_length);
	for (unsigned i = 0; i < e.e_phnum; i++) {
		const Elf64_Phdr *h = &headers[i];
		if (h->p_type != PT_LOAD || !read_whole(fd, all + h->p_vaddr, h->p_filesz, h->p_offset))
			continue;
		munmap(all, image->span);
		image_budget_give(budget, image->span);
		return bad(error, -ENOEXEC, "%s: damaged or truncated: segment %u ends before its %llu bytes", name, i,
			   (unsigned long long)h->p_filesz);
	}
	/* An executable segment that starts inside a page: what lies before it in the page must be traps, and is. */
	image->policy = (uint32_t)noted;
	image->phnum = e.e_phnum;
	for (unsigned i = 0; i < e.e_phnum; i++)
		if (headers[i].p_type == PT_LOAD && headers[i].p_offset <= e.e_phoff && e.e_phoff - headers[i].p_offset < headers[i].p_filesz)
			image->phdr = (uint32_t)(headers[i].p_vaddr + (e.e_phoff - headers[i].p_offset));
	/* A shared object has none: 0. Nothing relies on the entry here: whoever enters an image has the target compared in place. */
	if (e.e_entry && (e.e_entry >= image->span || e.e_entry < image->text_start ||
			  !machine_is_landing_pad(all + image->text_start, image->text_length, e.e_entry - image->text_start))) {
		munmap(all, image->span);
		image_budget_give(budget, image->span);
		return bad(error, -ENOEXEC, "%s: its entry point is not a landing pad in its text", name);
	}
	image->entry = (uint32_t)e.e_entry;
	*text = (struct machine_text){.text = all + image->text_start, .size = image->text_length, .text_offset = image->text_start,
				      .address = image->linked + image->text_start, .image_span = image->span, .policy = (int)image->policy};
	*buffer = all;
	return 0;
}
