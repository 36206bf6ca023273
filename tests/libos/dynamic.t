#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Dynamic linking: a program and its objects (tests/libos/dynamic), built for the host and with carrel-cc, do the same; what stands in
# front of the C library; execution between static and dynamic programs; what is refused, and how it is said; two cVMs, one text.
. tests/tap.sh
flags="-O2 -Wall -Wextra"

built() {       # FOLDER COMPILER [FLAG]
	mkdir -p "$1"
	for object in two one over three late; do
		[ $object = one ] && needs=-l:two.so || needs=
		$2 $flags -fPIC -shared tests/libos/dynamic/$object.c -L"$1" $needs -lm -Wl,-rpath,'$ORIGIN' -o "$1/$object.so" || return
	done
	$2 $3 $flags tests/libos/dynamic/main.c -rdynamic -L"$1" -l:one.so -l:two.so -Wl,-rpath,'$ORIGIN' -ldl -lpthread -lm -o "$1/main"
}
passed() {      # NAME OUTPUT STATUS
	[ "$3" = 0 ] && printf '%s\n' "$2" | grep -q '^1\.\.'
	say $? "$1: $(printf '%s\n' "$2" | grep -c '^ok') checks"
	printf '%s\n' "$2" | grep -A2 '^not ok\|^# ' | sed 's/^/# /'
}
built "$work/native" gcc; say $? "built for the host"
built "$work/d" "$cc" --dynamic; say $? "built with carrel-cc"
for file in "$work"/d/* build/lib/carrel/sysroot/lib/libc.so; do
	$carrel verify "$file" > "$work/out" 2>&1; say $? "verified: $(basename "$file")"
done
out=$("$work/native/main" "$work/native/three.so" "$work/native/late.so" 2>&1); passed "natively" "$out" $?
out=$($carrel run -v "$work/d:$work/d:ro" "$work/d/main" "$work/d/three.so" "$work/d/late.so" 2>&1); passed "in a cVM" "$out" $?
out=$(CARREL=$PWD/$carrel "$work/d/main" "$work/d/three.so" "$work/d/late.so" 2>&1); passed "as an ordinary program" "$out" $?
out=$($carrel run -v "$work/d:$work/d:ro" "$work/d/main" x inner | tr '\n' ' ')
[ "$out" = "two begins one begins one ends two ends " ]; say $? "constructors and destructors in order: $out"
for level in -O0 -Os "-O2 -flto" "-O2 -fno-plt" "-O2 -mtrap" "-O2 -ffunction-sections -Wl,--gc-sections" "-O2 -Wl,-z,relro -s"; do
	flags=$level
	built "$work/d" "$cc" --dynamic
	out=$($carrel run -v "$work/d:$work/d:ro" "$work/d/main" "$work/d/three.so" "$work/d/late.so" 2>&1); passed "at $level" "$out" $?
done
flags=-O2

# What the library OS gives, through a dynamically linked C library: threads, signals and their frames, fork, exec.
for source in tests/libos/guests/*.c; do
	name=$(basename "$source" .c)
	mkdir "$work/$name"
	$cc --dynamic -O2 "$source" -o "$work/d/$name"
	out=$($carrel run -v "$work/$name:/data" -v "$work/d:/guest:ro" "$work/d/$name" /data host "/guest/$name" 2>&1)
	passed "$name, linked dynamically" "$out" $?
done

cat > "$work/atoi.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	if (argc > 1) {
		execv(argv[1], argv + 1);
		perror(argv[1]);
		return 9;
	}
	printf("atoi gives %d\n", atoi("7"));
	return 0;
}
END
$cc --dynamic "$work/atoi.c" -o "$work/d/atoi"
$cc --dynamic --pie "$work/atoi.c" -o "$work/d/pie"
$cc "$work/atoi.c" -o "$work/d/static"
$cc --dynamic "$work/atoi.c" -L"$work/d" -l:over.so -Wl,-rpath,/d -o "$work/d/over"
run="$carrel run -v $work/d:/d"
check "a dynamic program without volumes" 0 "atoi gives 7" $carrel run "$work/d/atoi"
check "RTLD_NEXT: an object linked in front of the C library" 0 "atoi gives 1007" $run "$work/d/over"
check "RTLD_NEXT: LD_PRELOAD" 0 "atoi gives 1007" $run -e LD_PRELOAD=/d/over.so "$work/d/atoi"
check "LD_LIBRARY_PATH" 0 "atoi gives 1007" $carrel run -v "$work/d:/e" -e LD_LIBRARY_PATH=/e "$work/d/over"
check "a static program executes a dynamic one" 0 "atoi gives 7" $run "$work/d/static" /d/atoi
check "a dynamic program executes a static one" 0 "atoi gives 7" $run "$work/d/atoi" /d/static
check "and a dynamic one" 0 "atoi gives 1007" $run "$work/d/atoi" /d/over
check "the C library itself, as the command that runs a program" 0 "atoi gives 7" $run build/lib/carrel/sysroot/lib/libc.so /d/pie
check "and one that has to lie where the library is" 1 "Not a valid dynamic program" $run build/lib/carrel/sysroot/lib/libc.so /d/atoi
check "a namespace may have a dynamic linker of its own" 0 "atoi gives 7" \
	$run -v "$PWD/build/lib/carrel/sysroot/lib/libc.so:/lib/carrel/libc.so:ro" "$work/d/atoi"
check "which must be one" 127 "dynamic linker" $run -v "$work/d/three.so:/lib/carrel/libc.so:ro" "$work/d/atoi"
check "also for exec" 9 "Exec format error" $run -v "$work/d/three.so:/lib/carrel/libc.so:ro" "$work/d/static" /d/atoi

# What is refused.
rm "$work/d/one.so"
check "a missing object is named" 127 "Error loading shared library one.so: No such file or directory" $run "$work/d/main"
check "a shared object is no program" 126 "is a shared object, not a program" $carrel run "$work/d/three.so"
check "nor for exec" 9 "Exec format error" $run "$work/d/static" /d/three.so
cat > "$work/open.c" <<'END'
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	static char bytes[1 << 20];
	const char *name = argv[1];
	if (argc > 2) { /* a copy on the tmpfs */
		int from = open(name, O_RDONLY), to = open(name = "/tmp/copy.so", O_CREAT | O_WRONLY, 0755);
		if (write(to, bytes, (size_t)read(from, bytes, sizeof bytes)) < 0)
			return 2;
		close(to);
	}
	void *h = dlopen(name, RTLD_NOW);
	puts(h ? "opened" : dlerror());
	return !h;
}
END
$cc --dynamic "$work/open.c" -o "$work/d/open"
cp "$work/native/three.so" "$work/d/glibc.so"
printf 'int (*f)(void); int g(void) { return f(); }\n' | $cc -fPIC -shared -x c - -o "$work/d/plain.so"
printf 'int none_of_it(void); int g(void) { return none_of_it(); }\n' | $cc -fPIC -shared -x c - -o "$work/d/lacks.so"
check "an object" 0 opened $run "$work/d/open" /d/plain.so
check "one of the host's" 1 "glibc.so: Exec format error" $run "$work/d/open" /d/glibc.so
$cc -O2 -fPIC -shared -DSIZE=40000 tests/libos/dynamic/late.c -o "$work/d/large.so"
check "one with more thread-local variables than there is room for" 1 "initial-exec TLS resolves to dynamic definition" \
	$run "$work/d/open" /d/large.so
check "one on a tmpfs" 0 "opened" $run "$work/d/open" /d/plain.so copy
check "one that lacks a symbol" 1 "none_of_it: symbol not found" $run "$work/d/open" /d/lacks.so
printf 'int x; int *f(void) { return &x; }\n' > "$work/x.c"
$cc -fPIE -c "$work/x.c" -o "$work/x.o"
check "code that is not position-independent, in an object" 1 "recompile with -fPIC" $cc -shared "$work/x.o" -o "$work/x.so"

built "$work/d" "$cc" --dynamic
check "two cVMs share the text, judged once" 0 "and 0 bytes; shared" build/tests/libos/share build/lib/carrel/libos \
	build/lib/carrel/sysroot/lib/libc.so "$work/d" "$work/d/main" "$work/d/three.so" "$work/d/late.so"
finish
