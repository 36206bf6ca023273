# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Shell tests in TAP. Source it; call `check NAME EXPECTED-STATUS EXPECTED-TEXT COMMAND...` (the text must occur in the
# command's output, both streams; "" for no demand), and `finish` at the end.
carrel=build/bin/carrel cc=build/bin/carrel-cc
work=$(mktemp -d "${TMPDIR:-/tmp}/carrel-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
tests=0

say() {         # 0|1 NAME
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then echo "ok $tests - $2"; else echo "not ok $tests - $2"; fi
}

check() {
	name=$1 status=$2 text=$3
	shift 3
	out=$(timeout 60 "$@" 2>&1 </dev/null)
	got=$?
	case $out in *"$text"*) found=0 ;; *) found=1 ;; esac
	if [ $got = "$status" ] && [ $found = 0 ]; then
		say 0 "$name"
	else
		say 1 "$name"
		printf '# status %s, wanted %s; wanted text: %s\n' "$got" "$status" "$text"
		printf '%s\n' "$out" | head -n 12 | sed 's/^/# /'
	fi
}

# What a program's own TAP, in FILE, says, each check of it with PREFIX before its name: one of these.
retell() {      # FILE PREFIX
	while read -r told_verdict told_number told_dash told_name; do
		case $told_verdict in
		ok) say 0 "$2: $told_name" ;;
		not) say 1 "$2: ${told_name#- }" ;;
		esac
	done <"$1"
}

finish() { echo "1..$tests"; }
