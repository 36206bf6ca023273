/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * start_inside IMAGE N: creates, runs and destroys N cVMs of one image in one Intravisor; prints each one's microseconds. The
 * images are judged once, before, as `carrel up` does it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "intravisor/cvm/cvm.h"

int main(int argc, char **argv)
{
	int null = open("/dev/null", O_RDWR);
	char *environment[] = {NULL};
	struct cvm_error error;

	if (argc != 3 || null < 0) {
		fprintf(stderr, "usage: start_inside IMAGE N\n");
		return 2;
	}
	struct cvm_config config = {.image_path = argv[1], .image_fd = -1, .libos_path = "build/lib/carrel/libos", .argc = 1,
				    .argv = argv + 1, .envp = environment, .working_directory = "/", .hostname = "bench",
				    .standard_fds = {null, null, 2}};
	if (intravisor_init(&error) || cvm_images_get(&config, &error)) {
		fprintf(stderr, "start_inside: %s\n", error.text);
		return 1;
	}
	for (int i = 0; i < atoi(argv[2]); i++) {
		struct timespec a, b;
		struct cvm *cvm;
		clock_gettime(CLOCK_MONOTONIC, &a);
		if (cvm_create(&config, &cvm, &error)) {
			fprintf(stderr, "start_inside: %s\n", error.text);
			return 1;
		}
		int status = cvm_run(cvm);
		cvm_destroy(cvm);
		clock_gettime(CLOCK_MONOTONIC, &b);
		if (status) {
			fprintf(stderr, "start_inside: status %d\n", status);
			return 1;
		}
		printf("%.2f\n", (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3);
	}
	return 0;
}
