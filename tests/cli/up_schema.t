#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# carrel up --check: what is wrong in a file is said in one line, with the place. Each case is a file, and the one line it gets.
# On the machine that MACHINE names.
. tests/tap.sh
. tests/cli/machine.sh
cp build/bench/hello $work/p 2>/dev/null || { echo 'int main(void) { return 0; }' > $work/p.c && $cc $work/p.c -o $work/p; } || exit 1
mkdir $work/d
cd $work

# NAME PLACE TEXT, and the file on standard input. PLACE ok: it is right.
file() {
	cat > t.yaml
	timeout 20 $up --check t.yaml > out 2>&1 </dev/null
	got=$?
	if [ "$2" = ok ]; then
		[ $got = 0 ] && [ ! -s out ]
		say $? "$1"
	else
		[ $got = 125 ] && [ "$(wc -l < out)" = 1 ] && grep -qF "carrel: t.yaml:$2: " out && grep -qF "$3" out
		say $? "$1"
	fi
	[ "$(tail -c 3 out | wc -l)" -le 1 ] || say 1 "$1: one line"
	[ -s out ] && [ "$2" != ok ] && ! grep -qF "$3" out && sed 's/^/# /' out
}

file "everything there is" ok <<'Y'
project: all-of.it
cvms:
  first:
    image: p
    args: [a, "1", 2, "", ~x]
    argv0: another
    env: {A: b, EMPTY: ""}
    workdir: /d
    hostname: one
    volumes: ["d:/d:ro", "d:/e", "d:/o:overlay", "d:/u:overlay=d", "p:/bin/p"]
    tmpfs: [/scratch]
    memory: 64M
    cpus: 1
    publish: ["18080:80", "127.0.0.1:18081:81/udp"]
    network: [project, host-out]
    restart: on-failure:3
    healthcheck: {command: [/bin/p], interval: 500ms, timeout: 2s, retries: 5}
    user: 7:8
    stop_signal: SIGINT
    stop_timeout: 1m
    grants:
      - {file: orders, rights: [create, read, write]}
      - {call: lookup, rights: [create, call]}
      - {stream: lines, rights: [send]}
  second:
    image: p
    network: project
    depends_on: {first: healthy}
    restart: always
    healthcheck: {tcp: 80}
    stop_signal: 9
    user: 5
    grants:
      - {file: orders, rights: [read]}
      - {call: lookup, rights: [call]}
      - {stream: lines, rights: [create, receive]}
  third: {image: p, depends_on: [first, second], restart: "no", network: none}
Y
file "an unknown key of the file" 2:1 '`servces` is not a key of the file' <<'Y'
cvms: {a: {image: p}}
servces: 1
Y
file "an unknown key of a cVM" 4:5 '`imagee` is not a key of a cVM' <<'Y'
cvms:
  a:
    image: p
    imagee: p
Y
file "an unknown key of a health check" 4:28 '`port` is not a key of healthcheck' <<'Y'
cvms:
  a:
    image: p
    healthcheck: {tcp: 80, port: 80}
Y
file "a key twice" 4:5 '`image` is here twice; the first is on line 3' <<'Y'
cvms:
  a:
    image: p
    image: p
Y
file "a cVM twice" 3:3 '`a` is here twice' <<'Y'
cvms:
  a: {image: p}
  a: {image: p}
Y
file "no image" 2:3 '`a` has no image' <<'Y'
cvms:
  a: {args: [b]}
Y
file "no cvms" 1:1 'no cvms' <<'Y'
project: x
Y
file "an empty list of cVMs" 1:1 'no cvms' <<'Y'
cvms: {}
Y
file "an image that is not there" 2:14 'image nothing: No such file' <<'Y'
cvms:
  a: {image: nothing}
Y
file "a list where a value should be" 2:14 'image must be a single value, and is a list' <<'Y'
cvms:
  a: {image: [p]}
Y
file "a value where a list should be" 2:23 'args must be a list, and is a single value' <<'Y'
cvms:
  a: {image: p, args: x}
