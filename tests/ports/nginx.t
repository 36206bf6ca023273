#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# nginx with two worker processes in a cVM: what it serves, compresses, rewrites and refuses is what the native build does.
import concurrent.futures
import gzip
import os
import sys

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402
import services  # noqa: E402

TEXT = ports.source_text(2_000_000)
NOISE = ports.random_bytes(1_000_000, "noise")
CONFIGURATION = """
daemon off; worker_processes 2; user root root; pid nginx.pid; error_log error.log;
events { worker_connections 256; }
http {
    types { text/html html; text/plain txt; application/json json; }
    default_type application/octet-stream; sendfile on; keepalive_timeout 5; access_log access.log; server_tokens off; etag off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    limit_req_zone $uri zone=slow:1m rate=1r/m;
    upstream self { server 127.0.0.1:PORT; keepalive 4; }
    server {
        listen 0.0.0.0:PORT backlog=128; server_name a.example; root ROOT/html;
        location /packed/ { alias ROOT/html/; gzip on; gzip_types text/plain; gzip_min_length 100; gzip_comp_level 6; gzip_vary on; }
        location /list/ { alias ROOT/html/files/; autoindex on; autoindex_format json; }
        location ~ ^/(?<area>[a-z]+)/(\\d+)$ { return 200 "area $area number $2 of $request_method\\n"; }
        location /old { rewrite ^/old/(.*)$ /new/$1?from=old permanent; }
        location /inside { rewrite ^ /text.txt break; }
        location /through/ { proxy_pass http://self/; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host a.example; }
        location /slow/ { alias ROOT/html/files/; limit_req zone=slow; limit_req_status 429; }
        location /closed { deny all; }
        error_page 404 /missing.html;
    }
    server { listen 0.0.0.0:PORT; server_name b.example; return 200 "the other\\n"; }
}
"""

REQUESTS = [
    ("GET", "/text.txt"), ("HEAD", "/text.txt"), ("GET", "/text.txt", {"Range": "bytes=1000-1999,500000-600000"}), ("GET", "/text.txt", {"Range": "bytes=-77"}),
    ("GET", "/text.txt", {"Range": "bytes=99999999-"}), ("GET", "/noise"), ("GET", "/"), ("GET", "/files"), ("GET", "/list/"), ("GET", "/nothing"), ("GET", "/../../etc/passwd"),
    ("GET", "/packed/text.txt", {"Accept-Encoding": "gzip"}), ("GET", "/packed/noise", {"Accept-Encoding": "gzip"}), ("GET", "/packed/text.txt"),
    ("GET", "/word/123"), ("POST", "/word/7"), ("GET", "/word/x"), ("GET", "/old/thing?a=1"), ("GET", "/inside"), ("GET", "/through/text.txt"), ("GET", "/through/word/5"),
    ("GET", "/slow/one.txt"), ("GET", "/slow/one.txt"), ("GET", "/closed"), ("PUT", "/text.txt"), ("GET", "/text.txt", {"If-Modified-Since": "Sun, 09 Sep 2001 01:46:40 GMT"}),
    ("GET", "/", {"Host": "b.example"}), ("GET", "/text.txt", {"X-Long": "x" * 40000}),
]


def prepare(variant, folder):
    def options(number):
        text = CONFIGURATION.replace("PORT", str(number)).replace("ROOT", services.root(variant, folder))
        open(folder + "/nginx.conf", "w").write(text)
        return ["-p", services.root(variant, folder) + "/", "-c", "nginx.conf"]
    for name in ("html", "html/files", "logs"):
        os.makedirs(f"{folder}/{name}", exist_ok=True)
    for name, data in (("text.txt", TEXT), ("noise", NOISE), ("index.html", b"<p>here"), ("missing.html", b"<p>no"), ("files/one.txt", b"1"), ("files/two.txt", b"22")):
        open(f"{folder}/html/{name}", "wb").write(data)
        os.utime(f"{folder}/html/{name}", (1e9, 1e9))
    return options


def mended(answer, number):
    """Without the port, which is another for each server, and the marks between ranges, which are random."""
    status, headers, data = answer
    boundary = headers.get("content-type", "").partition("boundary=")[2]
    swap = [(str(number), "PORT"), (boundary or "\0", "BOUNDARY")]
    for old, new in swap:
        headers = {k: v.replace(old, new) for k, v in headers.items()}
        data = data.replace(old.encode(), new.encode()) if len(data) < 300_000 else data
    return status, headers, data


top, folders = ports.directories()
answers = {}
for variant, folder in folders.items():
    with services.served("nginx", variant, "nginx", prepare(variant, folder), folder) as number:
        answers[variant] = [mended(services.request(number, *r[:2], headers={"Host": "a.example", **(r[2] if len(r) > 2 else {})}), number) for r in REQUESTS]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            got = list(pool.map(lambda n: services.request(number, "GET", ("/text.txt", "/noise", "/through/noise")[n % 3])[2] == (TEXT, NOISE, NOISE)[n % 3], range(90)))
        ports.ok(all(got), f"16 clients at a time get whole files ({variant})", got.count(False))
    logged = [line.split('"')[1] for line in open(folder + "/access.log") if "/through/" not in line]
    ports.ok(sum("/text.txt" in line for line in logged) >= 30 and sum("/noise" in line for line in logged) >= 60, f"all of it is in the log ({variant})")
for request, ours, theirs in zip(REQUESTS, answers["carrel"], answers["native"]):
    ports.ok(ours == theirs, f"{request[0]} {request[1]}{' with ' + ', '.join(request[2]) if len(request) > 2 else ''}: {theirs[0]}, {len(theirs[2])} bytes",
             [ours[:2], theirs[:2], ours[2][:200], theirs[2][:200]])
packed = answers["carrel"][[r[1] for r in REQUESTS].index("/packed/text.txt")]
ports.ok(packed[1].get("content-encoding") == "gzip" and gzip.decompress(packed[2]) == TEXT, "what it compresses is the file")
results = {v: ports.run("nginx", v, "nginx", ["-t", "-p", services.root(v, f) + "/", "-c", "nginx.conf"], f) for v, f in folders.items()}
ports.ok(all(r.returncode == 0 and b"test is successful" in r.stderr for r in results.values()), "-t finds the configuration good", results)
ports.done()
