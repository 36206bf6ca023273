#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What cVMs share, on CHERI-RISC-V: tests/share with programs of this machine, each test file a check for each of its own.
. tests/tap.sh
for file in tests/share/*.t; do
	name=$(basename "$file" .t)
	timeout 200 env MACHINE=cheri "$file" >"$work/out" 2>"$work/errors"
	status=$?
	grep '^#' "$work/out"
	retell "$work/out" "$name"
	say $status "$name: ran to its end"
	say "$(grep -c '^1\.\.' "$work/out" | awk '{print $1 != 1}')" "$name: said how many checks there are"
done
finish
