#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Callers that are kicked out of their calls and end at once (up/depart_client.c), on one processor and on all: the Intravisor touches nothing of
# a caller once its call has begun.
. tests/tap.sh
carrel=$PWD/$carrel
for program in client server; do $cc -O2 -Iinclude tests/share/up/depart_$program.c -o "$work/$program" || exit 1; done
mkdir "$work/run" && chmod 700 "$work/run"
export XDG_RUNTIME_DIR=$work/run
cat > "$work/depart.yaml" <<'Y'
cvms:
  server: {image: server, grants: [{call: words, rights: [create]}]}
  client: {image: client, depends_on: [server], grants: [{call: words, rights: [call]}]}
Y
one=$(python3 -c 'import os; print(min(os.sched_getaffinity(0)))')
for where in "taskset -c $one" env; do
	timeout 60 $where "$carrel" up --project depart "$work/depart.yaml" > "$work/out" 2>&1 &
	up=$!
	for _ in $(seq 500); do grep -qE "all ended|too few|ended by" "$work/out" && break; kill -0 $up 2>/dev/null || break; sleep 0.1; done
	grep -q "all ended" "$work/out"
	say $? "calls are given up and their callers end (${where/env/all processors})"
	sed 's/^/# /' "$work/out"
	timeout 20 "$carrel" down --project depart > /dev/null 2>&1
	wait $up
done
finish
