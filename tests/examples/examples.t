#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Every example prints what its `expected` says. Lines of figures, which differ, start with `figure:` and are left out.
. tests/tap.sh

for example in examples/[0-9]*; do
	timeout 300 "$example/run" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	grep -v '^figure:' "$work/out" >"$work/got"
	if [ $status = 0 ] && cmp -s "$work/got" "$example/expected"; then
		say 0 "$example"
	else
		say 1 "$example"
		echo "# status $status"
		diff "$example/expected" "$work/got" | head -n 10 | sed 's/^/# /'
		head -n 10 "$work/err" | sed 's/^/# /'
	fi
done
finish
