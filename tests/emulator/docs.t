#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The emulator's reference pages are what its tables say.
echo 1..2
n=0
for page in instructions system-calls; do
	n=$((n + 1))
	if emulator/tables $page | diff -u docs/reference/emulator-$page.md - >&2; then
		echo "ok $n - docs/reference/emulator-$page.md is current"
	else
		echo "not ok $n - docs/reference/emulator-$page.md is stale: run emulator/tables $page"
	fi
done
