#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Shells in a cVM do what the native builds do: processes, pipes, signals, redirections; and BusyBox' applets on real text.
import os
import shutil
import sys

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402

APPLETS = [
    ["wc", "text"], ["md5sum", "text"], ["sha256sum", "text"], ["sort", "-u", "text"], ["head", "-n", "1000", "text"],
    ["grep", "-c", "static", "text"], ["sed", "-n", "s/int/INT/gp", "text"], ["awk", "{ n += NF } END { print n, NR }", "text"],
    ["tr", "a-z", "A-Z"], ["cut", "-c", "1-20", "text"], ["gzip", "-c", "text"], ["od", "-c", "script.sh"], ["seq", "100000"],
    ["cmp", "text", "script.sh"], ["find", ".", "-name", "*.sh"], ["expr", "6", "*", "7"], ["basename", "/a/b.c", ".c"], ["uname", "-s"],
    ["diff", "text", "script.sh"], ["xargs", "-n", "300", "./tool", "echo"], ["dd", "if=text", "bs=4096", "count=100"], ["false"], ["cat", "nothing"],
]

top, folders = ports.directories()
for variant, folder in folders.items():
    shutil.copy2(ports.program("busybox", variant, "busybox"), folder + "/tool")
    open(folder + "/text", "wb").write(ports.source_text(2_000_000))
    shutil.copy2("tests/ports/shell/script.sh", folder)
for port, name, before in (("dash", "dash", []), ("busybox", "busybox", ["sh"])):
    results = {v: ports.run(port, v, name, [*before, "script.sh"], f) for v, f in folders.items()}
    same = results["carrel"].stdout == results["native"].stdout and results["carrel"].returncode == results["native"].returncode == 11
    ports.ok(same and len(results["native"].stdout) > 200, f"{name} runs the script as native",
             {v: (r.returncode, r.stdout[-900:], r.stderr[-300:]) for v, r in results.items()})
    results = {v: ports.run(port, v, name, [*before, "-c", "kill -9 $$"], f).returncode for v, f in folders.items()}
    ports.ok(results["native"] == -9 and results["carrel"] in (-9, 137), f"{name}: kill -9 of oneself", results)
    results = {v: ports.run(port, v, name, [*before, "-c", 'i=0; while [ $i -lt 300 ]; do (exit 1); i=$((i+1)); done; echo $i'], f).stdout
               for v, f in folders.items()}
    ports.ok(results["carrel"] == results["native"] == b"300\n", f"{name}: 300 forks", results)
text = open(folders["native"] + "/text", "rb").read()
for applet in APPLETS:
    results = {}
    for variant, folder in folders.items():
        done = ports.run("busybox", variant, "busybox", applet, folder, data=text if applet[0] == "tr" else text.replace(b"'", b"").replace(b'"', b"").replace(b"\\", b"")[:60000] if applet[0] == "xargs" else b"")
        results[variant] = (done.returncode, done.stdout)
    ports.ok(results["carrel"] == results["native"], "busybox " + " ".join(applet)[:40], {v: (r, o[-200:]) for v, (r, o) in results.items()})
ports.done()
