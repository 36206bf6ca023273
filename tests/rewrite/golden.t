#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What carrel-rewrite makes of each case in tests/rewrite/*.txt:
#
#     ### NAME | OPTIONS
#     input
#     >>>                  or  !!! STATUS, and the message
#     what comes out, without directives, line markers and the head of the file
#
# `golden.t --update` writes what comes out now into the files, to be read before it is committed.
import glob, re, subprocess, sys

REWRITE = "build/lib/carrel/carrel-rewrite"


def rewrite(options, source):
    done = subprocess.run([REWRITE, "--name=case.s", *options.split()], input=source, capture_output=True, text=True)
    if done.returncode:
        return "!!! %d" % done.returncode, done.stderr.strip()
    lines = [line for line in done.stdout.splitlines() if line.strip() and not re.match(r"# \d|\t\.", line)]
    return ">>>", "\n".join(lines)


def main():
    number = failed = 0
    for path in sorted(glob.glob("tests/rewrite/*.txt")):
        text = open(path).read()
        head, *cases = re.split(r"(?m)^### ", text)
        out = head
        for case in cases:
            title, rest = case.split("\n", 1)
            name, _, options = (part.strip() for part in title.partition("|"))
            source, how, want = re.match(r"(?s)(.*?)^(>>>|!!! \d+)\n?(.*)", rest + ("" if ">>>" in rest or "!!!" in rest else ">>>\n"), re.M).groups()
            got_how, got = rewrite(options, source)
            out += "### %s\n%s%s\n%s\n\n" % (title, source, got_how, got)
            number += 1
            if "--update" in sys.argv:
                continue
            good = (how, want.strip("\n")) == (got_how, got)
            failed += not good
            print("%sok %d - %s" % ("" if good else "not ", number, name))
            if not good:
                print("\n".join("# " + line for line in ["wanted:", how, *want.strip("\n").split("\n"), "got:", got_how, *got.split("\n")]))
        if "--update" in sys.argv:
            open(path, "w").write(out)
    print("1..%d" % number)
    return failed != 0


sys.exit(main())
