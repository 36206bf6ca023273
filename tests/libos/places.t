#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Where a program's stack, mappings and break begin is another place each time, also after exec; a forked child has
# its parent's; and all of the stack and of the break are there, wherever they begin.
. tests/tap.sh

cat > "$work/places.c" <<'END'
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#define BREAK (511ul << 20)
static char *moved(char *to)
{
	return (char *)syscall(SYS_brk, to);
}
static int deep(long bytes)
{
	volatile char frame[65536];
	memset((char *)frame, 1, sizeof frame);
	return bytes > 0 ? deep(bytes - (long)sizeof frame) + frame[5] : 0;
}
static int stack_named(void)
{
	char line[300];
	unsigned long start, end, here = (unsigned long)(uintptr_t)line;
	int named = 0;
	FILE *f = fopen("/proc/self/maps", "r");
	while (f && fgets(line, sizeof line, f))
		if (strstr(line, "[stack]") && sscanf(line, "%lx-%lx", &start, &end) == 2)
			named += start <= here && here < end && end - start == 8ul << 20;
	return named == 1;
}
int main(int argc, char **argv)
{
	char local, *start = moved(NULL);
	void *mapped = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rlimit limit;
	if (argc > 1 && !strcmp(argv[1], "exec")) {
		execl("/x/places", argv[0], NULL);
		return 9;
	}
	printf("%lx %lx %lx\n", (long)(uintptr_t)&local >> 12, (long)(uintptr_t)mapped >> 12, (long)(uintptr_t)start >> 12);
	fflush(stdout);
	int bad = argc > 1 && (moved(start + BREAK) != start + BREAK || (*start = start[BREAK - 1] = 1, moved(start - 1)) != start + BREAK ||
				moved(start) != start);
	bad |= (getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur != 8u << 20 || !stack_named()) * 2;
	bad |= (deep((8 << 20) - 200000) <= 0) * 4;
	char *now = moved(NULL);        /* malloc has had some */
	pid_t child = fork();
	int status;
	if (!child)
		_exit((moved(NULL) != now) | (moved(start - 1) != now) << 1 | (moved(now + 4096) != now + 4096 || (*now = 1, moved(now)) != now) << 2 |
		      !stack_named() << 3 | (deep((8 << 20) - 300000) <= 0) << 4);
	bad |= (waitpid(child, &status, 0) != child || status) * 8;
	return bad;
}
END
$cc -O1 "$work/places.c" -o "$work/places" || exit 1

different() {   # NAME FILE: each of its three columns has most values once
	lines=$(wc -l < "$2")
	for column in 1 2 3; do
		values=$(cut -d' ' -f$column "$2" | sort -u | wc -l)
		[ "$lines" -ge 8 ] && [ "$values" -gt $((lines / 2)) ]
		say $? "$1: $values of $lines places for a program's $(echo stack mappings break | cut -d' ' -f$column)"
	done
}

bad=0
for i in 1 2 3 4 5 6 7 8 9 10; do $carrel run "$work/places" all || bad=$?; done > "$work/runs"
say $bad "all of the stack and of the break are there, and a child has them (status $bad)"
different "one after the other" "$work/runs"
for i in 1 2 3 4 5 6 7 8 9 10; do $carrel run -v "$work:/x" "$work/places" exec || exit 1; done > "$work/execs"
different "by exec" "$work/execs"
finish
