# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# nginx set up for a crowd (crowd.py): two worker processes, some files of a few sizes, compression, TLS if asked.
import os

import ports
import services

TEXT = ports.source_text(300_000)
FILES = {"/empty.txt": b"", "/small.txt": TEXT[:700], "/page.txt": TEXT[700:17_000], "/large.txt": TEXT[17_000:117_000]}
CONFIGURATION = """
daemon off; worker_processes 2; worker_rlimit_nofile LIMIT; user root root; pid nginx.pid; error_log error.log;
events { worker_connections LIMIT; }
http {
    types { text/plain txt; } sendfile on; access_log off; keepalive_timeout 300; keepalive_requests 100000;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    gzip on; gzip_types text/plain; gzip_min_length 0; gzip_comp_level 1;
    server { listen 0.0.0.0:PORT backlog=4096TLS; root ROOT/html; add_header X-Seen "$connection $connection_requests"; }
}
"""


def nginx(variant, folder, connections, tls=False):
    """The options of a server in `folder` that has room for so many connections in each worker; with TLS, tls.crt and tls.key lie there."""
    os.makedirs(folder + "/html", exist_ok=True)
    for path, data in FILES.items():
        with open(f"{folder}/html{path}", "wb") as file:
            file.write(data)

    def options(number):
        text = CONFIGURATION.replace("ROOT", services.root(variant, folder)).replace("LIMIT", str(connections)).replace("PORT", str(number))
        text = text.replace("TLS", " ssl; ssl_certificate tls.crt; ssl_certificate_key tls.key; ssl_session_cache shared:s:1m" if tls else "")
        with open(folder + "/nginx.conf", "w") as file:
            file.write(text)
        return ["-p", services.root(variant, folder) + "/", "-c", "nginx.conf"]
    return options
