#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# curl in a cVM, as far as it goes without a network: files, ranges, what it says of them, and its own option parser.
import sys

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402

top, folders = ports.directories()
TEXT = ports.source_text(3_000_000)
for variant, folder in folders.items():
    open(folder + "/text", "wb").write(TEXT)
    # The same URL in both: natively the folder has another name than in the cVM.
    where = "/data" if variant == "carrel" else folder
    open(folder + "/urls", "w").write(f'url = "file://{where}/text"\noutput = "copy"\nurl = "file://{where}/text"\noutput = "again"\n')


def url(folder, name):
    return "file://" + ("/data" if folder == folders["carrel"] else folder) + "/" + name


ports.same("fetches a file", lambda f: ["-sS", url(f, "text"), "-o", "copy"], "curl", "curl", folders, files=["copy"])
ports.ok(open(folders["carrel"] + "/copy", "rb").read() == TEXT, "and it is that file")
ports.same("a range of it, to standard output", lambda f: ["-sS", "-r", "1000-2000000", url(f, "text")], "curl", "curl", folders)
ports.same("what it says of a transfer", lambda f: ["-sS", "-w", "%{size_download} %{scheme} %{exitcode} %{num_redirects}\n", "-o", "copy", url(f, "text")],
           "curl", "curl", folders)
ports.same("two URLs from a configuration file", lambda f: ["-sS", "-K", "urls"], "curl", "curl", folders, files=["copy", "again"])
ports.same("uploads to a file", lambda f: ["-sS", "-T", "text", url(f, "uploaded")], "curl", "curl", folders, files=["uploaded"])
ports.same("two transfers at a time", lambda f: ["-sS", "-Z", url(f, "text"), "-o", "one", url(f, "text"), "-o", "two"], "curl", "curl", folders,
           files=["one", "two"])
ports.same("its version and what it was built with", lambda f: ["--version"], "curl", "curl", folders)
bad = {v: ports.run("curl", v, "curl", ["-sS", url(f, "nothing")], f) for v, f in folders.items()}
ports.ok(bad["carrel"].returncode == bad["native"].returncode == 37, "a file that is not there is exit status 37", bad)
ports.done()
