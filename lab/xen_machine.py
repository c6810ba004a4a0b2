# SPDX-License-Identifier: BSD-2-Clause
"""The machine of lab/xen: QEMU with Xen and a dom0 that takes commands from its console; snapshots of it.

Dom0 boots, starts its targets, says "lab: ready" on the console and then reads commands from there: run N,
shell, end (lab/xen-init). So a machine in that state can be kept: RAM as a file that later runs map
copy-on-write, the rest as a migration stream (QEMU's x-ignore-shared leaves shared RAM out of it)."""

import contextlib
import ctypes
import fcntl
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time

import qmp
from xen_parts import CACHE, Failure, cached, read

SNAPSHOTS_KEPT = 16
XEN_MIB, DOM0_MIB, DOMAIN_EXTRA_MIB = 384, 768, 48
INT_CHECK = b"\x31\xd2\xbe\x75\x00\x00\x00\xe8"
# where Debian's QEMU finds its firmware and its modules; the copy would look beside itself
FIRMWARE = ["-L", "/usr/share/qemu", "-L", "/usr/share/seabios"]
MODULES = "/usr/lib/x86_64-linux-gnu/qemu"
READY = re.compile(rb"^lab: ready", re.M)
BROKEN = re.compile(
    rb"^lab: failed: ([^\r\n]*)|(Panic on CPU [^\r\n]*)|(Kernel panic[^\r\n]*)", re.M
)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def qemu_command(options, memory, modules):
    """Paths are relative to the machine's folder: QEMU splits -initrd at commas and spaces.
    MODULES are further ones for Xen."""
    xen = (
        f"console=com1 com1=115200,8n1 dom0_mem={DOM0_MIB}M,max:{DOM0_MIB}M dom0_max_vcpus={options.smp} "
        f"sched=credit bootscrub=0 loglvl=all guest_loglvl=all {options.xen_append}"
    ).strip()
    dom0 = f"console=hvc0 loglevel=4 panic=-1 {options.dom0_append}".strip().replace(",", ",,")
    # fmt: off
    return [
        "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-S",
        "-name", "tinyvmi-xen", "-accel", "tcg,thread=multi,tb-size=512",
        "-machine", "pc,memory-backend=ram", "-m", f"{memory}M",
        "-cpu", "qemu64,+svm,+npt,+pdpe1gb", "-smp", str(options.smp), "-rtc", "base=utc",
        "-chardev", "socket,id=console,path=console.sock,server=on,wait=off,logfile=console.log,logappend=on",
        "-serial", "chardev:console", "-qmp", "unix:qmp.sock,server=on,wait=off",
        "-fsdev", "local,id=lab,path=host,security_model=none",
        "-device", "virtio-9p-pci,fsdev=lab,mount_tag=lab",
        "-kernel", "xen", "-append", xen, "-initrd", ",".join([f"vmlinux {dom0}", "dom0.cpio", *modules]),
        *shlex.split(options.qemu),
    ]
    # fmt: on


def qemu_program():
    """QEMU, with one byte of it changed. Its emulated SVM never tells a hypervisor of a guest's INT3: for software
    interrupts raise_interrupt2 (target/i386/tcg/excp_helper.c) looks at the intercept of INT n alone
    (SVM_EXIT_SWINT, 0x75), which no hypervisor wants, where AMD's CPU looks at that of #BP
    (SVM_EXIT_EXCP_BASE + 3, 0x43; APM volume 2, 15.12). A 64-bit Linux uses no other software interrupt. So in a
    copy the number is 0x43. Returns that, or QEMU as it is when there is no such place in it."""
    path = shutil.which("qemu-system-x86_64")
    if not path:
        raise Failure("qemu-system-x86_64 is missing (lab/setup lab/xen-packages.txt)")
    program = read(path)
    # xor edx, edx; mov esi, 0x75; call cpu_svm_check_intercept_param
    if program.count(INT_CHECK) != 1:
        return path

    def make(_, copy):
        with open(copy, "wb") as f:
            f.write(program.replace(INT_CHECK, INT_CHECK.replace(b"\x75", b"\x43")))
        os.chmod(copy, 0o755)

    return cached("qemu-xen", program, make)


