#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# curl in a cVM: files, ranges, what it says of them, and what an HTTP server of this machine gives (by an address that is not its
# loopback, which a cVM does not reach); each as the native build does it.
import http.server
import subprocess
import sys
import threading

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402
import services  # noqa: E402

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


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/text")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200 if self.path == "/text" else 404)
        self.send_header("Content-Length", str(len(TEXT)))
        self.end_headers()
        self.wfile.write(TEXT)

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        answer = f"{len(data)} {ports.digest(data)} {self.headers['Content-Type']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


address = services.outside_address()
if not address:
    ports.ok(True, "over the network # SKIP this machine has its loopback only")
    ports.done()
server = http.server.ThreadingHTTPServer((address, 0), Handler)
server.handle_error = lambda *arguments: None   # a client that is refused goes away
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://{address}:{server.server_address[1]}"
for text, arguments, status in (
        ("gets 3 MB", ["-sS", base + "/text"], 0), ("follows a redirection", ["-sSL", "-w", "%{num_redirects} %{http_code}", base + "/moved"], 0),
        ("posts a file", ["-sS", "--data-binary", "@text", base + "/post"], 0), ("posts a form", ["-sS", "-d", "a=1&b=two", base + "/post"], 0),
        ("three transfers at a time", ["-sSZ", base + "/text", base + "/text", base + "/text", "-o", "one", "-o", "two", "-o", "three"], 0),
        ("-f and a page that is not there", ["-sSf", base + "/nothing"], 22), ("a port where nobody listens", ["-sS", f"http://{address}:9/"], 7)):
    got = {}
    for variant, folder in folders.items():
        command = [ports.program("curl", variant, "curl"), *arguments]
        if variant == "carrel":
            command = [ports.CARREL, "run", "--net=host-out", "-v", folder + ":/data", "-w", "/data", *command]
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120)
        got[variant] = (done.returncode, done.stdout)
    ports.ok(got["carrel"] == got["native"] and got["native"][0] == status, f"{text} ({len(got['native'][1])} bytes)",
             [(v, g[0], len(g[1]), g[1][:200]) for v, g in got.items()])
ports.ok(all(open(f"{folders['carrel']}/{name}", "rb").read() == TEXT for name in ("one", "two", "three")), "and the three files are whole")
ports.done()
