# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# carrel-cheri, which checks capabilities, against qemu-riscv64 (user mode, without CHERI) and native code: the same riscv64
# binaries in alternating rounds, user time of the whole process. Each program prints a checksum, which all must agree on.
# Instructions are counted by one interpreted run. `window` is mix under a DDC that does not start at 0, as in a compartment,
# where each access costs a subtraction more.
import math
import re
import statistics
import subprocess
import sys

import common

ROUNDS = 7
EMULATOR = "build/bin/carrel-cheri"
PROGRAMS = ["sieve", "qsort", "fnv", "fib", "matrix", "mix"]
WAYS = {
    "carrel": lambda name: [EMULATOR, f"build/bench/cheri/{name}"],
    "qemu": lambda name: ["qemu-riscv64", f"build/bench/cheri/{name}"],
    "interpreter": lambda name: [EMULATOR, "--interpret", f"build/bench/cheri/{name}"],
    "native": lambda name: [f"build/bench/cheri/{name}_native"],
}


def geometric(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def answer(command):
    done = subprocess.run(command, capture_output=True)
    if done.returncode:
        sys.exit(f"bench: {' '.join(command)}: status {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def instructions(name):
    command = [EMULATOR, "--interpret", "--stats", f"build/bench/cheri/{name}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(re.search(r"(\d+) instructions", done.stderr).group(1))


def crossings(libos):
    """Instructions of a system call and what is around it in its loop: 1,001 calls less 1."""
    counts = []
    for calls in (1, 1001):
        command = [EMULATOR, "--interpret", "--stats", "build/lib/carrel/cheri/bin/carrel", "run", *libos, f"build/bench/cheri/crossing_{calls}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"bench: {' '.join(command)}: status {done.returncode}: {done.stderr.strip()}")
        counts.append(int(re.search(r"(\d+) instructions", done.stderr).group(1)))
    return (counts[1] - counts[0]) / 1000


def run():
    names = PROGRAMS + ["window"]
    counts = {}
    for name in names:
        common.progress(f"counting {name}")
        counts[name] = instructions(name)
        ways = WAYS if name != "window" else {"carrel": WAYS["carrel"]}
        answers = {answer(way(name)) for way in ways.values()}
        if len(answers) != 1:
            sys.exit(f"bench: the answers of {name} differ: {answers}")
    rounds = {name: {way: [] for way in WAYS} for name in names}
    for n in range(ROUNDS):
        for name in names:
            ways = list(WAYS) if name != "window" else ["carrel"]
            turn = n % len(ways)
            for way in ways[turn:] + ways[:turn]:
                if way == "interpreter" and n >= 3:
                    continue        # slow, and no more precise for it
                common.progress(f"round {n + 1} of {ROUNDS}: {name}, {way}")
                rounds[name][way].append(common.measured(WAYS[way](name))[0])
    median = {name: {way: statistics.median(v) if v else None for way, v in ways.items()} for name, ways in rounds.items()}
    ratio = {name: statistics.median(a / b for a, b in zip(rounds[name]["carrel"], rounds[name]["qemu"])) for name in PROGRAMS}
    mips = {way: geometric([counts[name] / median[name][way] / 1e6 for name in PROGRAMS]) for way in ("carrel", "interpreter")}
    summary = {"time_vs_qemu_user": round(geometric(ratio.values()), 4), "worst_vs_qemu_user": round(max(ratio.values()), 4),
               "mips": round(mips["carrel"], 1),
               "interpreter_mips": round(mips["interpreter"], 1),
               "time_vs_native": round(geometric([median[n]["carrel"] / max(median[n]["native"], 1e-3) for n in PROGRAMS]), 3),
               "window_vs_whole": round(median["window"]["carrel"] / median["mix"]["carrel"], 3)}
    summary["crossing_instructions"] = round(crossings(["--libos", "build/bench/cheri/libos"]), 1)
    summary["getppid_instructions"] = round(crossings([]), 1)
    summary.update({f"{name}_vs_qemu": round(ratio[name], 4) for name in PROGRAMS})
    rows = [[name, f"{counts[name] / 1e6:.0f} M", *(f"{median[name][w]:.3f}" if median[name][w] is not None else "-" for w in WAYS),
             f"{ratio[name]:.3f}" if name in ratio else "-", f"{counts[name] / median[name]['carrel'] / 1e6:.0f}"]
            for name in names]
    common.table(["user seconds, median", "instructions", *WAYS, "carrel/qemu", "MIPS"], rows)
    print(f"geometric mean against qemu {summary['time_vs_qemu_user']:.3f}, worst {summary['worst_vs_qemu_user']:.3f}; "
          f"{summary['mips']:.0f} MIPS, interpreted {summary['interpreter_mips']:.0f}")
    print(f"a system call into a library OS that answers at once, and back: {summary['crossing_instructions']:.0f} instructions; "
          f"getppid of Carrel's library OS {summary['getppid_instructions']:.0f}")
    return {"seconds": rounds, "instructions": counts}, summary
