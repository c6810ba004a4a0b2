# SPDX-License-Identifier: BSD-2-Clause
"""Physical memory, page tables of every kind, and the types of a profile."""
import struct

PAGE = 4096
# Intel SDM 3A chapter 5: present, writable, user, accessed, dirty, page size, global
P, W, U, A, D, PS, G = 1, 2, 4, 0x20, 0x40, 0x80, 0x100
# Software entries of Windows (_MMPTE_TRANSITION, _MMPTE_PROTOTYPE in the public PDBs): bit 10 prototype, bit 11 transition
PROTOTYPE, TRANSITION = 0x400, 0x800
# FILETIME of 1 January 1970 (Microsoft, "File Times"): 100 ns since 1601
UNIX = 116444736000000000


class Paging:
    """One kind of page tables: level shifts and bits as in the SDM, entry size, Windows' own choices of addresses."""

    def __init__(self, kind):
        self.kind = kind
        self.entry = 4 if kind == "legacy" else 8
        self.levels = {"legacy": [(22, 10), (12, 10)], "pae": [(30, 2), (21, 9), (12, 9)],
                       "4level": [(39, 9), (30, 9), (21, 9), (12, 9)],
                       "5level": [(48, 9), (39, 9), (30, 9), (21, 9), (12, 9)]}[kind]
        self.large = 1 << self.levels[-2][0]
        self.bits64 = kind in ("4level", "5level")


class Memory:
    def __init__(self, size, rng):
        self.data = bytearray(size)
        frames = list(range(0x100, size // PAGE))
        rng.shuffle(frames)
        self.free = frames

    def reserve(self, start, size):
        gone = set(range(start // PAGE, (start + size) // PAGE))
        self.free = [f for f in self.free if f not in gone]

    def frame(self):
        return self.free.pop() * PAGE

    def low_frame(self, limit):
        i = next(i for i, f in enumerate(self.free) if f * PAGE < limit)
        return self.free.pop(i) * PAGE


class Space:
    """A page table, and beside it what it says as a plain dictionary: the independent truth that v2p is compared with."""

    def __init__(self, memory, paging, kernel=None):
        self.m, self.g, self.kernel = memory, paging, kernel
        self.page = {}  # address of a 4 KiB page -> physical address
        self.cells = {}  # the same -> where its last-level entry is
        self.gone = {}  # pages without an answer any more -> why
        self.kind = {}  # pages whose entry is of a special kind -> which
        if paging.kind == "pae":  # the top table has four entries and 32-byte alignment; XP packs several into a page
            self.root = memory.low_frame(1 << 32) + 0x20 * (1 + (kernel is not None))
            for i in range(4):
                self.store(self.root + i * 8, memory.frame() | P)
        else:
            self.root = memory.frame()

    def store(self, at, value):
        struct.pack_into("<I" if self.g.entry == 4 else "<Q", self.m.data, at, value)

    def load(self, at):
        return struct.unpack_from("<I" if self.g.entry == 4 else "<Q", self.m.data, at)[0]

    def cell(self, va, depth):
        at = self.root
        for i, (shift, bits) in enumerate(self.g.levels):
            here = at + (va >> shift & (1 << bits) - 1) * self.g.entry
            if i == depth:
                return here
            e = self.load(here)
            if not e & P:
                e = self.m.frame() | P | W | A | (U if va < self.user_end() else 0)
                self.store(here, e)
            at = e & 0xffffffffff000 & ~0xfff

    def user_end(self):
        return 1 << 47 if self.g.bits64 else 0x80000000

    def map(self, va, pa, flags=P | W | A | D):
        here = self.cell(va, len(self.g.levels) - 1)
        self.store(here, pa | flags)
        self.page[va] = pa
        self.cells[va] = here

    def map_large(self, va, pa, flags=P | W | A | D | PS | G):
        self.store(self.cell(va, len(self.g.levels) - 2), pa | flags)
        for i in range(0, self.g.large, PAGE):
            self.page[va + i] = pa + i

    def alloc(self, va, size, flags=P | W | A | D):
        for a in range(va & ~0xfff, va + size, PAGE):
            if a not in self.page:
                self.map(a, self.m.frame(), flags)

    def where(self, va):
        pa = self.page.get(va & ~0xfff)
        if pa is None and self.kernel:
            pa = self.kernel.page.get(va & ~0xfff)
        return None if pa is None else pa | va & 0xfff

    def write(self, va, data):
        while data:
            n = min(len(data), PAGE - (va & 0xfff))
            pa = self.where(va)
            self.m.data[pa:pa + n] = data[:n]
            va, data = va + n, data[n:]

    def read(self, va, size):
        out = b""
        while size:
            n = min(size, PAGE - (va & 0xfff))
            pa = self.where(va)
            out += bytes(self.m.data[pa:pa + n])
            va, size = va + n, size - n
        return out


class Types:
    def __init__(self, profile):
        self.s = profile["$STRUCTS"]

    def find(self, path):
        """(offset, type with arguments) of "_STRUCT.member.member", None when there is none."""
        at, kind = 0, [path.split(".")[0]]
        for name in path.split(".")[1:]:
            members = self.s.get(kind[0], [0, {}])[1]
            if name not in members:
                return None
            at += members[name][0]
            kind = members[name][1]
        return at, kind

    def off(self, path):
        found = self.find(path)
        if found is None:
            raise KeyError(path)
        return found[0]

    def size(self, name):
        return self.s[name][0]
