# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CHERI Concentrate and Xcheri's derivations as the ISAv9 document has them, in Python's integers, written without a look at the
# emulator: bounds are found by their place in the representable region, and set by searching for the least exponent that works.
M64 = (1 << 64) - 1
M65 = (1 << 65) - 1
UNSEALED, SENTRY, TYPE_MOST = 0x3ffff, 0x3fffe, 0x3fffb
SEAL, UNSEAL, EXECUTE, GLOBAL = 1 << 7, 1 << 9, 1 << 1, 1


def fields(upper):
    """The word as it is when null's bits are taken out: (permissions, flag, type, internal, t, b)."""
    null = UNSEALED << 27 | 1 << 26 | 0o6 << 14 | 0o4          # unsealed, exponent 52
    bits = upper ^ null
    return bits >> 48, bits >> 46 & 3, bits >> 45 & 1, bits >> 27 & 0x3ffff, bits >> 26 & 1, bits >> 14 & 0xfff, bits & 0x3fff


def word(permissions, reserved, flag, kind, internal, t, b):
    null = UNSEALED << 27 | 1 << 26 | 0o6 << 14 | 0o4
    return (permissions << 48 | reserved << 46 | flag << 45 | kind << 27 | internal << 26 | t << 14 | b) ^ null


def mantissas(upper):
    internal, t, b = fields(upper)[4:]
    if not internal:
        exponent, length_bits = 0, 0
    else:
        exponent, length_bits = (t & 7) * 8 + (b & 7), 1
        t, b = t - (t & 7), b - (b & 7)
    top2 = (b >> 12) + length_bits + (1 if t < b % 4096 else 0)
    return exponent, b, (top2 % 4) * 4096 + t


class Capability:
    def __init__(self, address, upper=0, tag=False):
        self.address, self.upper, self.tag = address & M64, upper, tag

    def copy(self, **changes):
        c = Capability(self.address, self.upper, self.tag)
        c.__dict__.update(changes)
        return c

    def bounds(self):
        exponent, b, t = mantissas(self.upper)
        exponent = min(exponent, 52)
        unit, space = 1 << exponent, 1 << exponent + 14
        pivot = ((b >> 11) - 1) % 8 << 11          # the representable region starts there
        start = self.address - (self.address - pivot * unit) % space
        base = start + (b - pivot) % (1 << 14) * unit
        top = start + (t - pivot) % (1 << 14) * unit
        base, top = base & M64, top & M65
        if exponent < 51 and ((top >> 63) - (base >> 63)) % 4 > 1:
            top ^= 1 << 64
        return base, top

    def permissions(self):
        p = fields(self.upper)[0]
        return (p & 0xfff) | p >> 12 << 15

    def kind(self):
        return fields(self.upper)[3]

    def sealed(self):
        return self.kind() != UNSEALED

    def with_fields(self, **changes):
        names = ("permissions", "reserved", "flag", "kind", "internal", "t", "b")
        values = dict(zip(names, fields(self.upper)))
        values.update(changes)
        return self.copy(upper=word(*(values[n] for n in names)))

    def with_permissions(self, p):
        return self.with_fields(permissions=(p & 0xfff) | (p >> 15 & 15) << 12)

    def with_kind(self, kind):
        return self.with_fields(kind=kind & 0x3ffff)

    def unsealed_or_untagged(self):
        return self.copy(tag=self.tag and not self.sealed())

    def covers(self, address, size):
        base, top = self.bounds()
        return base <= address and address + size <= top

    def set_bounds(self, length):
        internal, t, b, exact = encode(self.address, length)
        return self.with_fields(internal=internal, t=t, b=b), exact

    def moved(self, address):
        c = self.copy(address=address & M64)
        c.tag = self.tag and c.bounds() == self.bounds()
        return c

    def incremented(self, increment):
        """The fast check: the increment in units, against the room left in the region that starts at the pivot."""
        exponent, b, _ = mantissas(self.upper)
        signed = increment - (1 << 64) if increment >> 63 else increment
        fits = True
        if exponent < 50:
            room = ((((b >> 11) - 1) % 8 << 11) - (self.address >> exponent)) % (1 << 14)
            high, middle = signed >> exponent + 14, signed >> exponent & 0x3fff
            fits = middle < (room - 1) % (1 << 14) if high == 0 else high == -1 and middle >= room and room != 0
        return self.copy(address=(self.address + increment) & M64, tag=self.tag and fits)


def encode(base, length):
    top = base + length
    if length < 1 << 12:
        return 0, top & 0xfff, base & 0x3fff, True
    for exponent in range(53):
        grain = 1 << exponent + 3
        low, high = base // grain, -(-top // grain)
        if high - low < 1 << 10:
            break
    exact = low * grain == base and high * grain == top
    return 1, high % 512 << 3 | exponent >> 3, low % 2048 << 3 | exponent & 7, exact


def alignment(length):
    internal, t, b, _ = encode(0, length)
    return M64 if not internal else (M64 << min(52, (t & 7) * 8 + (b & 7)) + 3) & M64


def root():
    return Capability(0, 0xffff << 48, True)


def within(outer, inner):
    (ob, ot), (ib, it) = outer.bounds(), inner.bounds()
    return ib >= ob and it <= ot and inner.permissions() & ~outer.permissions() == 0


def may(authority, permission):
    return (authority.tag and not authority.sealed() and authority.permissions() & permission and authority.covers(authority.address, 1)
            and authority.address <= TYPE_MOST)


def seal(c, a):
    c = c.unsealed_or_untagged()
    return c.copy(tag=bool(c.tag and may(a, SEAL))).with_kind(a.address)


def conditional_seal(c, a):
    if not a.tag or c.sealed() or not a.covers(a.address, 1) or a.address == M64:
        return c
    return seal(c, a)


def unseal(c, a):
    good = c.tag and c.kind() <= TYPE_MOST and may(a, UNSEAL) and a.address == c.kind()
    c = c.copy(tag=bool(good)).with_kind(UNSEALED)
    return c if a.permissions() & GLOBAL else c.with_permissions(c.permissions() & ~GLOBAL)


def bound(c, length, must_be_exact):
    covered = c.covers(c.address, length)
    new, exact = c.unsealed_or_untagged().set_bounds(length)
    return new.copy(tag=new.tag and covered and (exact or not must_be_exact))


def copy_type(c, typed):
    if typed.kind() > TYPE_MOST:
        return Capability(typed.kind() - 0x40000)
    new = c.unsealed_or_untagged().moved(typed.kind())
    return new.copy(tag=new.tag and c.covers(typed.kind(), 1))


def build(a, bits):
    base, top = bits.bounds()
    plain = bits.with_kind(UNSEALED)
    if top - base == 1 << 64:
        canonical = plain.upper & 0x7ffffff == 0
    elif base <= top and top - base < 1 << 64:
        again, exact = plain.copy(address=base).set_bounds(top - base)
        canonical = exact and again.upper == plain.upper
    else:
        canonical = False
    good = a.tag and not a.sealed() and base <= top and within(a, bits) and canonical
    plain.tag = bool(good)
    return plain.with_kind(SENTRY) if bits.kind() == SENTRY else plain
