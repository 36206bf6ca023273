/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * carrel down, ps, logs and exec: what is asked of a project that runs.
 */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/deploy/client.h"

enum { KEY_PROJECT = 256, KEY_JSON, KEY_TAIL };
#define PROJECT {"project", KEY_PROJECT, "NAME", 0, "which project (default: this directory's, or the only one that runs)", 0}

struct ask {
	const char *project, *name, *tail;
	int json, follow, words_at, most;       /* most: how many arguments it takes; -1: a name and a command */
	struct environment environment;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct ask *ask = state->input;
	char *end;

	switch (key) {
	case KEY_PROJECT:
		ask->project = argument;
		return 0;
	case KEY_JSON:
		ask->json = 1;
		return 0;
	case KEY_TAIL:
		strtoul(argument, &end, 10);
		if (*argument < '0' || *argument > '9' || *end)
			argp_failure(state, EXIT_CARREL, 0, "--tail %s: not a number of lines", argument);
		ask->tail = argument;
		return 0;
	case 'f':
		ask->follow = 1;
		return 0;
	case 'e':
		environment_add(&ask->environment, argument);
		return 0;
	case ARGP_KEY_ARG:
		if (!ask->most || (ask->most == 1 && ask->name))
			argp_failure(state, EXIT_CARREL, 0, "`%s`: one argument too many; see --help", argument);
		if (!ask->name) {
			ask->name = argument;
			return 0;
		}
		ask->words_at = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		if (ask->most && !ask->name)
			argp_failure(state, EXIT_CARREL, 0, "which cVM? see --help");
		if (ask->most < 0 && !ask->words_at)
			argp_failure(state, EXIT_CARREL, 0, "exec: which command? see --help");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int ask(const struct ask *a, const struct message *m, int streams, int signals)
{
	int fd = client_connect(a->project);

	if (fd < 0 || client_send(fd, m, streams))
		return EXIT_CARREL;
	return client_wait(fd, signals);
}

static void arguments(const struct argp_option *options, const char *text, const char *help, const char *name, int argc, char **argv,
		      struct ask *a)
{
	const struct argp argp = {options, parse, text, help, NULL, NULL, NULL};

	argv[0] = (char *)name;
	argp_err_exit_status = EXIT_CARREL;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, a);
}

int command_down(int argc, char **argv)
{
	static const struct argp_option options[] = {PROJECT, {0}};
	struct ask a = {.most = 0};
	struct message m = {.length = 0};

	arguments(options, "", "Stops a project's cVMs in reverse order of what they depend on, and waits until all have ended.", "carrel down",
		  argc, argv, &a);
	message_add(&m, "down");
	return ask(&a, &m, 0, -1);
}

int command_ps(int argc, char **argv)
{
	static const struct argp_option options[] = {PROJECT, {"json", KEY_JSON, NULL, 0, "as JSON", 0}, {0}};
	struct ask a = {.most = 0};
	struct message m = {.length = 0};

	arguments(options, "", "Shows a project's cVMs.", "carrel ps", argc, argv, &a);
	message_add(&m, "ps");
	message_add(&m, a.json ? "json" : "");
	return ask(&a, &m, 0, -1);
}

int command_logs(int argc, char **argv)
{
	static const struct argp_option options[] = {PROJECT, {"follow", 'f', NULL, 0, "go on with what it prints from now on", 0},
						     {"tail", KEY_TAIL, "N", 0, "only the last N lines", 0}, {0}};
	struct ask a = {.most = 1};
	struct message m = {.length = 0};

	arguments(options, "NAME", "Shows what a cVM has printed: the last megabyte of it.", "carrel logs", argc, argv, &a);
	message_add(&m, "logs");
	message_add(&m, a.name);
	message_add(&m, a.tail ? a.tail : "");
	message_add(&m, a.follow ? "f" : "");
	return ask(&a, &m, 0, -1);
}

int command_exec(int argc, char **argv)
{
	static const struct argp_option options[] = {PROJECT, {"env", 'e', "K=V", 0, "set an environment variable (K alone: as it is here)", 0},
						     {0}};
	static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
	struct ask a = {.most = -1};
	struct message m = {.length = 0};
	char count[16];
	sigset_t set;

	arguments(options, "NAME COMMAND [ARGUMENT]...",
		  "Runs a command, which is looked for inside the cVM, as a new process there, with these standard streams; its exit status is "
		  "this command's.", "carrel exec", argc, argv, &a);
	message_add(&m, "exec");
	message_add(&m, a.name);
	snprintf(count, sizeof count, "%d", argc - a.words_at);
	message_add(&m, count);
	for (int i = a.words_at; i < argc; i++)
		message_add(&m, argv[i]);
	if (isatty(0))
		environment_add(&a.environment, "TERM");
	for (size_t i = 0; i < a.environment.count; i++)
		message_add(&m, a.environment.list[i]);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return ask(&a, &m, 1, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}