Y
file "a list where a mapping should be" 2:22 'env must be a mapping, and is a list' <<'Y'
cvms:
  a: {image: p, env: [A=b]}
Y
file "nothing where a value should be" 3:13 'workdir has no value' <<'Y'
cvms:
  a:
    workdir:
    image: p
Y
file "a list as a name" 2:24 'argv0' <<'Y'
cvms:
  a: {image: p, argv0: [b]}
Y
file "a relative working directory" 2:26 'workdir must be absolute' <<'Y'
cvms:
  a: {image: p, workdir: d}
Y
file "a bad size" 2:25 'memory must be a size like 64M, and is `64X`' <<'Y'
cvms:
  a: {image: p, memory: 64X}
Y
file "a negative size" 2:25 'memory must be a size' <<'Y'
cvms:
  a: {image: p, memory: -1}
Y
file "a bad number" 2:23 'cpus must be a number from 1 to 1024, and is `0`' <<'Y'
cvms:
  a: {image: p, cpus: 0}
Y
file "neither false nor true" 2:31 'first_window must be false or true, and is `1`' <<'Y'
cvms:
  a: {image: p, first_window: 1}
Y
file "two for the one window at address 0" 4:31 '`a` and `c` both want the first window' <<'Y'
cvms:
  a: {image: p, first_window: true}
  b: {image: p, first_window: false}
  c: {image: p, first_window: true}
Y
file "a volume that is not there" 2:27 'volume `no:/x`: no: No such file' <<'Y'
cvms:
  a: {image: p, volumes: ["no:/x"]}
Y
file "a volume's mode" 2:27 '`rx` is not ro, rw or overlay' <<'Y'
cvms:
  a: {image: p, volumes: ["d:/x:rx"]}
Y
file "a port that is none" 2:27 'publish `80`: give it as' <<'Y'
cvms:
  a: {image: p, publish: ["80"]}
Y
file "a network that is none" 2:26 'network must be none, host-out or project, and is `bridge`' <<'Y'
cvms:
  a: {image: p, network: bridge}
Y
file "a restart policy that is none" 2:26 'restart must be no, on-failure[:N] or always' <<'Y'
cvms:
  a: {image: p, restart: sometimes}
Y
file "a count of restarts that is none" 2:26 'on-failure:N needs a number from 1, not `0`' <<'Y'
cvms:
  a: {image: p, restart: "on-failure:0"}
Y
file "a health check of nothing" 2:17 'healthcheck needs command or tcp, one of them' <<'Y'
cvms:
  a: {image: p, healthcheck: {interval: 1s}}
Y
file "a health check of both" 2:17 'healthcheck needs command or tcp, one of them' <<'Y'
cvms:
  a: {image: p, healthcheck: {tcp: 1, command: [x]}}
Y
file "a time that is none" 2:49 'interval must be a time like 200ms, 5s or 1m, and is `5h`' <<'Y'
cvms:
  a: {image: p, healthcheck: {tcp: 1, interval: 5h}}
Y
file "a signal that is none" 2:30 '`SIGWHAT` is not a signal' <<'Y'
cvms:
  a: {image: p, stop_signal: SIGWHAT}
Y
file "a user by name" 2:23 'user must be numbers' <<'Y'
cvms:
  a: {image: p, user: root}
Y
file "a bad name" 2:3 '`-a` is not a name for a cVM' <<'Y'
cvms:
  -a: {image: p}
Y
file "a path as a project's name" 1:10 '`../x` is not a project' <<'Y'
project: ../x
cvms: {a: {image: p}}
Y
file "a dependency that is not there" 2:30 'there is no such cVM' <<'Y'
cvms:
  a: {image: p, depends_on: [b]}
Y
file "a dependency on itself" 2:30 '`a` depends on itself' <<'Y'
cvms:
  a: {image: p, depends_on: [a]}
Y
file "a circle of dependencies" 4:30 'depend on each other' <<'Y'
cvms:
  a: {image: p, depends_on: [b]}
  b: {image: p, depends_on: [c]}
  c: {image: p, depends_on: [a]}
