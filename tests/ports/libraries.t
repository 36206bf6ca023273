#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What the services are linked with, through the small programs that come with it: zlib and PCRE2 give what their native builds give.
import os
import sys

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402

TEXT, NOISE = ports.source_text(4_000_000), ports.random_bytes(1_000_000, "noise")
top, folders = ports.directories()
for folder in folders.values():
    open(folder + "/text", "wb").write(TEXT)

for level in ("-1", "-6", "-9"):
    ports.same(f"minigzip {level} through a pipe", lambda f: [level], "zlib", "minigzip", folders, TEXT)
ports.same("minigzip of noise", lambda f: [], "zlib", "minigzip", folders, NOISE)
ports.same("minigzip of a file", lambda f: ["text"], "zlib", "minigzip", folders, files=["text.gz"])
ports.same("minigzip -d of a file", lambda f: ["-d", "text.gz"], "zlib", "minigzip", folders, files=["text"])
ports.ok(open(folders["carrel"] + "/text", "rb").read() == TEXT, "minigzip gives back what it got")

for pattern in (r"\bstatic\s+(?!inline)\w+", r"(?<name>[a-z]+)_\k<name>", r"^(?>#define\s+)([A-Z_]+)\(", r"\((?:[^()]++|(?R))*\)\s*;$"):
    ports.same(f"pcre2grep {pattern}", lambda f: ["-n", "-o", pattern, "text"], "pcre2", "pcre2grep", folders)
# PCRE2's own test inputs, as its RunTest gives them; the expected output is part of the sources.
for number, options in (("1", []), ("2", []), ("4", []), ("5", []), ("6", ["-dfa"])):
    for variant, folder in folders.items():
        os.makedirs(folder + "/testdata", exist_ok=True)
        data = f"build/ports/pcre2/{variant}/src/testdata/"
        for name in os.listdir(data):
            if name == f"testinput{number}":
                open(f"{folder}/testdata/{name}", "wb").write(open(data + name, "rb").read())
    ports.same(f"pcre2test of its test input {number}",
               lambda f: ["-q", "-8", *options, f"testdata/testinput{number}"], "pcre2", "pcre2test", folders)
ports.done()
