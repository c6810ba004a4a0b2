# SPDX-License-Identifier: BSD-2-Clause
"""What is taken from a paused guest: its memory, and what QEMU knows of its vCPUs and page tables."""

import contextlib
import os
import random
import re
import shutil
import time

from qmp import QmpError
from sysregs import read_system_registers

FORMATS = ["raw", "elf", "elf-paging", "kdump-zlib", "kdump-lzo", "kdump-snappy"]


def ram_ranges(qmp, backend):
    """Guest-physical extents of RAM: (start, end, offset in the RAM block), merged, from QEMU's
    flattened view of system memory."""
    name = "lab-ram" if backend != "anon" else None
    ranges, view = [], False
    for line in qmp.monitor("info mtree -f").splitlines():
        if line.startswith("FlatView"):
            view = False
        if re.match(r'\s*AS "memory"', line):
            view = True
        match = re.match(
            r"\s+([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, (ram|rom)\): (\S+)(?: @([0-9a-f]+))?",
            line,
        )
        if not (view and match):
            continue
        start, end, block, offset = (
            int(match[1], 16),
            int(match[2], 16) + 1,
            match[4],
            int(match[5] or "0", 16),
        )
        if block not in (name, "pc.ram", "mach-virt.ram", "/objects/lab-ram"):
            continue
        if (
            ranges
            and ranges[-1][1] == start
            and ranges[-1][2] + ranges[-1][1] - ranges[-1][0] == offset
        ):
            ranges[-1][1] = end
        else:
            ranges.append([start, end, offset])
    if not ranges:
        raise QmpError("QEMU's memory tree shows no RAM")
    return ranges


def dump_raw(qmp, ranges, path):
    """pmemsave from the first to the last byte of RAM. Gaps of more than 1 MiB (the PCI hole)
    become holes of the file."""
    spans = []
    for start, end, _ in ranges:
        if (
            spans and start - spans[-1][1] <= 1 << 20
        ):  # the VGA window and ROM area below 1 MiB belong to the span
            spans[-1][1] = end
        else:
            spans.append([start, end])
    base = spans[0][0]
    qmp.command("pmemsave", val=base, size=spans[0][1] - base, filename=path)
    for start, end in spans[1:]:
        part = path + ".part"
        try:
            qmp.command("pmemsave", val=start, size=end - start, filename=part)
            with open(part, "rb") as source, open(path, "r+b") as target:
                target.seek(start - base)
                shutil.copyfileobj(source, target, 1 << 24)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(part)


def dump_as(qmp, form, path):
    qmp.command(
        "dump-guest-memory",
        paging=form == "elf-paging",
        protocol="file:" + path,
        **({"format": form} if form.startswith("kdump") else {}),
    )


def chosen_addresses(truth, registers, ram_size):
    """A few hundred virtual addresses: kernel and module symbols, places near what the registers
    point at (the direct map), user pages of every process (PID 1 ran last, so its page tables are
    the ones in use), and some that are mapped nowhere."""
    pick = random.Random(1)
    kernel, modules = [], []
    with open(f"{truth}/kallsyms", encoding="utf-8", errors="replace") as f:
        for line in f:
            fields = line.split()
            address = int(fields[0], 16)
            if address > 0x1000000:  # per-CPU symbols are offsets
                (modules if len(fields) > 3 else kernel).append(address)
    addresses = pick.sample(kernel, min(200, len(kernel))) + pick.sample(
        modules, min(60, len(modules))
    )
    top = 1 << (64 if max(kernel) >> 32 else 32)
    window = 1 << (ram_size - 1).bit_length()
    near = {
        int(value, 16) // window * window for value in re.findall(r"\b[0-9a-f]{8,16}\b", registers)
    }
    for base in sorted(base for base in near if top // 2 < base < top - (1 << 20)):
        addresses += [base + pick.randrange(window) for _ in range(20)]
    addresses += [pick.randrange(top) for _ in range(20)]
    for pid in sorted(os.listdir(f"{truth}/proc"), key=int):
        with contextlib.suppress(OSError), open(
            f"{truth}/proc/{pid}/pagemap", encoding="ascii"
        ) as f:
            lines = f.read().splitlines()
            wanted = 60 if pid == "1" else 4
            addresses += [
                int(line.split()[0], 16) + pick.randrange(4096)
                for line in pick.sample(lines, min(wanted, len(lines)))
            ]
    return [address for address in addresses if address < top]


def write_gva2gpa(qmp, truth, smp, addresses):
    with open(f"{truth}/gva2gpa", "w", encoding="ascii") as f:
        f.write(
            "# cpu, guest-virtual, guest-physical as QEMU's own page walk on that vCPU gives it\n"
        )
        for cpu in range(smp):
            for address in addresses:
                answer = qmp.monitor(f"gva2gpa {address:#x}", cpu)
                match = re.search(r"gpa: (?:0x)?([0-9a-f]+)", answer)
                f.write(f"{cpu} {address:#x} {'0x' + match[1] if match else 'unmapped'}\n")


def write_lines(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("\r", ""))


def pause_and_record(guest, backend):
    """Stops the vCPUs and writes what QEMU knows of them and of memory."""
    qmp, folder = guest.qmp, guest.folder
    time.sleep(0.5)  # the guest's last exit to the host was READY: let it fall asleep
    qmp.command("stop")
    write_lines(f"{folder}/truth/paused-at", f"{time.time():.6f}\n")
    registers = qmp.monitor("info registers -a")
    write_lines(f"{folder}/registers", registers)
    if guest.row["arch"] == "arm64":
        qmp.monitor(f"gdbserver unix:{folder}/gdb.sock,server=on,wait=off")
        write_lines(
            f"{folder}/system-registers",
            read_system_registers(f"{folder}/gdb.sock", int(guest.row["smp"])),
        )
    write_lines(f"{folder}/truth/mtree", qmp.monitor("info mtree -f"))
    ranges = ram_ranges(qmp, backend)
    base = ranges[0][0]
    write_lines(
        f"{folder}/truth/ram",
        "# guest-physical start, end, offset in the RAM block, offset in mem.raw\n"
        + "".join(
            f"{start:#x} {end:#x} {offset:#x} {start - base:#x}\n" for start, end, offset in ranges
        ),
    )
    addresses = chosen_addresses(f"{folder}/truth", registers, ranges[-1][1] - base)
    write_gva2gpa(qmp, f"{folder}/truth", int(guest.row["smp"]), addresses)
    return ranges
