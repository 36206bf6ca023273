#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Grants of a project: CP_File, CP_Call and CP_Stream between cVMs that `carrel up` starts, by the examples' programs and files, on the
# machine that MACHINE names; and what a cVM gets that was granted nothing (tests/share has the rights one by one).
. tests/tap.sh
. tests/cli/machine.sh
mkdir $work/run && chmod 700 $work/run
export XDG_RUNTIME_DIR=$work/run
trap 'timeout 20 $carrel down --project rpc >/dev/null 2>&1; rm -rf "$work"' EXIT
for program in 02-shared-file/owner 02-shared-file/reader 03-rpc/server 03-rpc/client 04-pipeline/stage; do
	$cc -O2 -Iinclude examples/$program.c -o "$work/$(basename $program)" || exit 1
done
for example in 02-shared-file 03-rpc 04-pipeline; do
	sed "s|\.\./\.\./build/examples/$example/|$work/|" examples/$example/carrel.yaml > "$work/$example.yaml"
done

timeout 60 $up $work/02-shared-file.yaml 2> $work/err | sort -s -k1,1 > $work/out
cmp -s $work/out examples/02-shared-file/expected
say $? "a CP_File: the owner and the reader write in each other's sight, and only where they may"
check "a CP_Call: up" 0 "" timeout 60 $up -d $work/03-rpc.yaml
for _ in $(seq 300); do
	$carrel ps --json --project rpc | tr -d ' \n' | grep -q '"name":"client","state":"running"' || break
	sleep 0.1
done
$carrel logs --project rpc client | grep -v '^figure:' > $work/out
cmp -s $work/out examples/03-rpc/expected
say $? "the client's calls are answered, and none that it may not make"
check "and down" 0 "" timeout 20 $carrel down --project rpc
sed 's/grants: \[{call: words, rights: \[call\]}\]/restart: "no"/' $work/03-rpc.yaml > $work/none.yaml
timeout 60 $up $work/none.yaml > $work/out 2>&1 & it=$!
for _ in $(seq 100); do grep -q 'carrel: client: ' $work/out && break; sleep 0.1; done
grep 'carrel: client: ' $work/out | grep -qv 'status 0'
say $? "without a grant there is nobody to call"
kill -TERM $it; wait $it

awk 'BEGIN { for (i = 0; i < 20000; i++) printf "line %07d of a text that three stages hand on, byte by byte\n", i }' > $work/text
timeout 60 $up $work/04-pipeline.yaml > $work/out 2> $work/err
[ "$(cat $work/out)" = "count     | 20000 lines, 260000 words, 1260000 bytes" ]
say $? "CP_Streams: three cVMs hand a text on"
finish
