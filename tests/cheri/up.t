#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Projects on CHERI-RISC-V, whose carrel has a libyaml of its own: tests/cli/up*.t with programs of this machine, each test file a check for
# each of its own; then how a project's machine is chosen, and that all commands find it.
. tests/tap.sh
# At the same time: they mostly wait.
for file in tests/cli/up*.t; do
	name=$(basename "$file" .t)
	(
		timeout 300 env MACHINE=cheri "$file" >"$work/$name.out" 2>"$work/$name.errors"
		echo $? >"$work/$name.status"
	) &
done
wait
for file in tests/cli/up*.t; do
	name=$(basename "$file" .t)
	grep '^#' "$work/$name.out"
	retell "$work/$name.out" "$name"
	say "$(cat "$work/$name.status")" "$name: ran to its end"
	say "$(grep -c '^1\.\.' "$work/$name.out" | awk '{print $1 != 1}')" "$name: said how many checks there are"
done

carrel=$PWD/$carrel
for machine in x86_64 cheri; do $cc --machine=$machine -O2 tests/cli/up_program.c -o "$work/$machine" || exit 1; done
mkdir "$work/run" "$work/bin" && chmod 700 "$work/run" && cp "$work/cheri" "$work/bin/p"
export XDG_RUNTIME_DIR=$work/run
cd "$work" || exit 1
trap 'for p in own other; do timeout 20 $carrel down --project $p >/dev/null 2>&1; done; rm -rf "$work"' EXIT
cat > own.yaml <<'Y'
machine: cheri
cvms:
  a: {image: cheri, args: [say, hello, catch, "15", sleep, 600000], volumes: ["bin:/bin:ro"]}
Y
sed 's/^machine: cheri$/machine: x86_64/; s/image: cheri/image: x86_64/' own.yaml > other.yaml
sed 1d own.yaml > none.yaml
sed 1d other.yaml > wrong.yaml
check "the file names its machine" 0 "" $carrel up -d --project own own.yaml
check "a project of the first machine beside it" 0 "" $carrel up -d --project other other.yaml
for _ in $(seq 50); do $carrel logs --project own a | grep -q hello && break; sleep 0.1; done
check "logs find it" 0 "hello" $carrel logs --project own a
check "ps says which machine it is" 0 '"machine": "cheri"' $carrel ps --project own --json
check "and of the other project" 0 '"machine": "x86_64"' $carrel ps --project other --json
check "exec runs a program of that machine in it" 0 "pid 2" $carrel exec --project own a p host ""
check "and none of the first's" 126 "it is not a Carrel image" $carrel exec --project other a p host ""
check "the second machine's commands reach the first's project" 0 '"machine": "x86_64"' $carrel --machine cheri ps --project other --json
check "and its own" 0 "through" sh -c "echo through | $carrel --machine cheri exec --project own a p cat -"
check "down finds each" 0 "" $carrel down --project own
check "by either's command" 0 "" $carrel --machine cheri down --project other
check "without a machine in the file it is the first" 126 "cheri: an image for another machine (ELF machine 243); this one runs x86-64: build it with carrel-cc --machine=x86_64, or say its machine by --machine" \
	$carrel up none.yaml
check "an image of the first on the second" 126 "x86_64: an image for another machine (ELF machine 62); this one runs riscv64: build it with carrel-cc --machine=cheri" \
	$carrel --machine cheri up wrong.yaml
for way in "up --machine cheri" "up --machine=cheri" "--machine cheri up"; do
	check "carrel $way" 0 "" $carrel $way -d --project own none.yaml
	check "its machine" 0 '"machine": "cheri"' $carrel ps --json
	check "its end" 0 "" $carrel down
done
for name in pdp11 ../cheri; do
	printf 'cvms: {a: {image: cheri}}\nmachine: %s\n' $name > t.yaml
	check "a file for $name" 125 "carrel: t.yaml:2:10: there is no machine \`$name\` here" $carrel up --check t.yaml
done
check "a file for one machine, a command for the other" 125 'own.yaml:1:10: the file is for the machine `cheri`, and --machine says `x86_64`' \
	$carrel up --machine x86_64 own.yaml
check "and the other way round" 125 'other.yaml:1:10: the file is for the machine `x86_64`, and --machine says `cheri`' $carrel --machine cheri up other.yaml
check "the machine twice" 125 "t.yaml:3:1: \`machine\` is here twice" sh -c "printf 'machine: cheri\ncvms: {a: {image: cheri}}\nmachine: cheri\n' > t.yaml; $carrel up t.yaml"
check "what is wrong in a file for the other machine is said there" 125 "t.yaml:2:11: a cVM must be a mapping" \
	sh -c "printf 'machine: cheri\ncvms: {a: b}\n' > t.yaml; $carrel up t.yaml"
finish
