# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Machine code for tests of the verifier, and what it says of it.
import struct
import subprocess
import tempfile

JUDGE = "build/tests/escape/judge"


def assembled(text):
    with tempfile.NamedTemporaryFile(suffix=".o") as made:
        subprocess.run(["as", "-o", made.name], input=text, text=True, check=True)
        data = open(made.name, "rb").read()
    at, = struct.unpack_from("<Q", data, 40)
    size, count, _ = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, at + n * size) for n in range(count)]
    return [data[h[4]:h[4] + h[5]] for h in headers if h[1] == 1 and h[2] & 4 and h[5]]


def verdicts(policy, codes):
    asked = "".join(f"{policy} {code.hex()}\n" for code in codes)
    return subprocess.run([JUDGE], input=asked, check=True, capture_output=True, text=True).stdout.splitlines()
