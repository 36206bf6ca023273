#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The Intravisor's copies go by what was granted: one byte too many, by an error of its own, ends it before that byte is touched; where
# there are capabilities, by the access itself, at the byte behind what was granted.
. tests/tap.sh
. tests/share/machine.sh

check "copies of all lengths and places" 0 " 0 wrong" $run $share/ranges all
check "so are those that come to where nothing is" 0 " 0 wrong" $run $share/ranges missing
check "memory that is not there is an error" 0 "-14 -14" $run $share/ranges missing
for length in 0 1 13 2048 4095 4096 100001; do
	for what in "over read" "over write" "before write"; do
		set -- $what
		out=$($run $share/ranges $1 $length $2 2>&1)
		status=$?
		end=$(printf '%s\n' "$out" | sed -n 's/^from .* to //p')
		if [ -z "$run" ]; then
			[ $status = 132 ]
		elif [ $1 = over ]; then
			[ $status = 139 ] && printf '%s\n' "$out" | grep -q "length violation through ddc at address $end,"
		else
			[ $status = 139 ] && printf '%s\n' "$out" | grep -Eq "(length|tag) violation through ddc"
		fi
		good=$?
		case $out in *"not stopped"*) good=1 ;; esac
		say $good "$length bytes, a $2 by one byte $1 them"
		[ $good = 0 ] || printf '%s\n' "$out" | head -n 3 | sed 's/^/# /'
	done
done
finish
