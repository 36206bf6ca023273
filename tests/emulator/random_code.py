# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Random instructions from the emulator's own table, and ELF images around any code.
import re
import struct

ROW = re.compile(r'^INSTRUCTION\((\w+), (\w+), "([^"]+)", (0x\w+), (0x\w+), (\w+), (\w)\)', re.M)


class Instruction:
    def __init__(self, kind, code, name, match, mask, form, result):
        self.kind, self.code, self.name, self.form, self.result = kind, code, name, form, result
        self.match, self.mask = int(match, 16), int(mask, 16)

    def random(self, source):
        return self.match | source.getrandbits(32) & ~self.mask & 0xffffffff


def instructions():
    return [Instruction(*row) for row in ROW.findall(open("emulator/instructions.def").read())]


def image(code, address=0x10000, extra=b"", machine=243, kind=2, flags=7, memory=None):
    """One segment, readable, writable and executable, that starts with the headers; the entry is the code."""
    headers = 64 + 56
    size = headers + len(code)
    header = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, kind, machine, 1, address + headers, 64, 0, 5, 64, 56, 1, 64, 0, 0)
    program = struct.pack("<IIQQQQQQ", 1, flags, 0, address, address, size, memory or size + 0x4000, 0x1000)
    return header + program + code + extra
