#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What a cVM leaves in windows that the next one gets: nothing (native/again.c).
work=$(mktemp -d "${TMPDIR:-/tmp}/carrel-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
cat > $work/p.c <<'C'
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
static char data[20000] = "as it was made";
static char zeros[50000];
static void spoil(void)
{
	memset(data, 'x', sizeof data);
	memset(zeros, 'y', sizeof zeros);
	memset(malloc(3000000), 'z', 3000000);
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(p, 'm', 1 << 20);
	mprotect(p + 8192, 8192, PROT_READ);
	munmap(p + 65536, 4096);
}
static void *thread(void *argument) { spoil(); return argument; }
int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	pthread_t id;
	if (strcmp(data, "as it was made") || data[19999] || zeros[0] || zeros[49999])
		return 3;
	if (!strcmp(how, "thread") && (pthread_create(&id, NULL, thread, NULL) || pthread_join(id, NULL)))
		return 4;
	if (!strcmp(how, "fork")) {
		pid_t child = fork();
		spoil();
		if (!child)
			_exit(0);
		if (child < 0 || waitpid(child, NULL, 0) != child)
			return 5;
	}
	spoil();
	if (!strcmp(how, "fault"))
		*(volatile int *)8 = 1;
	return 42;
}
C
build/bin/carrel-cc -O2 $work/p.c -o $work/p || exit 1
build/tests/escape/again build/lib/carrel/libos $work/p exit exit thread fork fault exit
