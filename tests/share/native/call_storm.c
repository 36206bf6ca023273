/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * call_storm SECONDS SEED: two cVMs serve and call each other, two more call both without end, with timers, limits, functions that sleep and
 * threads that leave within a call; at random moments one of the four is ended, and made anew. Each must end within seconds, all must be
 * able to be destroyed, and at the end no host thread is left but this one and the watch. A test's tool, not trusted.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "intravisor/cvm/cvm.h"

#ifndef LIBOS           /* of the machine it is built for, and its guests */
#define LIBOS "build/lib/carrel/libos"
#define FOLDER "build/tests/share/"
#endif

static char *environment[] = {NULL};
static struct cvm_grant grants[4][3] = {
	{{GRANT_CALL, "one", GRANT_CREATE}, {GRANT_CALL, "two", GRANT_CALL_RIGHT}},
	{{GRANT_CALL, "two", GRANT_CREATE}, {GRANT_CALL, "one", GRANT_CALL_RIGHT}},
	{{GRANT_CALL, "one", GRANT_CALL_RIGHT}, {GRANT_CALL, "two", GRANT_CALL_RIGHT}},
	{{GRANT_CALL, "one", GRANT_CALL_RIGHT}, {GRANT_CALL, "two", GRANT_CALL_RIGHT}},
};
static char *arguments[4][5] = {{FOLDER "call_server", "one", "3", "two"}, {FOLDER "call_server", "two", "3", "one"},
				{FOLDER "call", "storm"}, {FOLDER "call", "storm"}};
static struct member {
	struct cvm_config config;
	struct cvm *cvm;
	pthread_t thread;
} members[4];

static void *runs(void *argument)
{
	struct member *m = argument;

	cvm_run(m->cvm);
	return NULL;
}

static void begin(struct member *m)
{
	struct cvm_error error;

	if (cvm_create(&m->config, &m->cvm, &error) || pthread_create(&m->thread, NULL, runs, m)) {
		fprintf(stderr, "call_storm: %s\n", error.text);
		exit(1);
	}
}

static void end(struct member *m)
{
	struct timespec until;

	cvm_end(m->cvm, SIGKILL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	if (pthread_timedjoin_np(m->thread, NULL, &until)) {
		fprintf(stderr, "call_storm: %s does not end\n", m->config.argv[0]);
		abort();
	}
	cvm_destroy(m->cvm);
}

static int host_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int n = 0;

	while (tasks && readdir(tasks))
		n++;
	if (tasks)
		closedir(tasks);
	return n - 2;
}

int main(int argc, char **argv)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), rounds = 0, left;
	struct cvm_error error;

	if (argc != 3 || intravisor_init(&error))
		return 2;
	struct cvm_mount mounts[] = {{.guest_path = "/bin", .host_fd = open(FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .upper_fd = -1}};
	unsigned random = (unsigned)atoi(argv[2]);
	for (int i = 0; i < 4; i++) {
		int count = 0;
		while (arguments[i][count])
			count++;
		members[i].config = (struct cvm_config){.image_fd = -1, .image_path = arguments[i][0], .libos_path = LIBOS,
							.argc = count, .argv = arguments[i], .envp = environment, .working_directory = "/",
							.hostname = "h", .mounts = mounts, .mount_count = 1, .standard_fds = {null, null, null}, .network_id = members,
							.grants = grants[i], .grant_count = 2};
		begin(&members[i]);
	}
	for (time_t until = time(NULL) + atoi(argv[1]); time(NULL) < until; rounds++) {
		random = random * 1664525 + 1013904223;
		usleep(random >> 20 & 0x3fff);
		struct member *m = &members[random >> 17 & 3];
		end(m);
		begin(m);
	}
	for (int i = 0; i < 4; i++)
		end(&members[i]);
	for (int i = 0; (left = host_threads()) > 2 && i < 200; i++)
		usleep(10000);
	printf("%d rounds, %d host threads are left\n", rounds, left);
	return left > 2;
}
