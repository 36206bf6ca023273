#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# tools/setup by who calls it: root, a user with sudo, a user whom sudo refuses, a user without sudo, and where all is there. The
# commands it would install with are stand-ins that write down how they were called; PATH holds nothing else.
. tests/tap.sh
bin=$work/bin log=$work/log
mkdir "$bin"

stand_in() {    # NAME TEXT
	printf '#!/bin/sh\n%s\n' "$2" > "$bin/$1"
	chmod +x "$bin/$1"
}

setup() {       # UID INSTALLED: what tools/setup does, as status, calls and messages
	: > "$log"
	stand_in id "echo $1"
	stand_in dpkg-query "printf $2"
	PATH=$bin /bin/sh tools/setup > "$work/out" 2>&1
	status=$?
}

tell() {        # CONDITION NAME
	[ "$1" = 0 ] && { say 0 "$2"; return; }
	say 1 "$2"
	sed 's/^/# /' "$work/out" "$log"
}

ln -s /usr/bin/env "$bin/env"
ln -s /bin/true "$bin/true"
stand_in apt-get "echo \"apt-get \$*\" >> $log"

setup 0 installed
[ $status = 0 ] && [ ! -s "$log" ] && [ ! -s "$work/out" ]; tell $? "all is there: nothing is done or said"
setup 0 absent
[ $status = 0 ] && grep -q '^apt-get install .* gcc ' "$log" && ! grep -q sudo "$work/out"; tell $? "root: apt-get, no sudo"
setup 1000 absent
[ $status = 1 ] && [ ! -s "$log" ] && [ "$(wc -l < "$work/out")" = 1 ] &&
	grep -q 'neither root nor sudo; have root run: apt-get install .* gcc ' "$work/out"; tell $? "no sudo: one line says what root must run"
stand_in sudo "echo \"sudo \$*\" >> $log; exec \"\$@\""
setup 1000 absent
[ $status = 0 ] && grep -q '^sudo apt-get update' "$log" && grep -q '^sudo env .*apt-get install .* gcc ' "$log"
tell $? "a user with sudo: apt-get through it"
stand_in sudo "echo 'user is not in the sudoers file' >&2; exit 1"
setup 1000 absent
[ $status = 1 ] && [ ! -s "$log" ] && tail -n 1 "$work/out" | grep -q 'sudo refused; have root run: apt-get install .* gcc '
tell $? "sudo refuses: what root must run, and nothing is tried twice"
rm "$bin/apt-get"
setup 0 absent
[ $status = 1 ] && grep -q 'no apt-get here; install by hand: gcc ' "$work/out"; tell $? "not Debian: what to install by hand"
finish
