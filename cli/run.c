/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * carrel run: one image in one cVM, with the grants the command line names.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "intravisor/cvm/cvm.h"
#include "intravisor/host/host.h"

enum { KEY_MEMORY = 256, KEY_TRACE, KEY_STATS, KEY_ORDINARY, KEY_ARGV0, KEY_TMPFS, KEY_HOSTNAME, KEY_LIBOS, KEY_NETWORK, KEY_MACHINE };

static const struct argp_option options[] = {
	{"volume", 'v', "HOST:GUEST[:HOW]", 0, "grant a host directory or file, at a path of the cVM. HOW: rw (the default), ro, or overlay: only read, what the cVM changes goes to memory, or with overlay=UPPER to the host directory UPPER", 0},
	{"env", 'e', "K=V", 0, "set an environment variable (K alone: as it is here)", 0},
	{"workdir", 'w', "DIR", 0, "start in this directory of the cVM (default /)", 0},
	{"memory", KEY_MEMORY, "N[K|M|G]", 0, "most memory that each of its processes may map, its 8 MiB stack and its images included", 0},
	{"tmpfs", KEY_TMPFS, "DIR", 0, "an empty directory in memory at this path", 0},
	{"publish", 'p', "[ADDRESS:]PORT:GUEST[/tcp|/udp]", 0, "a port of the host (at 127.0.0.1 unless ADDRESS is given, IPv6 in brackets) that is the cVM's port GUEST", 0},
	{"net", KEY_NETWORK, "none|host-out", 0, "host-out: it may connect to the host's network, but not to the host's loopback (default: none)", 0},
	{"hostname", KEY_HOSTNAME, "NAME", 0, "the cVM's host name (default: carrel)", 0},
	{"trace", KEY_TRACE, NULL, 0, "print each system call", 0},
	{"stats", KEY_STATS, NULL, 0, "print figures at the end", 0},
	{"ordinary", KEY_ORDINARY, NULL, 0, "grant what an ordinary program has: /, the working directory, the environment", 0},
	{"argv0", KEY_ARGV0, "NAME", 0, "what the program finds as its own name", 0},
	{"machine", KEY_MACHINE, "NAME", 0, "run on another machine: cheri (CHERI-RISC-V, emulated), x86_64", 0},
	{"libos", KEY_LIBOS, "FILE", 0, "the library OS image to use (as $CARREL_LIBOS)", 0},
	{0},
};

struct run {
	struct cvm_config config;
	struct cvm_mount mounts[BOOT_MOUNTS];
	struct cvm_port ports[BOOT_PORTS];
	struct environment environment;
	const char *argv0;
	int stats;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct run *run = state->input;
	char why[512];

