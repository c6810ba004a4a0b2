# SPDX-License-Identifier: BSD-2-Clause
"""Virtual address descriptors, sections, and page table entries of every kind."""
import struct

from mk.memory import A, D, G, P, PAGE, PROTOTYPE, PS, TRANSITION, U, W, Space

NX = 1 << 63


class Vads:
    def new_space(self):
        return Space(self.m, self.g, self.system)

    def prototype(self, proto):
        """An entry that points to a prototype entry. x64: its address in bits 16 to 63; PAE: 32 to 63; legacy: the offset from
        0xe1000000 in two pieces, bits 2..8 at 1 and 9..29 at 11 (_MMPTE_PROTOTYPE of the PDBs: ProtoAddressLow, ProtoAddressHigh;
        MmProtopte_Base of the Windows Research Kernel's mi386.h)."""
        if self.g.kind == "legacy":
            offset = proto - 0xe1000000
            return (offset >> 2 & 0x7f) << 1 | offset >> 9 << 11 | PROTOTYPE
        return (proto << (16 if self.g.bits64 else 32)) & (1 << 64) - 1 | PROTOTYPE

    def soft(self, entry):
        """Since Windows 10 1803 on processors with the L1TF flaw: entries that are not present are stored with the bits of
        MiState.Hardware.InvalidPteMask inverted, so that no memory is at their frame, unless their SwizzleBit is set."""
        return entry ^ self.invalid_mask

    def in_file(self, subsection):
        """A prototype entry whose page is in its file alone (_MMPTE_SUBSECTION): points to the subsection."""
        if self.g.kind == "legacy":
            # SubsectionAddress in pieces, an offset from the start of nonpaged pool; bit 31 WhichPool
            offset = subsection - 0x81000000
            return (offset >> 3 & 0xf) << 1 | offset >> 7 << 11 & 0x7fffffff | PROTOTYPE | 1 << 31
        return (subsection << (16 if self.g.bits64 else 32)) & (1 << 64) - 1 | PROTOTYPE | 1 << 5

    def map_image(self, space, p, base, size, path):
        """A file's pages: valid, in transition, through prototype entries (valid, transition, in the file alone), and absent."""
        protos = self.pageable(size // PAGE * self.g.entry)
        area, sub = self.section(path, protos, size // PAGE, True)
        for i in range(size // PAGE):
            va, pa = base + i * PAGE, self.m.frame()
            self.m.data[pa:pa + 16] = struct.pack("<QQ", va, p["pid"])
            if i == 0:
                self.m.data[pa:pa + 2] = b"MZ"
            space.map(va, pa, P | U | A)
            cell, proto = space.cells[va], protos + i * self.g.entry
            where = self.system.where(proto)
            kind = ("valid", "transition", "proto-valid", "proto-transition", "proto-file", "zero")[i % 6]
            space.store(where, pa | P | A)
            if kind == "transition":
                space.store(cell, self.soft(pa | 1 << 5 | TRANSITION))
            elif kind.startswith("proto"):
                space.store(cell, self.prototype(proto))
                if kind == "proto-transition":
                    space.store(where, self.soft(pa | TRANSITION | 1 << 5))
                elif kind == "proto-file":
                    space.store(where, self.in_file(sub))
            elif kind == "zero":
                space.store(cell, 0)
                space.store(where, self.in_file(sub))
            space.kind[va] = kind
            if kind in ("proto-file", "zero"):
                del space.page[va]
                space.gone[va] = kind
        self.vads.append((base, base + size - 1, 7, path, "image", (area, sub, protos)))

    def entries_of_all_kinds(self, space, p):
        """Private memory with an entry of each kind; a view of a data file that only the VAD leads to; a large page."""
        start = 0x500000
        space.alloc(start, 0x8000, P | W | U | A | D)
        rw = 4 << 5  # MM_READWRITE where a software entry keeps its protection
        pagefile = 0x123 << (12 if self.g.kind == "legacy" else 32)
        for i, kind in enumerate(("valid", "transition", "pagefile", "demand-zero", "none", "valid", "transition", "pagefile")):
            va = start + i * PAGE
            pa = space.page[va]
            self.m.data[pa:pa + 16] = struct.pack("<QQ", va, p["pid"])
            space.kind[va] = kind
            if kind == "transition":
                space.store(space.cells[va], self.soft(pa | rw | TRANSITION))
            elif kind != "valid":
                space.store(space.cells[va], {"pagefile": self.soft(pagefile | rw | 1 << 1), "demand-zero": rw | (0x10 if self.invalid_mask else 0), "none": 0}[kind])
                del space.page[va]
                space.gone[va] = kind
        self.vads.append((start, start + 0xffff, 4, "", "private"))
        self.vads.append((0x520000, 0x520fff, 0x18, "", "private"))  # MM_NOACCESS
        self.view(space, p, 0x600000, "\\Daten\\karte-\u00e4.bin", 3)
        self.view(space, p, 0x610000, "", 2)  # backed by the page file
        if p["pid"] == 1204:
            large = 0x40000000
            space.map_large(large, self.large_pa, P | W | U | A | D | PS)
            for va in range(large, large + self.g.large, PAGE):
                space.kind[va] = "large"
            self.vads.append((large, large + self.g.large - 1, 4, "", "large"))

    def view(self, space, p, base, path, pages):
        """A view of a section's data. An entry whose prototype address is all ones says: ask the VAD (the Windows Research Kernel
        calls it MI_PTE_LOOKUP_NEEDED; rekall and MemProcFS do the same). Such addresses are in v2p_vad, not in v2p."""
        protos = self.pageable(pages * self.g.entry)
        area, sub = self.section(path, protos, pages, False)
        lookup = 0xfffff << 12 if self.g.kind == "legacy" else 0xffffffff << 32
        for i in range(pages):
            va, pa = base + i * PAGE, self.m.frame()
            self.m.data[pa:pa + 16] = struct.pack("<QQ", va, p["pid"])
            space.map(va, pa, P | U | A)
            space.store(space.cells[va], 0 if i == 2 else lookup | PROTOTYPE | 1 << 5)
            space.store(self.system.where(protos + i * self.g.entry), pa | P | A)
            del space.page[va]
            space.gone[va] = "vad"
            self.v2p_vad.append([p["pid"], va + 3, pa + 3])
        self.vads.append((base, base + pages * PAGE - 1, 1, path, "mapped" if path else "pagefile", (area, sub, protos)))

    def section(self, path, protos, pages, image):
        """_CONTROL_AREA, _SEGMENT, _SUBSECTION behind it; an EX_FAST_REF keeps a count in its low bits (4 on x64, 3 on x86)."""
        file = self.file_object(path) if path else 0
        size = self.t.size("_CONTROL_AREA") + 15 & ~15
        area = self.block(size + self.t.size("_SUBSECTION"), b"MmCa")
        sub = area + size  # as in Windows: the first subsection follows its control area
        segment = self.block(self.t.size("_SEGMENT"), b"MmSt", True)
        self.put(area, "_CONTROL_AREA.FilePointer", file | (7 if self.g.bits64 and file else 0), self.ptr)
        self.put(area, "_CONTROL_AREA.Segment", segment)
        self.put(segment, "_SEGMENT.ControlArea", area)
        self.put(segment, "_SEGMENT.TotalNumberOfPtes", pages, 4)
        self.put(segment, "_SEGMENT.PrototypePte", protos)
        self.put(sub, "_SUBSECTION.ControlArea", area)
        self.put(sub, "_SUBSECTION.SubsectionBase", protos)
        return area, sub

    def vad_tree(self, p, e):
        """_MMVAD by page numbers, a balanced tree. XP: links in the node, pool tag "Vadl"; Windows 8.1 and later:
        _RTL_BALANCED_NODE at its start, page numbers in 32 + 8 bits."""
        rows = sorted(self.vads)
        new = self.has("_MMVAD.Core")
        nodes = {}

        def build(lo, hi, parent):
            if lo >= hi:
                return 0
            mid = (lo + hi) // 2
            start, end, prot, _, kind = rows[mid][:5]
            # the pool tag before the block tells a short VAD from a long one ("VadS": private memory); pooltag.txt of the debugger
            private = kind in ("private", "large")
            node = self.block(self.t.size("_MMVAD"), b"VadS" if private else b"Vad ")
            nodes[mid] = node
            pre = "_MMVAD.Core." if new else "_MMVAD."
            left, right = build(lo, mid, node), build(mid + 1, hi, node)
            names = ("VadNode.Left", "VadNode.Right", "VadNode.ParentValue") if new else ("LeftChild", "RightChild", "u1.Parent" if self.seven else "Parent")
            for name, v in zip(names, (left, right, parent)):
                self.put(node, pre + name, v, self.ptr)
            for name, v in (("StartingVpn", start >> 12), ("EndingVpn", end >> 12)):
                self.put(node, pre + name, v, 8 if self.seven else 4)
                if new:
                    self.put(node, pre + name + "High", v >> 32, 1)
            self.flags(node, prot, kind)
            if not private:
                self.view_of(node, rows[mid][5], (end - start + 1) >> 12)
            return node

        root = build(0, len(rows), 0)
        # Vista to 8: a table whose root is the right child of a node in it
        self.put(e, "_EPROCESS.VadRoot" + (".BalancedRoot.RightChild" if self.has("_EPROCESS.VadRoot.BalancedRoot") else ""), root, self.ptr)
        p["vads"] = [{"start": r[0], "end": r[1] + 1, "protection": r[2], "path": r[3], "kind": r[4],
                      "private": r[4] in ("private", "large"), "image": r[4] == "image"} for r in rows]
        if "vadcycle" in self.fault:
            deep = nodes[0]
            self.put(deep, "_MMVAD.Core.VadNode.Left" if new else "_MMVAD.LeftChild", root, self.ptr)

    def flags(self, node, prot, kind):
        """_MMVAD_FLAGS: bit positions of the profile. VadType 2 is an image, 4 large pages (MI_VAD_TYPE in the PDBs)."""
        at = self.t.off("_MMVAD.Core.u" if self.has("_MMVAD.Core") else "_MMVAD.u")
        wanted = {"Protection": prot, "PrivateMemory": int(kind in ("private", "large")), "ImageMap": int(kind == "image"),
                  "VadType": {"image": 2, "large": 4}.get(kind, 0), "LargePages": int(kind == "large")}
        for name, value in wanted.items():
            if self.has("_MMVAD_FLAGS." + name):
                self.bits(node + at, "_MMVAD_FLAGS." + name, value)

    def view_of(self, node, section, pages):
        area, sub, protos = section
        if self.has("_MMVAD.ControlArea"):
            self.put(node, "_MMVAD.ControlArea", area)
        else:
            self.put(node, "_MMVAD.Subsection", sub)
        self.put(node, "_MMVAD.FirstPrototypePte", protos)
        self.put(node, "_MMVAD.LastContiguousPte", protos + (pages - 1) * self.g.entry)

    # ---- what all tables share ----
    def transition_pool(self):
        """Some pages of paged pool are in transition: names must still be readable."""
        pages = [va for va in self.system.cells if self.paged_start <= va < self.paged & ~0xfff and va not in self.pinned]
        for va in pages[::2]:
            if va in self.system.page:
                self.system.store(self.system.cells[va], self.soft(self.system.page[va] | TRANSITION | 4 << 5))
                self.system.kind[va] = "transition"

    def share_kernel(self):
        """The kernel's half of each top table, and the entry through which the tables see themselves: 0xc0000000 (legacy: 0x300,
        PAE: the four directories from 0xc0600000), 0x1ed on x64 until Windows 10 1607 moved it (it is random here)."""
        k, g = self.system, self.g
        index = 0x1ed if self.seven else self.rng.randrange(0x110, 0x1f0)
        while g.bits64 and k.load(k.root + index * 8):
            index += 1
        if self.args.kpti:
            self.set("KiKvaShadow", 1, 1)
        bare = "noselfmap" in self.args.option
        for p, e, space in self.processes:
            if g.kind == "pae":
                for i in (2, 3):
                    a, b = (s.load(s.root + i * 8) & ~0xfff for s in (k, space))
                    self.m.data[b:b + PAGE] = self.m.data[a:a + PAGE]
                third = space.load(space.root + 24) & ~0xfff
                for i in range(0 if bare else 4):
                    space.store(third + i * 8, space.load(space.root + i * 8) & ~0xfff | P | W | A | D)
            elif g.kind == "legacy":
                self.m.data[space.root + 0x800:space.root + PAGE] = self.m.data[k.root + 0x800:k.root + PAGE]
                if not bare:
                    space.store(space.root + 0x300 * 4, space.root | P | W | A | D)
            else:
                self.m.data[space.root + 0x800:space.root + PAGE] = self.m.data[k.root + 0x800:k.root + PAGE]
                if not bare:
                    space.store(space.root + index * 8, space.root | P | W | A | D | NX)
            if self.args.kpti and not p["kernel"] and not p["exit"]:
                self.user_table(p, e, space)

    def user_table(self, p, e, space):
        """Kernel page table isolation ("KVA shadow"): what user mode runs on has all of the user's half and of the kernel's only
        the pages of the entry code and the processor block (Microsoft, "KVA Shadow: Mitigating Meltdown on Windows"). In the
        kernel's table the user's half cannot be executed."""
        shadow = Space(self.m, self.g)
        for va in (self.sym("KiSystemCall64Shadow") & ~0xfff, self.vcpu["kpcr"] & ~0xfff, self.vcpu["idt_base"] & ~0xfff):
            shadow.map(va, self.system.page[va], P | W | A | D | G)
        self.m.data[shadow.root:shadow.root + 0x800] = self.m.data[space.root:space.root + 0x800]
        for i in range(256):
            entry = space.load(space.root + i * 8)
            if entry & P:
                space.store(space.root + i * 8, entry | NX)
        p["user_dtb"] = shadow.root
        self.put(e, "_EPROCESS.Pcb.UserDirectoryTableBase", shadow.root | 1)

    def truth_of_pages(self):
        for p, _, space in self.processes:
            if p["exit"]:
                continue
            known = sorted(space.page.items())
            odd = [(va, pa) for va, pa in known if space.kind.get(va, "valid") not in ("valid", "large")]
            picked = self.rng.sample(known, min(40, len(known))) + odd + [(va, pa) for va, pa in known if space.kind.get(va) == "large"][::97]
            for va, pa in picked:
                self.v2p.append([p["pid"], va + 5, pa + 5, space.kind.get(va, "valid")])
            for va, why in space.gone.items():
                if why != "vad":
                    self.v2p.append([p["pid"], va, None, why])
