#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The library OS on CHERI-RISC-V: its guests (tests/libos/guests, which pass natively too), on a tmpfs and on a host volume; Lua; SQLite.
. tests/tap.sh
carrel="$carrel run --machine cheri"

passed() {      # NAME OUTPUT STATUS
	[ "$3" = 0 ] && printf '%s\n' "$2" | grep -q '^1\.\.'
	say $? "$1: $(printf '%s\n' "$2" | grep -c '^ok') checks"
	printf '%s\n' "$2" | grep -A1 '^not ok' | sed 's/^/# /'
}

for source in tests/libos/guests/*.c; do
	name=$(basename "$source" .c)
	[ $name != forks ] || continue
	guest=build/tests/cheri/guest/$name
	mkdir "$work/$name"
	out=$(timeout 60 $carrel "$guest" /tmp 2>&1)
	passed "$name, on a tmpfs" "$out" $?
	out=$(timeout 60 $carrel -v "$work/$name:/data" -v "$PWD/build/tests/cheri/guest:/guest:ro" "$guest" /data host "/guest/$name" 2>&1)
	passed "$name, on a host volume" "$out" $?
	[ -z "$(ls -A "$work/$name")" ]
	say $? "$name leaves nothing behind"
done

check "system calls in a storm of interruptions" 0 "0 wrong, 1" $carrel build/tests/cheri/program/storm
lua=build/ports/lua/cheri/lua
for script in words numbers; do
	check "Lua: $script.lua says what it says on the first machine" 0 "$(build/bin/carrel run -v "$PWD/tests/ports/lua:/s:ro" build/ports/lua/carrel/lua /s/$script.lua /s/words.lua 2>&1)" \
		$carrel -v "$PWD/tests/ports/lua:/s:ro" "$lua" /s/$script.lua /s/words.lua
done
check "Lua: an error is Lua's" 1 "attempt to" $carrel "$lua" -e 'local x = nil + 1'
finish
