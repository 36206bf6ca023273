/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * again LIBOS IMAGE [ARGUMENT]...: windows that served one cVM serve the next of the same configuration (window_open_image). For each
 * argument, which tells the program how to leave its windows behind, a cVM runs and ends; in the next one's windows, before it
 * runs, nothing of that is left: every byte of both images is as in its sealed copy, nothing else is mapped but what the
 * Intravisor puts there, and nothing is executable but the images' text. TAP on standard output.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <carrel/window.h>
#include "intravisor/load/load.h"

static int said;

static void say(int ok, const char *name, const char *argument)
{
	printf("%sok %d - %s: %s\n", ok ? "" : "not ", ++said, name, argument);
}

/* Bytes of the window that are mapped, readable, outside of its image; and whether something is executable but the text. */
static uint64_t mapped_outside(const struct window *window, const struct image *image, int *executable)
{
	uint64_t base = (uint64_t)window->base, from, to, sum = 0;
	char line[512], protection[8];
	FILE *maps = fopen("/proc/self/maps", "r");

	*executable = 0;
	while (maps && fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, protection) != 3 || to <= base || from >= base + WINDOW_MEMORY_END)
			continue;
		uint64_t text = base + WINDOW_ARENA_FIRST + image->text_start;
		if (strchr(protection, 'x'))
			*executable |= from != text || to != text + image->text_length || strchr(protection, 'w');
		if (from >= base + WINDOW_ARENA_FIRST + image->span && strncmp(protection, "---", 3))
			sum += to - from;
	}
	if (maps)
		fclose(maps);
	return sum;
}

static int pristine(const struct window *window, const struct image *image)
{
	for (unsigned i = 0; i < image->segment_count; i++) {
		const struct image_segment *s = &image->segments[i];
		if (memcmp(window->base + WINDOW_ARENA_FIRST + s->start, image->view + s->file_offset, s->length))
			return 0;
	}
	return window->image_count == 1 && !window->mapped && window->arena_next == WINDOW_ARENA_FIRST + image->span + 4096;
}

int main(int argc, char **argv)
{
	char *none[] = {NULL}, *arguments[3] = {argv[2], NULL, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), executable[2];
	struct cvm_error error;
	struct cvm *cvm;

	if (argc < 4)
		return 2;
	struct cvm_config config = {.image_path = argv[2], .image_fd = -1, .libos_path = argv[1], .argc = 2, .argv = arguments, .envp = none,
				    .working_directory = "/", .hostname = "h", .standard_fds = {null, null, null}};
	if (intravisor_init(&error) || cvm_images_get(&config, &error)) {
		printf("Bail out! %s\n", error.text);
		return 1;
	}
	for (int i = 3; i < argc; i++) {
		uint8_t *bases[2];
		arguments[1] = argv[i];
		if (cvm_create(&config, &cvm, &error)) {
			printf("Bail out! %s\n", error.text);
			return 1;
		}
		bases[0] = cvm->programs[0]->base;
		bases[1] = cvm->libos.base;
		int status = cvm_run(cvm);
		cvm_destroy(cvm);
		say(status == 42 << 8 || status == SIGSEGV, "it finds its own data as it was made, and ends as it should", argv[i]);
		if (cvm_create(&config, &cvm, &error)) {
			printf("Bail out! %s\n", error.text);
			return 1;
		}
		/* fork leaves two program windows; either may be the one that comes next. */
		say(cvm->libos.base == bases[1] && (cvm->programs[0]->base == bases[0] || !strcmp(argv[i], "fork")), "its windows serve the next",
		    argv[i]);
		say(pristine(cvm->programs[0], config.image) && pristine(&cvm->libos, config.libos), "nothing of it is left in the images", argv[i]);
		uint64_t program = mapped_outside(cvm->programs[0], config.image, &executable[0]);
		uint64_t libos = mapped_outside(&cvm->libos, config.libos, &executable[1]);
		say(!program && libos == 65536 + LIBOS_STACK_SIZE && !executable[0] && !executable[1], "nothing else is mapped", argv[i]);
		cvm_destroy(cvm);
	}
	/* What is kept for the image may be the window at address 0. */
	config.elsewhere = 1;
	int failed = cvm_create(&config, &cvm, &error);
	say(!failed && cvm->programs[0]->base, "not at address 0", "a cVM that has to be elsewhere");
	if (!failed)
		cvm_destroy(cvm);
	config.elsewhere = 0;
	cvm_images_release(&config);
	/* Without a holder nothing is kept. */
	config.image = config.libos = NULL;
	say(!cvm_create(&config, &cvm, &error), "and without a holder", "a start");
	uint8_t *base = cvm->libos.base;
	int executables;
	cvm_destroy(cvm);
	const struct window gone = {.base = base};
	const struct image empty = {.span = 0};
	say(!mapped_outside(&gone, &empty, &executables) && !executables, "and without a holder", "nothing stays mapped");
	printf("1..%d\n", said);
	return 0;
}
