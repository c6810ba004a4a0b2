# SPDX-License-Identifier: BSD-2-Clause
"""Processes, their threads, what their loaders have loaded (also the 32-bit one of a 64-bit system)."""
import struct

from mk.memory import A, D, P, U, W

# PS_PROTECTION: type (1 light, 2 whole), signer << 4 (1 authenticode ... 4 lsa, 6 WinTcb, 7 WinSystem)
PROTECTION = {"System": 0x72, "smss.exe": 0x61, "csrss.exe": 0x61, "services.exe": 0x61, "lsass.exe": 0x41}
# KTHREAD_STATE and KWAIT_REASON (ntddk.h): ready, running, waiting; Executive, UserRequest, WrQueue
READY, RUNNING, TERMINATED, WAITING = 1, 2, 4, 5
EXECUTIVE, USER_REQUEST, WR_QUEUE = 0, 6, 15


class Processes:
    def process(self, pid, ppid, name, session, exited=False, kernel=False):
        space = self.system if kernel else self.new_space()
        e = self.object("Process", self.t.size("_EPROCESS"))
        create = 0 if kernel and self.xp else self.boot + (pid + 30) * 1234567
        protection = None if self.seven else PROTECTION.get(name, 0) if self.has("_EPROCESS.Protection") else 0
        p = {"pid": pid, "ppid": ppid, "comm": name[:14 if self.g.bits64 else 15], "object": e, "dtb": space.root, "session": session,
             "create": create, "exit": create + 50000000 if exited else 0, "threads": 0 if exited else 3 if kernel else 2,
             "kernel": kernel, "protection": protection, "wow64": name == "calc32.exe" and not self.xp, "user_dtb": 0, "peb": 0,
             "modules": [], "vads": [], "cmdline": "", "handles": [], "threads_list": []}
        self.put(e, "_EPROCESS.Pcb.DirectoryTableBase", space.root | (0 if self.ptr == 4 else 2))
        # _DISPATCHER_HEADER: type 3 is a process, then its size in 4-byte units (ntddk.h, KOBJECTS), a byte of it
        self.system.write(e, bytes([3, 0, self.t.size("_KPROCESS") // 4 & 0xff, 0]))
        for member, v in (("UniqueProcessId", pid), ("InheritedFromUniqueProcessId", ppid)):
            self.put(e, "_EPROCESS." + member, v)
        if self.has("_EPROCESS.OwnerProcessId"):
            self.put(e, "_EPROCESS.OwnerProcessId", ppid | 2 if ppid else 0)
        self.put(e, "_EPROCESS.CreateTime", create, 8)
        self.put(e, "_EPROCESS.ExitTime", p["exit"], 8)
        self.put(e, "_EPROCESS.ActiveThreads", p["threads"], 4)
        if protection:
            self.put(e, "_EPROCESS.Protection", protection, 1)
        self.system.write(e + self.t.off("_EPROCESS.ImageFileName"), p["comm"].encode())
        if session is not None:
            at = self.sessions.setdefault(session, None)
            if at is None:  # _MM_SESSION_SPACE.SessionId, the same in all versions
                at = self.sessions[session] = self.nonpaged(0x20)
                self.raw(at + 8, session, 4)
            self.put(e, "_EPROCESS.Session", at)
        self.processes.append((p, e, space))
        if not kernel and not exited:
            self.user(p, e, space)
        self.make_threads(p, e, space)
        p["tids"] = [t["tid"] for t in p["threads_list"]]

    def make_threads(self, p, e, space):
        """_ETHREAD: on two lists of its process, by a member of its own and by one of its KTHREAD."""
        for i in range(p["threads"]):
            t = self.object("Thread", self.t.size("_ETHREAD"))
            self.threads += 1
            kernel = p["kernel"]
            state = RUNNING if p["pid"] == 1204 and i == 1 else READY if i == 1 else WAITING
            reason = (EXECUTIVE if kernel else USER_REQUEST) if state == WAITING else 0
            if kernel and i == 2:
                reason = WR_QUEUE
            row = {"tid": 8 + 4 * self.threads, "pid": p["pid"], "object": t, "state": state, "wait_reason": reason,
                   "priority": 8 + i + (4 if kernel else 0), "create": p["create"] + (i + 1) * 10000000 if p["create"] else self.boot,
                   "start": self.sym("ExpWorkerThread") if kernel and "ExpWorkerThread" in self.symbols else
                   self.sym("KeBugCheckEx") if kernel else p["modules"][1]["base"] + 0x1230 + 16 * i,
                   "user_start": 0 if kernel else p["modules"][0]["base"] + 0x1010 + 16 * i,
                   "teb": 0 if kernel else p["peb"] + (0x1000 + i * 0x2000 if self.g.bits64 else -0x1000 * (i + 1))}
            p["threads_list"].append(row)
            self.system.write(t, bytes([6, 0, self.t.size("_KTHREAD") // 4 & 0xff, 0]))  # ThreadObject
            self.put(t, "_ETHREAD.Cid.UniqueProcess", p["pid"])
            self.put(t, "_ETHREAD.Cid.UniqueThread", row["tid"])
            # XP keeps the time shifted left by 3, above bits that share the word (_ETHREAD.NestedFaultCount, ApcNeeded)
            self.put(t, "_ETHREAD.CreateTime", row["create"] << 3 if self.has("_ETHREAD.NestedFaultCount") and self.xp else row["create"], 8)
            for path, v in (("StartAddress", row["start"]), ("Win32StartAddress", row["user_start"])):
                self.put(t, "_ETHREAD." + path, v)
            for path, v, size in (("Teb", row["teb"], None), ("State", state, 1), ("WaitReason", reason, 1), ("Priority", row["priority"], 1),
                                  ("Process", e, None)):
                if self.has("_KTHREAD." + path):
                    self.put(t, "_KTHREAD." + path, v, size)
            if row["teb"]:  # NT_TIB.Self (winnt.h); ClientId and the PEB behind it (winternl.h: Reserved1, ProcessEnvironmentBlock)
                for off32, off64, v in ((0x18, 0x30, row["teb"]), (0x20, 0x40, p["pid"]), (0x24, 0x48, row["tid"]), (0x30, 0x60, p["peb"])):
                    self.raw(row["teb"] + (off64 if self.g.bits64 else off32), v, None, space)
            if self.has("_ETHREAD.ThreadsProcess"):
                self.put(t, "_ETHREAD.ThreadsProcess", e)
            if self.has("_KTHREAD.ApcState"):
                self.put(t, "_KTHREAD.ApcState.Process", e)
            if state == RUNNING:
                self.running = row
        rows = [t["object"] for t in p["threads_list"]]
        self.link(e + self.t.off("_EPROCESS.ThreadListHead"), [t + self.t.off("_ETHREAD.ThreadListEntry") for t in rows])
        if self.has("_KPROCESS.ThreadListHead"):
            self.link(e + self.t.off("_KPROCESS.ThreadListHead"), [t + self.t.off("_KTHREAD.ThreadListEntry") for t in rows])
        if "threadcycle" in self.fault and p["pid"] == 500:
            self.raw(rows[1] + self.t.off("_ETHREAD.ThreadListEntry"), rows[0] + self.t.off("_ETHREAD.ThreadListEntry"))

    def user(self, p, e, space):
        """PEB, loader's lists and parameters (winternl.h names them; offsets of the profile), images and their VADs."""
        high = self.g.bits64
        peb = 0x7ff000 * 0x1000 + p["pid"] * 0x4000 if high else 0x7ffd7000
        p["peb"] = peb
        space.alloc(peb if high else peb - 0x3000, 0x5000 if high else 0x4000, P | W | U | A | D)
        space.map(0x7ffe0000, self.system.page[self.kuser], P | U | A)
        heap = 0x150000
        space.alloc(heap, 0x8000, P | W | U | A | D)
        self.put(e, "_EPROCESS.Peb", peb)
        self.vads = [(peb, peb + 0x4fff, 4, "", "private") if high else (peb - 0x3000, peb + 0xfff, 4, "", "private"),
                     (heap, heap + 0xffff, 4, "", "private"), (0x10000, 0x10fff, 4, "", "private"),
                     (0x7ffe0000, 0x7ffeffff, 1, "", "private")]
        system32 = "\\WINDOWS\\SysWOW64\\" if p["wow64"] else "\\WINDOWS\\system32\\"
        exe = "\\Dokumente\\\u65e5\u672c \u00fcber.exe" if p["pid"] == 1204 else system32 + p["comm"]
        images = [(0x400000 if p["wow64"] else 0x7ff600000000 if high else 0x1000000, 0x6000, exe),
                  ((0x7ffb10000000 if high else 0x7c900000), 0x5000, "\\WINDOWS\\system32\\ntdll.dll"),
                  ((0x7ffb0f000000 if high else 0x7c800000), 0x4000, "\\WINDOWS\\system32\\" + ("wow64.dll" if p["wow64"] else "kernel32.dll"))]
        self.protos = {}
        for base, size, path in images:
            self.map_image(space, p, base, size, path)
        self.loader(p, space, peb, heap, images, 8 if high else 4, p["modules"])
        self.put(peb, "_PEB.ImageBaseAddress", images[0][0], None, space)
        self.put(e, "_EPROCESS.SectionBaseAddress", images[0][0])
        self.put(peb, "_PEB.SessionId", p["session"] or 0, 4, space)
        params = heap + 0x200
        self.put(peb, "_PEB.ProcessParameters", params, None, space)
        p["cmdline"] = f'"C:{exe}" -k {p["pid"]}'
        self.unicode(params + self.t.off("_RTL_USER_PROCESS_PARAMETERS.CommandLine"), p["cmdline"], heap + 0x4000, space)
        self.unicode(params + self.t.off("_RTL_USER_PROCESS_PARAMETERS.ImagePathName"), "C:" + exe, heap + 0x4800, space)
        if p["wow64"]:
            self.wow64(p, e, space, images[0])
        self.entries_of_all_kinds(space, p)
        self.vad_tree(p, e)

    # ---- the loader ----
    def loader(self, p, space, peb, heap, images, ptr, modules):
        """PEB.Ldr and three lists of entries: by the order of loading, in memory, of initialization (without the program)."""
        cursor, entries = heap + 0x800, []
        for k, (base, size, path) in enumerate(images):
            name = path.split("\\")[-1]
            entry = cursor
            cursor += self.t.size("_LDR_DATA_TABLE_ENTRY") + 15 & ~15
            time = p["create"] + k * 20000000
            for member, v, width in (("DllBase", base, None), ("EntryPoint", base + 0x1000, None), ("SizeOfImage", size, 4),
                                     ("LoadTime", time, 8)):
                if self.has("_LDR_DATA_TABLE_ENTRY." + member):
                    self.put(entry, "_LDR_DATA_TABLE_ENTRY." + member, v, width, space)
            for member, text in (("FullDllName", "C:" + path), ("BaseDllName", name)):
                self.unicode(entry + self.t.off("_LDR_DATA_TABLE_ENTRY." + member), text, cursor, space)
                cursor += 2 * len(text) + 17 & ~15
            entries.append(entry)
            modules.append({"base": base, "size": size, "name": name, "path": "C:" + path, "entry": base + 0x1000,
                            "time": time if self.has("_LDR_DATA_TABLE_ENTRY.LoadTime") else 0, "wow64": False, "object": entry})
        ldr = heap + 0x100
        self.put(peb, "_PEB.Ldr", ldr, None, space)
        for head, member, rows in (("InLoadOrderModuleList", "InLoadOrderLinks", entries),
                                   ("InMemoryOrderModuleList", "InMemoryOrderLinks", entries),
                                   ("InInitializationOrderModuleList", "InInitializationOrderLinks", entries[1:])):
            self.link(ldr + self.t.off("_PEB_LDR_DATA." + head), [x + self.t.off("_LDR_DATA_TABLE_ENTRY." + member) for x in rows], space)
        if "dllcycle" in self.fault and p["pid"] == 500:
            self.raw(entries[2], entries[1], None, space)
        if "dlllength" in self.fault and p["pid"] == 500:
            self.raw(entries[2] + self.t.off("_LDR_DATA_TABLE_ENTRY.FullDllName"), 0xfffe, 2, space)

    def wow64(self, p, e, space, program):
        """The 32-bit PEB and loader's lists of a 64-bit system: as in 32-bit Windows (winternl.h for x86). Where it is: Windows 10
        _EWOW64PROCESS.Peb, Windows 7 _WOW64_PROCESS.Wow64, both the first member."""
        peb, heap = 0x7efde000, 0x2150000
        space.alloc(peb, 0x1000, P | W | U | A | D)
        space.alloc(heap, 0x3000, P | W | U | A | D)
        self.vads += [(peb, peb + 0xfff, 4, "", "private"), (heap, heap + 0xffff, 4, "", "private")]
        at = self.nonpaged(0x10)
        self.raw(at, peb)
        self.put(e, "_EPROCESS.WoW64Process" if self.has("_EPROCESS.WoW64Process") else "_EPROCESS.Wow64Process", at)
        images = [program, (0x77000000, 0x5000, "\\WINDOWS\\SysWOW64\\ntdll.dll"), (0x76000000, 0x4000, "\\WINDOWS\\SysWOW64\\kernel32.dll")]
        for base, size, path in images[1:]:
            self.map_image(space, p, base, size, path)
        ldr, cursor, entries = heap + 0x100, heap + 0x800, []
        self.raw(peb + 0x8, program[0], 4, space)
        self.raw(peb + 0xc, ldr, 4, space)
        for base, size, path in images:
            entry, name = cursor, path.split("\\")[-1]
            cursor += 0xa0
            for off, v in ((0x18, base), (0x1c, base + 0x1000), (0x20, size)):
                self.raw(entry + off, v, 4, space)
            for off, text in ((0x24, "C:" + path), (0x2c, name)):
                space.write(cursor, text.encode("utf-16-le") + b"\0\0")
                space.write(entry + off, struct.pack("<HHI", 2 * len(text), 2 * len(text) + 2, cursor))
                cursor += 2 * len(text) + 17 & ~15
            entries.append(entry)
            p["modules"].append({"base": base, "size": size, "name": name, "path": "C:" + path, "entry": base + 0x1000, "time": 0,
                                 "wow64": True, "object": entry})
        for head, links, rows in ((0xc, 0, entries), (0x14, 8, entries), (0x1c, 0x10, entries[1:])):
            ring = [ldr + head, *(x + links for x in rows)]
            for i, node in enumerate(ring):
                space.write(node, struct.pack("<II", ring[(i + 1) % len(ring)], ring[i - 1]))
