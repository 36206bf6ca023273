/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * together [-t] [-s MILLISECONDS] [-v HOST:GUEST] [-g KIND:NAME:RIGHTS]... NAME IMAGE [ARGS...] [-- [-g ...] NAME IMAGE [ARGS...]]...
 * -s: starts so much later; -t: with a trace. Runs several cVMs in one Intravisor, on one network (10.0.0.1, 10.0.0.2...). The last is waited for; then the others are ended. Its
 * status is the last one's. What tests and benches of sharing run in; `carrel up` is for people.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "intravisor/cvm/cvm.h"

#define MOST 16
#ifndef LIBOS           /* of the machine it is built for */
#define LIBOS "build/lib/carrel/libos"
#endif

struct member {
	struct cvm_config config;
	struct cvm_mount mounts[8];
	struct cvm_peer peers[MOST];
	struct cvm_grant grants[64];
	struct cvm *cvm;
	pthread_t thread;
	int status, later;
};
static struct member members[MOST];
static char *environment[] = {"PATH=/bin", NULL};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "together: %s: %s\n", what, why);
	exit(125);
}

static void grant_add(struct member *m, char *text)
{
	char *name = strchr(text, ':'), *rights = name ? strchr(name + 1, ':') : NULL;
	struct cvm_grant *g = &m->grants[m->config.grant_count++];

	if (!rights)
		fail(text, "give it as KIND:NAME:RIGHTS");
	*name++ = *rights++ = 0;
	g->kind = !strcmp(text, "file") ? GRANT_FILE : !strcmp(text, "call") ? GRANT_CALL : GRANT_STREAM;
	g->name = name;
	for (; *rights; rights++)
		g->rights |= *rights == 'c' ? GRANT_CREATE : *rights == 'r' ? GRANT_READ : *rights == 'w' ? GRANT_WRITE : GRANT_CALL_RIGHT;
}

static void volume_add(struct member *m, char *text)
{
	char *guest = strchr(text, ':');
	struct cvm_mount *v = &m->mounts[m->config.mount_count++];

	if (!guest)
		fail(text, "give it as HOST:GUEST");
	*guest++ = 0;
	*v = (struct cvm_mount){.guest_path = guest, .host_fd = open(text, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .upper_fd = -1};
	if (v->host_fd < 0)
		fail(text, strerror(errno));
}

static void *runs(void *argument)
{
	struct member *m = argument;

	usleep((useconds_t)m->later * 1000);
	m->status = cvm_run(m->cvm);
	return NULL;
}

int main(int argc, char **argv)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), count = 0;
	struct cvm_error error;

	signal(SIGPIPE, SIG_IGN);
	for (int i = 1; i < argc; count++) {
		struct member *m = &members[count];
		if (count == MOST)
			fail("cVMs", "too many");
		m->config = (struct cvm_config){.image_fd = -1, .libos_path = LIBOS, .envp = environment, .working_directory = "/",
						.standard_fds = {null, 1, 2}, .network_id = members, .address = 0x0a000001u + (uint32_t)count,
						.mounts = m->mounts, .grants = m->grants, .peers = m->peers, .file_mode_mask = 022};
		for (; i + 1 < argc && argv[i][0] == '-' && argv[i][1] != '-'; i += 2)
			if (argv[i][1] == 't')
				m->config.trace = 1, i--;
			else if (argv[i][1] == 's')
				m->later = atoi(argv[i + 1]);
			else
				(argv[i][1] == 'v' ? volume_add : grant_add)(m, argv[i + 1]);
		if (i + 1 >= argc)
			fail("usage", "together [-t] [-v HOST:GUEST] [-g KIND:NAME:RIGHTS] NAME IMAGE [ARGS...] [-- ...]");
		m->config.name = m->config.hostname = argv[i];
		m->config.image_path = argv[i + 1];
		m->config.argv = argv + i + 1;
		for (i++; i < argc && strcmp(argv[i], "--"); i++)
			m->config.argc++;
		i++;
	}
	if (!count || intravisor_init(&error))
		fail("start", count ? error.text : "nothing to run");
	for (int i = 0; i < count; i++) {
		for (int k = 0; k < count; k++)
			if (k != i)
				members[i].peers[members[i].config.peer_count++] = (struct cvm_peer){members[k].config.name, members[k].config.address};
		if (cvm_create(&members[i].config, &members[i].cvm, &error))
			fail(members[i].config.name, error.text);
	}
	for (int i = 0; i < count; i++)
		if (pthread_create(&members[i].thread, NULL, runs, &members[i]))
			fail(members[i].config.name, "no thread");
	pthread_join(members[count - 1].thread, NULL);
	for (int i = 0; i < count - 1; i++) {
		cvm_end(members[i].cvm, SIGKILL);
		pthread_join(members[i].thread, NULL);
	}
	for (int i = 0; i < count; i++)
		cvm_destroy(members[i].cvm);
	int status = members[count - 1].status;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
