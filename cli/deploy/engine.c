/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The process that runs a project's cVMs: all of them in one Intravisor, each on a host thread of its own, which makes it, runs it
 * and takes it down, as often as the supervisor says. It was forked from the supervisor with the checked description in memory
 * and every descriptor open. It ends with the supervisor, whatever ends that.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/deploy/engine.h"
#include "intravisor/cvm/order.h"
#include "intravisor/host/host.h"

#define CARRIER_STACK 262144u   /* bytes: as other threads that run cVMs */

static struct carrier {
	struct service *service;
	uint32_t index;
	cpu_set_t processors;           /* none: all */
	pthread_mutex_t lock;           /* guards what follows */
	pthread_cond_t begin;
	int wanted;                     /* to be started */
	uint32_t generation;
	struct cvm *cvm;                /* while it runs */
} *carriers;
static int control;

static void event_send(const struct engine_event *event)
{
	/* Blocks while the supervisor is behind; its end ends this process. */
	while (write(control, event, sizeof *event) < 0 && errno == EINTR)
		;
}

static void order_done(const struct cvm_config *config, uint32_t id, int status)
{
	/* Its own carrier's: no cVM speaks for another. */
	const struct service *s = (const struct service *)((const char *)config - offsetof(struct service, config));

	for (struct carrier *c = carriers;; c++)
		if (c->service == s) {
			event_send(&(struct engine_event){.kind = EVENT_DONE, .service = c->index, .generation = c->generation, .id = id,
							  .status = status});
			return;
		}
}

static void carry(struct carrier *c)
{
	struct engine_event event = {.service = c->index, .generation = c->generation};
	struct cvm_error error;
	struct cvm *cvm;

	int code = cvm_create(&c->service->config, &cvm, &error);
	if (code) {
		event.kind = EVENT_FAILED;
		event.status = -code;
		snprintf(event.text, sizeof event.text, "%s", error.text);
		event_send(&event);
		return;
	}
	pthread_mutex_lock(&c->lock);
	c->cvm = cvm;
	pthread_mutex_unlock(&c->lock);
	event.kind = EVENT_STARTED;     /* from here on signals and orders reach it */
	event_send(&event);
	event.status = cvm_run(cvm);
	pthread_mutex_lock(&c->lock);
	c->cvm = NULL;
	pthread_mutex_unlock(&c->lock);
	cvm_destroy(cvm);
	event.kind = EVENT_ENDED;
	event_send(&event);
}

static void *carrier(void *argument)
{
	struct carrier *c = argument;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!c->wanted)
			pthread_cond_wait(&c->begin, &c->lock);
		c->wanted = 0;
		pthread_mutex_unlock(&c->lock);
		carry(c);
		pthread_mutex_lock(&c->lock);
	}
	return NULL;
}

/* On its processors; threads of its cVM inherit them, and cannot ask for more: the filter knows no sched_setaffinity. */
static int carrier_begin(struct carrier *c, const pthread_attr_t *attributes)
{
	cpu_set_t before;
	pthread_t id;
	int confined = CPU_COUNT(&c->processors) && !sched_getaffinity(0, sizeof before, &before) &&
		       !sched_setaffinity(0, sizeof c->processors, &c->processors);
	int error = pthread_create(&id, attributes, carrier, c);

	if (confined)
		sched_setaffinity(0, sizeof before, &before);
	return error;
}

/* `cpus` of those there are, beside each other, beginning where the cVM before ended. */
static void processors_choose(cpu_set_t *set, unsigned cpus)
{
	static unsigned next;
	cpu_set_t all;

	CPU_ZERO(set);
	if (!cpus || sched_getaffinity(0, sizeof all, &all) || (unsigned)CPU_COUNT(&all) <= cpus)
		return;
	unsigned count = (unsigned)CPU_COUNT(&all);
	for (unsigned i = 0; i < cpus; i++, next++) {
		unsigned nth = next % count;
		for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &all) && !nth--)
				CPU_SET(cpu, set);
	}
}

static void windows_tell(const struct engine_command *command)
{
	for (struct carrier *c = carriers; c->service; c++) {
		uint64_t bases[CVM_PROGRAMS_MOST + 1];
		unsigned count = 0;
		pthread_mutex_lock(&c->lock);
		if (c->cvm) {
			bases[count++] = (uint64_t)c->cvm->libos.base;
			pthread_mutex_lock(&c->cvm->lock);
			for (unsigned i = 0; i < CVM_PROGRAMS_MOST; i++)
				if (c->cvm->programs[i])
					bases[count++] = (uint64_t)c->cvm->programs[i]->base;
			pthread_mutex_unlock(&c->cvm->lock);
		}
		pthread_mutex_unlock(&c->lock);
		for (unsigned i = 0; i < count; i++)
			event_send(&(struct engine_event){.kind = EVENT_WINDOW, .service = c->index, .base = bases[i]});
	}
	event_send(&(struct engine_event){.kind = EVENT_WINDOWS_END, .id = command->id});
}

