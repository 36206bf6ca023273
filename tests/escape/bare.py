# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Copies an ELF file; in the copy nobody may read what the first PT_LOAD segment maps.
import struct
import sys

image = bytearray(open(sys.argv[1], "rb").read())
headers, = struct.unpack_from("<Q", image, 32)
count, = struct.unpack_from("<H", image, 56)
first = next(headers + 56 * i for i in range(count) if struct.unpack_from("<I", image, headers + 56 * i)[0] == 1)
struct.pack_into("<I", image, first + 4, 0)
open(sys.argv[2], "wb").write(image)
