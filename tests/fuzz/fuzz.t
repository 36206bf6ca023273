#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Random system calls from programs, and random host calls from library OSes: one cVM after another in one process, beside an
# innocent one (native/fuzz.c says what must hold). FUZZ_SECONDS (120) for both together, from FUZZ_SEED, which is printed: where it
# fails, `FUZZ_SEED=N FUZZ_SECONDS=20 tests/fuzz/fuzz.t` starts with the cVM it failed at.
seconds=${FUZZ_SECONDS:-120} seed=${FUZZ_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
hello=build/tests/escape/program/hello
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
echo 1..2
echo "# seed $seed"
mkdir "$scratch/system" "$scratch/host"
fuzz() {        # what they share, and their own
	: | build/tests/fuzz/fuzz "$1" $((seconds / 2)) "$seed" "$scratch/$1" "${@:2}" >"$scratch/said" 2>&1
	local status=$?
	cat "$scratch/said"
	[ $status = 0 ] || cat "$scratch/said" >&2      # the test runner keeps this
	return $status
}
fuzz system build/lib/carrel/libos build/tests/fuzz/program $hello && echo "ok 1 - system calls" || echo "not ok 1 - system calls"
fuzz host build/tests/fuzz/libos $hello $hello build/tests/escape/libos/plain && echo "ok 2 - host calls" || echo "not ok 2 - host calls"
