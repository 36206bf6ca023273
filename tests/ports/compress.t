#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# zstd, bzip2 and xxhsum in cVMs make the same bytes as their native builds, from files and through pipes, and back again.
import os
import sys

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402

TEXT, NOISE = ports.source_text(6_000_000), ports.random_bytes(2_000_000, "noise")
top, folders = ports.directories()
for folder in folders.values():
    open(folder + "/text", "wb").write(TEXT)
    open(folder + "/noise", "wb").write(NOISE)
    open(folder + "/empty", "wb").close()

for level in ("-1", "-3", "-9", "-19"):
    ports.same(f"zstd {level} of a file", lambda f: ["-q", level, "-k", "-f", "text"], "zstd", "zstd", folders, files=["text.zst"])
ports.same("zstd -d of a file", lambda f: ["-q", "-d", "-f", "text.zst", "-o", "back"], "zstd", "zstd", folders, files=["back"])
ports.ok(open(folders["carrel"] + "/back", "rb").read() == TEXT, "zstd gives back what it got")
ports.same("zstd of noise through a pipe", lambda f: ["-q", "-3", "-c"], "zstd", "zstd", folders, NOISE)
ports.same("zstd of nothing", lambda f: ["-q", "-c", "empty"], "zstd", "zstd", folders)

for level in ("-1", "-9"):
    ports.same(f"bzip2 {level} of a file", lambda f: [level, "-k", "-f", "text"], "bzip2", "bzip2", folders, files=["text.bz2"])
packed = ports.same("bzip2 of noise through a pipe", lambda f: ["-c"], "bzip2", "bzip2", folders, NOISE)
ports.same("bzip2 -d through a pipe", lambda f: ["-d", "-c"], "bzip2", "bzip2", folders, packed[1] if packed else b"")
for folder in folders.values():
    os.rename(folder + "/text", folder + "/original")
ports.same("bzip2 -d of a file", lambda f: ["-d", "text.bz2"], "bzip2", "bzip2", folders, files=["text"])
ports.ok(open(folders["carrel"] + "/text", "rb").read() == TEXT, "bzip2 gives back what it got")

for which in ("-H0", "-H1", "-H2"):
    ports.same(f"xxhsum {which}", lambda f: [which, "text", "noise", "empty"], "xxhash", "xxhsum", folders)

broken = bytearray(open(folders["carrel"] + "/text.zst", "rb").read())
broken[len(broken) // 2] ^= 0x40
results = {v: ports.run("zstd", v, "zstd", ["-q", "-d", "-c"], f, bytes(broken)) for v, f in folders.items()}
ports.ok(results["carrel"].returncode == results["native"].returncode != 0 and
         results["carrel"].stdout == results["native"].stdout, "zstd says that a damaged file is damaged, as the native one does",
         [(v, r.returncode, len(r.stdout), r.stderr) for v, r in results.items()])
ports.done()
