#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Redis in a cVM beside its native build: the same commands, the same answers, the same digest of the whole data set; and each loads the
# file that the other has saved.
import os
import subprocess
import sys

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402
import services  # noqa: E402

TEXT = ports.source_text(2_000_000)
WORDS = TEXT[:400_000].split()
SCRIPT = """
local sum, names = 0, redis.call('SMEMBERS', KEYS[1])
table.sort(names)
for i, name in ipairs(names) do sum = (sum * 31 + #name * i) % 2147483647 end
return {sum, #names, cjson.encode({first = names[1], last = names[#names]}), struct and #struct.pack('>I4h', 7, 2) or 0}
"""


def commands():
    """A mix of what services ask of it, over real text."""
    for n in range(0, len(TEXT), 997):
        yield "SET", f"text:{n}", TEXT[n:n + 997]
    for n, word in enumerate(WORDS):
        yield "HINCRBY", f"count:{len(word)}", word, 1
        if n % 3 == 0:
            yield "ZADD", "scores", n % 1009 / 7, word
        if n % 5 == 0:
            yield "RPUSH", f"list:{n % 17}", word
        if n % 7 == 0:
            yield "SADD", "words", word
        if n % 11 == 0:
            yield "PFADD", "different", word
    yield from (("SETBIT", "bits", n * n % 40009, n % 2) for n in range(3000))
    yield from (("XADD", "stream", f"{n + 1}-1", "word", word, "n", n) for n, word in enumerate(WORDS[:2000]))
    yield from (("GEOADD", "places", n % 170, n * 7 % 80, f"place {n}") for n in range(500))


def questions():
    yield from (("GET", f"text:{n}") for n in range(0, len(TEXT), 99700))
    yield from (("LRANGE", f"list:{n}", 0, -1) for n in range(17))
    yield "ZRANGE", "scores", 0, -1, "WITHSCORES"
    yield "ZRANGEBYSCORE", "scores", 10, "(20", "LIMIT", 5, 50
    yield "PFCOUNT", "different"
    yield "BITCOUNT", "bits"
    yield "XRANGE", "stream", "100-0", "300-0"
    yield "GEOSEARCH", "places", "FROMLONLAT", 20, 30, "BYRADIUS", 2000, "km", "ASC", "COUNT", 20
    yield "SORT", "list:3", "ALPHA", "DESC", "LIMIT", 0, 100
    yield "EVAL", SCRIPT, 1, "words"
    yield "EVAL", "return {1/3, tostring(1e15), string.format('%5.2f', 2.345), {1, 2, {'x'}}}", 0
    yield "EVAL", "return nothing.at.all", 0
    yield "LCS", "text:0", "text:997"
    yield "OBJECT", "ENCODING", "scores"
    yield "INCRBYFLOAT", "float", "3.14159"
    yield "GET", "scores"           # of the wrong type
    yield "DBSIZE",
    yield "DEBUG", "DIGEST"


def options(folder, variant):
    return lambda number: ["--port", str(number), "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", services.root(variant, folder), "--save", "",
                           "--enable-debug-command", "yes", "--daemonize", "no"]


top, folders = ports.directories()
ALL, ASKED = list(commands()), list(questions())
answers, digests = {}, {}
for variant, folder in folders.items():
    with services.served("redis", variant, "redis-server", options(folder, variant), folder) as number:
        redis = services.Redis(number)
        answers[variant] = (redis.pipeline(ALL), redis.pipeline(ASKED))
        digests[variant] = redis.ask("DEBUG", "DIGEST")
        ports.ok(redis.ask("SAVE") == "+OK", f"saves ({variant})")
        os.rename(folder + "/dump.rdb", folder + "/foreground.rdb")
        redis.ask("BGSAVE")
        for _ in range(600):
            if b"rdb_bgsave_in_progress:0" in redis.ask("INFO", "persistence"):
                break
            subprocess.run(["sleep", "0.05"])
        information = redis.ask("INFO", "persistence")
        ports.ok(b"rdb_last_bgsave_status:ok" in information and os.path.exists(folder + "/dump.rdb"), f"saves in a forked child ({variant})", information)
        other = services.Redis(number)
        other.send(other.encoded("SUBSCRIBE", "news"))
        other.answer()
        redis.ask("MULTI"), redis.ask("PUBLISH", "news", TEXT[:100_000])
        done = redis.ask("EXEC")
        ports.ok(done == [1] and other.answer()[2] == TEXT[:100_000], f"publishes within a transaction ({variant})", done)
        other.send(other.encoded("UNSUBSCRIBE", "news"))
        other.answer()
        other.send(other.encoded("BLPOP", "waited for", 20))
        redis.ask("RPUSH", "waited for", "it")
        ports.ok(other.answer() == [b"waited for", b"it"], f"wakes a blocked client ({variant})")
for part, what in enumerate((f"{len(ALL)} commands", f"{len(ASKED)} questions")):
    different = [(c, a, b) for c, a, b in zip((ALL, ASKED)[part], answers["carrel"][part], answers["native"][part]) if a != b]
    ports.ok(not different, f"{what} are answered as natively", different[:3])
ports.ok(digests["carrel"] == digests["native"], f"the data sets' digests are the same: {digests['native']}", digests)
for variant, other in (("carrel", "native"), ("native", "carrel")):
    folder = folders[variant]
    for name in ("foreground", "dump"):
        data = open(f"{folders[other]}/{name}.rdb", "rb").read()
        os.makedirs(f"{folder}/{name}", exist_ok=True)
        open(f"{folder}/{name}/dump.rdb", "wb").write(data)
        arguments = options(folder, variant)
        with services.served("redis", variant, "redis-server",
                             lambda number: [*arguments(number), "--dir", services.root(variant, folder) + "/" + name], folder) as number:
            got = services.Redis(number).ask("DEBUG", "DIGEST")
            ports.ok(got == digests["native"], f"{variant} loads what {other} saved ({name}, {len(data)} bytes)", got)
# Many clients at a time, by the native redis-benchmark.
folder = folders["carrel"]
with services.served("redis", "carrel", "redis-server", options(folder, "carrel"), folder) as number:
    bench = subprocess.run([ports.program("redis", "native", "redis-benchmark"), "-p", str(number), "-n", "5000", "-c", "50", "-P", "4", "-q", "--csv",
                            "-t", "set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100,mset"], capture_output=True, text=True, timeout=120)
    ports.ok(bench.returncode == 0 and bench.stdout.count('"') > 100, "redis-benchmark with 50 clients", bench.stdout + bench.stderr)
ports.done()
