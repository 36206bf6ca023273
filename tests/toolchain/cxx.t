#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# carrel-c++: exceptions and the C++ standard library do what they do natively, in static and dynamic programs and over shared objects.
. tests/tap.sh
cxx=build/bin/carrel-c++
g++ -w -std=c++17 -O1 tests/toolchain/mix.cc -o $work/native -pthread && $work/native > $work/want
[ $? = 7 ] && [ "$(wc -l < $work/want)" -gt 40 ]; say $? "natively"
while read -r options; do
	rm -f $work/mix $work/got
	$cxx -w -std=c++17 $options tests/toolchain/mix.cc -o $work/mix
	TMPDIR=/tmp timeout 60 $work/mix > $work/got
	[ $? = 7 ] && cmp -s $work/want $work/got; say $? "the same at $options"
	build/bin/carrel verify $work/mix > /dev/null; say $? "verified at $options"
done <<'O'
-O0
-O2
-O3 -march=haswell
-Os -fno-omit-frame-pointer -fno-dwarf2-cfi-asm
-O2 -mtrap
-O2 --dynamic
-O1 -fPIC --dynamic -static-libstdc++
O
# Objects that throw to one another, one of them opened late: types are the same in all, and the unwinder finds each one's tables.
cat > $work/shared.h <<'H'
#include <stdexcept>
struct __attribute__((visibility("default"))) worse : std::runtime_error { using runtime_error::runtime_error; virtual int code() const; };
int through(int (*f)(int), int n);
H
printf '#include "shared.h"\nint worse::code() const { return 5; }\nint through(int (*f)(int), int n) { try { return f(n) + 1; } catch (std::logic_error &) { throw worse("turned"); } }\n' > $work/first.cc
printf '#include "shared.h"\nextern "C" int late(int n) { if (n) throw worse("late"); return through([](int) -> int { throw std::logic_error("inner"); }, n); }\n' > $work/second.cc
cat > $work/main.cc <<'M'
#include <dlfcn.h>
#include <iostream>
#include "shared.h"
int main()
{
	void *second = dlopen("libsecond.so", RTLD_NOW);
	if (!second)
		return std::cout << dlerror() << "\n", 1;
	auto late = (int (*)(int))dlsym(second, "late");
	for (int n = 0; n < 2; n++)
		try { late(n); } catch (worse &e) { std::cout << e.what() << e.code() << " "; }
	try { through([](int) -> int { throw 3; }, 1); } catch (int n) { std::cout << n << "\n"; }
}
M
$cxx -O2 -fPIC -shared -I$work $work/first.cc -o $work/libfirst.so &&
	$cxx -O2 -fPIC -shared -I$work $work/second.cc -L$work -lfirst -o $work/libsecond.so &&
	$cxx -O2 --dynamic -I$work $work/main.cc -L$work -lfirst "-Wl,-rpath,$work" -o $work/main
say $? "a program and two shared objects are linked"
check "they throw to one another" 0 "turned5 late5 3" $work/main
# C in between: frames of C have tables too, __attribute__((cleanup)) runs, and what has no tables ends the program in std::terminate.
printf '#include <stdio.h>\nvoid end(int *n) { printf("end %%d\\n", *n); }\nvoid middle(void (*f)(void)) { __attribute__((cleanup(end))) int n = 4; f(); n = 5; }\n' > $work/c.c
printf '#include <cstdio>\nextern "C" void middle(void (*)()); int main() { try { middle([] { throw 6; }); } catch (int n) { std::printf("caught %%d\\n", n); } }\n' > $work/d.cc
build/bin/carrel-cc -O2 -fexceptions -c $work/c.c -o $work/c.o && $cxx -O2 $work/c.o $work/d.cc -o $work/d; say $? "C and C++ are linked"
check "a cleanup in C runs" 0 "end 4
caught 6" $work/d
printf 'int main() { throw 1; }\n' > $work/e.cc; $cxx $work/e.cc -o $work/e
check "what nobody catches" 134 "terminate called after throwing an instance of 'int'" $work/e
printf '#include <csignal>\nint main() { try { std::signal(SIGUSR1, [](int) { throw 1; }); std::raise(SIGUSR1); } catch (int) { return 1; } }\n' > $work/s.cc; $cxx $work/s.cc -o $work/s
check "an exception does not leave a signal handler" 134 "terminate called" $work/s
printf '#include <pthread.h>\n#include <cstdio>\nint main() { pthread_t t; pthread_create(&t, 0, [](void *) -> void * { throw 1; }, 0); pthread_join(t, 0); }\n' > $work/t.cc; $cxx $work/t.cc -o $work/t
check "nor a thread" 134 "terminate called" $work/t
finish
