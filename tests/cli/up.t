#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# carrel up and what talks to it: order, output, restarts, health, logs, exec, ps, down, namespaces, several projects. On the machine
# that MACHINE names.
. tests/tap.sh
. tests/cli/machine.sh
$cc -O2 tests/cli/up_program.c -o $work/p || exit 1
mkdir $work/run $work/d $work/bin && chmod 700 $work/run && cp $work/p $work/bin/
export XDG_RUNTIME_DIR=$work/run
demo=$PWD/examples/demo
cd $work
trap 'for s in run/carrel/*.sock; do [ -S "$s" ] && timeout 20 $carrel down --project "$(basename "$s" .sock)" >/dev/null 2>&1; done; rm -rf "$work"' EXIT
# Until a command's output has a text, for ten seconds.
until_says() {
	wanted=$1
	shift
	for _ in $(seq 100); do
		case $("$@" 2>&1) in *"$wanted"*) return 0 ;; esac
		sleep 0.1
	done
	return 1
}

cat > order.yaml <<'Y'
cvms:
  third: {image: p, args: [say, third], depends_on: [second]}
  second: {image: p, args: [count, /d/n, say, second, sleep, 100], volumes: ["d:/d"], depends_on: {first: healthy}}
  first: {image: p, args: [say, first, sleep, 300, write, /tmp/ready, err, ready, sleep, 300], volumes: ["bin:/bin:ro"],
          healthcheck: {command: [p, need, /tmp/ready], interval: 50ms, retries: 50}}
Y
timeout 20 $up order.yaml > out 2> err
say $? "up runs until all have ended, and gives 0"
[ "$(grep -oE '(ready|time 1|second)$' out | tr '\n' ' ')" = "ready time 1 second " ] && [ "$(grep -oE '(ready|third)$' out | tr '\n' ' ')" = "ready third " ]
say $? "started in order of what they depend on: when it is healthy, when it has started"
grep -q '^third     | third$' out && grep -q '^first     | ready$' out
say $? "output has the cVM's name before it, standard error too"
grep -q '^carrel: third: ended with status 0$' err
say $? "and the end is told"

cat > fail.yaml <<'Y'
cvms:
  bad: {image: p, args: [exit, "3"]}
  good: {image: p, args: [sleep, 300, say, still here]}
Y
check "the status of the first that failed is up's" 3 "still here" $up fail.yaml
cat > crash.yaml <<'Y'
cvms:
  a: {image: p, args: [crash, ""]}
  b: {image: p, args: [sleep, 500, say, b lives]}
Y
out=$(timeout 20 $up crash.yaml 2>&1)
[ $? = 139 ]; say $? "a crash is the status 139"
case $out in *"carrel: a: ended by SIGSEGV in its program"*"b lives"*) r=0 ;; *) r=1 ;; esac
say $r "a cVM that crashes is reported by name, and leaves the others alone"

cat > restart.yaml <<'Y'
cvms:
  limited: {image: p, args: [count, /d/limited, exit, "1"], volumes: ["d:/d"], restart: "on-failure:2"}
  fine: {image: p, args: [count, /d/fine, exit, "0"], volumes: ["d:/d"], restart: on-failure}
Y
check "on-failure:2 starts again twice" 1 "time 3" $up restart.yaml
[ "$(stat -c %s d/limited d/fine | tr '\n' ' ')" = "3 1 " ]; say $? "and no more; nothing starts again that ended well"
case $out in *"starts again in 0.1 s"*"starts again in 0.2 s"*) r=0 ;; *) r=1 ;; esac
say $r "with a pause that grows"
cat > depend.yaml <<'Y'
cvms:
  sick: {image: p, args: [sleep, 60000], volumes: ["bin:/bin:ro"], healthcheck: {command: [p, exit, "1"], interval: 20ms, retries: 2}}
  waits: {image: p, args: [say, never], depends_on: {sick: healthy}}
Y
timeout -s INT 3 $up depend.yaml > out 2>&1
grep -q 'carrel: sick: is unhealthy' out && grep -q 'carrel: waits: does not start: `sick`, which it depends on, is unhealthy' out && ! grep -q never out
say $? "who waits for an unhealthy one does not start, and it is said"

cat > trace.yaml <<'Y'
cvms: {said: {image: p, args: [say, a]}, other: {image: p, args: [say, b]}}
Y
out=$(timeout 20 $up --trace trace.yaml 2>&1)
case $out in *"said: exit_group(0)"*) case $out in *"other: exit_group(0)"*) r=0 ;; esac ;; *) r=1 ;; esac
say $r "--trace shows each cVM's system calls, with its name"

