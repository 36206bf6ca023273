#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Each line of refused.txt is refused by exactly the rule it names, at exactly the instruction labelled A; one whose rule is
# `accept`, the harmless neighbour of others, is accepted. All are assembled at once, each into a section of its own; a line that does not assemble fails.
import os
import re
import struct
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
JUDGE = "build/tests/escape/judge"


def cases():
    for line in open(os.path.join(HERE, "refused.txt")):
        if line.strip() and not line.startswith("#"):
            yield line.rstrip("\n").split("\t")


def assemble(rows):
    """Section bytes and the offset of each row's A, in order."""
    text = []
    for n, row in enumerate(rows):
        body = re.sub(r"\b([ABC])\b(?=[:;+]|$|\()", rf"L{n}\1", row[3] + ";")
        body = re.sub(r"(?<=[ ,])([ABC])(?=;)", rf"L{n}\1", body)
        text.append(f'.section .text.n{n},"ax"\n{body}\n')
    with tempfile.TemporaryDirectory() as folder:
        source, made = folder + "/all.s", folder + "/all.o"
        open(source, "w").write("".join(text))
        subprocess.run(["as", source, "-o", made], check=True)
        data = open(made, "rb").read()
        symbols = subprocess.run(["nm", made], check=True, capture_output=True, text=True).stdout
    at, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, at + i * size) for i in range(count)]
    strings = headers[names][4]
    sections = {}
    for name, kind, _, _, offset, length in headers:
        text_name = data[strings + name:data.index(b"\0", strings + name)].decode()
        if text_name.startswith(".text.n") and kind == 1:
            sections[int(text_name[7:])] = data[offset:offset + length]
        assert not text_name.startswith(".rela.text.n"), text_name
    marks = {int(n): int(value, 16) for value, n in re.findall(r"^([0-9a-f]+) \w L(\d+)A$", symbols, re.M)}
    return [(sections[n], marks.get(n)) for n in range(len(rows))]


def main():
    rows = list(cases())
    made = assemble(rows)
    asked = "".join(f"{row[0]} {code.hex()}\n" for row, (code, _) in zip(rows, made))
    answers = subprocess.run([JUDGE], input=asked, check=True, capture_output=True, text=True).stdout.splitlines()
    print(f"1..{len(rows)}")
    for n, (row, (code, mark), answer) in enumerate(zip(rows, made, answers), 1):
        want = "accept" if row[1] == "accept" else f"refuse {row[1]} {mark} "
        good = (mark is None) == (row[1] == "accept") and answer.startswith(want)
        print(f"{'ok' if good else 'not ok'} {n} - {row[0]}: {row[2]}")
        if not good:
            print(f"# {code.hex()}: {answer}; want {want}")


main()
