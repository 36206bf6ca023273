#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Redis' data on a volume outlives its cVM: saved by fork under load, rewritten under load, and when the Intravisor is killed in the
# middle of writing, all but what `appendfsync everysec` may lose is there: what was acknowledged two seconds before.
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402
import services  # noqa: E402

say = ports.ok


class Load(threading.Thread):
    """Adds one to a counter and a list for ever; knows when which value was acknowledged."""

    def __init__(self, number):
        super().__init__(daemon=True)
        self.client, self.acknowledged, self.over = services.Redis(number), [], False

    def run(self):
        try:
            while not self.over:
                value = self.client.ask("INCR", "counter")
                self.client.ask("RPUSH", "list", f"{value} " + "x" * 100)
                self.acknowledged.append((time.monotonic(), value))
        except (OSError, RuntimeError, ValueError):
            pass


def server(folder, *options):
    number = services.free_port()
    command = [ports.CARREL, "run", "-v", folder + ":/data", "-w", "/data", "-p", f"{number}:{number}", ports.program("redis", "carrel", "redis-server"),
               "--port", str(number), "--dir", "/data", "--protected-mode", "no", *options]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(1000):
        try:
            client = services.Redis(number)
            if client.ask("PING") == "+PONG":
                return process, number, client
        except (OSError, RuntimeError):
            pass
        time.sleep(0.05)
    raise SystemExit("redis-server did not start")


def finished(client, field):
    for _ in range(600):
        text = client.ask("INFO", "persistence").decode()
        if f"{field}_in_progress:0" in text:
            return text
        time.sleep(0.1)
    return ""


def whole(client, kills=1):
    """The list holds the values of the counter in order, each once; each kill may have come between an INCR and its RPUSH."""
    values = [int(item.split()[0]) for item in client.ask("LRANGE", "list", "0", "-1")]
    return all(a < b for a, b in zip(values, values[1:])) and 0 <= int(client.ask("GET", "counter")) - len(values) <= kills


with tempfile.TemporaryDirectory() as folder:
    process, number, client = server(folder, "--save", "", "--appendonly", "no")
    client.ask("EVAL", "for i = 1, 20000 do redis.call('SET', 'key:' .. i, string.rep('v', 500) .. i) end", "0")
    load = Load(number)
    load.start()
    client.ask("BGSAVE")
    text = finished(client, "rdb_bgsave")
    say("rdb_last_bgsave_status:ok" in text and len(load.acknowledged) > 0, "BGSAVE under load")
    load.over = True
    load.join()
    say(client.ask("BGSAVE") is not None and "rdb_last_bgsave_status:ok" in finished(client, "rdb_bgsave"), "BGSAVE again")
    before, size = client.ask("GET", "counter"), client.ask("DBSIZE")
    process.send_signal(signal.SIGKILL)
    process.wait()
    process, number, client = server(folder, "--save", "", "--appendonly", "no")
    say(client.ask("GET", "counter") == before and client.ask("DBSIZE") == size and client.ask("GET", "key:777") == b"v" * 500 + b"777" and whole(client),
        "after a restart all of it is there")
    process.send_signal(signal.SIGTERM)
    process.wait()

with tempfile.TemporaryDirectory() as folder:
    options = ("--save", "", "--appendonly", "yes", "--appendfsync", "everysec")
    process, number, client = server(folder, *options)
    load = Load(number)
    load.start()
    time.sleep(1)
    client.ask("BGREWRITEAOF")
    say("aof_last_bgrewrite_status:ok" in finished(client, "aof_rewrite"), "the log is rewritten under load")
    for turn in range(3):
        time.sleep(2.5)
        killed = time.monotonic()
        process.send_signal(signal.SIGKILL)
        process.wait()
        load.join()
        promised = max((value for when, value in load.acknowledged if when < killed - 2), default=0)
        process, number, client = server(folder, *options)
        got = int(client.ask("GET", "counter") or 0)
        say(promised > 0 and got >= promised and whole(client, turn + 1), f"killed in the middle: {got} of {load.acknowledged[-1][1]} acknowledged, {promised} promised")
        load = Load(number)
        load.start()
    load.over = True
    load.join()
    process.send_signal(signal.SIGTERM)
    say(process.wait(30) == 0, "and it ends when asked to")
ports.done()
