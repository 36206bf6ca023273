/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The dynamic linker of a program: named by a note in the program (carrel/image.h), found in the cVM's namespace, or else what the
 * Intravisor was given for those that have none. Whatever the program says here, the Intravisor judges what is mapped.
 */
#include <elf.h>

#include <carrel/image.h>
#include "libos/process/process.h"

#define HEADERS_MOST 64
#define NOTES_MOST 1024
#define PATH_LONG 256

/* A program's bytes: in its file, or where it lies in the current program's window. */
struct source {
	struct file *file;
	uint32_t base;
};

static int64_t get(const struct source *s, void *to, size_t n, uint64_t offset, uint64_t address)
{
	if (!s->file)
		return user_get(to, (struct user){program_address(s->base + address)}, n);
	int64_t got;

	/* A signal that comes meanwhile is seen to later: without its dynamic linker the program would run as it lies in its file. */
	do
		got = s->file->operations->read(s->file, own_memory(to), n, (int64_t)offset);
	while (got == -RESTART && !process_current()->ending && !thread_current()->leaving);
	return got < 0 ? got : (size_t)got == n ? 0 : -ENOEXEC;
}

static int note_find(const uint8_t *notes, size_t size, char *path)
{
	for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= size;) {
		Elf64_Nhdr n;
		memcpy(&n, notes + at, sizeof n);
		at += sizeof n;
		uint64_t name = (n.n_namesz + 3ull) & ~3ull, text = (n.n_descsz + 3ull) & ~3ull;
		if (name + text > size - at)
			return 0;
		if (n.n_type == IMAGE_NOTE_INTERPRETER && n.n_namesz == sizeof IMAGE_NOTE_NAME && n.n_descsz &&
		    n.n_descsz < PATH_LONG && !memcmp(notes + at, IMAGE_NOTE_NAME, sizeof IMAGE_NOTE_NAME)) {
			memcpy(path, notes + at + name, n.n_descsz);
			path[n.n_descsz] = 0;
			return 1;
		}
		at += name + text;
	}
	return 0;
}

/* 1: `path` is what the program asks for; 0: nothing, also where its headers cannot be read. */
static int interpreter_name(const struct source *s, const struct boot_image *program, char *path)
{
	uint8_t notes[NOTES_MOST];
	Elf64_Ehdr e = {.e_phoff = 0};
	Elf64_Phdr h;

	if (s->file && get(s, &e, sizeof e, 0, 0))
		return 0;
	for (unsigned i = 0; i < program->phnum && i < HEADERS_MOST; i++) {
		if (get(s, &h, sizeof h, e.e_phoff + i * sizeof h, program->phdr - program->base + i * sizeof h))
			return 0;
		if (h.p_type == PT_NOTE && h.p_filesz <= sizeof notes &&
		    !get(s, notes, h.p_filesz, h.p_offset, h.p_vaddr) && note_find(notes, h.p_filesz, path))
			return 1;
	}
	return 0;
}

int64_t interpreter_map(struct file *file, const struct boot_image *program, int64_t window,
			struct boot_image *interpreter)
{
	struct source s = {file, program->base};
	struct file *f = NULL;
	struct place place;
	char path[PATH_LONG];

	*interpreter = (struct boot_image){0};
	if (!interpreter_name(&s, program, path))
		return 0;
	int64_t error = place_of(path, &place), handle = boot->interpreter;
	if (!error && !(error = place_open(&place, O_RDONLY, 0, &f)))
		handle = f->handle;
	else if (!handle || (error != -ENOENT && error != -ENOTDIR))
		return error;
	error = handle < 0 ? -EACCES : HOST(window_image, window, handle, own_ref(interpreter));
	if (f)
		file_release(f);
	return error ? error : interpreter->entry ? 0 : -ENOEXEC;
}
