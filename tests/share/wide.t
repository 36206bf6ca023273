#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What the Intravisor copies with a program's vector registers, it copies right, and the program has them again: by itself, and of two
# cVMs that share what there is to share, are interrupted all the time, and name memory that is not there.
. tests/tap.sh

grep -qw avx /proc/cpuinfo || { echo "1..0 # SKIP this processor has no AVX"; exit 0; }

check "copies with and without them" 0 " 0 wrong" build/tests/share/wide
v=build/tests/share/vectors
out=$(timeout 60 build/tests/share/together -g call:vectors:c -g file:vectors:c -g stream:vectors:c server $v server 3 -- \
	-g call:vectors:x -g file:vectors:rw -g stream:vectors:rw client $v client 5 2>&1)
status=$?
for who in server client; do
	printf '%s\n' "$out" | grep -q "$who: looked often, 0 wrong, interrupted, failed, too"
	say $? "a $who's are its own"
done
[ $status = 0 ] || printf '%s\n' "$out" | sed 's/^/# /'
finish
