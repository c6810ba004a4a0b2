# SPDX-License-Identifier: BSD-2-Clause
"""Reads arm64 system registers (TTBR1_EL1, TCR_EL1, ...), which `info registers` leaves out, through
QEMU's gdb stub."""

import re
import socket
import xml.etree.ElementTree


class Gdb:
    """The few packets of gdb's remote protocol that reading registers takes (gdb manual, appendix E)."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rwb")

    def ask(self, text):
        data = text.encode()
        self.stream.write(b"$" + data + b"#%02x" % (sum(data) & 255))
        self.stream.flush()
        reply = bytearray()
        while self.stream.read(1) != b"$":  # acknowledgements
            pass
        while (byte := self.stream.read(1)) != b"#":
            reply += bytes([self.stream.read(1)[0] ^ 0x20]) if byte == b"}" else byte
            if not byte:
                raise OSError("the gdb stub closed the connection")
        self.stream.read(2)
        self.stream.write(b"+")
        self.stream.flush()
        return reply.decode("latin-1")

    def annex(self, name):
        text = ""
        while True:
            part = self.ask(f"qXfer:features:read:{name}:{len(text):x},800")
            if part[:1] not in ("m", "l"):
                return text
            text += part[1:]
            if part[0] == "l":
                return text

    def close(self):
        self.stream.close()
        self.socket.close()


def read_system_registers(path, cpus):
    """Lines "cpu name value" of every 32- and 64-bit register of the stub's system register list."""
    gdb = Gdb(path)
    try:
        gdb.ask("qSupported:multiprocess+;qXfer:features:read+")
        number, wanted = 0, []
        for name in re.findall(r'href="([^"]+)"', gdb.annex("target.xml")):
            # Registers count on from file to file, in the order of target.xml's includes, unless
            # regnum says otherwise
            for register in xml.etree.ElementTree.fromstring(
                re.sub(r"<!DOCTYPE[^>]*>", "", gdb.annex(name))
            ).iter("reg"):
                number = int(register.get("regnum", number))
                if name.startswith("system-registers") and register.get("bitsize") in ("32", "64"):
                    wanted.append((number, register.get("name")))
                number += 1
        lines = []
        for cpu in range(cpus):
            gdb.ask(f"Hgp1.{cpu + 1:x}")
            for number, name in wanted:
                answer = gdb.ask(f"p{number:x}")
                if re.fullmatch(r"[0-9a-f]+", answer):
                    lines.append(
                        f"{cpu} {name} {int.from_bytes(bytes.fromhex(answer), 'little'):#x}\n"
                    )
        return "".join(lines)
    finally:
        gdb.close()
