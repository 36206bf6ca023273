#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Image files made by hand: each damaged or hostile number is refused by the sentence that names it. Then bits flipped at
# random (a fixed seed): whatever still runs must leave its neighbours as they were.
import os
import random
import re
import struct
import subprocess
import tempfile

BUILT = "build/tests/escape/"
HELLO = open(BUILT + "program/hello", "rb").read()
FLIPPED = ["program/hello", "program/memory", "program/control", "program/unwind", "program/thread_pointer", "program/floating"]
FLIPS = 30                      # of each
LOAD, NOTE = 1, 4
FIRST = 0x100000                # WINDOW_ARENA_FIRST
R, W, X = 4, 2, 1
tests = []


def header(image, kind, number=0):
    """Offset of the program header that is the number-th of its kind (LOAD: -1 is the executable one)."""
    phoff, = struct.unpack_from("<Q", image, 32)
    phnum, = struct.unpack_from("<H", image, 56)
    found = []
    for at in range(phoff, phoff + 56 * phnum, 56):
        this, flags = struct.unpack_from("<II", image, at)
        if this == kind and (number >= 0 or flags & X):
            found.append(at)
    return found[number]


def put(form, at, value):
    def change(image):
        struct.pack_into(form, image, at(image) if callable(at) else at, value)
    return change


def field(kind, number, offset, form="<Q"):
    """A field of a program header: type 0, flags 4, offset 8, vaddr 16, filesz 32, memsz 40."""
    return lambda value: put(form, lambda image: header(image, kind, number) + offset, value)


def text_offset(image):
    return struct.unpack_from("<Q", image, header(image, LOAD, -1) + 8)[0]


def rebased(base):
    """Not position-independent, and linked at `base`. (program/hello has no address in its bytes.)"""
    def change(image):
        put("<H", 16, 2)(image)
        phoff, entry = struct.unpack_from("<Q", image, 32)[0], struct.unpack_from("<Q", image, 24)[0]
        put("<Q", 24, entry + base)(image)
        for at in range(phoff, phoff + 56 * struct.unpack_from("<H", image, 56)[0], 56):
            put("<Q", at + 16, struct.unpack_from("<Q", image, at + 16)[0] + base)(image)
    return change


def changed(*changes):
    image = bytearray(HELLO)
    for change in changes:
        change(image)
    return bytes(image)


text = {name: field(LOAD, -1, at, form) for name, at, form in
        (("flags", 4, "<I"), ("offset", 8, "<Q"), ("vaddr", 16, "<Q"), ("filesz", 32, "<Q"), ("memsz", 40, "<Q"))}
data = {name: field(LOAD, 2, at, form) for name, at, form in
        (("flags", 4, "<I"), ("offset", 8, "<Q"), ("vaddr", 16, "<Q"), ("filesz", 32, "<Q"), ("memsz", 40, "<Q"))}
note = lambda offset, value: put("<I", lambda image: struct.unpack_from("<Q", image, header(image, NOTE) + 8)[0] + offset, value)
code = lambda bytes_: lambda image: image.__setitem__(slice(text_offset(image), text_offset(image) + len(bytes_)), bytes_)

