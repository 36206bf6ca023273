/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * many sequence IMAGE N: N cVMs of one image one after another in one Intravisor; each one's microseconds from nothing to its end, and
 *     what the process holds (KiB, mappings, descriptors, threads) behind the first tenth and at the end.
 * many at_once IMAGE N: N of them at once, which do not end by themselves; microseconds of each start up to its first word, and what
 *     the process holds before the first, with 1, 2, 5, 10 and so on, and while all run. Then all are ended.
 * Images are judged once, before: as `carrel up` does it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "intravisor/cvm/cvm.h"

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static unsigned entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* Proportional resident memory of the process and what the kernel keeps for it (page tables), by its own count. */
static void holds(const char *when)
{
	char line[512];
	unsigned long pss = 0, tables = 0, mappings = 0;

	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "Pss: %lu", &pss);
	if (f)
		fclose(f);
	f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "VmPTE: %lu", &tables);
	if (f)
		fclose(f);
	f = fopen("/proc/self/maps", "re");
	while (f && fgets(line, sizeof line, f))
		mappings++;
	if (f)
		fclose(f);
	printf("%s pss_kib %lu tables_kib %lu mappings %lu descriptors %u threads %u\n", when, pss, tables, mappings, entries("/proc/self/fd"),
	       entries("/proc/self/task"));
}

static void fail(const char *what)
{
	fprintf(stderr, "many: %s\n", what);
	exit(1);
}

static void sequence(struct cvm_config *config, int count)
{
	struct cvm_error error;
	struct cvm *cvm;

	for (int i = 0; i < count; i++) {
		double start = now_us();
		if (cvm_create(config, &cvm, &error))
			fail(error.text);
		int status = cvm_run(cvm);
		cvm_destroy(cvm);
		printf("%.1f\n", now_us() - start);
		if (status)
			fail("a cVM ended with a status");
		if (i == count / 10)
			holds("early");
	}
	holds("late");
}

/* 1, 2, 5, 10, 20, 50 and so on. */
static int round_number(int n)
{
	while (n % 10 == 0)
		n /= 10;
	return n == 1 || n == 2 || n == 5;
}

static void *run(void *cvm)
{
	return (void *)(long)cvm_run(cvm);
}

static void at_once(struct cvm_config *config, int count)
{
	struct cvm **cvms = calloc((size_t)count, sizeof *cvms);
	pthread_t *threads = calloc((size_t)count, sizeof *threads);
	pthread_attr_t attributes;
	struct cvm_error error;
	char byte[16];
	int ends[2];

	if (!cvms || !threads || pipe2(ends, O_CLOEXEC) || pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, 262144))
		fail("no memory");
	config->standard_fds[1] = ends[1];
	holds("before");
	for (int i = 0; i < count; i++) {
		double start = now_us();
		if (cvm_create(config, &cvms[i], &error))
			fail(error.text);
		if (pthread_create(&threads[i], &attributes, run, cvms[i]))
			fail("no thread");
		for (size_t said = 0; said < 6;) {
			ssize_t n = read(ends[0], byte, sizeof byte);
			if (n <= 0)
				fail("a cVM did not say hello");
			said += (size_t)n;
		}
		printf("%.1f\n", now_us() - start);
		if (round_number(i + 1) && i + 1 < count) {
			char when[16];
			snprintf(when, sizeof when, "at_%d", i + 1);
			usleep(100000);
			holds(when);
		}
	}
	usleep(200000);
	holds("running");
	for (int i = 0; i < count; i++)
		cvm_end(cvms[i], SIGKILL);
	for (int i = 0; i < count; i++) {
		void *status;
		pthread_join(threads[i], &status);
		if ((long)status != SIGKILL)
			fail("a cVM ended otherwise than by being ended");
		cvm_destroy(cvms[i]);
	}
	holds("after");
}

int main(int argc, char **argv)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char *environment[] = {NULL};
	struct cvm_error error;

	if (argc != 4 || null < 0) {
		fprintf(stderr, "usage: many sequence|at_once IMAGE N\n");
		return 2;
	}
	struct cvm_config config = {.image_path = argv[2], .image_fd = -1, .libos_path = "build/lib/carrel/libos", .argc = 1,
				    .argv = argv + 2, .envp = environment, .working_directory = "/", .hostname = "bench",
				    .standard_fds = {null, null, 2}};
	struct rlimit files;
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (intravisor_init(&error) || cvm_images_get(&config, &error))
		fail(error.text);
	(strcmp(argv[1], "sequence") ? at_once : sequence)(&config, atoi(argv[3]));
	cvm_images_release(&config);
	return 0;
}
