#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The example that shows both machines: each stops each attempt, and one byte too many through a capability traps precisely.
. tests/tap.sh
out=$(timeout 120 examples/two_machines/run 2>&1)
say $? "every attempt is stopped on both machines"
printf '%s\n' "$out" | tail -n 3 | head -n 1 | grep -q 'hello, byte!$'
say $? "the 13 bytes are read"
at=$(printf '%s\n' "$out" | sed -n 's/.*13 bytes at \(0x[0-9a-f]*\).*/\1/p')
printf '%s\n' "$out" | grep -q "length violation through c5 at address $(printf '0x%x' $((at + 13))))"
say $? "the 14th is a fault with its register and address"
finish
