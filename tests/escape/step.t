#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# A program that is interrupted in front of random instructions and every instruction of its gates, at every step of its
# checked branches, with handlers in between: its result is what it is without (program/step.S, libos/stepped.S, native/step.c).
E=build/tests/escape
echo 1..2
n=0
for program in step step_bare; do
	for seed in ${SEEDS:-1}; do
		n=$((n + 1))
		out=$(timeout 900 $E/step $seed 100 $E/beside -l $E/libos/stepped $E/program/hello $E/libos/plain $E/program/$program 2>&1)
		status=$?
		case $status:$out in
		0:*"the same"*intact*) echo "ok $n - $program, seed $seed" ;;
		*) echo "not ok $n - $program, seed $seed: status $status" ;;
		esac
		echo "$out" | sed 's/^/# /'
	done
done
