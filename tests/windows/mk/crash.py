# SPDX-License-Identifier: BSD-2-Clause
"""The same memory as a Windows crash dump: see src/source/win_crash.h for what is from where."""
import struct

from mk.memory import PAGE

FULL, SUMMARY, BITMAP_FULL, BITMAP_KERNEL = 1, 2, 5, 6
HOLES = -BITMAP_KERNEL  # with every ninth page missing


def header(w, kind, runs):
    big = w.g.bits64
    h = bytearray(b"PAGE" * (0x800 if big else 0x400))  # what is not set has this pattern in real dumps
    h[:8] = b"PAGEDU64" if big else b"PAGEDUMP"
    sym = w.sym

    def at(off, form, *values):
        struct.pack_into("<" + form, h, off, *values)

    at(8, "II", 15, w.build)
    if big:
        at(0x10, "QQQQII", w.vcpu["cr3"], 0, sym("PsLoadedModuleList"), sym("PsActiveProcessHead"), 0x8664, 1)
        at(0x80, "Q", sym("KdDebuggerDataBlock"))
        at(0x88, "IIQ", len(runs), 0, sum(n for _, n in runs))
        for i, run in enumerate(runs):
            at(0x98 + 16 * i, "QQ", *run)
        context = bytearray(3000)
        struct.pack_into("<I", context, 0x30, 0x10000f)
        for i in range(17):  # Rax to Rip
            struct.pack_into("<Q", context, 0x78 + 8 * i, 0x1111111111111111 * (i % 15 + 1))
        struct.pack_into("<I", context, 0x44, 0x246)
        h[0x348:0x348 + len(context)] = context
        at(0xf98, "I", kind)
        at(0xfa0, "Q", 0x2000 + PAGE * sum(n for _, n in runs))
    else:
        at(0x10, "IIIIII", w.vcpu["cr3"], 0, sym("PsLoadedModuleList"), sym("PsActiveProcessHead"), 0x14c, 1)
        h[0x5c] = w.g.kind == "pae"
        at(0x60, "I", sym("KdDebuggerDataBlock"))
        at(0x64, "II", len(runs), sum(n for _, n in runs))
        for i, run in enumerate(runs):
            at(0x6c + 8 * i, "II", *run)
        context = bytearray(1200)
        struct.pack_into("<I", context, 0, 0x1001f)
        for i in range(11):  # Edi to Esp
            struct.pack_into("<I", context, 0x9c + 4 * i, 0x11111111 * (i + 1))
        h[0x320:0x320 + len(context)] = context
        at(0xf88, "I", kind)
    return bytes(h)


def bitmap_header(w, kind, frames, total):
    bits = bytearray((total + 31) // 32 * 4)
    for f in frames:
        bits[f // 8] |= 1 << f % 8
    behind = 0x2000 if w.g.bits64 else 0x1000
    if kind == SUMMARY:
        at = 0x28 if w.g.bits64 else 0x20
        first = (behind + at + len(bits) + PAGE - 1) & ~(PAGE - 1)
        h = struct.pack("<4s4sIIIII", b"SDMP", b"DUMP", 0, first, total, len(frames), total)
    else:
        at = 0x38
        first = (behind + at + len(bits) + PAGE - 1) & ~(PAGE - 1)
        h = struct.pack("<4s4sIIQQQQQ", b"FDMP" if kind == BITMAP_FULL else b"SDMP", b"DUMP", 0, 0, 0, 0, first, len(frames), total)
    return (h.ljust(at, b"\0") + bytes(bits)).ljust(first - behind, b"\0")


def needed(w):
    """Frames without which no kernel would be found: those of its image and of the shared page, and System's tables to them."""
    keep = set(range(w.base_pa // PAGE, (w.base_pa + w.image_size) // PAGE + 1))
    keep |= {w.system.page[w.kuser] // PAGE, w.system.page[w.processes[0][1] & ~0xfff] // PAGE}
    depth = len(w.g.levels)
    for va in (*range(w.base, w.base + w.image_size, w.g.large), w.base + w.image_size - 1, w.kuser, w.processes[0][1]):
        large = va != w.kuser and va != w.processes[0][1]
        keep |= {w.system.cell(va, d) // PAGE for d in range(depth - large)}
    return keep


def write(w, kind, path):
    """full: three runs with holes where nothing was allocated. Others: what was allocated."""
    total = len(w.m.data) // PAGE
    free = set(w.m.free)
    with open(path, "wb") as f:
        if kind == FULL:
            middle = total // 2
            runs = [(0, 0x9f), (0x100, middle - 0x100), (middle, total - middle)]
            f.write(header(w, kind, runs))
            for first, n in runs:
                f.write(w.m.data[first * PAGE:(first + n) * PAGE])
            return
        frames = [n for n in range(total) if n not in free]
        if kind == HOLES:
            keep = needed(w)
            frames = [n for n in frames if w.rng.randrange(9) or n in keep]
            kind = BITMAP_KERNEL
        f.write(header(w, kind, [(0, total)]))
        f.write(bitmap_header(w, kind, frames, total))
        for n in frames:
            f.write(w.m.data[n * PAGE:(n + 1) * PAGE])
