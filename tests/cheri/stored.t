#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Capabilities of cVMs in tagged memory: the machine holds what cap/ says, also where cap/ is wrong. An access by an entry whose numbers or
# rights were made more than what was granted ends the process at that access; revocation leaves nothing that could be used.
. tests/tap.sh
run=build/bin/carrel-cheri

for part in "stored derive" "stored tables" "sweep 10" "kicked 5"; do
	set -- $part
	nice timeout 180 $run build/tests/cheri/native/"$@" >"$work/out" 2>"$work/errors"
	status=$?
	grep '^#' "$work/out"
	retell "$work/out" "$1 $2"
	say $status "$1 $2: ran to its end"
	[ $status = 0 ] || head -n 3 "$work/errors" | sed 's/^/# /'
done
for row in "length:tag" "base:tag" "object:tag" "sealed:tag" "rights:permit-store"; do
	out=$($run build/tests/cheri/native/stored trap "${row%:*}" 2>&1)
	status=$?
	[ $status = 139 ] && printf '%s\n' "$out" | grep -q "${row#*:} violation through ddc"
	good=$?
	case $out in *"not stopped"*) good=1 ;; esac
	say $good "an entry with more ${row%:*} than was granted: its use is a fault"
	[ $good = 0 ] || printf '%s\n' "$out" | head -n 3 | sed 's/^/# /'
done
finish
