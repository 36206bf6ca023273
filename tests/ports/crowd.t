#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# nginx with two worker processes in a cVM has a thousand keep-alive connections at once, and answers each of them rightly, compressed and
# not, as the native build does. tests/suites/nginx does it with several thousand, TLS and other clients.
import sys

sys.path.insert(0, "tests/ports")
import crowd  # noqa: E402
import ports  # noqa: E402
import servers  # noqa: E402
import services  # noqa: E402

top, folders = ports.directories()
for variant, folder in folders.items():
    with services.served("nginx", variant, "nginx", servers.nginx(variant, folder, 1200), folder) as number:
        opened, failed, same = crowd.crowd(number, 1000, 3, servers.FILES)
        ports.ok(opened == 1000 and not failed, f"1,000 connections at once, 3,000 answers ({variant})", (opened, failed[:5]))
        ports.ok(same, f"each is one connection all along ({variant})")
ports.done()
