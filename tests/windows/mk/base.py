# SPDX-License-Identifier: BSD-2-Clause
"""What all parts of the imaginary Windows build on: where things lie, pools, small writes by member."""
import random
import struct
import sys

import layouts
from mk.memory import A, D, G, P, PAGE, W, Memory, Paging, Space, Types


class Base:
    def __init__(self, args):
        self.args = args
        self.rng = random.Random(args.seed)
        self.profile = layouts.load(args.profile)
        self.t = Types(self.profile)
        self.g = Paging(args.paging)
        self.ptr = 8 if self.g.bits64 else 4
        self.build, self.lab, self.major, self.minor = layouts.BUILDS.get(args.profile, layouts.XP)
        self.seven = args.profile == "win7"
        self.xp = not self.g.bits64
        if (self.profile["$METADATA"]["arch"] == "AMD64") != self.g.bits64:
            sys.exit("mkwin: the profile is for another architecture than the paging")
        self.m = Memory(args.size << 20, self.rng)
        self.symbols = {**self.profile["$FUNCTIONS"], **self.profile["$CONSTANTS"]}
        self.place()
        self.system = Space(self.m, self.g)
        self.processes, self.threads, self.modules, self.v2p = [], 0, [], []
        self.fault = set(args.fault)

    def place(self):
        """Where the kernel and its pools are. x86: as XP has them (0x804d7000 behind a large page at 0x80400000, pools from
        0x81000000 and 0xe1000000); x64: in the ranges of the "Virtual Address Spaces" pages of Microsoft's driver docs."""
        end = max(self.symbols.values())
        self.edata = (end + 0x2000) & ~0xfff
        self.image_size = self.edata + 0x4000
        if self.g.bits64:
            self.base = 0xfffff80000000000 + self.rng.randrange(1, 4000) * 0x200000
            self.base_pa = 0x1000000
            self.pool_at, self.paged, self.drivers = 0xffffb80000001000, 0xffff9c8000001000, 0xfffff80400000000
            self.paged_start = self.paged
            self.kuser = 0xfffff78000000000  # KUSER_SHARED_DATA, ntddk.h (KI_USER_SHARED_DATA)
            self.m.reserve(0x1000000, 0x800000)
        else:
            self.base, self.base_pa = 0x804d7000, 0x4d7000
            self.pool_at, self.paged, self.drivers = 0x81001000, 0xe1001000, 0xf8000000
            self.paged_start = self.paged
            self.kuser = 0xffdf0000
            self.m.reserve(0x400000, 0x400000)
        self.large_pa = len(self.m.data) - 0x800000  # frames in a row for one large page
        self.m.reserve(self.large_pa, self.g.large)

    # ---- small writes ----
    def put(self, va, path, value, size=None, space=None):
        self.raw(va + self.t.off(path), value, size or self.width(path), space)

    def width(self, path):
        """Bytes of a member: its own, a pointer's when it has none."""
        what = self.t.find(path)[1][0]
        return {"unsigned char": 1, "char": 1, "unsigned short": 2, "short": 2, "unsigned long": 4, "long": 4,
                "unsigned long long": 8, "long long": 8}.get(what, self.ptr)

    def bits(self, va, path, value):
        """A bit field, as the profile has it."""
        at, what = self.t.find(path)
        first, end = what[1].get("start_bit", 0), what[1]["end_bit"]
        size = 8 if end > 32 or what[1]["target"].endswith("long long") else 4
        old = int.from_bytes(self.bytes(va + at, size), "little")
        mask = (1 << end) - (1 << first)
        self.raw(va + at, old & ~mask | value << first & mask, size)

    def raw(self, va, value, size=None, space=None):
        (space or self.system).write(va, (value & (1 << 8 * (size or self.ptr)) - 1).to_bytes(size or self.ptr, "little"))

    def bytes(self, va, size, space=None):
        return (space or self.system).read(va, size)

    def has(self, path):
        return self.t.find(path) is not None

    def sym(self, name):
        return self.base + self.symbols[name]

    def set(self, name, value, size=None):
        """A variable of the kernel, when this profile has it."""
        if name in self.symbols:
            self.raw(self.sym(name), value, size)

    # ---- pools ----
    def nonpaged(self, size):
        at = (self.pool_at + 15) & ~15
        self.pool_at = at + size
        self.system.alloc(at, size, P | W | A | D | G)
        return at

    def pageable(self, size):
        at = (self.paged + 15) & ~15
        self.paged = at + size
        self.system.alloc(at, size, P | W | A | D | G)
        return at

    def page(self, pageable=True):
        if pageable:
            self.paged = (self.paged + PAGE - 1) & ~(PAGE - 1)
            return self.pageable(PAGE)
        self.pool_at = (self.pool_at + PAGE - 1) & ~(PAGE - 1)
        return self.nonpaged(PAGE)

    def block(self, size, tag, pageable=False):
        """A block of pool with its header (_POOL_HEADER): tag, sizes in units of 8 or 16 bytes, none crosses a page."""
        head = self.t.size("_POOL_HEADER")
        unit = head
        total = (size + head + unit - 1) & ~(unit - 1)
        here = self.paged if pageable else self.pool_at
        here = (here + 15) & ~15
        if total <= PAGE and (here & 0xfff) + total > PAGE:
            here = (here + PAGE - 1) & ~(PAGE - 1)
        if pageable:
            self.paged = here
        else:
            self.pool_at = here
        at = (self.pageable if pageable else self.nonpaged)(total)
        if total <= PAGE:
            self.bits(at, "_POOL_HEADER.BlockSize", total // unit)
            self.bits(at, "_POOL_HEADER.PoolType", 3 if pageable else 2)
        self.put(at, "_POOL_HEADER.PoolTag", int.from_bytes(tag, "little"), 4)
        return at + head

    def unicode(self, va, text, buffer, space=None):
        """A UNICODE_STRING (ntdef.h): Length and MaximumLength in bytes, Buffer."""
        data = text.encode("utf-16-le")
        (space or self.system).write(buffer, data + b"\0\0")
        self.raw(va, len(data), 2, space)
        self.raw(va + 2, len(data) + 2, 2, space)
        self.raw(va + self.ptr, buffer, None, space)

    def name(self, va, text):
        self.unicode(va, text, self.pageable(2 * len(text) + 2))

    def link(self, head, nodes, space=None):
        """LIST_ENTRY rings (ntdef.h)."""
        ring = [head, *nodes]
        for i, node in enumerate(ring):
            self.raw(node, ring[(i + 1) % len(ring)], None, space)
            self.raw(node + self.ptr, ring[i - 1], None, space)

    def filetime(self, value):
        return struct.pack("<Q", value)
