#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The command line, and what bad input gets.
. tests/tap.sh
cat > $work/p.c <<'C'
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static int depth(int n) { volatile char frame[256]; frame[0] = (char)n; return n ? depth(n - 1) + frame[0] : 0; }
int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "exit")) return atoi(argv[2]);
	if (!strcmp(what, "argc")) { size_t n = 0; for (int i = 0; i < argc; i++) n += strlen(argv[i]); printf("%d %zu\n", argc, n); }
	if (!strcmp(what, "env")) { char *v = getenv(argv[2]); puts(v ? v : "(unset)"); }
	if (!strcmp(what, "cwd")) { char b[256]; puts(getcwd(b, sizeof b)); }
	if (!strcmp(what, "cat")) { char b[4096]; ssize_t n; int fd = open(argv[2], O_RDONLY); if (fd < 0) { printf("open: %s\n", strerror(errno)); return 1; } while ((n = read(fd, b, sizeof b)) > 0) write(1, b, n); }
	if (!strcmp(what, "write")) { int fd = open(argv[2], O_WRONLY | O_CREAT, 0644); if (fd < 0) { printf("open: %s\n", strerror(errno)); return 1; } if (write(fd, "data\n", 5) != 5) { printf("write: %s\n", strerror(errno)); return 2; } }
	if (!strcmp(what, "unlink")) { printf("%s, ", unlink(argv[2]) ? strerror(errno) : "gone"); puts(rmdir(argv[2]) ? strerror(errno) : "gone"); }
	if (!strcmp(what, "null")) *(volatile int *)0 = 1;
	if (!strcmp(what, "abort")) abort();
	if (!strcmp(what, "deep")) return depth(10000000);
	if (!strcmp(what, "memory")) { size_t n = 0; while (malloc(1 << 20)) n++; printf("%s after %zu MiB\n", strerror(errno), n); }
	if (!strcmp(what, "family")) {
		char *many = mmap(NULL, 600 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		int n = 0, ends[2];
		for (int i = 0; i < 600; i += 2) mprotect(many + i * 4096, 4096, PROT_READ | PROT_WRITE), many[i * 4096] = 1;
		if (pipe(ends)) return 1;
		for (pid_t child; n < 50 && (child = fork()) >= 0; n++) if (!child) { char c; close(ends[1]); _exit(read(ends[0], &c, 1)); }
		printf("%d children: %s\n", n, n < 50 ? strerror(errno) : "all");
	}
	if (!strcmp(what, "stdin")) { int c; while ((c = getchar()) != EOF) putchar(c); }
	if (!strcmp(what, "spin")) for (;;) ;
	if (!strcmp(what, "yes")) for (;;) if (puts("y") < 0) return 9;
	return 0;
}
C
$cc -O2 -g $work/p.c -o $work/p || exit 1
mkdir $work/d && echo inside > $work/d/f && echo secret > $work/secret && ln -s ../secret $work/d/up && ln -s $work/secret $work/d/absolute

