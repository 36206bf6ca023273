#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Exceptions where they end, or should not go on: beside handlers, forks and small stacks (edges.cc), over tables that lie, at the start of a
# program, at a cVM's border; and what threads of C leave undone, as with musl natively.
. tests/tap.sh
cxx=build/bin/carrel-c++
g++ -w -O1 tests/toolchain/edges.cc -o $work/native -pthread && $work/native > $work/want; say $? "natively"
for options in -O0 "-O2 -mpush-args" "-O2 -fno-omit-frame-pointer" "-O2 --dynamic -fno-dwarf2-cfi-asm"; do
	rm -f $work/got
	$cxx -w $options tests/toolchain/edges.cc -o $work/edges && timeout 60 $work/edges > $work/got && cmp -s $work/want $work/got; say $? "the same at $options"
done

# Frames of assembly whose call frame information is: right; found at addresses that are not there, or beyond the window, or nowhere; an
# expression without operands; registers that there are none of; an unknown instruction; a personality in data. Each hurts the program alone.
cat > $work/lies.cc <<'C'
#include <cstdio>
#include <cstdlib>
typedef void function(void (*)());
extern "C" function t0, t1, t2, t3, t4, t5, t6, t7, t8;
#define FRAME(n, cfi) __asm__(".text\n.globl t" #n "\n.type t" #n ",@function\nt" #n ":\n.cfi_startproc\n endbr64\n sub $8, %rsp\n .cfi_adjust_cfa_offset 8\n" cfi \
	"\n call *%rdi\n add $8, %rsp\n .cfi_adjust_cfa_offset -8\n ret\n .cfi_endproc\n");
FRAME(0, "")
FRAME(1, ".cfi_escape 0x0f,3,0x11,0x08,0x06")
FRAME(2, ".cfi_escape 0x0f,10,0x0e,0,0,0,0,0xff,0x7f,0,0,0x06")
FRAME(3, ".cfi_escape 0x0f,9,0x0e,0xff,0xff,0xff,0xff,0xff,0xff,0xff,0x7f")
FRAME(4, ".cfi_escape 0x0f,4,0x16,0x16,0x16,0x16")
FRAME(5, ".cfi_escape 0x12,0x7f,0x10")
FRAME(6, ".cfi_escape 0x05,0xff,0xff,0x03,0x10")
FRAME(7, ".cfi_escape 0x3f")
FRAME(8, ".cfi_personality 0x3, words\n.cfi_lsda 0x3, words")
__asm__(".data\n.globl words\nwords: .quad -1, -1, -1, -1\n.text\n");
int main(int, char **arguments)
{
	static function *const all[] = {t0, t1, t2, t3, t4, t5, t6, t7, t8};
	try { all[std::atoi(arguments[1])]([] { throw 1; }); } catch (int n) { std::printf("caught %d\n", n); }
}
C
$cxx -w -O1 $work/lies.cc -o $work/lies 2> /dev/null; say $? "frames that lie are built"
for case in "0:0:caught 1" "1:139:in its program (access to address 0x8)" 2:139:SIGSEGV 3:139:SIGSEGV 4:139:SIGSEGV 5:139:SIGSEGV "6:0:caught 1" 7:134: 8:132:; do
	IFS=: read -r n status text <<< "$case"
	check "a frame that lies, $n" "$status" "$text" $work/lies "$n"
done

printf '#include <cstdio>\n#include <cstdlib>\n#include <exception>\nstatic int set = (std::set_terminate([] { std::puts("terminated"); std::fflush(stdout); _Exit(5); }), 1);\nstruct bad { bad() { throw 4; } };\nstatic bad one;\nint main() { }\n' > $work/start.cc
$cxx -w $work/start.cc -o $work/start; check "thrown before main" 5 terminated $work/start

# A function that another cVM calls: inside as ever; what leaves it ends its own program, and its caller has an error.
printf '#include <carrel/cp_call.h>\n#include <cstdio>\nstruct T { ~T() { std::puts("~T"); std::fflush(stdout); } };\nstatic long f(long a, long, long, long, long, long) { T t; if (a == 1) throw 1l; if (a == 2) try { throw 5l; } catch (long n) { return n; } return 0; }\nint main() { cp_call_serve(cp_call_export("f", f)); }\n' > $work/callee.cc
cat > $work/caller.cc <<'C'
#include <carrel/cp_call.h>
#include <cstdio>
int main()
{
	int slot;
	while ((slot = cp_call_open("f")) < 0)
		usleep(1000);
	for (long a = 2; a > 0; a--)
		try {
			long words[6] = {a}, result = -1;
			int status = cp_call(slot, words, nullptr, 0, 0, &result, nullptr);
			std::printf("%d %ld %d\n", status, result, status ? errno == ECONNRESET : 0);
		} catch (...) {
			std::puts("over the border");
		}
}
C
$cxx -O1 $work/callee.cc -o $work/callee && $cxx -O1 $work/caller.cc -o $work/caller; say $? "a callee and a caller are built"
check "an exception does not leave a call" 0 "0 5 0
terminate called after throwing an instance of 'long'
-1 -1 1" build/tests/share/together -g call:f:c callee $work/callee -- -g call:f:x caller $work/caller

# C in between: frames without call frame information, by hand, end it (-fno-exceptions and -fno-asynchronous-unwind-tables do not). And musl
# ends threads without unwinding.
printf '#include <cstdio>\nextern "C" void middle(void (*f)()) { f(); std::puts("never"); }\n' > $work/middle.cc
printf '#include <cstdio>\nextern "C" void middle(void (*)()), bare(void (*)());\n__asm__(".text\\n.globl bare\\n.type bare,@function\\nbare: endbr64\\n sub $8,%%rsp\\n call *%%rdi\\n add $8,%%rsp\\n ret\\n");\nint main(int count, char **) { try { (count > 1 ? bare : middle)([] { throw 6; }); } catch (int n) { std::printf("caught %%d\\n", n); } }\n' > $work/between.cc
$cxx -w -O1 -fno-exceptions -fno-asynchronous-unwind-tables -c $work/middle.cc -o $work/middle.o && $cxx -w $work/between.cc $work/middle.o -o $work/between; say $? "frames without handlers are built"
check "through -fno-exceptions" 0 "caught 6" $work/between
check "not through a frame without call frame information" 134 terminate $work/between bare
printf '#include <cstdio>\n#include <pthread.h>\nstruct T { ~T() { std::puts("destroyed"); } };\nint main() { pthread_t t; pthread_create(&t, 0, [](void *) -> void * { T t; pthread_exit(0); }, 0); pthread_join(t, 0); std::puts("joined"); }\n' > $work/exit.cc
$cxx -w $work/exit.cc -o $work/exit; out=$($work/exit); [ "$out" = joined ]; say $? "pthread_exit runs no destructors"
finish
