#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Random chains of capability instructions on sixteen capabilities, against concentrate.py, step by step: address, encoding and
# tag of every result. Another seed as the first argument. Then the property that matters, no tagged result reaches beyond what
# it was derived from or has more permissions; and the worked examples of the compression.
import random
import struct
import sys

sys.path.insert(0, "tests/emulator")
from concentrate import *  # noqa: E402,F403
from concentrate import Capability, M64  # noqa: E402
from machine import WAYS, compile, emulate, finish, ok  # noqa: E402

random.seed(int(sys.argv[1]) if len(sys.argv) > 1 else 2026)
STEPS = 40000


def otype(c):
    k = c.kind()
    return k if k <= TYPE_MOST else k - 0x40000


def length(c):
    base, top = c.bounds()
    return min((top - base) % (1 << 65), M64)


DERIVE = {
    0: lambda a, b, i: bound(a, i, False), 1: lambda a, b, i: bound(a, i, True), 2: lambda a, b, i: seal(a, b), 3: lambda a, b, i: unseal(a, b),
    4: lambda a, b, i: a.unsealed_or_untagged().with_permissions(a.permissions() & i),
    5: lambda a, b, i: a.unsealed_or_untagged().with_fields(flag=i & 1),
    6: lambda a, b, i: a.unsealed_or_untagged().incremented((a.bounds()[0] + i - a.address) & M64),
    7: lambda a, b, i: a.unsealed_or_untagged().moved(i), 8: lambda a, b, i: a.unsealed_or_untagged().incremented(i),
    9: lambda a, b, i: Capability(a.address, i, False), 10: lambda a, b, i: build(a, b), 11: lambda a, b, i: copy_type(a, b),
    12: lambda a, b, i: conditional_seal(a, b), 13: lambda a, b, i: a, 14: lambda a, b, i: a.copy(tag=False),
    15: lambda a, b, i: a.copy(tag=bool(a.tag and not a.sealed() and a.permissions() & EXECUTE)).with_kind(SENTRY),
    16: lambda a, b, i: a.unsealed_or_untagged().incremented(-37 & M64), 17: lambda a, b, i: bound(a, 4095, False),
    18: lambda a, b, i: Capability(a.address), 19: lambda a, b, i: Capability(a.address),
}
INSPECT = {
    32: lambda a, b, i: a.permissions(), 33: lambda a, b, i: otype(a), 34: lambda a, b, i: a.bounds()[0], 35: lambda a, b, i: length(a),
    36: lambda a, b, i: a.tag, 37: lambda a, b, i: a.sealed(), 38: lambda a, b, i: a.address - a.bounds()[0],
    39: lambda a, b, i: fields(a.upper)[2], 40: lambda a, b, i: a.address, 41: lambda a, b, i: a.upper, 42: lambda a, b, i: min(a.bounds()[1], M64),
    43: lambda a, b, i: (i + (~alignment(i) & M64)) & alignment(i), 44: lambda a, b, i: alignment(i), 45: lambda a, b, i: a.address - b.address,
    46: lambda a, b, i: a.tag == b.tag and within(a, b), 47: lambda a, b, i: (a.tag, a.address, a.upper) == (b.tag, b.address, b.upper),
}


