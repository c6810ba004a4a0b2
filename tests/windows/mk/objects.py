# SPDX-License-Identifier: BSD-2-Clause
"""The object manager: headers, types, named objects in directories, handle tables."""
from mk.memory import PAGE

# Types in the order of their indices from 2 on, with the tags of their pool (pooltag.txt of the debugger; before Windows 8 the
# last letter of some has its high bit set: "protected" pool)
TYPES = [("Type", b"ObjT"), ("Directory", b"Dire"), ("SymbolicLink", b"Symb"), ("Token", b"Toke"), ("Job", b"Job "),
         ("Process", b"Proc"), ("Thread", b"Thre"), ("Event", b"Even"), ("Mutant", b"Muta"), ("Section", b"Sect"),
         ("Key", b"Key "), ("File", b"File"), ("Driver", b"Driv"), ("Device", b"Devi")]
PROTECTED = {b"Proc": b"Pro\xe3", b"Thre": b"Thr\xe5", b"File": b"Fil\xe5", b"Driv": b"Dri\xf6", b"Devi": b"Dev\xe9", b"Muta": b"Mut\xe1"}


class Objects:
    def object_types(self):
        """Types are objects, too. Since Windows 7 a header holds an index into ObTypeIndexTable; since Windows 10 that index is
        mixed with ObHeaderCookie and the second byte of the header's address (codemachine.com, "Object headers")."""
        self.types, self.type_index = {}, {}
        self.cookie = self.rng.randrange(1, 256) if self.build >= 10000 else 0
        self.set("ObHeaderCookie", self.cookie, 1)
        if not self.xp:
            self.raw(self.sym("ObTypeIndexTable") + self.ptr, 0xbad0b0b0)
        for i, (name, tag) in enumerate(TYPES):
            self.type_index[name] = 2 + i
            at = self.types[name] = self.object("Type", self.t.size("_OBJECT_TYPE"), name)
            self.name(at + self.t.off("_OBJECT_TYPE.Name"), name)
            self.put(at, "_OBJECT_TYPE.Index", 2 + i if not self.xp else 1 + i)
            self.put(at, "_OBJECT_TYPE.Key", int.from_bytes(tag, "little"), 4)
            if not self.xp:
                self.raw(self.sym("ObTypeIndexTable") + (2 + i) * self.ptr, at)
        if self.xp:  # the first type is its own type
            self.put(self.header(self.types["Type"]), "_OBJECT_HEADER.Type", self.types["Type"])
        for variable, name in (("PsProcessType", "Process"), ("PsThreadType", "Thread"), ("IoDriverObjectType", "Driver"),
                               ("IoFileObjectType", "File")):
            self.set(variable, self.types[name])

    def header(self, body):
        return body - self.t.off("_OBJECT_HEADER.Body")

    def object(self, kind, size, name=None, directory=0, pageable=False):
        """A block with, from its end: body, header, what InfoMask (XP: NameInfoOffset) says is before it. Returns the body."""
        tag = dict(TYPES)[kind]
        if self.build < 9200:
            tag = PROTECTED.get(tag, tag)
        before = 0
        info = self.t.size("_OBJECT_HEADER_NAME_INFO") if name is not None else 0
        if not self.xp:
            info = (info + 31) & ~31
        before += info
        quota = 0x20 if kind == "Process" and not self.xp else 0  # _OBJECT_HEADER_QUOTA_INFO
        block = self.block(quota + before + self.t.off("_OBJECT_HEADER.Body") + size, tag, pageable)
        at = block + quota + before
        self.put(at, "_OBJECT_HEADER.PointerCount", 3)
        self.put(at, "_OBJECT_HEADER.HandleCount", 1)
        if self.xp:
            self.put(at, "_OBJECT_HEADER.Type", self.types.get("Type" if kind == "Type" else kind, 0))
            self.put(at, "_OBJECT_HEADER.NameInfoOffset", info, 1)
        else:
            self.put(at, "_OBJECT_HEADER.TypeIndex", self.type_index[kind] ^ self.cookie ^ (at >> 8 & 0xff if self.cookie else 0), 1)
            self.put(at, "_OBJECT_HEADER.InfoMask", (2 if info else 0) | (8 if quota else 0), 1)
        if info:
            self.put(at - info, "_OBJECT_HEADER_NAME_INFO.Directory", directory)
            self.name(at - info + self.t.off("_OBJECT_HEADER_NAME_INFO.Name"), name)
        return at + self.t.off("_OBJECT_HEADER.Body")

    # ---- names ----
    def directories(self):
        """\\Driver, \\FileSystem, \\Device, \\BaseNamedObjects below the root: hash tables of 37 buckets (_OBJECT_DIRECTORY)."""
        self.dirs = {"\\": self.object("Directory", self.t.size("_OBJECT_DIRECTORY"), "\\", 0, True)}
        self.set("ObpRootDirectoryObject", self.dirs["\\"])
        for name in ("Driver", "FileSystem", "Device", "BaseNamedObjects", "Sessions"):
            self.dirs["\\" + name] = self.named("Directory", self.t.size("_OBJECT_DIRECTORY"), "\\", name, True)
        for inner in ("1", "1\\BaseNamedObjects"):
            above, _, name = ("\\Sessions\\" + inner).rpartition("\\")
            self.dirs["\\Sessions\\" + inner] = self.named("Directory", self.t.size("_OBJECT_DIRECTORY"), above, name, True)

    def named(self, kind, size, directory, name, pageable=False):
        body = self.object(kind, size, name, self.dirs[directory], pageable)
        self.enter(directory, name, body)
        return body

    def enter(self, directory, name, body):
        bucket = 0
        for c in name.upper():  # any bucket would be found; a sum spreads them
            bucket = (bucket * 3 + ord(c)) % 37
        at = self.dirs[directory] + self.t.off("_OBJECT_DIRECTORY.HashBuckets") + bucket * self.ptr
        entry = self.block(self.t.size("_OBJECT_DIRECTORY_ENTRY"), b"ObDi", True)
        self.put(entry, "_OBJECT_DIRECTORY_ENTRY.ChainLink", int.from_bytes(self.bytes(at, self.ptr), "little"), self.ptr)
        self.put(entry, "_OBJECT_DIRECTORY_ENTRY.Object", body)
        self.raw(at, entry)

    # ---- handles ----
    def entry(self, at, pointer, access, attributes):
        """_HANDLE_TABLE_ENTRY: to Windows 7 a pointer whose low bits are attributes (bit 0: not locked); since 8 on x64 the
        pointer's bits 4..47 from bit 20 on."""
        if self.has("_HANDLE_TABLE_ENTRY.ObjectPointerBits"):
            self.bits(at, "_HANDLE_TABLE_ENTRY.Unlocked", 1)
            self.bits(at, "_HANDLE_TABLE_ENTRY.RefCnt", 0x7ffe)
            self.bits(at, "_HANDLE_TABLE_ENTRY.Attributes", attributes)
            self.bits(at, "_HANDLE_TABLE_ENTRY.ObjectPointerBits", pointer >> 4 & (1 << 44) - 1)
            self.bits(at, "_HANDLE_TABLE_ENTRY.GrantedAccessBits", access)
        else:
            self.put(at, "_HANDLE_TABLE_ENTRY.Object", pointer | attributes << 1 & 6 | 1)
            self.put(at, "_HANDLE_TABLE_ENTRY.GrantedAccess", access, 4)

    def handle_table(self, pid, rows, levels, process=0, bodies=False):
        """rows: (handle, object's body, access, attributes). A handle is 4 times its index; the low two bits of TableCode say how
        many levels of pointers are above the entries. A table of entries is a page and its first entry is not used; so is
        each table of pointers. They are filled from the front, without gaps. `bodies`: as PspCidTable, whose entries point to
        bodies, not headers."""
        size = self.t.size("_HANDLE_TABLE_ENTRY")
        low, mid = PAGE // size, PAGE // self.ptr
        pages = {}

        def leaf(number):
            if number not in pages:
                pages[number] = self.page()
                if not self.has("_HANDLE_TABLE_ENTRY.ObjectPointerBits"):
                    self.put(pages[number], "_HANDLE_TABLE_ENTRY.GrantedAccess", 0xfffffffe, 4)  # NextFreeTableEntry
            return pages[number]

        for number in range(max((row[0] for row in rows), default=0) // 4 // low + 1):
            leaf(number)
        for handle, body, access, attributes in rows:
            index = handle // 4
            self.entry(leaf(index // low) + index % low * size, body if bodies else self.header(body), access, attributes)
        if levels == 0:
            code = leaf(0)
        elif levels == 1:
            code = self.page()
            for number, at in pages.items():
                self.raw(code + number * self.ptr, at)
        else:
            code, middles = self.page(), {}
            for number, at in pages.items():
                if number // mid not in middles:
                    middles[number // mid] = self.page()
                    self.raw(code + number // mid * self.ptr, middles[number // mid])
                self.raw(middles[number // mid] + number % mid * self.ptr, at)
        table = self.block(self.t.size("_HANDLE_TABLE"), b"Obtb", True)
        self.put(table, "_HANDLE_TABLE.TableCode", code | levels, self.ptr)
        self.put(table, "_HANDLE_TABLE.NextHandleNeedingPool", (max(pages) + 1) * low * 4, 4)
        self.put(table, "_HANDLE_TABLE.UniqueProcessId", pid)
        self.put(table, "_HANDLE_TABLE.QuotaProcess", process)
        if self.has("_HANDLE_TABLE.HandleCount"):
            self.put(table, "_HANDLE_TABLE.HandleCount", len(rows), 4)
        self.tables.append(table)
        return table

    def all_handle_tables(self):
        """Each process' own, csrss' with a handle of every process but itself, System and smss, PspCidTable with all ids."""
        self.tables = []
        for i, (p, e, _) in enumerate(self.processes):
            if p["exit"]:
                continue
            rows, truth = self.some_handles(p), []
            # explorer has a table of two levels, services one of three
            levels = {1204: 1, 500: 2}.get(p["pid"], 0)
            low = PAGE // self.t.size("_HANDLE_TABLE_ENTRY")
            step = {0: 1, 1: low // 3, 2: PAGE // self.ptr * low // 7 + 7}[levels]
            for k, (body, kind, name, access, of) in enumerate(rows):
                index = 1 + k * step
                index += index % low == 0
                attributes = (self.rng.randrange(4) & 2) >> 1
                truth.append({"handle": index * 4, "object": body, "type": kind, "name": name, "access": access, "pid": of[0],
                              "tid": of[1], "inherit": bool(attributes)})
            table = self.handle_table(p["pid"], [(t["handle"], t["object"], t["access"], int(t["inherit"])) for t in truth], levels, e)
            self.put(e, "_EPROCESS.ObjectTable", table)
            p["handles"] = truth
        links = self.t.off("_HANDLE_TABLE.HandleTableList")
        self.link(self.sym("HandleTableListHead"), [t + links for t in self.tables])
        self.set("ObpKernelHandleTable", self.tables[0])
        ids = []
        for p, e, _ in self.processes:
            if not p["exit"]:
                ids.append((p["pid"], e, 0, 0))
                ids += [(t["tid"], t["object"], 0, 0) for t in p["threads_list"]]
        table = self.handle_table(0, sorted(ids), 1, 0, True)
        self.raw(self.sym("PspCidTable"), table)

    def some_handles(self, p):
        """(body, type, name, access, (pid, tid)) of what this process has open."""
        if not hasattr(self, "shared"):
            self.shared_objects()
        rows = list(self.shared)
        if p["comm"] == "csrss.exe":
            for other, e, _ in self.processes:
                if other["pid"] not in (4, p["pid"]) and other["comm"] != "smss.exe" and not other["exit"]:
                    rows.append((e, "Process", other["comm"], 0x1fffff, (other["pid"], 0)))
        for t in p["threads_list"]:
            rows.append((t["object"], "Thread", "", 0x1f03ff, (p["pid"], t["tid"])))
        file = self.file_object("\\Documents\\of %d \u00e9.txt" % p["pid"])
        rows.append((file, "File", "\\Device\\HarddiskVolume1\\Documents\\of %d \u00e9.txt" % p["pid"], 0x120089, (0, 0)))
        rows.append((self.object("Event", 0x20), "Event", "", 0x1f0003, (0, 0)))
        return rows

    def shared_objects(self):
        self.shared = []
        for kind, directory, name, access in (
                ("Event", "\\BaseNamedObjects", "ready", 0x100002), ("Mutant", "\\Sessions\\1\\BaseNamedObjects", "only one", 0x1f0001),
                ("Section", "\\BaseNamedObjects", "geteilt-\u00e4", 0xf0007)):
            body = self.named(kind, 0x40, directory, name, kind == "Section")
            self.shared.append((body, kind, directory + "\\" + name, access, (0, 0)))
        self.shared.append((self.dirs["\\BaseNamedObjects"], "Directory", "\\BaseNamedObjects", 0x3, (0, 0)))

    def file_object(self, path):
        """_FILE_OBJECT: Type 5 (IO_TYPE_FILE, wdm.h), a name below its device."""
        file = self.object("File", self.t.size("_FILE_OBJECT"))
        self.put(file, "_FILE_OBJECT.Type", 5, 2)
        self.put(file, "_FILE_OBJECT.Size", self.t.size("_FILE_OBJECT"), 2)
        self.put(file, "_FILE_OBJECT.DeviceObject", self.volume)
        self.name(file + self.t.off("_FILE_OBJECT.FileName"), path)
        return file
