#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# carrel-cc in the hands of build systems: macros, dependency files, archives, ccache, strip and objcopy, configure.
. tests/tap.sh
printf 'int helper(int); int main(void) { return helper(40); }\n' > $work/main.c
printf '#include "h.h"\nint helper(int x) { return x + TWO; }\n' > $work/helper.c
printf '#define TWO 2\n' > $work/h.h
cc=$PWD/$cc carrel=$PWD/$carrel top=$PWD
cd $work || exit 1
$cc -dM -E - < /dev/null | grep -q '^#define __x86_64__ 1'; say $? "-dM -E of standard input"
$cc -dM -E - < /dev/null | grep -q __AVX512F__; [ $? = 1 ]; say $? "no macro promises what the verifier refuses"
for option in -M -MM "-MM -MP" "-MM -MT other"; do
	$cc $option helper.c | grep -q 'h\.h'; say $? "dependencies: $option"
done
$cc -c -MD -MP helper.c && grep -q '^h.h:' helper.d; say $? "dependencies: -MD -MP beside an object"
$cc -c main.c && ar rcs libhelper.a helper.o && $cc main.o -L. -lhelper -o lib && $carrel run lib; [ $? = 42 ]; say $? "an archive"
$cc main.c helper.c -o twice && ./twice; [ $? = 42 ]; say $? "compile and link in one, and run directly"
$cc -g -ffunction-sections -fdata-sections -Wl,--gc-sections main.c helper.c -o gc && $carrel run gc; [ $? = 42 ]; say $? "--gc-sections"
for how in "strip" "strip -s" "strip -g" "objcopy --strip-all" "objcopy --add-section .x=h.h" "objcopy -R .comment"; do
	cp gc copy && $how copy && $carrel verify copy > /dev/null && $carrel run copy; [ $? = 42 ]; say $? "$how keeps an image valid"
done
objcopy --only-keep-debug gc gc.debug && strip -g -o split gc && objcopy --add-gnu-debuglink=gc.debug split && $carrel run split
[ $? = 42 ]; say $? "debug information in a file of its own"
if command -v ccache > /dev/null; then
	export CCACHE_DIR=$work/cache
	for turn in 1 2; do rm -f helper.o; ccache $cc -c helper.c && $cc main.c helper.o -o cached && $carrel run cached; [ $? = 42 ]; say $? "ccache, turn $turn"; done
	ccache -s -v | grep -iq 'hits: *1'; say $? "ccache hits"
else
	tests=$((tests + 1)); echo "ok $tests - ccache # SKIP not installed"
fi
printf 'int main(void) {\n\tint x = 1\n\treturn x;\n}\n' > wrong.c
check "an error of the compiler names file and line" 1 "wrong.c:3:9: error" $cc -c wrong.c
printf '# a comment\n#define OP lgdt\n\n\t.text\n\tOP 0\n' > wrong.S
check "an error in a .S file names its line" 1 "wrong.S:5: error: unknown or unsupported instruction: lgdt" $cc -c wrong.S
check "a missing file" 1 "none.c" $cc none.c
check "an undefined function names its place" 1 "undefined reference to \`helper'" $cc main.c -o no
cat > Makefile <<'M'
p: main.o helper.o
M
make -s CC=$cc p main.o LDFLAGS= > make.log 2>&1 && $cc main.o helper.o -o p && $carrel run p; [ $? = 42 ]; say $? "make's own rules"
cd "$top" || exit 1
# SQLite's own configure script and Makefile, unedited: what they compile to look around, and the tools they build and run to make
# further sources, are cVMs.
for how in $cc gcc; do
	rm -rf $work/sqlite && mkdir $work/sqlite && tar xf build/downloads/sqlite3_*.orig.tar.xz -C $work/sqlite --strip-components=1
	(cd $work/sqlite && CC=$how BUILD_CC=$how ./configure --disable-shared --disable-tcl --disable-threadsafe \
		--disable-readline --disable-load-extension && make parse.c keywordhash.h && make vdbe.lo lemon) > $work/log 2>&1
	say $? "CC=${how##*/} ./configure && make"
	[ "$how" = gcc ] && break
	grep -q 'whether we are cross compiling... no' $work/log; say $? "its configure ran what it had built"
	$carrel verify $work/sqlite/lemon > /dev/null && $carrel verify $work/sqlite/mkkeywordhash > /dev/null; say $? "its tools are images"
	cp $work/sqlite/parse.c $work/sqlite/keywordhash.h $work/
done
cmp $work/parse.c $work/sqlite/parse.c && cmp $work/keywordhash.h $work/sqlite/keywordhash.h; say $? "they wrote what native ones write"
# What libgcc.a has and ours has not: only what docs/caveats.md names (__float128, _Float16, decimal floats, split stacks) and
# functions that gcc never calls on x86-64.
names() { nm "$1" 2> /dev/null | awk '$2 ~ /[TW]/ { print $3 }' | sort -u; }
missing=$(comm -23 <(names "$(gcc -print-libgcc-file-name)") <(names build/lib/carrel/sysroot/lib/libcarrel-rt.a) |
	grep -vE 'tf|hf|[ht]c3$|sfp_handle|bid|binary[0-9]+_to|_dfp_|morestack|splitstack|stack_split|generic_|_(res|sav)ms64|isinfd|_tab$' |
	grep -vE '^__(clear_cache|cpu_indicator_init|enable_execute_stack|eprintf|extendsfdf2|truncdfsf2|fixuns[sdx]fdi|gcc_bcmp|udiv_w_sdiv|wrap_pthread_create)$')
[ -z "$missing" ]; say $? "libcarrel-rt has what C code calls in libgcc"
[ -z "$missing" ] || echo "# missing:" $missing
printf '__float128 a, b; int main(void) { return a + b > 1; }\n' > $work/quad.c
check "__float128 arithmetic is refused by name" 1 "__addtf3" $cc $work/quad.c -o $work/no
finish
