#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Lua in a cVM prints what the native build prints: each script of tests/ports/lua on several MB of text.
import glob
import os
import shutil
import sys

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402

top, folders = ports.directories()
scripts = sorted(glob.glob("tests/ports/lua/*.lua"))
for folder in folders.values():
    open(folder + "/text", "wb").write(ports.source_text(4_000_000))
    for script in scripts:
        shutil.copy(script, folder)
for script in map(os.path.basename, scripts):
    ports.same(script, lambda f: [script, "text"], "lua", "lua", folders)
results = {v: ports.run("lua", v, "lua", ["-e", "os.exit(7)"], f).returncode for v, f in folders.items()}
ports.ok(results == {"carrel": 7, "native": 7}, "os.exit(7) is exit status 7", results)
results = {v: ports.run("lua", v, "lua", ["-e", "error({})"], f) for v, f in folders.items()}
ports.ok(results["carrel"].returncode == results["native"].returncode == 1, "an error ends it with status 1", results)
ports.done()
