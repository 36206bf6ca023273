#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# memcached with its worker threads in a cVM: the same conversation as with the native build, answer by answer, and many clients at once.
import concurrent.futures
import sys

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402
import services  # noqa: E402

TEXT = ports.source_text(3_000_000)


def conversation(number):
    """Everything the server answers to one client."""
    client, heard = services.Lines(number), []

    def ask(line, data=None, until=None):
        client.send(line.encode() + b"\r\n" + (data + b"\r\n" if data is not None else b""))
        while True:
            heard.append(client.line())
            if heard[-1].startswith((b"VALUE ", b"VA ")):
                size = int(heard[-1].split()[3 if heard[-1].startswith(b"VALUE") else 1])
                heard.append(client.exactly(size + 2))
                if until:
                    continue
            if until is None or heard[-1] == until:
                return

    for n in range(300):
        size = n * n * 9 % 700_000 if n % 60 == 0 else n * 37 % 5000
        ask(f"set key{n} {n} 0 {size}", TEXT[n * 1000:n * 1000 + size])
    for n in range(0, 310, 7):
        ask(f"get key{n} key{n + 1} key{n + 2}", until=b"END")
    ask("set counter 0 0 2", b"40")
    ask("incr counter 2"), ask("decr counter 100"), ask("incr key3 1"), ask("incr nothing 1")
    ask("append key5 0 0 3", b"end"), ask("prepend key5 0 0 5", b"start"), ask("get key5", until=b"END")
    ask("add key5 0 0 1", b"x"), ask("replace nothing 0 0 1", b"x"), ask("cas key6 0 0 1 1", b"x"), ask("cas nothing 0 0 1 1", b"x")
    ask("delete key7"), ask("delete key7"), ask("touch key8 100"), ask("gat 100 key8", until=b"END")
    ask("mg key9 s v f"), ask("mn"), ask("ms meta 4", b"data"), ask("mg meta v"), ask("md meta"), ask("mg meta v")
    ask("get " + "k" * 251), ask("bogus"), ask("verbosity 1"), ask("set toolarge 0 0 2000000", TEXT[:2_000_000])
    client.close()
    return heard


def busy(number, seed):
    """One of many clients; false if it reads what it has not written."""
    client = services.Lines(number)
    for n in range(150):
        data = TEXT[seed * 1000 + n:seed * 1000 + n + n * 13]
        client.send(b"set %d:%d 0 0 %d\r\n%s\r\nget %d:%d\r\n" % (seed, n % 10, len(data), data, seed, n % 10))
        if client.line() != b"STORED" or not client.line().startswith(b"VALUE") or client.exactly(len(data)) != data:
            return False
        client.line(), client.line()
    client.close()
    return True


top, folders = ports.directories()
heard = {}
for variant, folder in folders.items():
    options = ["-u", "root", "-t", "4", "-m", "64", "-U", "0"]
    with services.served("memcached", variant, "memcached", lambda number: ["-l", "0.0.0.0", "-p", str(number), *options], folder) as number:
        heard[variant] = conversation(number)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            good = list(pool.map(lambda seed: busy(number, seed), range(40)))
        ports.ok(all(good), f"40 clients, 20 at a time, read what they wrote ({variant})", good)
        client = services.Lines(number)
        client.send(b"stats\r\n")
        stats = {}
        while (line := client.line()) != b"END":
            stats[line.split()[1]] = line.split()[2]
        client.close()
        heard[variant].append([stats[k] for k in (b"threads", b"cmd_set", b"cmd_get", b"get_hits", b"get_misses", b"curr_items", b"delete_hits", b"incr_hits")])
large = sum(len(x) for x in heard["native"] if isinstance(x, bytes))
different = [(n, a[:200], b[:200]) for n, (a, b) in enumerate(zip(heard["carrel"], heard["native"])) if a != b]
ports.ok(len(heard["carrel"]) == len(heard["native"]) and not different, f"the same answers, statistics included ({large} bytes)", different[:5])
ports.same("its help", lambda f: ["-h"], "memcached", "memcached", folders)
ports.done()
