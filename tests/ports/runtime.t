#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# libcarrel-rt gives what libgcc gives: tests/ports/runtime.c by carrel-cc in a cVM, and by stock gcc with the same musl.
folder=$(mktemp -d "${TMPDIR:-/tmp}/carrel-runtime.XXXXXX") && trap 'rm -rf "$folder"' EXIT
echo 1..2
if build/bin/carrel-cc -O1 -fno-builtin tests/ports/runtime.c -o "$folder/carrel" &&
	ports/native-cc -O1 -fno-builtin tests/ports/runtime.c -o "$folder/native"; then
	echo "ok 1 - it builds with both"
else
	echo "not ok 1 - it builds with both"
	exit 1
fi
build/bin/carrel run "$folder/carrel" > "$folder/carrel.out" && "$folder/native" > "$folder/native.out"
if [ $? = 0 ] && [ "$(wc -l < "$folder/native.out")" -gt 500000 ] && cmp "$folder/carrel.out" "$folder/native.out" >&2; then
	echo "ok 2 - $(wc -l < "$folder/native.out") results are the same"
else
	echo "not ok 2 - the same results"
	diff "$folder/native.out" "$folder/carrel.out" | sed 's/^/# /' | head -20
	exit 1
fi
