#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Streams and sockets between cVMs of one Intravisor, with programs that do not know it.
. tests/tap.sh

share=build/tests/share
mkdir "$work/shared"
check "TCP between two cVMs" 0 "ok" $share/together server $share/tcp serve 6379 -- client $share/tcp ask server 6379
check "both may have the same port" 0 "ok" $share/together server $share/tcp serve 6379 -- other $share/tcp serve 6379 -- client $share/tcp ask other 6379
server="-v $work/shared:/shared -g stream:bytes:c -g stream:bytes2:c -g stream:messages:c -g stream:in:c -g stream:secret:c server $share/stream serve"
client="-v $work/shared:/shared -g stream:bytes:rw -g stream:bytes2:rw -g stream:messages:rw -g stream:in:w client $share/stream use"
timeout 60 $share/together $server -- $client >"$work/out" 2>&1
status=$?
sed 's/^/# /' "$work/out"
while read -r verdict number dash name; do
	case $verdict in
	ok) say 0 "streams: $name" ;;
	not) say 1 "streams: $name" ;;
	esac
done <"$work/out"
say $status "streams: all of it ran"
say "$(grep -c '^ok' "$work/out" | awk '{print $1 != 32}')" "streams: nothing was left out"
finish
