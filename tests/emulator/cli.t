#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# carrel-cheri's command line, and what bad input gets.
. tests/tap.sh
emulator=build/bin/carrel-cheri
cat > $work/p.c <<'C'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "exit")) return atoi(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "kill")) raise(atoi(argv[2]));
	if (argc > 1 && !strcmp(argv[1], "null")) *(volatile int *)argv[argc] = 1;
	if (argc > 1 && !strcmp(argv[1], "abort")) abort();
	if (argc > 1 && !strcmp(argv[1], "cat")) for (int c; (c = getchar()) != EOF;) putchar(c);
	printf("%s with %d, %s\n", strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0], argc, getenv("K") ? getenv("K") : "(unset)");
	return 0;
}
C
riscv64-linux-gnu-gcc -O2 -static $work/p.c -o $work/p || exit 1
riscv64-linux-gnu-gcc -O2 $work/p.c -o $work/dynamic || exit 1
riscv64-linux-gnu-gcc -O2 -c $work/p.c -o $work/object.o || exit 1
check "arguments and the name" 0 "p with 3, (unset)" $emulator $work/p a b
check "the environment" 0 "v" env K=v $emulator $work/p
check "an option behind the program is the program's" 0 "p with 2" $emulator $work/p --help
check "another name" 0 "other with 1" $emulator --argv0 other $work/p
check "--" 0 "p with 1" $emulator -- $work/p
check "the program's exit status" 42 "" $emulator $work/p exit 42
check "standard input" 0 "abc" bash -c "echo abc | $emulator $work/p cat"
check "a signal's status, as a shell sees it" 143 "" bash -c "$emulator $work/p kill 15; exit \$?"
check "abort" 134 "" bash -c "$emulator $work/p abort; exit \$?"
check "a null pointer: one line with cause, address and pc" 139 "carrel-cheri: SIGSEGV: access to unmapped memory at address 0x0, pc 0x1" bash -c "$emulator $work/p null; exit \$?"
check "and the registers" 139 "  ddc  0x0 [0x0, 0x10000000000000000) permissions 0x78fff" bash -c "$emulator $work/p null; exit \$?"
check "no core of the emulator's" 0 "" bash -c "cd $work && ulimit -c unlimited && $PWD/$emulator $work/p null; ! ls $work/core* 2>/dev/null"
check "help" 0 "Usage: carrel-cheri [OPTION]... PROGRAM" $emulator --help
check "a trace names instructions" 0 "auipc" $emulator --trace $work/p
check "and system calls" 0 "exit_group(94" $emulator --trace $work/p
check "statistics" 0 "instructions interpreted" $emulator --stats $work/p
check "interpreted only: nothing is translated" 0 " 0 translated" $emulator --interpret --stats $work/p
check "an unknown option" 125 "no option --fly" $emulator --fly $work/p
check "no program named" 125 "which program" $emulator
check "a missing program" 127 "No such file" $emulator $work/nothing
check "a directory" 126 "is a directory" $emulator $work
check "a text file" 126 "not an ELF file" $emulator tests/tap.sh
check "a device" 126 "not a regular file" $emulator /dev/null
: > $work/empty
check "an empty regular file" 126 "not an ELF file" $emulator $work/empty
check "a program of the host's" 126 "of another machine" $emulator /bin/true
check "a dynamic program" 126 "dynamically linked" $emulator $work/dynamic
check "an object file" 126 "not a program" $emulator $work/object.o
for size in 16 63 64 100 5000 100000; do
	head -c $size $work/p > $work/cut
	check "a program cut off at $size bytes" 126 "" $emulator $work/cut
done
check "too little address space" 125 "ulimit -v" bash -c "ulimit -v 1000000; exec $emulator $work/p"
finish
