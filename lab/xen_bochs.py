# SPDX-License-Identifier: BSD-2-Clause
"""The machine of lab/xen --vmx: Bochs, which emulates VMX, EPT and the monitor trap flag.

It has no 9p: commands and what a run brings in lie on a disk, and so do its results. Its serial port is a
TCP connection to us. Its state is saved by lab/xen-bochs-shim.c."""

import contextlib
import io
import os
import re
import shutil
import socket
import subprocess
import tarfile
import threading
import time

from xen_machine import DOM0_MIB, Machine, die_with_parent
from xen_parts import Failure, read, run_tool

DISK_MIB, RESULTS_MIB = (
    96,
    32,
)  # what a run brings in lies at 1 MiB, its results from RESULTS_MIB on
CPU_MODEL = (
    "corei7_haswell_4770"  # has all of VMX that is wanted; with Skylake's a PVH target crashes
)
IPS = 150000000

CONFIG = """\
cpu: model={model}, count=1, ips={ips}, reset_on_triple_fault=1, ignore_bad_msrs=1
memory: guest={memory}, host={memory}
romimage: file=$BXSHARE/BIOS-bochs-latest
vgaromimage: file=$BXSHARE/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=xen.iso, status=inserted
ata0-slave: type=disk, path=disk, mode=flat, cylinders={cylinders}, heads=16, spt=63
boot: cdrom
com1: enabled=1, mode=socket-client, dev=localhost:{port}
display_library: x
log: bochs.log
clock: sync=none, time0=utc
panic: action=report
error: action=report
info: action=ignore
debug: action=ignore
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
plugin_ctrl: unmapped=true, biosdev=true, speaker=false, extfpuirq=true, parallel=false, serial=true, \
iodebug=true, gameport=false
"""

GRUB = """\
set timeout=0
set gfxpayload=text
terminal_output console
menuentry xen {{
 multiboot2 /boot/xen vga=text-80x25 {xen}
 module2 /boot/vmlinux {dom0}
 module2 --nounzip /boot/dom0.cpio
 boot
}}
"""

MACHINE = f"{CONFIG}{GRUB}{CPU_MODEL} {IPS} {DISK_MIB} {RESULTS_MIB}"  # what a snapshot fits


def xen_arguments(options):
    return (
        f"console=com1 com1=115200,8n1 dom0_mem={DOM0_MIB}M,max:{DOM0_MIB}M dom0_max_vcpus=1 sched=credit "
        f"bootscrub=0 loglvl=all guest_loglvl=all altp2m=1 {options.xen_append}"
    ).strip()


def cylinders():
    return DISK_MIB * 2048 // (16 * 63) + 1


