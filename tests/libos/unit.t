#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The library OS's address-space book and its tmpfs, as ordinary programs against a made-up host, under the undefined-behaviour
# sanitizer.
. tests/tap.sh
for unit in space tmpfs; do
	out=$(build/tests/libos/unit/$unit 2>&1)
	status=$?
	[ $status = 0 ] && printf '%s\n' "$out" | grep -q '^1\.\.'
	say $? "$unit: $(printf '%s\n' "$out" | grep -c '^ok') checks"
	printf '%s\n' "$out" | grep -vE '^(ok|1\.\.)' | sed 's/^/# /'
done
finish
