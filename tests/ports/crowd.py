# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# A crowd of clients: many connections to a web server that are open all at the same time, each of which asks again and again, and reads
# every answer whole. The server says which connection it thinks this is, and the how-manieth request on it (X-Seen: $connection $connection_requests).
import asyncio
import gzip
import resource


class Wrong(Exception):
    """An answer that is not the right one."""


async def ask(reader, writer, path, zipped):
    writer.write(b"GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (path.encode(), b"Accept-Encoding: gzip\r\n" if zipped else b""))
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head[1:] if line)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(fields[b"content-length"]))
    if fields.get(b"content-encoding") == b"gzip":
        body = gzip.decompress(body)
    elif zipped:
        raise Wrong(f"{path} came as it is, not compressed")
    return head[0], fields, body


async def gather(number, count, rounds, files, tls, at_once):
    connections, failed, gate, identities = [], [], asyncio.Semaphore(at_once), [set() for _ in range(rounds)]

    async def enter(n):
        async with gate:
            try:
                connections.append(await asyncio.open_connection("127.0.0.1", number, ssl=tls, server_hostname="localhost" if tls else None, ssl_handshake_timeout=120 if tls else None))
            except OSError as error:
                failed.append(f"connection {n}: {error}")

    async def turn(n, round):
        path, zipped = sorted(files)[(n + round) % len(files)], (n + round) % 3 == 2
        try:
            status, fields, body = await ask(*connections[n], path, zipped)
            if b" 200 " not in status or body != files[path]:
                raise Wrong(f"{path}: {status}, {len(body)} of {len(files[path])} bytes")
            identity, requests = fields[b"x-seen"].split()
            if int(requests) != round + 1:
                raise Wrong(f"request {round + 1} of a connection is counted as {requests}")
            identities[round].add((n, identity))
        except (OSError, EOFError, Wrong, KeyError, ValueError) as error:
            failed.append(f"connection {n}, round {round}: {error!r}")

    await asyncio.gather(*(enter(n) for n in range(count)))
    for round in range(rounds):
        await asyncio.gather(*(turn(n, round) for n in range(len(connections))))
    # The server's numbers are never given twice: with the same one in each round, all of which came after the last was opened, all were open at once.
    same = all(i == identities[0] for i in identities) and len({i for _, i in identities[0]}) == len(connections)
    for _, writer in connections:
        writer.transport.abort()
    return len(connections), failed, same


def crowd(number, count, rounds, files, tls=None, at_once=100):
    """(connections that were open at once, what failed, whether each was one and the same throughout)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(hard, count + 100)))
    return asyncio.run(gather(number, count, rounds, files, tls, at_once))
