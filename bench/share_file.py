# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CP_Files and capabilities: copies of 8 bytes to 16 MiB from another cVM's memory against memcpy of the same size (in a cVM, in the same
# alternating rounds, and native) and against what the host has for two processes: a pipe, shared memory with futexes, process_vm_readv. Then
# a round trip of notifies, and what revoking costs by the number of capabilities that were derived.
import common

SIZES = [8, 64, 512, 4096, 65536, 1 << 20, 16 << 20]
RIVALS = ["pipe", "shm", "vm"]
DERIVED = [0, 1, 10, 100, 1000, 10000, 60000]
SERVER = ["-g", "file:bench:c", "-g", "file:bell:c", "server", "build/bench/file", "serve", "--"]
CLIENT = ["-g", "file:bench:rw", "-g", "file:bell:rw", "client", "build/bench/file"]


def inside(*arguments):
    return common.numbers(["build/tests/share/together", *SERVER, *CLIENT, *map(str, arguments)])


def run():
    rounds, summary, rows = {"copy": {}, "revoke": {}}, {}, []
    for size in SIZES:
        common.progress(f"copies of {size} bytes")
        memcpy, read, write, load = inside("copy", size)
        native = common.numbers(["build/bench/file_native", "memcpy", str(size)])[0]
        count = max(4, min(20000, (64 << 20) // size))
        rivals = {kind: common.numbers(["build/bench/stream_native", "native", kind, str(size), str(count)])[0] for kind in RIVALS}
        rounds["copy"][size] = {"memcpy": memcpy, "read": read, "write": write, "load": load, "memcpy_native": native, **rivals}
        rows.append([f"{size}", *(f"{v:,.0f}" for v in (read, write, load, memcpy, native, *rivals.values())),
                     f"{memcpy / read:.2f}", f"{native / read:.2f}"])
        name = {8: "8", 4096: "4k", 65536: "64k", 1 << 20: "1m", 16 << 20: "16m"}.get(size)
        if name:
            summary[f"file_{name}_vs_memcpy"] = round(memcpy / read, 3)
            summary[f"file_{name}_vs_native_memcpy"] = round(native / read, 3)
            summary[f"file_{name}_vs_pipe"] = round(rivals["pipe"] / read, 2)
        if size == 8:
            summary.update(file_8_ns=round(read, 1), cap_load_8_ns=round(load, 1))
    common.table(["bytes: ns for each", "CP_File read", "write", "capability load", "memcpy in a cVM", "memcpy native", *RIVALS,
                  "read vs memcpy", "vs native"], rows)
    common.progress("notifies")
    summary["file_notify_round_trip_ns"] = rounds["notify"] = inside("notify")[0]
    for count in DERIVED:
        common.progress(f"revoking {count}")
        rounds["revoke"][count] = inside("revoke", count)[0]
    print(f"\nnotify and back: {summary['file_notify_round_trip_ns']:,.0f} ns\n")
    common.table(["derived capabilities", "revoke, us", "ns for each"],
                 [[str(n), f"{ns / 1e3:,.1f}", f"{ns / (n + 1):,.0f}"] for n, ns in rounds["revoke"].items()])
    summary["revoke_one_ns"] = rounds["revoke"][0]
    summary["revoke_each_ns"] = round((rounds["revoke"][60000] - rounds["revoke"][0]) / 60000, 1)
    return rounds, summary
