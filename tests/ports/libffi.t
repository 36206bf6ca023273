#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# libffi in a cVM, with stock gcc and the native musl beside it: calls and closures of many types (libffi/calls.c), and what closures are used
# for (libffi/closures.c). In a cVM there are 1,024 at a time. libffi's own tests: tests/suites/libffi.
. tests/tap.sh

try() {         # VARIANT COUNT COMPILER [RUN...]
	variant=$1 most=$2 compiler=$3 port=build/ports/libffi/$1
	shift 3
	for program in calls closures; do
		$compiler -O1 -Wall -Wextra -Werror "-I$port/include" "tests/ports/libffi/$program.c" "-L$port/lib" -lffi -o "$work/$program.$variant"
		say $? "$variant: $program.c is built"
		timeout 120 "$@" "$work/$program.$variant" "$most" > "$work/told" 2>&1 < /dev/null
		say $? "$variant: $program ends well"
		retell "$work/told" "$variant"
		[ "$(tail -n 1 "$work/told")" = "1..$(grep -c '^ok' "$work/told")" ]
		say $? "$variant: $program has said all of it"
	done
}

try carrel 1024 $cc $carrel run
try native 0 ports/native-cc
check "a closure that was freed is a fault" 139 "ended by SIGSEGV in its program" $carrel run "$work/closures.carrel" freed
finish
