#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Runs each hostile guest of cases.tsv beside two innocent cVMs in one process, once between them and once in the window at
# address 0, and compares how it ended: exit status, output and report, all three. A guest that was stopped in another way
# than expected fails, and so does one whose neighbours were touched (native/beside.c then exits with 70).
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = "build/tests/escape/"
SECONDS = 120


def cases():
    for line in open(HERE + "/cases.tsv"):
        if not line.startswith("#") and line.strip():
            guest, argument, options, status, output, report, what = line.rstrip("\n").split("\t")
            first, _, last = argument.partition("..")
            for n in range(int(first), int(last) + 1) if last else [argument]:
                yield guest, str(n), options, int(status), output, report, what


def run(guest, argument, options, zero):
    command = [BUILT + "beside"] + (["-z"] if zero else []) + ([] if options == "-" else options.split())
    hostile = BUILT + guest
    if guest.startswith("libos/"):
        command += ["-l", hostile]
        hostile = BUILT + "program/hello"
    command += [BUILT + "program/hello", BUILT + "libos/plain", hostile] + ([] if argument == "-" else argument.split())
    with open("/dev/zero") as source:
        return subprocess.run(command, stdin=source, capture_output=True, timeout=SECONDS)


def judge(status, output, report, done):
    said, reported = done.stdout.decode(errors="replace").strip(), done.stderr.decode(errors="replace")
    if done.returncode != status:
        return f"exit status {done.returncode}, not {status}"
    if said != ("" if output == "-" else output):
        return f"said {said!r}"
    if report != "-" and not re.search(report, reported):
        return "another report"
    if report == "-" and "ended by" in reported:
        return "a report where there should be none"
    if "beside: intact" not in reported:
        return "its neighbours were not found intact"
    return None


def main():
    rows = [(*case, zero) for case in cases() for zero in (False, True)]
    print(f"1..{len(rows)}")
    for n, (guest, argument, options, status, output, report, what, zero) in enumerate(rows, 1):
        try:
            done = run(guest, argument, options, zero)
            problem = judge(status, output, report, done)
        except subprocess.TimeoutExpired:
            problem, done = "did not end", None
        print(f"{'not ok' if problem else 'ok'} {n} - {guest} {argument}{' at 0' if zero else ''}: {what}", flush=True)
        if problem:
            print(f"# {problem}")
            for line in (done.stderr.decode(errors="replace").splitlines()[:6] if done else []):
                print("#   " + line)


main()
