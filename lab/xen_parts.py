# SPDX-License-Identifier: BSD-2-Clause
"""What lab/xen brings into a boot: archives, kernels, targets' images, programs with their libraries."""

import hashlib
import os
import re
import struct
import subprocess
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
CACHE = os.environ.get("TINYVMI_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tinyvmi"
)
TIMED_OUT, FAILED, NOT_TO_BE_HAD = 124, 125, 123
FIELDS = {"memory": 256, "vcpus": 1, "suite": "bookworm", "append": ""}


class Failure(Exception):
    def __init__(self, text, code=FAILED):
        super().__init__(text)
        self.code = code


def run_tool(name, *arguments):
    result = subprocess.run(
        [os.path.join(HERE, name), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    if result.returncode:
        code = NOT_TO_BE_HAD if result.returncode == 3 else FAILED
        raise Failure(f"lab/{name} {' '.join(arguments)} failed", code)
    return result.stdout.split("\n")


def cached(name, key, make):
    """The path of CACHE/images/NAME-HASH, made by make(work folder, path) unless it is there."""
    digest = hashlib.sha256(key).hexdigest()[:12]
    path = os.path.join(CACHE, "images", f"{name}-{digest}")
    if os.path.exists(path):
        os.utime(path)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with tempfile.TemporaryDirectory(dir=os.path.dirname(path), prefix=".new.") as work:
            make(work, f"{work}/file")
            os.rename(f"{work}/file", path)
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


# --- archives ---


class Cpio:
    """A newc archive, as the kernel's initramfs (its Documentation/driver-api/early-userspace/
    buffer-format.rst). One that follows another adds to it and replaces its files."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.number = 0
        self.folders, self.once = {"."}, set()

    def _entry(self, name, mode, content):
        name = name.encode() + b"\0"
        self.number += 1
        fields = [self.number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0]
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + name
        self.file.write(header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4))

    def folder(self, name):
        if name not in self.folders:
            self.folder(os.path.dirname(name) or ".")
            self.folders.add(name)
            self._entry(name, 0o40755, b"")

    def add(self, name, content, mode=0o644):
        name = os.path.normpath(name).lstrip("/")
        self.folder(os.path.dirname(name) or ".")
        self._entry(
            name, 0o100000 | mode, content if isinstance(content, bytes) else content.encode()
        )

    def add_once(self, name, content, mode):
        if name not in self.once:
            self.once.add(name)
            self.add(name, content, mode)

    def add_path(self, name, path):
        if os.path.isdir(path):
            for entry in sorted(os.listdir(path)):
                self.add_path(f"{name}/{entry}", os.path.join(path, entry))
        else:
            self.add(name, read(path), 0o755 if os.access(path, os.X_OK) else 0o644)

    def close(self):
        self._entry("TRAILER!!!", 0, b"")
        self.file.write(bytes(-self.file.tell() % 512))
        self.file.close()


# --- targets ---


def parse_target(text, names):
    kind, *rest = text.split(",")
    if kind not in ("pvh", "pv"):
        raise Failure(f"a target is pvh or pv, not {kind}")
    target = dict(FIELDS, type=kind, extra=[])
    for item in rest:
        key, separator, value = item.partition("=")
        if not separator:
            raise Failure(f"target: {item} is not KEY=VALUE")
        if key in FIELDS or key == "name":
            target[key] = value
        else:
            target["extra"].append(item if value[:1] in "\"'[0123456789" else f'{key}="{value}"')
    if "name" not in target:
        target["name"] = "target" if "target" not in names else f"target{len(names) + 1}"
    if target["name"] in names or not re.fullmatch(r"[A-Za-z0-9._-]+", target["name"]):
        raise Failure(f"target: the name {target['name']} is taken or no name")
    target["memory"], target["vcpus"] = int(target["memory"]), int(target["vcpus"])
    return target


def compiled(name):
    """A program of lab/NAME.c that needs no libraries."""
    source = f"{HERE}/{name}.c"

    def make(_, path):
        flags = "-std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -s".split()
        subprocess.run(["gcc", *flags, "-o", path, source], check=True)

    return cached(name, read(source) + read(f"{HERE}/xen-link.h"), make)


def module_files(kernel, names):
    """Modules of an unpacked kernel, with those they need, as paths."""
    release = read(f"{kernel}/release").decode().strip()
    files = set()
    for name in names:
        found = subprocess.run(
            ["modprobe", "-d", kernel, "-S", release, "--show-depends", name],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ).stdout
        files.update(re.findall(r"^insmod (\S+)", found, re.M))
    return release, sorted(files)


def target_image(kernel):
    """lab/image's guest with xen-guest-init instead of its init, what that starts, and its modules."""
    image = run_tool("image", kernel, "amd64")[0]
    programs = {name: compiled(f"xen-{name}") for name in ("agent", "events")}
    init = read(f"{HERE}/xen-guest-init")
    release, modules = module_files(kernel, ["xen-gntalloc", "xen-privcmd", "msr"])

    def make(work, path):
        overlay = Cpio(f"{work}/overlay")
        overlay.add("init", init, 0o755)
        overlay.add("bin/xen-agent", read(programs["agent"]), 0o755)
        overlay.add("bin/events", read(programs["events"]), 0o755)
        for module in modules:
            overlay.add(f"lab/modules/{os.path.basename(module)}", read(module))
        overlay.close()
        with open(path, "wb") as f:
            f.write(read(image) + read(f"{work}/overlay"))

    key = repr((image, programs, release, modules)).encode() + init
    return cached("xen-guest.cpio", key, make)


def plain_kernel(kernel):
    """The kernel without its compression, which Xen and xl would otherwise undo under emulation, in ten
    seconds each; 4.14's do not know zstd at all. Where the payload lies: Documentation/arch/x86/boot.rst,
    setup_sects, payload_offset and payload_length (protocol 2.08)."""
    image = read(f"{kernel}/vmlinuz")
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (image[0x1F1] + 1) * 512 + offset
    payload = image[start : start + length]
    tools = {b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip"}
    tool = next((tools[magic] for magic in tools if payload.startswith(magic)), None)
    if not tool:
        return f"{kernel}/vmlinuz"

    def make(_, path):
        # the payload ends with its size, which the tools take for garbage and say so after their work
        plain = subprocess.run(
            [tool, "-dcq"], input=payload, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        if not plain.stdout.startswith(b"\x7fELF"):
            raise Failure(f"{kernel}/vmlinuz: {tool} cannot unpack it")
        with open(path, "wb") as f:
            f.write(plain.stdout)

    return cached("vmlinux", kernel.encode(), make)


def target_config(target, folder):
    arguments = f"console=hvc0 loglevel=4 panic=-1 {target['append']}".strip()
    return "\n".join(
        [
            f'name="{target["name"]}"',
            f'type="{target["type"]}"',
            f'kernel="{folder}/vmlinux"',
            f'ramdisk="{folder}/initrd"',
            f'extra="{arguments}"',
            f"memory={target['memory']}",
            f"vcpus={target['vcpus']}",
            'on_crash="preserve"',
            *target["extra"],
            "",
        ]
    )


# --- what this boot brings into dom0 ---


def libc_version(path):
    found = re.search(rb"GNU C Library [^\n]*version (\d+)\.(\d+)", read(path))
    return tuple(int(number) for number in found.groups()) if found else (0, 0)


def add_program(archive, path, name, root):
    """A program of this machine at /lab/bin/NAME. Its libraries come along, since dom0 (root) is of
    another suite; libc is the newer one of both, as each is good for older programs only, and Xen's
    libraries are dom0's, as they must fit its hypervisor."""
    listing = subprocess.run(
        ["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    found = re.findall(r"(?:=> )?(/\S+) \(0x", listing.stdout)
    if not found:  # static, or a script
        archive.add_path(f"/lab/bin/{name}", path)
        return
    folder = f"{root}/lib/x86_64-linux-gnu"
    for missing in re.findall(r"(\S+) => not found", listing.stdout):
        if not os.path.exists(f"{folder}/{missing}"):
            raise Failure(f"{path} needs {missing}, which is not here")
    libc = next(library for library in found if "/libc.so.6" in library)
    ours_first = libc_version(libc) > libc_version(f"{folder}/libc.so.6")
    for library in found:
        base = os.path.basename(library)
        if not (base.startswith("libxen") and os.path.exists(f"{folder}/{base}")):
            archive.add_once(f"/lab/lib/{base}", read(library), 0o755)
    if ours_first:
        # For dom0's libraries, which may name these: parts of libc fit their own libc only
        for base in ("libpthread.so.0", "libdl.so.2", "librt.so.1", "libm.so.6", "libutil.so.1"):
            beside = os.path.join(os.path.dirname(libc), base)
            if os.path.exists(beside):
                archive.add_once(f"/lab/lib/{base}", read(beside), 0o755)
    archive.add(f"/lab/lib/programs/{name}", read(path), 0o755)
    loader, where = "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu:/lab/lib"
    if ours_first:
        loader, where = "/lab/lib/ld-linux-x86-64.so.2", "/lab/lib:/lib/x86_64-linux-gnu"
    wrapper = f'#!/bin/sh\nexec {loader} --library-path {where} /lab/lib/programs/{name} "$@"\n'
    archive.add(f"/lab/bin/{name}", wrapper, 0o755)


def split_pair(text):
    host, separator, inside = text.rpartition(":")
    if not separator:
        host, inside = text, os.path.basename(text)
    if not os.path.exists(host):
        raise Failure(f"{host}: no such file")
    return host, inside


def host_tools():
    """Programs of ours in dom0, by name."""
    return {"xen-target": compiled("xen-target")}
