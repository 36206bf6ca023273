#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The second machine from outside: the same command line, what is said of wrong and damaged images, signals.
. tests/tap.sh
machine="$carrel run --machine cheri" hello=build/tests/cheri/program/hello lua=build/ports/lua/cheri/lua

check "a program runs, and its status comes back" 7 hello $machine $hello
check "--machine=NAME" 7 hello $carrel run --machine=cheri $hello
check "carrel --machine NAME run" 7 hello $carrel --machine cheri run $hello
check "carrel --machine cheri doctor" 0 "capabilities   ok" $carrel --machine cheri doctor
check "verify says that nothing is judged" 0 "not judged" $carrel --machine cheri verify -v $hello
check "its own machine by name is this one" 0 "x86-64" sh -c "$carrel run --machine x86_64 $hello 2>&1; true"
check "an unknown machine" 125 "there is no such machine" $carrel run --machine pdp11 $hello
check "nor is a path one" 125 "there is no such machine" $carrel run --machine ../cheri $hello
check "options before and after --machine reach it" 0 "b	/w" $carrel run -e A=b --machine cheri -w /w --tmpfs /w $lua -e 'print(os.getenv("A"), io.open("x", "w") and "/w")'
echo 'print(...)' > "$work/words.lua"
check "a program's --machine is its own" 0 "--machine	x" $machine -v "$work:/v" $lua /v/words.lua --machine x
check "the environment is not passed on by itself" 0 "nil" env SECRET=1 $machine $lua -e 'print(os.getenv("SECRET"))'
check "standard input" 0 "CARREL" sh -c "echo carrel | $machine $lua -e 'print(io.read():upper())'"
check "a volume, read only" 1 "Read-only file system" $machine -v "$work:/v:ro" $lua -e 'assert(io.open("/v/x", "w"))'
check "the trace" 7 'write(1, 0x' $machine --trace $hello
check "carrel-cc refuses what would use gp" 1 "gp" $cc --machine=cheri -Wl,--relax -x c /dev/null -o "$work/x"
check "and shared objects" 1 "static" $cc --machine=cheri -shared -x c /dev/null -o "$work/x"
check "an unknown machine to compile for" 1 "no such machine" $cc --machine=vax -c x.c

# Images for the other machine, damaged ones, none.
check "an image of the first machine on the second" 126 "another machine (ELF machine 62); this one runs riscv64" $machine build/ports/lua/carrel/lua
check "an image of the second machine on the first" 126 "another machine (ELF machine 243); this one runs x86-64" $carrel run $hello
check "a library OS is no program" 126 "a library OS, not a program" $machine build/lib/carrel/cheri/lib/carrel/libos
check "an ordinary riscv64 program is no image" 126 "no Carrel note" $machine build/lib/carrel/cheri/bin/carrel
check "nothing there" 127 "No such file" $machine "$work/none"
size=$(stat -c %s $hello)
for length in 0 3 63 100 400 4096 $((size - 4200)); do
	head -c "$length" $hello > "$work/cut"
	check "cut at $length" 126 "carrel: $work/cut: " $machine "$work/cut"
done
python3 - $hello "$work" <<'EOF'
import random, sys
data = open(sys.argv[1], "rb").read()
random.seed(7)
for n in range(24):
    copy = bytearray(data)
    for _ in range(4):
        copy[random.randrange(0, 0x400)] = random.randrange(256)
    open(f"{sys.argv[2]}/bent{n}", "wb").write(copy)
EOF
bad=0
for n in $(seq 0 23); do
	timeout 20 $machine "$work/bent$n" > "$work/out" 2>&1
	case $? in 0 | 7 | 126 | 132 | 133 | 135 | 139) ;; *) bad=1; echo "# bent$n: $?"; head -3 "$work/out" | sed 's/^/# /' ;; esac
done
say $bad "images with bytes changed in their headers run, are refused, or end by a fault of their own"

# Text that is no code: named, with its place, and only that cVM ends.
printf '\t.globl _start\n_start: .word 0xffffffff\n' > "$work/no.S"
$cc --machine=cheri -nostdlib "$work/no.S" -o "$work/no"
check "an instruction there is not" 132 "ended by SIGILL in its program" $machine "$work/no"
check "and where" 132 "  at image+0x1000" $machine "$work/no"
cat > "$work/fork.c" <<'EOF'
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void) { pid_t p = fork(); printf("%d %s\n", (int)p, strerror(errno)); return 0; }
EOF
$cc --machine=cheri "$work/fork.c" -o "$work/fork"
check "fork says that there is none" 0 "-1 Function not implemented" $machine "$work/fork"

check "projects: what is wrong in a file is said" 125 "carrel: nothing.yaml: No such file" $carrel --machine cheri up nothing.yaml
check "doctor has no seccomp to show" 0 "" sh -c "! $carrel --machine cheri doctor | grep seccomp"

# Signals from outside are the program's.
cat > "$work/term.c" <<'EOF'
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
static void on(int s) { (void)s; write(1, "taken\n", 6); _exit(9); }
int main(void) { signal(SIGTERM, on); puts("ready"); fflush(stdout); for (;;) pause(); }
EOF
$cc --machine=cheri "$work/term.c" -o "$work/term"
$machine "$work/term" > "$work/said" 2>&1 &
for _ in $(seq 100); do [ -s "$work/said" ] && break; sleep 0.05; done
kill -TERM $!
wait $!
[ $? = 9 ] && [ "$(cat "$work/said")" = "ready
taken" ]
say $? "SIGTERM reaches the program's handler"
$machine $lua -e 'while true do end' &
sleep 0.5
kill -TERM $!
wait $!
[ $? = 143 ]
say $? "and ends one that has none, in the middle of computing"
finish
