/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Two cVMs of one process run the same dynamically linked program: its text, the C library's and that of each object it opens are
 * judged once and are the same pages in both. A test's tool, not trusted.
 *
 *   share LIBOS LIBC VOLUME PROGRAM [ARGUMENT]...     VOLUME is at its own path
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <carrel/window.h>
#include "intravisor/cvm/cvm.h"

struct text {
	uint64_t at, length;
	unsigned long file; /* inode of the sealed copy */
};

/* The executable mappings of a window, in order. */
static size_t texts(const struct window *window, struct text *found, size_t most)
{
	uint64_t base = (uint64_t)window->base, from, to;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], mode[8];
	unsigned long inode;
	size_t n = 0;

	while (maps && n < most && fgets(line, sizeof line, maps))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*x %*s %lu", &from, &to, mode, &inode) == 4 &&
		    mode[2] == 'x' && from >= base && from < base + WINDOW_ARENA_END)
			found[n++] = (struct text){from - base, to - from, inode};
	if (maps)
		fclose(maps);
	return n;
}

int main(int argc, char **argv)
{
	char *none[] = {NULL};
	struct cvm_mount mount = {.guest_path = (char *)(argc > 3 ? argv[3] : "")};
	struct cvm_config config = {.image_fd = -1,
				    .envp = none,
				    .mounts = &mount,
				    .mount_count = 1,
				    .working_directory = mount.guest_path,
				    .hostname = "h",
				    .standard_fds = {-1, -1, 2}};
	struct cvm_error error;
	struct cvm *cvm[2];
	struct text found[2][64] = {0};
	size_t count[2];

	if (argc < 5)
		return 2;
	config.libos_path = argv[1];
	config.interpreter_fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	mount.host_fd = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	config.image_path = argv[4];
	config.argc = argc - 4;
	config.argv = argv + 4;
	int bad = intravisor_init(&error);
	for (int i = 0; i < 2 && !bad; i++) {
		if (cvm_create(&config, &cvm[i], &error)) {
			fprintf(stderr, "share: %s\n", error.text);
			return 1;
		}
		bad = cvm_run(cvm[i]);
		count[i] = texts(cvm[i]->programs[0], found[i], 64);
	}
	if (bad) {
		fprintf(stderr, "share: the program ended with %#x\n", bad);
		return 1;
	}
	bad = count[0] != count[1] || memcmp(found[0], found[1], sizeof found[0]) ||
	      cvm[0]->statistics.verified_bytes == 0 || cvm[1]->statistics.verified_bytes != 0 ||
	      cvm[0]->statistics.text_bytes != cvm[1]->statistics.text_bytes;
	printf("%zu texts of %" PRIu64 " bytes, judged: %" PRIu64 " and %" PRIu64 " bytes; %s\n", count[0],
	       cvm[1]->statistics.text_bytes, cvm[0]->statistics.verified_bytes, cvm[1]->statistics.verified_bytes,
	       bad ? "not shared" : "shared");
	cvm_destroy(cvm[0]);
	cvm_destroy(cvm[1]);
	return bad;
}
