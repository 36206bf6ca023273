#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What Linux does and what the library OS does: the same programs natively, in a cVM on a host volume, and on its tmpfs.
. tests/tap.sh

running() {     # [-c] COMMAND: is there a process with it; how many
	n=$(for c in /proc/[0-9]*/cmdline; do tr '\0' ' ' < "$c" | grep -qF -- "${@: -1}" && echo; done 2> /dev/null | wc -l)
	[ "$1" != -c ] || echo "$n"
	[ "$n" -gt 0 ]
}

passed() {      # NAME OUTPUT STATUS
	[ "$3" = 0 ] && printf '%s\n' "$2" | grep -q '^1\.\.'
	say $? "$1: $(printf '%s\n' "$2" | grep -c '^ok') checks"
	printf '%s\n' "$2" | grep -A1 '^not ok' | sed 's/^/# /'
}

for source in tests/libos/guests/*.c; do
	name=$(basename "$source" .c)
	mkdir "$work/$name" "$work/$name.host"
	out=$(timeout 120 build/tests/libos/native/$name "$work/$name" host 2>&1)
	passed "$name, natively" "$out" $?
	out=$(timeout 120 $carrel run -v "$work/$name.host:/data" -v "$PWD/build/tests/libos/guest:/guest:ro" build/tests/libos/guest/$name /data host /guest/$name 2>&1)
	passed "$name, on a host volume" "$out" $?
	mkdir "$work/$name.low"
	out=$(timeout 120 $carrel run -v "$work/$name.low:/data:overlay" -v "$PWD/build/tests/libos/guest:/guest:ro" build/tests/libos/guest/$name /data host /guest/$name 2>&1)
	passed "$name, on an overlay" "$out" $?
	out=$(timeout 120 $carrel run build/tests/libos/guest/$name /tmp 2>&1)
	passed "$name, on a tmpfs" "$out" $?
	[ -z "$(ls -A "$work/$name.host" "$work/$name.low" | grep -v :)" ]
	say $? "$name leaves nothing behind"
done

# Two cVMs meet at a record lock on a host file.
cat > "$work/lock.c" <<'EOF'
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int f = open("/data/lock", O_CREAT | O_RDWR, 0600), other = open("/data/lock", O_RDWR);
	if (f < 0 || fcntl(f, F_SETLK, &l))
		return 1;
	puts("locked");
	fflush(stdout);
	if (argc > 1)
		close(other);   /* gives the lock back, as POSIX has it */
	getchar();
	return argv[0] == NULL;
}
EOF
$cc "$work/lock.c" -o "$work/lock"
mkdir "$work/locks"
mkfifo "$work/go"
$carrel run -v "$work/locks:/data" "$work/lock" < "$work/go" > "$work/first" &
exec 9> "$work/go"
for _ in $(seq 100); do [ -s "$work/first" ] && break; sleep 0.05; done
check "a second cVM finds the lock taken" 1 "" $carrel run -v "$work/locks:/data" "$work/lock"
exec 9>&-
wait $!
say $? "the first cVM had it"
check "the lock is free when its cVM is gone" 0 locked $carrel run -v "$work/locks:/data" "$work/lock"
$carrel run -v "$work/locks:/data" "$work/lock" close < "$work/go" > "$work/second" &
exec 9> "$work/go"
for _ in $(seq 100); do [ -s "$work/second" ] && break; sleep 0.05; done
sleep 0.1
check "closing any descriptor of a file gives its locks back" 0 locked $carrel run -v "$work/locks:/data" "$work/lock"
exec 9>&-
wait $!