mkdir root
cat > rooted.yaml <<'Y'
cvms:
  web: {image: p, args: [sleep, 300], network: project}
  rooted: {image: p, args: [cat, /etc/hosts], volumes: ["root:/"], network: project}
Y
check "who has a volume as its root finds the others by name, too" 0 " web" $up rooted.yaml
[ -z "$(ls root)" ]; say $? "and nothing is written there"

cat > named.yaml <<Y
cvms:
  own: {image: p, args: [cat, /proc/self/cmdline]}
  named: {image: p, argv0: another-name, args: [cat, /proc/self/cmdline]}
Y
$up named.yaml 2>&1 | tr '\000' ' ' > out
grep -q '^named  *| another-name cat /proc' out && grep -q '^own  *| p cat /proc' out
say $? "a program's own name is its image's, or what argv0 says; a line without an end is shown when the cVM ends"

# Where windows are, the host's list of the process's mappings says: how many are accessible below 4 GiB; nothing if there is no such process.
low() {
	PYTHONPATH=$demo python3 - "$1" <<'P'
import contextlib, sys
from processes import tree
for pid in tree(int(sys.argv[1])):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/maps") as file:
        lines = [line.split() for line in file]
        if any("carrel-image" in word for line in lines for word in line):
            print(sum(int(line[0].split("-")[0], 16) < 1 << 32 and not line[1].startswith("---") for line in lines))
P
}
runs=0
for wants in false true; do
	cat > window.yaml <<Y
cvms:
  other: {image: p, args: [say, runs, sleep, 60000], volumes: ["bin:/bin:ro"], healthcheck: {command: [p, exit, "1"], interval: 20ms, retries: 100000}}
  owner: {image: p, args: [say, never], first_window: $wants, depends_on: {other: healthy}}
Y
	$up window.yaml > out 2>&1 & it=$!
	until_says runs cat out || runs=1
	declare "low_$wants=$(low $it)"
	kill $it
	wait $it
done
say $runs "who does not want the window at address 0 runs, whether another does or not"
case $machine,$($carrel doctor | sed -n 's/^window at 0 *//p') in
x86_64,ok*) [ "$low_false" -gt 0 ] && [ "$low_true" = 0 ]; say $? "it is the first program's, or waits for the cVM that wants it" ;;
*) say 0 "it is the first program's, or waits for the cVM that wants it # SKIP there is none here" ;;
esac

# In the background.
cat > shop.yaml <<Y
project: shop
cvms:
  db:
    image: p
    args: [host, "", catch, "15", env, A, where, "", lines, "5", write, /tmp/mine, serve, "6379"]
    env: {A: yes-a}
    workdir: /d
    user: "7:8"
    volumes: ["d:/d", "bin:/bin:ro"]
    publish: ["127.0.0.1:$db_port:6379"]
    network: project
    healthcheck: {tcp: 6379, interval: 50ms}
  cache:
    image: p
    args: [host, "", serve, "6379"]
    hostname: cachehost
    volumes: ["bin:/bin:ro"]
    publish: ["127.0.0.1:$cache_port:6379"]
    network: project
    cpus: 1
    depends_on: {db: healthy}
  lonely: {image: p, args: [sleep, 600000], volumes: ["bin:/bin:ro"], restart: always}
