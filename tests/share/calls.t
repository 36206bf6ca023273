#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CP_Call between cVMs: three of them call each other in every way (guests/call.c, guests/call_server.c).
. tests/tap.sh
. tests/share/machine.sh

one="-v $share:/bin -g call:one:c -g call:one.dump:c -g call:one.spoil:c -g call:two:x one $share/call_server one 3 two"
two="-v $share:/bin -g call:two:c -g call:one:x -g call:back:x two $share/call_server two 2 one"
client="-v $share:/bin -g call:one:x -g call:two:x -g call:one.dump:x -g call:one.spoil:x -g call:nobody:x -g call:back:c client $share/call $slowness"
timeout 120 $run $share/together $one -- $two -- $client >"$work/out" 2>"$work/errors"
status=$?
while read -r verdict number dash name; do
	case $verdict in
	ok) say 0 "$name" ;;
	not) say 1 "$name" ;;
	*) echo "# $number $dash $name" ;;
	esac
done <"$work/out"
sed 's/^/# /' "$work/errors"
say $status "all of it ran"
say "$(grep -c '^ok' "$work/out" | awk '{print $1 != 95}')" "nothing was left out"
timeout 120 $run $share/together $one -- $two -- -t $client 2>&1 | grep -qx 'client: cp_call(one) enters'
say $? "a trace shows each"
check "cVMs that call each other are ended at random moments" 0 "host threads are left" $run $share/call_storm 8 1
finish