# The host's own programs, and two processes of one cVM that wait for them: the lock goes to one after the other.
cat > "$work/both.c" <<'EOF'
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>
static int range(int f, int how, short type)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET};
	return fcntl(f, how, &l) ? errno : 0;
}
int main(int argc, char **argv)
{
	int f = open("/data/lock", O_RDWR), ends = open("/data/ends", O_RDWR | O_CREAT | O_APPEND, 0600), status, all = 0;
	int flocked = flock(f, LOCK_SH | LOCK_NB) ? errno : 0, ranged = range(f, F_SETLK, F_RDLCK);
	printf("flock %d fcntl %d\n", flocked == EWOULDBLOCK, ranged == EAGAIN);
	if (argc < 2)
		return argv[0] == NULL;
	for (int i = 0; i < 2; i++)
		if (!fork()) {
			f = open("/data/lock", O_RDWR);
			dprintf(2, "waits\n");
			if (range(f, F_SETLKW, F_WRLCK))
				_exit(1);
			write(ends, "(", 1);
			usleep(20000);
			write(ends, ")", 1);
			_exit(0);
		}
	while (wait(&status) > 0)
		all |= status;
	return all;
}
EOF
$cc "$work/both.c" -o "$work/both"
held() {        # CALL: a program of the host has that lock on /data/lock until its input ends
	python3 -c "import fcntl, sys; f = open('$work/locks/lock', 'r+'); fcntl.$1(f, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()" \
		< "$work/go" > "$work/held" &
	holder=$!
	exec 9> "$work/go"
	for _ in $(seq 100); do [ -s "$work/held" ] && break; sleep 0.05; done
}
held flock
check "a host program's flock is seen, by flock alone" 0 "flock 1 fcntl 0" $carrel run -v "$work/locks:/data" "$work/both"
exec 9>&-
wait $holder
held lockf
check "a host program's fcntl lock is seen, by fcntl alone" 0 "flock 0 fcntl 1" $carrel run -v "$work/locks:/data" "$work/both"
timeout 60 $carrel run -v "$work/locks:/data" "$work/both" wait 2> "$work/waits" 9>&- > "$work/out" &
both=$!
for _ in $(seq 100); do [ "$(grep -c waits "$work/waits")" = 2 ] && break; sleep 0.05; done
sleep 0.1
! [ -s "$work/locks/ends" ]
say $? "two processes wait for a lock that the host has"
exec 9>&-
wait $both && wait $holder && [ "$(cat "$work/locks/ends")" = "()()" ]
say $? "and get it one after the other"

# What keeps a forked program's memory ends with the Intravisor, however that ends.
cat > "$work/fork.c" <<'EOF'
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
	char *much = malloc(32 << 20);
	memset(much, 1, 32 << 20);
	if (fork()) {
		puts(much[12345] ? "forked" : "");
		fflush(stdout);
	}
	pause();
	return 0;
}
EOF
$cc "$work/fork.c" -o "$work/fork-and-pause"
$carrel run "$work/fork-and-pause" > "$work/forked" &
it=$!
for _ in $(seq 100); do [ -s "$work/forked" ] && break; sleep 0.05; done
[ "$(running -c "carrel run $work/fork-and-pause")" = 2 ]
say $? "a forked program of 32 MiB has a second process that keeps its memory"
kill -9 $it
wait $it 2> /dev/null
for _ in $(seq 100); do running "carrel run $work/fork-and-pause" > /dev/null || break; sleep 0.05; done
! running "carrel run $work/fork-and-pause" > /dev/null
say $? "which ends when the Intravisor is killed"

# The trace.
check "the trace shows names, strings and errors" 0 'openat(AT_FDCWD, "/none"' sh -c "cat > $work/t.c <<'EOF'
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
	syscall(SYS_openat, AT_FDCWD, \"/none\", O_RDONLY);
	syscall(4000);
	return 0;
}
EOF
$cc -D_GNU_SOURCE $work/t.c -o $work/t && $carrel run --trace $work/t"
check "with errors by name" 0 ') = -1 ENOENT' $carrel run --trace "$work/t"
check "and what is not supported" 0 'system call 4000(' $carrel run --trace "$work/t"
check "which gives ENOSYS" 0 ') = -1 ENOSYS (not supported)' $carrel run --trace "$work/t"
finish