check "the program's exit code" 42 "" $carrel run $work/p exit 42
check "standard input passes through" 0 "abc" bash -c "echo abc | $carrel run $work/p stdin"
check "a volume" 0 "inside" $carrel run -v $work/d:/data $work/p cat /data/f
check "no volume: nothing of the host" 1 "No such file" $carrel run $work/p cat $work/secret
check "a relative link does not leave the volume" 1 "No such file" $carrel run -v $work/d:/data $work/p cat /data/up
check "an absolute link does not leave the cVM" 1 "No such file" $carrel run -v $work/d:/data $work/p cat /data/absolute
check ".. does not leave the volume" 1 "No such file" $carrel run -v $work/d:/data $work/p cat /data/../secret
check "a read-only volume is not written to" 1 "Read-only file system" $carrel run -v $work/d:/data:ro $work/p write /data/new
check "a read-only volume is not written to, existing file" 1 "Read-only file system" $carrel run -v $work/d:/data:ro $work/p write /data/f
check "a writable volume is" 0 "" $carrel run -v $work/d:/data $work/p write /data/new
[ "$(cat $work/d/new)" = data ]; say $? "and the data arrived"
check "a volume of one file" 0 "secret" $carrel run -v $work/secret:/s $work/p cat /s
check "which stays where it is" 0 "Resource busy, Not a directory" $carrel run -v $work/secret:/s $work/p unlink /s
mkdir -p $work/root/etc
check "/etc/hosts, where a volume that is the root has none" 0 "127.0.0.1 localhost" $carrel run -v $work/root:/ $work/p cat /etc/hosts
check "it is a file, and stays" 0 "Resource busy, Not a directory" $carrel run -v $work/root:/ $work/p unlink /etc/hosts
echo "10.1.2.3 mine" > $work/root/etc/hosts
check "the volume's own, where it has one" 0 "10.1.2.3 mine" $carrel run -v $work/root:/ $work/p cat /etc/hosts
check "children of a program with many mappings: the host's limit is the one cVM's" 0 "50 children: all" $carrel run $work/p family
check "/etc/passwd beside a volume that lies in /etc" 0 "nobody:x:65534" $carrel run -v $work/root/etc/hosts:/etc/own $work/p cat /etc/passwd
check "and beside the two files of host-out" 0 "nogroup:x:65534" $carrel run --net host-out $work/p cat /etc/group
check "not where a volume gives it" 0 "10.1.2.3 mine" $carrel run -v $work/root/etc/hosts:/etc/passwd $work/p cat /etc/passwd
check "nor where a volume is all of /etc" 1 "open: No such file" $carrel run -v $work/root/etc:/etc $work/p cat /etc/passwd
check "a full device" 2 "No space left" $carrel run $work/p write /dev/full
check "environment: given" 0 "v1" $carrel run -e K=v1 $work/p env K
check "environment: the host's is not there" 0 "(unset)" env K2=host $carrel run $work/p env K2
check "environment: passed on by name" 0 "host" env K2=host $carrel run -e K2 $work/p env K2
check "working directory" 0 "/data" $carrel run -v $work/d:/data -w /data $work/p cwd
check "an ordinary run: directly" 0 "$PWD" $work/p cwd
check "an ordinary run: the exit code" 7 "" $work/p exit 7
check "memory limit" 0 "Out of memory" $carrel run --memory 64M $work/p memory
check "a memory limit too small to start" 125 "are more than this cVM may have in images" $carrel run --memory 1K --libos build/lib/carrel/libos $work/p
check "null pointer: SIGSEGV and a report" 139 "ended by SIGSEGV in its program (access to address 0)" $carrel run $work/p null
check "abort" 134 "" $carrel run $work/p abort
check "data stack overflow is contained" 139 "ended by SIGSEGV" $carrel run $work/p deep
check "a trace names the calls" 0 "exit_group(0)" $carrel run --trace $work/p
check "statistics" 0 "bytes of machine code" $carrel run --stats $work/p
check "help" 0 "Usage: carrel run" $carrel run --help
check "help of all" 0 "doctor" $carrel --help
for command in "$carrel verify" "$carrel doctor" $cc build/bin/carrel-cheri ports/build ports/fetch; do
	check "help: $command" 0 "${command##*/}" $command --help
done
check "an unknown command" 125 "no command" $carrel fly
check "an unknown option" 125 "carrel run" $carrel run --fly $work/p
check "no image named" 125 "which image" $carrel run
check "a missing image" 127 "No such file" $carrel run $work/nothing
check "a directory" 126 "is a directory" $carrel run $work
check "an ordinary ELF file" 126 "not a Carrel image" $carrel run /bin/true
check "a text file" 126 "not a Carrel image" $carrel run tests/tap.sh
head -c 5000 $work/p > $work/cut
check "a truncated image" 126 "truncated" $carrel run $work/cut
check "a missing volume" 125 "No such file" $carrel run -v $work/none:/x $work/p
check "a bad volume" 125 "HOST:GUEST" $carrel run -v nothing $work/p
check "a bad memory size" 125 "not a size" $carrel run --memory lots $work/p
check "verify accepts" 0 "ok," $carrel verify $work/p
$carrel verify -v $work/p > $work/seen; grep -qE '^ +[0-9a-f]+  f3 0f 1e fa +endbr64 *$' $work/seen && grep -qE 'ff 14 25 .* call %gs:.* gate$' $work/seen
say $? "verify -v shows addresses, bytes, instructions and what each access is"
check "verify refuses an ordinary ELF file" 1 "not a Carrel image" $carrel verify /bin/true
check "doctor" 0 "fsgsbase" $carrel doctor
check "SIGPIPE ends the program as natively" 0 "141" bash -c "$carrel run $work/p yes | head -n 1 >/dev/null; echo \${PIPESTATUS[0]}"
check "1 MB of arguments" 0 "1048" bash -c "x=\$(printf '%0.sA' \$(seq 1 4096)); set --; for i in \$(seq 1 256); do set -- \"\$@\" \$x; done; $carrel run $work/p argc \"\$@\""
check "Ctrl-C ends it" 130 "" timeout --foreground --preserve-status -s INT 1 $carrel run $work/p spin
cat > "$work/mask.c" <<'EOF'
#include <stdio.h>
#include <sys/stat.h>
int main(void)
{
	printf("mask %03o\n", umask(0));
	return 0;
}
EOF
$cc "$work/mask.c" -o "$work/mask"
check "the file mode mask is the caller's" 0 "mask 027" sh -c "umask 027; exec $carrel run $work/mask"
finish