def integer(source, kind):
    if kind == 4:
        return source.choice([M64, 0x78fff, 0xfff, ~(1 << source.randrange(19)) & M64, source.getrandbits(19)])
    if kind == 7:
        base, top = source_capability.bounds()
        near = source.choice([base, base + (source.randrange(1, 64) << source.randrange(3, 40)), base + source.randrange(1, 5000), top - 1, top, base - 1, (base + top) // 2, top + source.randrange(1 << 12)])
        return (source.choice([near, near, near, source.randrange(16), source.getrandbits(64), source_capability.address ^ 1 << source.randrange(64)])) & M64
    if kind in (0, 1, 43, 44):
        bits = source.randrange(65)
        room = max(0, source_capability.bounds()[1] - source_capability.address)
        return source.choice([source.getrandbits(bits) if bits else 0, min(room, M64), room // 2 & M64, room >> source.randrange(1, 40) & M64, 1 << min(bits, 63), 0x12345,
                              (1 << min(bits, 63)) - source.randrange(1, 1 << max(1, bits - 8)) & M64, (1 << min(bits, 63)) - (1 << source.randrange(max(1, bits)))  & M64])
    if kind in (6, 8):
        exponent = mantissas(source_capability.upper)[0]
        return source.choice([source.randrange(-5000, 5000), source.randrange(-1 << 14, 1 << 14) << min(exponent, 49), source.getrandbits(64)]) & M64
    return source.getrandbits(64)


program = compile("tests/emulator/slots.c", "slots")
slots = [root()] + [Capability(0) for _ in range(15)]
records, expected, tagged_results, escapes = [], [], 0, 0
for step in range(STEPS):
    kind = random.choice(list(DERIVE) + [0, 4, 7, 7, 8, 13, 2, 3, 10] + list(INSPECT))
    one = random.choices(range(16), [4] + [1] * 15)[0]
    two = random.choices(range(16), [4] + [1] * 15)[0]
    if kind in (3, 11, 10) and random.random() < .7:       # towards sealed ones, and towards their type
        sealed = [n for n in range(16) if slots[n].tag and slots[n].sealed()]
        if sealed and kind == 3:
            one = random.choice(sealed)
            matching = [n for n in range(16) if slots[n].address == slots[one].kind()]
            two = random.choice(matching) if matching else two
        elif sealed:
            two = random.choice(sealed)
    to = random.randrange(1, 16)
    source_capability = slots[one]
    value = integer(random, kind)
    records.append(struct.pack("<BBBBIQ", kind, to, one, two, 0, value))
    a, b = slots[one], slots[two]
    if kind in DERIVE:
        c = DERIVE[kind](a, b, value)
        slots[to] = c
        expected.append((c.address, c.upper, int(c.tag), 0))
        tagged_results += c.tag
        escapes += c.tag and not within(a, c)
    else:
        expected.append((0, 0, 0, int(INSPECT[kind](a, b, value)) & M64))
# Lengths that only rounding makes too long for their exponent: an odd number of grains with nothing lost on one side.
for _ in range(3000):
    grain = random.randrange(3, 50)
    address = (random.getrandbits(10) * 2 + 1 << grain) + random.choice([0, random.randrange(1 << grain)])
    size = random.choice([((address >> grain) + 1024 << grain) - address, (1024 << grain) - random.randrange(1, 1 << grain), 1023 << grain])
    for kind, to, one, value in ((7, 1, 0, address), (random.choice([0, 1]), 2, 1, size)):
        records.append(struct.pack("<BBBBIQ", kind, to, one, 0, 0, value))
        slots[to] = c = DERIVE[kind](slots[one], slots[0], value)
        expected.append((c.address, c.upper, int(c.tag), 0))
STEPS = len(records)
for way, options in WAYS.items():
    status, out, errors = emulate(options, program, stdin=b"".join(records))
    got = [struct.unpack_from("<4Q", out, 32 * n) for n in range(len(out) // 32)]
    wrong = [n for n, (g, e) in enumerate(zip(got, expected)) if g != e]
    ok(status == 0 and len(got) == STEPS and not wrong, f"{STEPS} random steps: {way}", f"status {status}, {len(got)} answers, {len(wrong)} wrong", errors.decode(),
       *[f"step {n}, instruction {records[n][0]}: {[hex(v) for v in got[n]]}, expected {[hex(v) for v in expected[n]]}" for n in wrong[:4]])
ok(escapes == 0, "no tagged result has more bounds or permissions than its source")
ok(tagged_results > STEPS // 10, f"many of them tagged: {tagged_results}")
ok(sum(1 for e in expected if e[2] and fields(e[1])[3] <= TYPE_MOST) > 100, "and sealed ones among them")


def ask(kind, value, *before):
    """One instruction on the root with the given address."""
    steps = [struct.pack("<BBBBIQ", k, 1, one, 0, 0, v) for k, one, v in before] + [struct.pack("<BBBBIQ", kind, 2, 1 if before else 0, 0, 0, value)]
    _, out, _ = emulate([], program, stdin=b"".join(steps))
    return struct.unpack_from("<4Q", out, 32 * len(before))


ok(ask(43, 0x12345)[3] == 0x12380, "a length of 0x12345 rounds to 0x12380")
ok(ask(44, 0x12345)[3] == M64 & ~0x7f, "and wants an alignment of 0x80")
ok(ask(43, 4095)[3] == 4095 and ask(44, 4095)[3] == M64, "4095 bytes are exact anywhere")
ok(ask(32, 0)[3] == 0x78fff, "all permissions read 0x78fff")
ok(ask(33, 0)[3] == M64, "the type of an unsealed one reads -1")
ok(ask(35, 0)[3] == M64 and ask(34, 0)[3] == 0, "the root has all addresses")
ok(ask(42, 0, (7, 0, 0x10000), (0, 1, 0x12345))[3] == 0x10000 + 0x12380, "CSetBounds rounds the top up")
ok(ask(1, 0x12345, (7, 0, 0x10000))[2] == 0, "CSetBoundsExact untags what it must round")
finish()
