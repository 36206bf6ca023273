/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What `carrel ps` shows, and the memory of each cVM: what its windows hold resident, by the kernel's count (Pss in the smaps of
 * the process that runs them: shared text is divided among those that map it).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <carrel/isa.h>
#include <carrel/window.h>
#include "cli/deploy/supervisor.h"

void memory_look(struct supervisor *s, const uint64_t (*windows)[2], size_t count)
{
	char path[64], line[512];
	struct unit *here = NULL;

	for (size_t i = 0; i < s->project->count; i++)
		s->units[i].memory = 0;
	snprintf(path, sizeof path, "/proc/%d/smaps", (int)s->engine_pid);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file)) {
		unsigned long long from, to, size;
		if (sscanf(line, "%llx-%llx ", &from, &to) == 2) {
			here = NULL;
			for (size_t i = 0; i < count && !here; i++)
				if (from - windows[i][1] < WINDOW_SIZE)
					here = &s->units[windows[i][0]];
		} else if (here && sscanf(line, "Pss: %llu kB", &size) == 1)
			here->memory += size << 10;
	}
	if (file)
		fclose(file);
}

static void ports(const struct unit *u, FILE *to, const char *separator, const char *quote)
{
	for (size_t i = 0; i < u->service->publish_count; i++)
		fprintf(to, "%s%s%s%s", i ? separator : "", quote, u->service->publish[i].text, quote);
}

static void uptime(const struct unit *u, char *text, size_t room)
{
	long seconds = (long)((clock_now() - u->began) / 1000000000);

	if (u->state != STATE_RUNNING)
		snprintf(text, room, "-");
	else if (seconds < 60)
		snprintf(text, room, "%lds", seconds);
	else if (seconds < 3600)
		snprintf(text, room, "%ldm%02lds", seconds / 60, seconds % 60);
	else
		snprintf(text, room, "%ldh%02ldm", seconds / 3600, seconds / 60 % 60);
}

static void row(const struct unit *u, FILE *to)
{
	char state[32], up[32], memory[32] = "-";

	uptime(u, up, sizeof up);
	if (u->state == STATE_ENDED && u->ever_started)
		snprintf(state, sizeof state, "ended (%d)", WIFSIGNALED(u->status) ? 128 + WTERMSIG(u->status) : WEXITSTATUS(u->status));
	else
		snprintf(state, sizeof state, "%s", state_name(u));
	if (u->state == STATE_RUNNING)
		snprintf(memory, sizeof memory, "%.1f MiB", (double)u->memory / 1048576);
	fprintf(to, "%-16s  %-11s  %-9s  %8s  %8u  %11s  ", u->service->name, state, health_name(u), up, u->restarts, memory);
	ports(u, to, ", ", "");
	fputc('\n', to);
}

/* Names and ports have no characters that JSON would want escaped (name_ok, port_publish). */
static void object(const struct unit *u, FILE *to)
{
	fprintf(to, "{\"name\": \"%s\", \"state\": \"%s\", \"health\": ", u->service->name, state_name(u));
	fprintf(to, *health_name(u) == '-' ? "null" : "\"%s\"", health_name(u));
	fprintf(to, ", \"uptime_s\": ");
	if (u->state == STATE_RUNNING)
		fprintf(to, "%.3f", (double)(clock_now() - u->began) / 1e9);
	else
		fprintf(to, "null");
	fprintf(to, ", \"restarts\": %u, \"status\": ", u->restarts);
	if (u->ever_started && u->state != STATE_RUNNING)
		fprintf(to, "%d", WIFSIGNALED(u->status) ? 128 + WTERMSIG(u->status) : WEXITSTATUS(u->status));
	else
		fprintf(to, "null");
	fprintf(to, ", \"memory_bytes\": %llu, \"ports\": [", (unsigned long long)(u->state == STATE_RUNNING ? u->memory : 0));
	ports(u, to, ", ", "\"");
	fprintf(to, "]}");
}

char *status_text(const struct supervisor *s, int json)
{
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	if (!to)
		return NULL;
	if (json)
		fprintf(to, "{\"project\": \"%s\", \"machine\": \"" ISA_MACHINE "\", \"cvms\": [", s->project->name);
	else
		fprintf(to, "%-16s  %-11s  %-9s  %8s  %8s  %11s  %s\n", "NAME", "STATE", "HEALTH", "UP", "RESTARTS", "MEMORY", "PORTS");
	for (size_t i = 0; i < s->project->count; i++) {
		if (json)
			fprintf(to, "%s", i ? ", " : "");
		(json ? object : row)(&s->units[i], to);
	}
	if (json)
		fprintf(to, "]}\n");
	fclose(to);
	return text;
}
