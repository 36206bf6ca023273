# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What the tests of the ports share: a port's carrel and native builds run on the same input, and their results compared.
import hashlib
import os
import subprocess
import sys
import tempfile

CARREL = os.path.abspath("build/bin/carrel")
count = failed = 0


def program(port, variant, name):
    return os.path.abspath(f"build/ports/{port}/{variant}/{name}")


def ok(good, text, detail=""):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {text}", flush=True)
    if not good and detail:
        print("# " + str(detail)[-2000:].replace("\n", "\n# "), flush=True)
    return good


def done():
    print(f"1..{count}")
    sys.exit(failed != 0)


def directories():
    """A fresh folder for each variant."""
    top = tempfile.TemporaryDirectory(prefix="carrel-ports.")
    folders = {v: os.path.join(top.name, v) for v in ("carrel", "native")}
    for folder in folders.values():
        os.mkdir(folder)
    return top, folders


def run(port, variant, name, arguments, folder, data=b"", seconds=300):
    """Runs NAME in `folder` (in a cVM that sees nothing else, as /data); gives the finished process, output as bytes."""
    command = [program(port, variant, name), *arguments]
    if variant == "carrel":
        command = [CARREL, "run", "-v", folder + ":/data", "-w", "/data", *command]
    return subprocess.run(command, cwd=folder, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds)


def source_text(size):
    """`size` bytes of real text: the sources of the ports themselves, in the order of their names."""
    text = bytearray()
    for port in ("sqlite", "zstd", "lua", "musl"):
        for folder, folders, files in os.walk(f"build/ports/{port}/native/src"):
            folders.sort()
            for file in sorted(files):
                if file.endswith((".c", ".h", ".md", ".html")):
                    with open(os.path.join(folder, file), "rb") as f:
                        text += f.read()
            if len(text) >= size:
                return bytes(text[:size])
    raise SystemExit("tests/ports: too little source text; build the ports first")


def random_bytes(size, seed):
    """`size` bytes that no compressor shortens, the same at every run."""
    blocks = (hashlib.sha512(f"{seed} {n}".encode()).digest() for n in range(size // 64 + 1))
    return b"".join(blocks)[:size]


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def same(text, arguments_of, port, name, folders, data=b"", files=()):
    """Both variants print the same bytes, exit alike and leave the same `files`."""
    results = {}
    for variant, folder in folders.items():
        finished = run(port, variant, name, arguments_of(folder), folder, data)
        left = [open(os.path.join(folder, f), "rb").read() for f in files]
        results[variant] = (finished.returncode, finished.stdout, left)
        if finished.returncode:
            ok(False, text, finished.stderr.decode(errors="replace"))
            return None
    good = results["carrel"] == results["native"]
    ok(good, f"{text} ({len(results['native'][1]) + sum(map(len, results['native'][2]))} bytes)",
       [(v, r[0], len(r[1]), digest(r[1]), [digest(x) for x in r[2]]) for v, r in results.items()])
    return results["carrel"]