NOT_ELF, TRUNCATED = r"not a Carrel image \(not an ELF file\)", r"damaged or truncated"
CASES = [
    ("empty", b"", NOT_ELF),
    ("one byte", HELLO[:1], NOT_ELF),
    ("half a header", HELLO[:40], NOT_ELF),
    ("no program headers", HELLO[:64], TRUNCATED),
    ("ends in its text", HELLO[:text_offset(HELLO) + 4], r"damaged or truncated: segment 1 ends before"),
    ("another machine", changed(put("<H", 18, 183)), r"another machine \(ELF machine 183\)"),
    ("32-bit", changed(put("<B", 4, 1)), r"another machine"),
    ("no note", changed(field(NOTE, 0, 0, "<I")(0)), r"no Carrel note"),
    ("a note with a huge name", changed(note(0, 0xfffffff0)), r"no Carrel note"),
    ("a note with a huge descriptor", changed(note(4, 0xffffffff)), r"no Carrel note"),
    ("another image ABI", changed(note(20, 2)), r"another version of carrel-cc"),
    ("judged as a library OS", changed(note(24, 1)), r"is a library OS, not a program"),
    ("judged by no policy", changed(note(24, 7)), r"of an unknown policy"),
    ("an object file", changed(put("<H", 16, 1)), r"neither a program nor a shared object"),
    ("another kind of file", changed(put("<H", 16, 0xfe00)), r"neither a program nor a shared object"),
    ("linked at 0, but not position-independent", changed(put("<H", 16, 2)), r"does not fit the 256 MiB"),
    ("linked a page too low", changed(rebased(FIRST - 0x1000)), r"does not fit the 256 MiB"),
    ("linked too high", changed(rebased(FIRST + 0x10000000)), r"does not fit the 256 MiB"),
    ("linked at its place, one segment before it", changed(rebased(FIRST), data["vaddr"](FIRST - 0x1000)), r"does not fit the 256 MiB"),
    ("linked at its place, one segment at the end of the numbers", changed(rebased(FIRST), data["vaddr"](0xfffffffffffff000)),
     r"does not fit the 256 MiB"),
    ("linked at its place, a size that wraps", changed(rebased(FIRST), data["memsz"](0xfffffffffff00000)), r"does not fit the 256 MiB"),
    ("linked at its place, entry before it", changed(rebased(FIRST), put("<Q", 24, 0x1000)), r"entry point is not a landing pad"),
    ("linked at its place, entry at its first byte", changed(rebased(FIRST), put("<Q", 24, FIRST)), r"is a shared object, not a program"),
    ("linked at its place, entry a window higher", changed(rebased(FIRST), put("<Q", 24, FIRST + 0x1000 + (1 << 32))),
     r"entry point is not a landing pad"),
    ("65535 program headers", changed(put("<H", 56, 65535)), TRUNCATED),
    ("no program header", changed(put("<H", 56, 0)), TRUNCATED),
    ("headers far away", changed(put("<Q", 32, 1 << 63)), TRUNCATED),
    ("headers at the end of the numbers", changed(put("<Q", 32, (1 << 64) - 8)), TRUNCATED),
    ("headers of another size", changed(put("<H", 54, 64)), TRUNCATED),
    ("text writable", changed(text["flags"](R | W | X)), r"a segment is writable and executable"),
    ("constants executable", changed(data["flags"](R | X)), r"more than one executable segment"),
    ("nothing executable", changed(text["flags"](R)), r"has no executable segment"),
    ("text longer in memory than in the file", changed(text["memsz"](0x900)), r"bytes that are not in the file"),
    ("text shorter in memory than in the file", changed(text["memsz"](8)), r"does not fit"),
    ("constants over the text", changed(data["vaddr"](0x1000)), r"segments overlap or share a page"),
    ("constants in the last page of the text", changed(data["vaddr"](0x1800)), r"segments overlap or share a page"),
    ("constants before the text", changed(data["vaddr"](0)), r"segments overlap or share a page"),
    ("an address beyond 256 MiB", changed(data["vaddr"](0x10000000)), r"does not fit the 256 MiB"),
    ("an address of 64 bits", changed(data["vaddr"](0xfffffffffffff000)), r"does not fit the 256 MiB"),
    ("an address that wraps with its size", changed(data["vaddr"](0x2000), data["memsz"](0xffffffffffffe000)), r"does not fit the 256 MiB"),
    ("a size of 2^32", changed(data["memsz"](1 << 32)), r"does not fit the 256 MiB"),
    ("a file offset of 2^63", changed(data["offset"](1 << 63)), r"does not fit the 256 MiB"),
    ("a file offset past the end", changed(data["offset"](1 << 40)), r"ends before its"),
    ("no entry, as a shared object", changed(put("<Q", 24, 0)), r"is a shared object, not a program"),
    ("entry before the text", changed(put("<Q", 24, 4)), r"entry point is not a landing pad"),
    ("entry inside an instruction", changed(put("<Q", 24, 0x1001)), r"entry point is not a landing pad"),
    ("entry in constants", changed(put("<Q", 24, 0x2000)), r"entry point is not a landing pad"),
    ("entry past the end", changed(put("<Q", 24, 1 << 40)), r"entry point is not a landing pad"),
    ("entry at the last bytes of the text", changed(put("<Q", 24, 0x1ffe)), r"entry point is not a landing pad"),
    ("one hostile instruction", changed(lambda i: code(bytes(i[text_offset(i):text_offset(i) + 4]) + b"\x0f\x05")(i)),
     r"refused by the verifier at 0x1004 \[0f 05\]: opcode:"),
    ("an ordinary program", open("/bin/true", "rb").read(), r"no Carrel note"),
    ("a library OS", open(BUILT + "libos/plain", "rb").read(), r"is a library OS, not a program"),
]


def beside(path, *arguments, seconds=20):
    return subprocess.run([BUILT + "beside", BUILT + "program/hello", BUILT + "libos/plain", path, *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)


def flip(name, path):
    """Bits of an image flipped, half in its headers and half in its text; each attack number of the guest in turn."""
    whole = open(BUILT + name, "rb").read()
    source, ran, problem = random.Random(name), 0, ""
    end = text_offset(whole) + struct.unpack_from("<Q", whole, header(whole, LOAD, -1) + 32)[0]
    for n in range(FLIPS):
        image = bytearray(whole)
        for _ in range(source.randint(1, 3)):
            at = source.randrange(0x300) if n % 2 else source.randrange(text_offset(whole), end)
            image[at] ^= 1 << source.randrange(8)
        open(path, "wb").write(image)
        try:
            done = beside(path, str(n % 16 + 1), seconds=2)
        except subprocess.TimeoutExpired:
            continue            # an endless loop harms nobody else
        ran += b"beside: intact" in done.stderr
        if b"beside: intact" not in done.stderr and done.returncode != 126:
            problem += f"flip {n}: {done.returncode} {done.stderr[:200]}\n"
    tests.append((f"{FLIPS} images of {name} with flipped bits, {ran} of which still run", not problem and ran > 2, problem))


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/image"
        for what, image, sentence in CASES:
            open(path, "wb").write(image)
            done = beside(path)
            report = done.stderr.decode(errors="replace")
            good = done.returncode == 126 and re.search(sentence, report) and report.count("\n") == 1
            tests.append((what, good, f"exit status {done.returncode}: {report}"))
        open(path, "wb").write(changed(rebased(FIRST)))
        done = beside(path)
        tests.append(("linked at its place it runs", done.returncode == 0 and b"hello" in done.stdout, repr(done)))
        for what, at, sentence in (("a directory", folder, "is a directory"), ("nothing", folder + "/none", "No such file"),
                                   ("a device", "/dev/zero", "not a regular file")):
            done = beside(at)
            tests.append((what, done.returncode == 126 and sentence in done.stderr.decode(), done.stderr.decode()))
        for name in FLIPPED:
            flip(name, path)
    print(f"1..{len(tests)}")
    for n, (what, good, report) in enumerate(tests, 1):
        print(f"{'ok' if good else 'not ok'} {n} - {what}")
        if not good:
            for line in report.splitlines()[:5]:
                print("# " + line)


main()