	switch (key) {
	case 'v':
		if (volume_grant(&run->config, argument, why, sizeof why))
			argp_failure(state, EXIT_CARREL, 0, "--volume %s: %s", argument, why);
		return 0;
	case 'e':
		environment_add(&run->environment, argument);
		return 0;
	case 'w':
		run->config.working_directory = path_normalised(argument);
		if (!run->config.working_directory)
			argp_failure(state, EXIT_CARREL, 0, "--workdir %s: must be absolute", argument);
		return 0;
	case KEY_MEMORY:
		if (size_parse(argument, &run->config.memory_limit))
			argp_failure(state, EXIT_CARREL, 0, "--memory %s: not a size (like 64M)", argument);
		return 0;
	case KEY_TMPFS:
		if (!mount_add(&run->config, NULL, argument, 0, why, sizeof why))
			argp_failure(state, EXIT_CARREL, 0, "--tmpfs %s: %s", argument, why);
		return 0;
	case KEY_HOSTNAME:
		run->config.hostname = argument;
		return 0;
	case 'p':
		if (run->config.port_count == BOOT_PORTS)
			argp_failure(state, EXIT_CARREL, 0, "more than %d published ports", BOOT_PORTS);
		if (port_publish(argument, &run->ports[run->config.port_count], why, sizeof why))
			argp_failure(state, EXIT_CARREL, 0, "--publish %s: %s", argument, why);
		run->config.port_count++;
		return 0;
	case KEY_NETWORK:
		run->config.network = !strcmp(argument, "host-out");
		if (!run->config.network && strcmp(argument, "none"))
			argp_failure(state, EXIT_CARREL, 0, "--net %s: none or host-out", argument);
		return 0;
	case ARGP_KEY_END:
		/* Names are resolved by the program itself, at the host's name servers. */
		if (run->config.network && names_grant(&run->config, why, sizeof why))
			argp_failure(state, EXIT_CARREL, 0, "--net: %s", why);
		return 0;
	case KEY_TRACE:
		run->config.trace = 1;
		return 0;
	case KEY_STATS:
		run->stats = 1;
		return 0;
	case KEY_ARGV0:
		run->argv0 = argument;
		return 0;
	case KEY_MACHINE:
		if (!machine_is_this(argument))
			umask(run->config.file_mode_mask);
		machine_option(argument, state, "run");
		return 0;
	case KEY_LIBOS:
		run->config.libos_path = argument;
		return 0;
	case KEY_ORDINARY: {
		char *here = getcwd(NULL, 0);
		if (!mount_add(&run->config, "/", "/", 0, why, sizeof why))
			argp_failure(state, EXIT_CARREL, 0, "--ordinary: %s", why);
		run->config.working_directory = here ? here : "/";
		for (char **e = environ; *e; e++)
			environment_add(&run->environment, *e);
		return 0;
	}
	case ARGP_KEY_ARG:
		if (!run->config.image_path)
			run->config.image_path = argument;
		run->config.argv = state->argv + state->next - 1;
		run->config.argc = state->argc - state->next + 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_failure(state, EXIT_CARREL, 0, "run: which image? see `carrel run --help`");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void statistics_print(const struct cvm *cvm, double loaded, double ran)
{
	const struct cvm_statistics *s = &cvm->statistics;
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	fprintf(stderr, "carrel: verified %llu bytes of machine code in %.2f ms (%llu bytes mapped); loaded in %.2f ms; ran %.3f s; "
			"%llu host calls; %ld KiB at most\n",
		(unsigned long long)s->verified_bytes, (double)s->verify_ns / 1e6, (unsigned long long)s->text_bytes,
		loaded * 1e3, ran, (unsigned long long)s->host_calls, usage.ru_maxrss);
}

#define TAKEN_WITHIN 3          /* seconds */

/* Signals that people and service managers send are the program's: blocked in every thread, taken here one by one. */
static void forwarded(sigset_t *set)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

	sigemptyset(set);
	if (isatty(0))
		sigaddset(set, SIGTSTP);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaddset(set, signals[i]);
}

/* One that should end a program and that its library OS does not even take (it hangs, or is hostile) ends the cVM after a while. */
static int forward_over;        /* atomic */

static void *forward(void *argument)
{
	static const uint64_t ends = 1u << (SIGINT - 1) | 1u << (SIGTERM - 1) | 1u << (SIGHUP - 1) | 1u << (SIGQUIT - 1);
	const struct timespec second = {1, 0};
	struct cvm *cvm = argument;
	unsigned seconds = 0;
	sigset_t set;

	forwarded(&set);
	for (;;) {
		int signal = sigtimedwait(&set, NULL, &second);
		if (__atomic_load_n(&forward_over, __ATOMIC_SEQ_CST))
			return NULL;
		uint64_t waiting = cvm_signals_waiting(cvm) & ends;
		if (signal == SIGTSTP && !__atomic_load_n(&cvm->job_control, __ATOMIC_RELAXED))
			raise(SIGSTOP);         /* no shell inside that would stop one of its jobs: all of this process stops */
		else if (signal > 0)
			cvm_signal(cvm, signal);
		else if (!waiting)
			seconds = 0;
		else if (++seconds == TAKEN_WITHIN)
			cvm_end(cvm, __builtin_ctzll(waiting) + 1);
	}
	return NULL;
}

int command_run(int argc, char **argv)
{
	static const struct argp argp = {options, parse, "IMAGE [ARGUMENT]...",
		"Runs an image made by carrel-cc in a cVM. It sees the granted volumes, its standard streams and nothing else of "
		"the host.", NULL, NULL, NULL};
	struct run run = {.config = {.image_fd = -1, .working_directory = "/", .hostname = "carrel", .standard_fds = {0, 1, 2},
				     .uid = getuid(), .gid = getgid(), .file_mode_mask = umask(0)}};
	struct cvm_error error;
	struct cvm *cvm;

	run.config.mounts = run.mounts;         /* this process's own mask stays 0: modes are as the guest's mask has them */
	run.config.ports = run.ports;
	argp_err_exit_status = EXIT_CARREL;
	environment_add(&run.environment, ("PATH=/usr/local/bin:/usr/bin:/bin"));
	environment_add(&run.environment, ("HOME=/"));
	environment_add(&run.environment, ("TERM"));
	argv[0] = "carrel run";
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &run);
	if (run.argv0)
		run.config.argv[0] = (char *)run.argv0;
	run.config.envp = run.environment.list;
	if (!run.config.libos_path)
		run.config.libos_path = libos_default();
	run.config.interpreter_fd = open(beside("sysroot/lib/libc.so"), O_RDONLY | O_CLOEXEC);
	sigset_t set;
	pthread_t forwarder;
	forwarded(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	files_most();
	limits_share(&run.config, 1);
	if (host_lacks())
		return EXIT_CARREL;
	int code = intravisor_init(&error);
	double begun = seconds_now();
	if (!code)
		code = cvm_create(&run.config, &cvm, &error);
	double loaded = seconds_now();
	if (code) {
		fprintf(stderr, "carrel: %s\n", error.text);
		return code == -ENOENT ? EXIT_NOT_FOUND : code == -ENOEXEC || code == -EACCES || code == -EISDIR ? EXIT_NOT_RUNNABLE
														: EXIT_CARREL;
	}
	code = host_lockdown(&(const struct cvm_config *){&run.config}, 1, -1);
	if (code) {
		fprintf(stderr, "carrel: cannot drop to the small set of system calls: %s\n", strerror(-code));
		return EXIT_CARREL;
	}
	int forwards = !pthread_create(&forwarder, NULL, forward, cvm);
	if (!forwards)
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);       /* then they end the process, as without a handler */
	double started = seconds_now();
	int status = cvm_run(cvm);
	double ended = seconds_now();
	if (forwards) {
		/* Not pthread_cancel: it loads a library, which is late now. */
		__atomic_store_n(&forward_over, 1, __ATOMIC_SEQ_CST);
		pthread_kill(forwarder, SIGCONT);
		pthread_join(forwarder, NULL);
	}
	if (run.stats)
		statistics_print(cvm, loaded - begun, ended - started);
	cvm_destroy(cvm);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
