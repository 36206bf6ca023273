#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What the services are linked with, through the small programs that come with it: zlib and PCRE2 give what their native builds give.
import shutil
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
# PCRE2's own test inputs, as its RunTest gives them; what they print, errors included, is compared whole.
for variant, folder in folders.items():
    shutil.copytree(f"build/ports/pcre2/{variant}/src/testdata", folder + "/testdata")
for number in ("1", "2", "4", "5", "6", "7", "15", "18", "20", "26"):
    results = [ports.run("pcre2", v, "pcre2test", ["-q", "-8", f"testdata/testinput{number}"], f) for v, f in folders.items()]
    ports.ok(results[0].stdout == results[1].stdout and results[0].returncode == results[1].returncode and len(results[0].stdout) > 1000,
             f"pcre2test of its test input {number} ({len(results[1].stdout)} bytes)", [(r.returncode, len(r.stdout), r.stderr) for r in results])
ports.done()