Y
check "up -d returns when all have started" 0 "" $up -d shop.yaml
check "a second one of that name is refused" 125 "runs already" $up -d shop.yaml
until_says healthy $carrel ps; say $? "a TCP health check finds who listens inside"
out=$($carrel ps)
case $out in *NAME*STATE*HEALTH*UP*RESTARTS*MEMORY*PORTS*db*running*healthy*MiB*127.0.0.1:$db_port:6379*cache*running*lonely*running*) r=0 ;; *) r=1 ;; esac
say $r "ps shows them"
$carrel ps --json | python3 -c '
import json, sys
p = json.load(sys.stdin)
c = {x["name"]: x for x in p["cvms"]}
assert p["project"] == "shop" and p["machine"] == "'$machine'" and list(c) == ["db", "cache", "lonely"]
assert c["db"]["state"] == "running" and c["db"]["health"] == "healthy" and c["lonely"]["health"] is None
assert 50000 < c["db"]["memory_bytes"] < 20000000 and c["db"]["restarts"] == 0 and c["db"]["uptime_s"] > 0
assert c["db"]["ports"] == ["127.0.0.1:'$db_port':6379"] and c["db"]["status"] is None'
say $? "ps --json says the same to programs"
check "logs: what it printed; its user, host name, first process" 0 "host db uid 7 gid 8 pid 1" $carrel logs db
check "its environment and working directory" 0 "A=yes-a
/d" $carrel logs db
[ "$($carrel logs --tail 2 db | tr '\n' ' ')" = "line 5 listens on 6379 " ]; say $? "logs --tail"
check "logs of nobody" 125 "no cVM \`x\`" $carrel logs x
asked=$(python3 -c '
import socket
for port in '$db_port', '$cache_port':
    print(socket.create_connection(("127.0.0.1", port), 5).recv(100).decode())')
[ "$asked" = "db
cachehost" ]; say $? "two cVMs have the same port, each its own"
check "files are their own" 0 "/tmp/mine yes" $carrel exec db p exists /tmp/mine
check "and not the other's" 0 "/tmp/mine no" $carrel exec cache p exists /tmp/mine
check "processes too" 0 "pid 2" $carrel exec lonely p host ""
check "names of the others on the network resolve" 0 " db" $carrel exec cache p cat /etc/hosts
check "and its own, by the address that they use" 0 "10.77.0.2 cachehost" $carrel exec cache p cat /etc/hosts
check "other names are not there" 1 "" bash -c "$carrel exec db p cat /etc/hosts | grep lonely"
check "who is on no network knows nobody" 1 "" bash -c "$carrel exec lonely p cat /etc/hosts | grep db"
check "one asks another by its name" 0 "answer db" $carrel exec cache p ask db:6379
check "and the other way round" 0 "answer cachehost" $carrel exec db p ask cachehost:6379
check "by the name in the file too" 0 "answer cachehost" $carrel exec db p ask cache:6379
check "who is on no network reaches nobody" 7 "" $carrel exec lonely p ask db:6379
check "nor by the address" 6 "" $carrel exec lonely p ask 10.77.0.1:6379
check "cpus confines a cVM's threads" 0 "cpus 1" $carrel exec cache p cpus ""
check "exec: the status" 0 "7" bash -c "$carrel exec db p exit 7; echo \$?"
check "exec: standard input, output" 0 "through" bash -c "echo through | $carrel exec db p cat -"
[ "$($carrel exec db p say out err wrong 2>/dev/null)" = out ]; say $? "exec: standard error apart"
check "exec: the cVM's environment and directory" 0 "A=yes-a
/d" $carrel exec db p env A where ""
check "exec: a variable more" 0 "B=2" $carrel exec -e B=2 db p env B
check "exec: instead of the cVM's" 0 "A=other" $carrel exec -e A=other db p env A
check "exec: what is not there" 127 "carrel: exec: nothing: there is no such program in the cVM" $carrel exec db nothing
check "exec: what is no image" 126 "it is not a Carrel image" bash -c "echo text > d/t; chmod 755 d/t; $carrel exec db /d/t"
check "exec: a crash" 139 "" $carrel exec db p crash ""
check "which the cVM survives" 0 "still" $carrel exec db p say still
check "exec: in nobody" 125 "no cVM" $carrel exec x p
check "exec: no command" 125 "which command" $carrel exec db
for n in 1 2 3 4 5 6 7 8; do $carrel exec lonely p sleep 200 say "$n" > many.$n & done
wait
[ "$(cat many.? | tr -d '\n')" = 12345678 ]; say $? "eight at once"
env --default-signal=INT $carrel exec db p catch 2 say waits sleep 60000 > out & it=$!
until_says waits cat out
kill -INT $it
wait $it
grep -q 'signal 2' out; say $? "exec: Ctrl-C is the process's"
$carrel exec lonely p say lives sleep 60000 say outlived > out 2>&1 & it=$!
until_says lives cat out
kill -KILL $it
wait $it 2> /dev/null
until_says "pid 3" true; sleep 0.3; ! grep -q outlived out; say $? "exec: who goes takes the process along"
python3 - <<P > out
import os, pty, select
pid, fd = pty.fork()
if not pid:
    os.execvp("$carrel", ["carrel", "exec", "db", "p", "tty", "", "cat", "-"])
got = b""
def read_until(word):
    global got
    while word not in got and select.select([fd], [], [], 10)[0]:
        try:
            got += os.read(fd, 1000)
        except OSError:
            break
read_until(b"terminal")
os.write(fd, b"typed\n\x04")
read_until(b"typed\r\ntyped")
print(got, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
P
grep -q 'terminal yes.*typed.*typed.* 0$' out; say $? "exec: works on a terminal"
cat > loud.yaml <<'Y'
cvms: {a: {image: p, args: [say, "x\e]0;title\a\e[2Jy", say, "\e[31mred\e[0m", sleep, 1000]}}
Y
python3 - <<P > out
import os, pty, time
def shown(*command):
    pid, fd = pty.fork()
    if not pid:
        os.execvp(command[0], command)
    got = b""
    try:
        while piece := os.read(fd, 1000):
            got += piece
    except OSError:
        pass
    os.waitpid(pid, 0)
    return got
up = shown(*"$up loud.yaml".split())
print(b"x?]0;title??[2Jy" in up and b"\x1b[31mred\x1b[0m" in up and b"\x1b[36ma         |\x1b[0m " in up)
os.system("$up -d --project loud loud.yaml")
for _ in range(100):
    logs = shown("$carrel", "logs", "--project", "loud", "a")
    if b"red" in logs:
        break
    time.sleep(0.1)
print(b"x?]0;title??[2Jy" in logs and b"\x1b[31mred\x1b[0m" in logs)
P
timeout 10 $carrel down --project loud > /dev/null 2>&1
[ "$(tr '\n' ' ' < out)" = "True True " ]; say $? "a terminal gets colours, and no other control characters of a cVM's"
(timeout 3 $carrel logs -f db > follow) & sleep 0.5
python3 -c '
import socket
socket.create_connection(("127.0.0.1", '$db_port'), 5).recv(9)'
[ -s follow ]; say $? "logs -f has what was before"
cat > other.yaml <<'Y'
project: not-this
cvms:
  db: {image: p, args: [host, "", sleep, 600000], volumes: ["bin:/bin:ro"]}
Y
check "another project beside it" 0 "" $up -d --project other other.yaml
check "which project has to be said then" 125 "these run: " $carrel ps
check "and can be" 0 "pid 2" $carrel exec --project other db p host ""
check "it has its own" 0 "/tmp/mine no" $carrel exec --project other db p exists /tmp/mine
check "down ends one" 0 "" $carrel down --project other
check "and not the other" 0 "still" $carrel exec --project shop db p say still
(timeout 10 $carrel logs -f db > follow; echo "status $?" >> follow) & sleep 0.3
check "down" 0 "" $carrel down --project shop
check "and up again at once" 0 "" $up -d shop.yaml
check "and down again" 0 "" $carrel down --project shop
wait
grep -q 'signal 15' follow && grep -q 'status 0' follow; say $? "stops with the signal that was asked for; who follows sees the end"
check "then nothing runs" 125 "no project runs" $carrel ps
check "nor by name" 125 "no project \`shop\` runs" $carrel ps --project shop

# Ctrl-C in the foreground: in reverse order, and who does not listen is ended.
cat > stop.yaml <<'Y'
cvms:
  base: {image: p, args: [catch, "15", say, up, sleep, 60000]}
  middle: {image: p, args: [catch, "10", say, up, sleep, 60000], depends_on: [base], stop_signal: SIGUSR1}
  top: {image: p, args: [ignore, "15", say, up, sleep, 60000], depends_on: [middle], stop_timeout: 300ms}
  spins: {image: p, args: [say, up, spin, ""], stop_timeout: 5s}
Y
env --default-signal=INT $up stop.yaml > out 2> err & it=$!      # the shell ignores it for what runs beside it
until_says 4 grep -c '| up$' out
kill -INT $it
wait $it
[ "$(grep -c '| up$' out)" = 4 ] && grep -q '^middle    | signal 10$' out && grep -q '^base      | signal 15$' out
say $? "Ctrl-C: each gets its own signal"
[ "$(grep -oE '(middle|base) +\| signal' out | awk '{print $1}' | tr '\n' ' ')" = "middle base " ]; say $? "in reverse order"
grep -q 'carrel: top: did not stop in time' err && ! grep -q 'spins: did not' err; say $? "who ignores it is ended after a while; a loop without system calls is interrupted"
check "published: a port that is taken" 125 "t.yaml:2:29: publish \`127.0.0.1:$db_port:1\`: the host's port $db_port cannot be had" bash -c "
cat > t.yaml <<'Y'
cvms:
  a: {image: p, publish: [  127.0.0.1:$db_port:1]}
Y
python3 -c 'import socket, subprocess, sys
s = socket.create_server((\"127.0.0.1\", $db_port))
sys.exit(subprocess.call(\"$up t.yaml\".split()))'"
echo text > text.txt
cat > t.yaml <<'Y'
cvms: {a: {image: text.txt}}
Y
check "an image that is none" 126 "text.txt: not a Carrel image" $up t.yaml
check "also in the background" 126 "text.txt: not a Carrel image" $up -d t.yaml
cat > t.yaml <<'Y'
cvms: {a: {image: p, memory: 8K, args: [say, no]}}
Y
check "a cVM that cannot start" 125 "memory allowed" $up t.yaml
finish
