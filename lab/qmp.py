# SPDX-License-Identifier: BSD-2-Clause
"""A QMP client, as small as the lab needs it."""

import json
import socket


class QmpError(Exception):
    pass


class Qmp:
    def __init__(self, path, timeout=600):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rw", encoding="utf-8", errors="replace")
        if "QMP" not in self._receive():
            raise QmpError(f"{path} does not speak QMP")
        self.command("qmp_capabilities")

    def _receive(self):
        line = self.stream.readline()
        if not line:
            raise QmpError("QEMU closed the connection")
        return json.loads(line)

    def command(self, name, **arguments):
        """Executes one command; events that come in between are dropped."""
        json.dump({"execute": name, "arguments": arguments}, self.stream)
        self.stream.write("\n")
        self.stream.flush()
        while True:
            reply = self._receive()
            if "return" in reply:
                return reply["return"]
            if "error" in reply:
                raise QmpError(f"{name}: {reply['error']['desc']}")

    def monitor(self, line, cpu=None):
        """Executes a line of the human monitor and returns its text."""
        arguments = {"command-line": line}
        if cpu is not None:
            arguments["cpu-index"] = cpu
        return self.command("human-monitor-command", **arguments)

    def close(self):
        self.stream.close()
        self.socket.close()
