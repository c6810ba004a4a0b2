# SPDX-License-Identifier: BSD-2-Clause
"""Loaded modules, unloaded drivers, driver objects."""
import struct

from mk.memory import A, D, G, P, W

MAJOR_FUNCTIONS = 28  # IRP_MJ_MAXIMUM_FUNCTION + 1, wdm.h


class Drivers:
    def loaded_modules(self):
        names = ["ntoskrnl.exe", "hal.dll", "ntfs.sys", "Treiber-\u00e4\u00f6\u00fc.sys", "tcpip.sys", "win32k.sys"]
        nodes, at = [], self.drivers
        for i, name in enumerate(names):
            base, size = (self.base, self.image_size) if i == 0 else (at, 0x10000 + 0x1000 * self.rng.randrange(16))
            at += 0x40000
            path = "\\WINDOWS\\system32\\" + ("" if i < 2 else "drivers\\") + name
            e = self.block(self.t.size("_LDR_DATA_TABLE_ENTRY"), b"MmLd")
            self.put(e, "_LDR_DATA_TABLE_ENTRY.DllBase", base)
            self.put(e, "_LDR_DATA_TABLE_ENTRY.EntryPoint", base + 0x1000)
            self.put(e, "_LDR_DATA_TABLE_ENTRY.SizeOfImage", size, 4)
            for member, text in (("FullDllName", path), ("BaseDllName", name)):
                self.name(e + self.t.off("_LDR_DATA_TABLE_ENTRY." + member), text)
            if i:
                self.driver_image(base, size)
            nodes.append(e)
            self.modules.append({"object": e, "base": base, "size": size, "name": name, "path": path})
        listed = [n for n, m in zip(nodes, self.modules) if m["name"] != "tcpip.sys" or "hiddendriver" not in self.fault]
        self.link(self.sym("PsLoadedModuleList"), listed)
        bad = nodes[3] + self.t.off("_LDR_DATA_TABLE_ENTRY.BaseDllName")
        if "length" in self.fault:
            self.raw(bad, 0xfffe, 2)
            self.raw(bad + 2, 4, 2)
        if "oddlength" in self.fault:
            self.raw(bad, 7, 2)
        if "modulecycle" in self.fault:
            self.raw(nodes[4], nodes[1])

    def driver_image(self, base, size):
        """Some pages of it: a PE header without directories, then code that is never run."""
        self.system.alloc(base, 0x4000, P | W | A | D | G)
        dos = bytearray(0x80)
        dos[:2] = b"MZ"
        struct.pack_into("<I", dos, 0x3c, 0x80)
        coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664 if self.g.bits64 else 0x14c, 0, 0x42250ff9, 0, 0,
                           0xf0 if self.g.bits64 else 0xe0, 0x22 if self.g.bits64 else 0x10e)
        opt = bytearray(0xf0 if self.g.bits64 else 0xe0)
        struct.pack_into("<H", opt, 0, 0x20b if self.g.bits64 else 0x10b)
        struct.pack_into("<I", opt, 56, size)
        self.system.write(base, bytes(dos) + coff + bytes(opt))

    def unloaded_drivers(self):
        """MmUnloadedDrivers: 50 records of name, start, end, time; MmLastUnloadedDriver: where the next goes
        (ufrisk/MemProcFS, vmm/vmmwindef.h: MM_UNLOADED_DRIVER32/64, MM_UNLOADED_DRIVER_MAX)."""
        size = 24 if self.ptr == 4 else 40
        at = self.block(50 * size, b"MmDT")
        self.raw(self.sym("MmUnloadedDrivers"), at)
        self.unloaded = []
        last = 53 if "unloadedwrap" in self.args.option else 3
        first = max(0, last - 50)
        for n in range(first, last):
            here = at + n % 50 * size
            name = "gone%02d-\u00e9.sys" % n
            start, length, when = self.drivers + 0x1000000 + n * 0x10000, 0x8000, self.boot + (200 + n) * 10000000
            self.name(here, name)
            self.system.write(here + 2 * self.ptr, struct.pack("<QQQ" if self.ptr == 8 else "<IIQ", start, start + length, when))
            self.unloaded.append({"name": name, "base": start, "size": length, "time": when})
        self.raw(self.sym("MmLastUnloadedDriver"), last % 50 if last > 50 else last, 4)

    def driver_objects(self):
        """_DRIVER_OBJECT (wdm.h) in \\Driver and \\FileSystem: where its image is and where its requests go."""
        self.driver_list = []
        volume = {}
        for directory, name, module in (("\\FileSystem", "Ntfs", "ntfs.sys"), ("\\Driver", "Treiber", "Treiber-\u00e4\u00f6\u00fc.sys"),
                                        ("\\Driver", "Tcpip", "tcpip.sys")):
            m = [x for x in self.modules if x["name"] == module][0]
            d = self.named("Driver", self.t.size("_DRIVER_OBJECT"), directory, name)
            self.put(d, "_DRIVER_OBJECT.Type", 4, 2)  # IO_TYPE_DRIVER, wdm.h
            self.put(d, "_DRIVER_OBJECT.Size", self.t.size("_DRIVER_OBJECT"), 2)
            for member, v in (("DriverStart", m["base"]), ("DriverSize", m["size"]), ("DriverSection", m["object"]),
                              ("DriverInit", m["base"] + 0x1000), ("DriverUnload", m["base"] + 0x1100)):
                self.put(d, "_DRIVER_OBJECT." + member, v)
            self.name(d + self.t.off("_DRIVER_OBJECT.DriverName"), directory + "\\" + name)
            major = [m["base"] + 0x1200 + 0x40 * k if k % 3 else self.sym("IopInvalidDeviceRequest") for k in range(MAJOR_FUNCTIONS)]
            hooked = []
            if "driver" in self.fault and name == "Treiber":
                major[14], hooked = self.drivers + 0x3ff0000, [14]  # IRP_MJ_DEVICE_CONTROL
            for k, v in enumerate(major):
                self.raw(d + self.t.off("_DRIVER_OBJECT.MajorFunction") + k * self.ptr, v)
            device = self.named("Device", self.t.size("_DEVICE_OBJECT"), "\\Device", "HarddiskVolume1" if name == "Ntfs" else name)
            self.put(device, "_DEVICE_OBJECT.Type", 3, 2)  # IO_TYPE_DEVICE
            self.put(device, "_DEVICE_OBJECT.Size", self.t.size("_DEVICE_OBJECT"), 2)
            self.put(device, "_DEVICE_OBJECT.DriverObject", d)
            self.put(d, "_DRIVER_OBJECT.DeviceObject", device)
            volume[name] = device
            self.driver_list.append({"object": d, "name": directory + "\\" + name, "start": m["base"], "size": m["size"],
                                     "section": m["object"], "major": major, "hooked": hooked, "device": device})
        self.volume = volume["Ntfs"]
