#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# r15 against a model: random little programs of touches, moves, writes, branches and calls (a fixed seed; another one as the first
# argument). What the verifier accepts is run by a model that knows nothing of its rules: over every path, r15 is an unknown window's
# byte or a distance from one, and no access may be further away from a window's byte than the guards are wide.
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, "tests/escape")
from assembly import assembled, verdicts       # noqa: E402

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 1
PROGRAMS, LENGTH = 20000, 9
GUARD = 0x10000 - 0x1000
REACH = 0x4000
DISTANCES = [0, 8, -8, 0x3ff8, -0x3ff8, 0x4000, -0x4000, 0x7ff8, -0x8000, 0x8000]
MOVES = [8, -8, 16, 0x3ff0, -0x3ff0, 0x4000, -0x4000, 0x4008, -0x8000, 0x8000]


def program(source):
    """[(kind, number)]; a branch's number is the index it goes to."""
    kinds = ["touch", "access", "move", "jump", "branch", "call", "write", "rebase", "set", "ret", "plain", "by_offset"]
    made = []
    for _ in range(LENGTH):
        kind = source.choices(kinds, [8, 2, 9, 1, 2, 1, .3, .3, 2, .7, 1, 1])[0]
        if kind == "set":
            made += [("write", 0), ("rebase", 0)]
        else:
            near = source.random() < 0.6
            made.append((kind, source.choice(DISTANCES[:3] if near else DISTANCES) if kind in ("touch", "access") else
                         source.choice(MOVES[:3] if near else MOVES) if kind == "move" else source.randrange(LENGTH)))
    return made + [("ret", 0)]


# They go on where nothing is mapped, or might.
ACCESSES = ["prefetcht0 {}(%r15)", ".byte 0x41,0x0f,0x19,0x87; .long {}", ".byte 0x41,0x0f,0x1d,0x87; .long {}", "fistl {}(%r15)", "cmove {}(%r15),%eax"]


def text(number, made):
    lines = []
    for n, (kind, value) in enumerate(made):
        lines.append(f"L{number}_{n}: " + {
            "touch": f"mov {value}(%r15),%eax", "access": ACCESSES[n % len(ACCESSES)].format(value), "move": f"lea {value}(%r15),%r15", "jump": f"jmp L{number}_{value}",
            "branch": f"jne L{number}_{value}", "call": f"call L{number}_{value}", "write": "sub %ecx,%r15d",
            "rebase": "or %gs:0x10000,%r15", "ret": "ret", "plain": "mov %r15,%rdx", "by_offset": "mov %gs:(%r15d),%eax"}[kind])
    return f'.section .text.n{number},"ax"\n' + "\n".join(lines) + "\n"


def escape(made):
    """An access that may leave the guards, by walking all paths. A state: ranges (low, high), each of which says where r15 lies against
    some byte of the window; none: r15 is half an address."""
    outside = frozenset([(-REACH, REACH)])          # what a caller or a callee leaves
    seen, states = set(), [(0, outside)]
    while states:
        at, state = states.pop()
        if (at, state) in seen or at >= len(made):
            continue
        seen.add((at, state))
        if len(seen) > 4000:
            return "r15 goes on and on"
        kind, value = made[at]
        if not state and kind != "rebase":
            return f"{at}: half an address"
        low, high = min(state, key=lambda r: max(-r[0], r[1])) if state else (0, 0)
        if kind in ("touch", "access"):
            if all(r[0] + value < -GUARD or r[1] + value > GUARD for r in state):
                return f"{at}: {low + value:#x}..{high + value:#x} from the window"
            if kind == "touch":
                state = frozenset([*sorted(state, key=lambda r: max(-r[0], r[1]))[:3], (-value, -value)])
        elif kind == "move":
            state = frozenset((r[0] + value, r[1] + value) for r in state)
        elif kind == "write":
            state = frozenset()
        elif kind == "rebase":
            state = frozenset([(0, 0)])
        elif kind == "call":
            if low < -REACH or high > REACH:
                return f"{at}: a call with r15 {low:#x}..{high:#x} from the window"
            states += [(value, outside), (at + 1, outside)]
            continue
        elif kind == "ret":
            if low < -REACH or high > REACH:
                return f"{at}: a return with r15 {low:#x}..{high:#x} from the window"
            continue
        elif kind in ("jump", "branch"):
            states.append((value, frozenset([(-REACH, REACH)]) if any(-REACH <= r[0] and r[1] <= REACH for r in state) else state))
            if kind == "jump":
                continue
        states.append((at + 1, state))
    return None


def main():
    source = random.Random(SEED)
    programs = [program(source) for _ in range(PROGRAMS)]
    codes = assembled("".join(text(n, made) for n, made in enumerate(programs)))
    said = verdicts("program", codes)
    accepted = [made for made, verdict in zip(programs, said) if verdict == "accept"]
    wrong = [(made, why) for made in accepted if (why := escape(made))]
    would = [made for made, verdict in zip(programs, said) if verdict != "accept" and escape(made)]
    moving = sum(any(kind == "move" for kind, _ in made) for made in accepted)
    print("1..2")
    print(f"{'not ok' if wrong else 'ok'} 1 - {len(accepted)} of {PROGRAMS} accepted, {moving} with moves: none leaves the guards")
    for made, why in wrong[:10]:
        print(f"# {why}: {made}")
    print(f"{'ok' if moving > 300 and len(would) > 3000 else 'not ok'} 2 - {len(would)} of the others would")


main()
