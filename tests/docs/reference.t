#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The reference pages are what their tables say.
echo 1..1
if tools/host-call-table | diff -u docs/reference/host-calls.md - >&2; then
	echo "ok 1 - docs/reference/host-calls.md is current"
else
	echo "not ok 1 - docs/reference/host-calls.md is stale: run tools/host-call-table"
fi