class BochsMachine(Machine):
    def __init__(self, folder):
        super().__init__(folder)
        self.display = self.server = None
        self.commands = 0

    def make_image(self, options):
        """What BIOS and GRUB boot, from xen, vmlinux and dom0.cpio of the folder."""
        tree = f"{self.folder}/iso/boot"
        os.makedirs(f"{tree}/grub")
        for name in ("xen", "vmlinux", "dom0.cpio"):
            shutil.copyfile(f"{self.folder}/{name}", f"{tree}/{name}")
        dom0 = f"console=hvc0 loglevel=4 panic=-1 {options.dom0_append}".strip()
        with open(f"{tree}/grub/grub.cfg", "w", encoding="utf-8") as f:
            f.write(GRUB.format(xen=xen_arguments(options), dom0=dom0))
        result = subprocess.run(
            ["grub-mkrescue", "-o", f"{self.folder}/xen.iso", f"{self.folder}/iso"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if result.returncode:
            raise Failure(f"grub-mkrescue failed\n{result.stdout[-800:]}")
        shutil.rmtree(f"{self.folder}/iso")

    def start(self, memory, state=None):
        """From the image, or from a folder with a saved state."""
        self.server = socket.create_server(("127.0.0.1", 0))
        port = self.server.getsockname()[1]
        with open(f"{self.folder}/disk", "wb") as f:
            f.truncate(cylinders() * 16 * 63 * 512)
        arguments = ["-q", "-f", "bochsrc", "-rc", "rc"]
        if state:
            self._use_state(state, port)
            arguments = ["-q", "-r", "state", "-rc", "rc"]
        with open(f"{self.folder}/bochsrc", "w", encoding="utf-8") as f:
            f.write(
                CONFIG.format(
                    model=CPU_MODEL, ips=IPS, memory=memory, port=port, cylinders=cylinders()
                )
            )
        with open(f"{self.folder}/rc", "w", encoding="utf-8") as f:
            f.write("c\n")  # Debian's Bochs has its debugger, which waits for this
        if os.path.exists(self.console_path):
            self.seen = os.path.getsize(self.console_path)
        self._start_display()
        with open(f"{self.folder}/qemu.log", "ab") as log:
            self.process = subprocess.Popen(
                [f"{run_tool('xen-bochs')[0]}/bochs", *arguments],
                cwd=self.folder,
                env=dict(os.environ, DISPLAY=f":{self.display_number}", HOME=self.folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        self.server.settimeout(60)
        try:
            self.socket, _ = self.server.accept()
        except OSError:
            raise Failure(f"Bochs does not start\n{self.log()}") from None
        self.socket.settimeout(None)
        threading.Thread(target=self._record, daemon=True).start()
        if state:
            self._await_restored()

    def _await_restored(self):
        """Bochs connects first and restores then, the disk's contents too."""
        end = time.monotonic() + 300
        while time.monotonic() < end:
            self.say(f"ping {self.commands}")
            for _ in range(20):
                time.sleep(0.1)
                self.check("restore")
                with open(self.console_path, "rb") as f:
                    f.seek(self.seen)
                    if b"lab: here" in f.read():
                        return
        raise Failure(f"Bochs does not go on from its saved state\n{self.log()}")

    def say(self, line):
        self.commands += 1
        with open(f"{self.folder}/disk", "r+b") as disk:
            disk.write(f"{self.commands} {line}\n".encode().ljust(512, b"\0"))

    def _use_state(self, state, port):
        os.makedirs(f"{self.folder}/state")
        for name in os.listdir(state):
            os.symlink(f"{state}/{name}", f"{self.folder}/state/{name}")
        config = read(f"{state}/config").decode()
        os.unlink(f"{self.folder}/state/config")
        with open(f"{self.folder}/state/config", "w", encoding="utf-8") as f:
            f.write(re.sub(r"localhost:\d+", f"localhost:{port}", config))

    def _start_display(self):
        """A screen that nobody sees: Bochs' other displays do not work (rfb, term) or need one too."""
        reading, writing = os.pipe()
        self.display = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "800x600x24", "-nolisten", "tcp"],
            pass_fds=[writing],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        os.close(writing)
        with os.fdopen(reading) as f:
            self.display_number = f.readline().strip()
        if not self.display_number:
            raise Failure("Xvfb does not start")

    def _record(self):
        with open(self.console_path, "ab", buffering=0) as log, contextlib.suppress(
            OSError, ValueError
        ):
            while data := self.socket.recv(65536):
                log.write(data)
                if self.screen:
                    self.screen(data)

    def save(self, path):
        """The state, without the image, which a restored machine does not read any more."""
        os.mkdir(f"{self.folder}/state")
        open(f"{self.folder}/save", "wb").close()
        try:
            if self.process.wait(120):
                raise Failure(f"Bochs could not save its state\n{self.log()}")
        except subprocess.TimeoutExpired:
            raise Failure(f"Bochs did not save its state\n{self.log()}") from None
        shutil.move(f"{self.folder}/state", path)

    def bring(self, name, archive):
        with open(f"{self.folder}/disk", "r+b") as disk, open(archive, "rb") as f:
            if os.path.getsize(archive) > (RESULTS_MIB - 1) << 20:
                raise Failure(f"what the run brings in is more than {RESULTS_MIB - 1} MiB")
            disk.seek(1 << 20)
            shutil.copyfileobj(f, disk)
        os.makedirs(f"{self.folder}/host/{name}/out")

    def results(self):
        """What dom0 left on the disk goes to host/, as it would with 9p."""
        with open(f"{self.folder}/disk", "rb") as disk:
            disk.seek(RESULTS_MIB << 20)
            with contextlib.suppress(tarfile.TarError), tarfile.open(
                fileobj=io.BytesIO(disk.read()), mode="r:"
            ) as archive:
                archive.extractall(f"{self.folder}/host")

    def answered(self, name):
        with open(self.console_path, "rb") as f:
            f.seek(self.seen)
            text = f.read()
        if f"lab: answered {name}".encode() not in text:
            return False
        self.results()
        return True

    def end(self, seconds=60):
        super().end(seconds)
        if self.display:
            self.display.kill()
            self.display.wait()
        for opened in (self.socket, self.server):
            if opened:
                opened.close()