Y
file "waiting for the health of who has none" 3:30 'has no healthcheck' <<'Y'
cvms:
  a: {image: p}
  b: {image: p, depends_on: {a: healthy}}
Y
file "a condition that is none" 3:33 'a dependency'"'"'s condition must be started or healthy' <<'Y'
cvms:
  a: {image: p}
  b: {image: p, depends_on: {a: ready}}
Y
file "a grant to open what nobody creates" 4:14 '`x` is to be opened, and no cVM may create it' <<'Y'
cvms:
  a:
    image: p
    grants: [{file: x, rights: [read]}]
Y

file "two creators" 3:27 '`x` is created by `a` too, on line 2' <<'Y'
cvms:
  a: {image: p, grants: [{file: x, rights: [create]}]}
  b: {image: p, grants: [ {file: x, rights: [create]}]}
Y
file "a right that a file does not have" 2:45 '`call` is not a right on a file' <<'Y'
cvms:
  a: {image: p, grants: [{file: x, rights: [call]}]}
Y
file "a right that is none" 2:45 '`exec` is not a right' <<'Y'
cvms:
  a: {image: p, grants: [{file: x, rights: [exec]}]}
Y
file "a right twice" 2:53 '`create` is here twice' <<'Y'
cvms:
  a: {image: p, grants: [{file: x, rights: [create, create]}]}
Y
file "no rights" 2:26 'a grant needs rights' <<'Y'
cvms:
  a: {image: p, grants: [{file: x, rights: []}]}
Y
file "a grant of two things" 2:36 'a grant is of a file, a call or a stream, one of them' <<'Y'
cvms:
  a: {image: p, grants: [{file: x, call: y, rights: [create]}]}
Y
file "a grant of nothing" 2:26 'a grant needs file, call or stream' <<'Y'
cvms:
  a: {image: p, grants: [{rights: [create]}]}
Y
file "a shared name that is a path" 2:33 '`a/b` is not a name' <<'Y'
cvms:
  a: {image: p, grants: [{file: a/b, rights: [create]}]}
Y
file "a name of two kinds" 3:26 '`x` is a call here and a file on line 2' <<'Y'
cvms:
  a: {image: p, grants: [{file: x, rights: [create]}]}
  b: {image: p, grants: [{call: x, rights: [call]}]}
Y
file "a name granted twice" 4:15 '`x` is granted to `a` twice; the first is on line 3' <<'Y'
cvms:
  a:
    grants: [{file: x, rights: [create]},
              {file: x, rights: [read]}]
    image: p
Y
file "two host names alike on one network" 3:3 'have the same host name, `h`' <<'Y'
cvms:
  a: {image: p, network: project, hostname: h}
  b: {image: p, network: project, hostname: h}
Y
file "not YAML" 1:8 'mapping values are not allowed' <<'Y'
cvms: x: y
Y
file "a tab" 2:1 'found character that cannot start any token' <<'Y'
cvms:
	a: b
Y
file "more than one document" 2:1 'more than one document' <<'Y'
cvms: {a: {image: p}}
---
cvms: {}
Y
printf 'cvms:\n  a: {image: p, args: ["a\\0b"]}\n' > nul
file "a NUL in a value" 2:24 'has a NUL in it' < nul
check "no file" 125 "carrel: none.yaml: No such file" $up --check none.yaml
check "a directory" 125 "carrel: d: Is a directory" $up --check d
: > empty.yaml
check "an empty file" 125 "carrel: empty.yaml: is empty" $up --check empty.yaml
head -c 3000 /dev/urandom > noise.yaml
check "noise" 125 "carrel: noise.yaml:" $up --check noise.yaml
check "the default file" 125 "carrel: carrel.yaml: No such file" $up --check
check "two files" 125 "one file" $up a b
for command in up down ps logs exec; do
	check "$command --help" 0 "Usage: carrel $command" $carrel $command --help
done
check "help names them" 0 "run a command inside" $carrel --help
finish
