#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The reference pages are what their tables say.
echo 1..3
n=0
for page in host-calls system-calls private-calls; do
	n=$((n + 1))
	if tools/${page%s}-table | diff -u docs/reference/$page.md - >&2; then
		echo "ok $n - docs/reference/$page.md is current"
	else
		echo "not ok $n - docs/reference/$page.md is stale: run tools/${page%s}-table"
	fi
done