static int order_give(struct cvm *cvm, const struct engine_command *command, const char *text, const int fds[3])
{
	struct cvm_order order = {.id = command->id, .value = command->value, .argc = command->argc, .envc = command->envc, .text = text,
				  .length = command->length, .fds = {fds[0], fds[1], fds[2]}};

	order.kind = command->operation == ENGINE_EXECUTE  ? HOST_ORDER_EXECUTE
		     : command->operation == ENGINE_PROBE ? HOST_ORDER_PROBE
							   : HOST_ORDER_SIGNAL;
	return cvm_order(cvm, &order);
}

static void obey(const struct engine_command *command, const char *text, const int fds[3])
{
	struct carrier *c = &carriers[command->service];
	int refused = 0;

	if (command->operation == ENGINE_WINDOWS) {
		windows_tell(command);
		return;
	}
	pthread_mutex_lock(&c->lock);
	struct cvm *cvm = c->generation == command->generation ? c->cvm : NULL;
	switch (command->operation) {
	case ENGINE_START:
		c->generation = command->generation;
		c->wanted = 1;
		pthread_cond_signal(&c->begin);
		break;
	case ENGINE_SIGNAL:
		if (cvm)
			cvm_signal(cvm, (int)command->value);
		break;
	case ENGINE_END:
		if (cvm)
			cvm_end(cvm, (int)command->value);
		break;
	default:
		refused = !cvm || order_give(cvm, command, text, fds);
	}
	pthread_mutex_unlock(&c->lock);
	if (refused && command->operation != ENGINE_SIGNAL_ORDER)
		event_send(&(struct engine_event){.kind = EVENT_DONE, .service = command->service, .generation = command->generation,
						  .id = command->id, .status = -1});
}

/* One command; 0 when the supervisor is gone. */
static int listen_once(char *buffer, size_t room, size_t count)
{
	struct engine_command command;
	struct iovec vector = {buffer, room};
	_Alignas(struct cmsghdr) char ancillary[CMSG_SPACE(3 * sizeof(int))];
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = ancillary, .msg_controllen = sizeof ancillary};
	int fds[3] = {-1, -1, -1};

	ssize_t n = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
	if (n < 0 && errno == EINTR)
		return 1;
	if (n <= 0)
		return 0;
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof fds))
		memcpy(fds, CMSG_DATA(head), sizeof fds);
	memcpy(&command, buffer, (size_t)n < sizeof command ? (size_t)n : sizeof command);
	if ((size_t)n >= sizeof command && command.service < count && command.length == (size_t)n - sizeof command)
		obey(&command, buffer + sizeof command, fds);
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return 1;
}

static void give_up(int code, const char *text)
{
	struct engine_event event = {.kind = EVENT_FAILED, .service = UINT32_MAX, .status = -code};

	snprintf(event.text, sizeof event.text, "%s", text);
	event_send(&event);
	_exit(EXIT_CARREL);
}

void engine_run(struct project *p, int from, int log)
{
	size_t room = sizeof(struct engine_command) + HOST_ORDER_MOST;
	const struct cvm_config *configs[PROJECT_CVMS_MOST];
	char *buffer = malloc(room);
	const char *libos = libos_default();
	int interpreter = open(beside("sysroot/lib/libc.so"), O_RDONLY | O_CLOEXEC);
	pthread_attr_t attributes;
	struct cvm_error error;
	sigset_t none;

	control = from;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(log, 1);
	dup2(log, 2);
	carriers = calloc(p->count + 1, sizeof *carriers);
	if (!buffer || !carriers || pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, CARRIER_STACK))
		give_up(-ENOMEM, "no memory");
	int code = intravisor_init(&error);
	for (size_t i = 0; !code && i < p->count; i++) {
		struct cvm_config *config = &p->services[i].config;
		config->libos_path = libos;
		config->interpreter_fd = interpreter;
		config->order_done = order_done;
		limits_share(config, p->count);
		configs[i] = config;
		code = cvm_images_get(config, &error);
	}
	if (code)
		give_up(code, error.text);
	for (size_t i = 0; i < p->count; i++) {
		struct carrier *c = &carriers[i];
		*c = (struct carrier){.service = &p->services[i], .index = (uint32_t)i};
		pthread_mutex_init(&c->lock, NULL);
		pthread_cond_init(&c->begin, NULL);
		processors_choose(&c->processors, p->services[i].cpus);
		if (carrier_begin(c, &attributes))
			give_up(-EAGAIN, "no thread for each cVM");
	}
	if ((code = host_lockdown(configs, p->count, control)))
		give_up(code, "cannot drop to the small set of system calls");
	event_send(&(struct engine_event){.kind = EVENT_READY});
	while (listen_once(buffer, room, p->count))
		;
	_exit(0);
}
