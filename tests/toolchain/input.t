#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# How carrel-cc is given its work: response files, standard input, libraries.
. tests/tap.sh
printf 'int main(void) { return sizeof X; }\n' > $work/size.c
printf -- "'-DX=\"a b\"' -O2\n" > $work/options
$cc @$work/options $work/size.c -o $work/size && $carrel run $work/size; [ $? = 4 ]; say $? "a response file, with quotes"
printf -- '-m32\n' > $work/wrong
check "what a response file holds is looked at" 1 "-m32" $cc @$work/wrong $work/size.c -o $work/no
printf 'int main(void) { return 3; }\n' | $cc -x c - -o $work/three && $carrel run $work/three; [ $? = 3 ]; say $? "standard input, linked"
check "the host's libraries are not searched" 1 "cannot find -lz" $cc -DX=1 $work/size.c -lz -o $work/no
$cc -DX='"ab"' $work/size.c -lm -lpthread -lgcc -o $work/libs && $carrel run $work/libs; [ $? = 3 ]; say $? "libraries every libc has"
printf '\t.type f, @function\nf:\tpush $9\n\ttest %%edi, %%edi\n\tje 1f\n\tcall g\n\tpop %%rcx\n\tret\n1:\tpop %%rax\n\tret\n\t.globl f\n\t.section .note.GNU-stack,"",@progbits\n' > $work/f.s
printf 'int f(int); int g(void) { return 5; } int main(void) { int x = f(0), y = f(1); return x * 10 + y; }\n' > $work/g.c
$cc -O2 $work/g.c $work/f.s -o $work/g && $carrel run $work/g; [ $? = 95 ]; say $? "hand-written code without CFI that returns early"
printf 'int main(void) {\n\t__asm__("nop\\n\\tlgdt 0");\n\treturn 0;\n}\n' > $work/u.c
check "an error names the line of the C file" 1 "u.c:3: error: unknown or unsupported instruction: lgdt" $cc -c $work/u.c -o $work/no
finish
