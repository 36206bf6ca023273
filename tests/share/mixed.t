#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CP_Streams with several threads at both ends, in pieces around the size from which buffers are posted (guests/mixed.c); on all processors
# and on one.
. tests/tap.sh
. tests/share/machine.sh

one=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
for where in env "taskset -c $one"; do
	timeout 60 $where $run $share/together -g stream:words:c -g stream:messages:c server $share/mixed serve -- \
		-g stream:words:rw -g stream:messages:rw client $share/mixed use $slowness >"$work/out" 2>&1
	status=$?
	sed 's/^/# /' "$work/out"
	retell "$work/out" "${where%% *}"
	say $status "${where%% *}: all of it ran"
	say "$(grep -c '^ok' "$work/out" | awk '{print $1 != 13}')" "${where%% *}: nothing was left out"
done
finish