class Machine:
    """One QEMU, in a folder that holds xen, vmlinux, dom0.cpio and host/, what dom0 sees over 9p."""

    def __init__(self, folder):
        self.folder = folder
        self.console_path = f"{folder}/console.log"
        self.seen = 0  # what of the console has been looked at
        self.runs = 0
        self.process = self.socket = self.control = None
        self.screen = None  # called with what the console prints
        os.makedirs(f"{folder}/host/logs", exist_ok=True)

    def start(self, command, ram, private, memory, incoming=None):
        """RAM is a file or None; private maps it copy-on-write. INCOMING is the rest of a snapshot."""
        backend = f"memory-backend-ram,id=ram,size={memory}M"
        if ram:
            share = "off" if private else "on"
            backend = f"memory-backend-file,id=ram,mem-path={ram},size={memory}M,share={share}"
        command = [qemu_program(), *FIRMWARE, *command[1:], "-object", backend]
        if incoming:
            command += ["-incoming", "defer"]
        with open(f"{self.folder}/command", "w", encoding="utf-8") as f:
            f.write(shlex.join(command) + "\n")
        if os.path.exists(self.console_path):
            self.seen = os.path.getsize(self.console_path)
        with open(f"{self.folder}/qemu.log", "wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=dict(os.environ, QEMU_MODULE_DIR=MODULES),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        self._connect()
        if incoming:
            self._migrate("migrate-incoming", f"exec:cat {shlex.quote(incoming)}")
        self.control.command("cont")

    def _connect(self):
        here = os.open(".", os.O_RDONLY)  # a socket's path may not be long
        os.chdir(self.folder)
        try:
            for _ in range(200):
                with contextlib.suppress(OSError):
                    self.control = qmp.Qmp("qmp.sock")
                    break
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
            if not self.control:
                raise Failure(f"QEMU does not start\n{self.log()}")
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect("console.sock")
        finally:
            os.chdir(here)
            os.close(here)
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self):
        with contextlib.suppress(OSError, ValueError):
            while data := self.socket.recv(65536):
                if self.screen:
                    self.screen(data)

    def _migrate(self, command, uri):
        self.control.command(
            "migrate-set-capabilities",
            capabilities=[{"capability": "x-ignore-shared", "state": True}],
        )
        self.control.command("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.control.command(command, uri=uri)
        while True:
            status = self.control.command("query-migrate").get("status")
            if status == "completed":
                return
            if status == "failed" or self.process.poll() is not None:
                raise Failure(f"{command} failed\n{self.log()}")
            time.sleep(0.02)

    def save(self, path):
        self.control.command("stop")
        self._migrate("migrate", f"exec:cat >{shlex.quote(path)}")
        self.control.command("quit")
        self.process.wait()

    def log(self):
        with contextlib.suppress(OSError):
            return read(f"{self.folder}/qemu.log").decode("utf-8", "replace")
        return ""

    def console_tail(self, lines=30):
        with contextlib.suppress(OSError):
            text = read(self.console_path).decode("utf-8", "replace")
            return "".join(f"    {line.rstrip()}\n" for line in text.splitlines()[-lines:])
        return ""

    def check(self, what):
        """Raises a Failure if the machine is no longer fit to do WHAT."""
        with contextlib.suppress(FileNotFoundError), open(self.console_path, "rb") as f:
            f.seek(self.seen)
            if broken := BROKEN.search(f.read()):
                reason = next(part for part in broken.groups() if part is not None)
                raise Failure(f"{reason.decode('utf-8', 'replace')}\n{self.console_tail()}")
        if self.process.poll() is not None:
            raise Failure(
                f"{what}: the emulator ended with {self.process.returncode}\n{self.log()}{self.console_tail()}"
            )

    def wait_ready(self, seconds):
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(FileNotFoundError), open(self.console_path, "rb") as f:
                f.seek(self.seen)
                if READY.search(f.read()):
                    return
            self.check("boot")
            if time.monotonic() > end:
                raise Failure(f"dom0 was not ready after {seconds} s\n{self.console_tail()}")
            time.sleep(0.05)

    def say(self, line):
        self.socket.sendall(line.encode() + b"\n")

    def bring(self, name, archive):
        """Lays what a run brings in where dom0 looks for it."""
        os.makedirs(f"{self.folder}/host/{name}/out")
        shutil.move(archive, f"{self.folder}/host/{name}/in.cpio")

    def answered(self, name):
        """Whether dom0 has finished that; then its results are in host/NAME."""
        return os.path.exists(f"{self.folder}/host/{name}/status")

    def run(self, archive, seconds, output):
        """Runs what the archive brings; OUTPUT gets what it prints. Returns its status."""
        self.runs += 1
        folder = f"{self.folder}/host/{self.runs}"
        self.bring(self.runs, archive)
        self.say(f"run {self.runs}")
        end, at = time.monotonic() + seconds, 0
        while True:
            done = self.answered(self.runs)
            with contextlib.suppress(FileNotFoundError), open(f"{folder}/output", "rb") as f:
                f.seek(at)
                data = f.read()
                at += len(data)
                output(data)
            if done:
                break
            self.check("run")
            if time.monotonic() > end:
                raise Failure(f"dom0 gives no result\n{self.console_tail()}")
            time.sleep(0.02)
        return int(read(f"{folder}/status").decode())

    def end(self, seconds=30):
        """Lets dom0 write its logs, then ends the emulator, whatever state it is in."""
        if not self.process:
            return
        if self.process.poll() is None and self.socket:
            with contextlib.suppress(OSError):
                self.say("end")
                deadline = time.monotonic() + seconds
                while time.monotonic() < deadline and self.process.poll() is None:
                    if self.answered("logs"):
                        break
                    time.sleep(0.02)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


# --- snapshots ---


@contextlib.contextmanager
def locked(path):
    with open(path, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def bound_snapshots(folder):
    """Keeps the newest; one in use stays readable to those who have it open."""
    found = [f"{folder}/{name}" for name in os.listdir(folder) if os.path.isdir(f"{folder}/{name}")]
    for old in sorted(found, key=os.path.getmtime, reverse=True)[SNAPSHOTS_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def make_snapshot(key, make, seconds):
    """The folder CACHE/xen/KEY with what MAKE(folder) put there, a machine that is ready; it is to save
    it with machine.save. The console's text is beside it."""
    folder = f"{CACHE}/xen"
    os.makedirs(folder, exist_ok=True)
    path = f"{folder}/{key}"
    with locked(f"{folder}/{key}.lock"):
        if os.path.exists(f"{path}/state"):
            os.utime(path)
            return path
        new = f"{folder}/.new.{key}"
        shutil.rmtree(new, ignore_errors=True)
        os.makedirs(new)
        machine = make(new)
        try:
            machine.wait_ready(seconds)
            machine.save(f"{new}/state")
            shutil.move(machine.console_path, f"{new}/console.log")
            os.rename(new, path)
        finally:
            machine.end()
            shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(machine.folder)
    bound_snapshots(folder)
    return path
