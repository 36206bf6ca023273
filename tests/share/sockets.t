#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Streams and sockets between cVMs of one Intravisor, with programs that do not know it.
. tests/tap.sh
. tests/share/machine.sh

mkdir "$work/shared"
check "TCP between two cVMs" 0 "ok" $run $share/together server $share/tcp serve 6379 -- client $share/tcp ask server 6379 $slowness
check "both may have the same port" 0 "ok" $run $share/together server $share/tcp serve 6379 -- other $share/tcp serve 6379 -- client $share/tcp ask other 6379 $slowness
server="-v $work/shared:/shared -g stream:bytes:c -g stream:bytes2:c -g stream:messages:c -g stream:in:c -g stream:secret:c server $share/stream serve"
client="-v $work/shared:/shared -g stream:bytes:rw -g stream:bytes2:rw -g stream:messages:rw -g stream:in:w client $share/stream use"
timeout 60 $run $share/together $server -- $client >"$work/out" 2>&1
status=$?
sed 's/^/# /' "$work/out"
retell "$work/out" "streams"
say $status "streams: all of it ran"
say "$(grep -c '^ok' "$work/out" | awk '{print $1 != '$((32 + forks))'}')" "streams: nothing was left out"

# With 300 descriptors a quarter is kept from cVMs (host.h): listeners by node, which hold one each, stop before those.
mkdir "$work/nodes"
(ulimit -n 300; exec $run $share/together -v "$work/nodes:/shared" many $share/nodes) >"$work/out" 2>&1 &
process=$!
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do grep -q listen "$work/out" && break; sleep 0.1; done
highest=$(find /proc/$process/fd -lname '*/nodes/node*' -printf '%f\n' | sort -n | tail -n 1)
wait $process
check "listeners by node take many descriptors (the highest is $highest)" 0 "" test "$highest" -ge 200
check "and none of those that are kept" 0 "" test "$highest" -lt 225
check "its own cVM's listeners they are all the same" 0 "400 listen" cat "$work/out"
check "a trace shows where sockets go, with the cVM's name" 0 "client: connect(3, {10.0.0.1:6379}, " $run $share/together server $share/tcp serve 6379 -- \
	-t client $share/tcp ask server 6379 $slowness
timeout 60 $run $share/together $server -- -t $client >"$work/out" 2>&1
grep -q 'client: connect(., {unix /cap/bytes}' "$work/out"
say $? "and that it is a stream"
finish
