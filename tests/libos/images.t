#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Executing many different images keeps nothing of those that are over: 300 of them, with room for 128 open files in the process; and
# from several processes at once.
. tests/tap.sh

cat > "$work/many.c" <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile char mark[16] = "MARK000000";
static char buffer[1 << 20];
int main(int argc, char **argv)
{
	int bad = 0, at_once = argc > 2 ? argv[2][0] - '0' : 1;
	if (argc > 1 && !strcmp(argv[1], "inner"))
		return mark[4] == 'x';
	int fd = open("/data/many", O_RDONLY);
	long n = read(fd, buffer, sizeof buffer);
	close(fd);
	for (int k = 1; k < at_once && fork(); k++)
		;
	char *at = memmem(buffer, (size_t)n, "MARK000000", 10);
	for (int i = 0; i < 300 / at_once; i++) {
		char name[64], number[8];
		int status;
		snprintf(number, sizeof number, "%06d", (i + getpid() * 1000) % 1000000);
		memcpy(at + 4, number, 6);
		snprintf(name, sizeof name, "/data/made-%d-%d", (int)getpid(), i % 4);
		unlink(name);
		fd = open(name, O_CREAT | O_WRONLY, 0755);
		bad += write(fd, buffer, (size_t)n) != n;
		close(fd);
		pid_t child = vfork();
		if (!child) {
			execl(name, name, "inner", (char *)0);
			_exit(9);
		}
		bad += child < 0 || waitpid(child, &status, 0) != child || status;
	}
	for (int status; wait(&status) > 0;)
		bad += status != 0;
	if (getpid() == 1)
		puts(bad ? "some failed" : "all ran");
	return bad != 0;
}
END
mkdir "$work/data"
$cc -O2 -Wno-use-after-free "$work/many.c" -o "$work/data/many"
ulimit -n 128
check "300 different images, one after another" 0 "all ran" $carrel run -v "$work/data:/data" "$work/data/many" outer
check "300 different images, from four processes" 0 "all ran" $carrel run -v "$work/data:/data" "$work/data/many" outer 4
finish
