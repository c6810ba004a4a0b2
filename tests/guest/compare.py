# SPDX-License-Identifier: BSD-2-Clause
"""What the command says of a guest, held against what the guest said of itself (the files of truth/).

Each function compares one verb and returns a list of differences (texts); an empty list is agreement. A comparison that
had nothing to compare is a difference, too.
"""
import json
import os
import re
import shutil
import socket
import subprocess

LIMIT = 6  # differences that are shown of each comparison


class Refused(Exception):
    """The command ended with an error; the text is its message."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Skip(Exception):
    """The comparison cannot be made here; the text is the reason."""


class Guest:
    """A target (file or live guest), the folder with its truth, and the command that reads it."""

    def __init__(self, command, target, truth, flags=()):
        self.command, self.target, self.truth, self.flags = command, target, truth, list(flags)

    def run(self, verb, *args, codes=(0,)):
        words = [self.command, verb, self.target, *args, *self.flags]
        done = subprocess.run(words, capture_output=True, timeout=300, check=False)
        if done.returncode not in codes:
            raise Refused(done.returncode, done.stderr.decode(errors="replace").strip())
        return done.stdout

    def json(self, verb, *args, codes=(0,)):
        return json.loads(self.run(verb, "--json", *args, codes=codes).decode("utf-8", "surrogateescape"))

    def text(self, name):
        with open(os.path.join(self.truth, name), encoding="latin-1", newline="\n") as f:
            return f.read()

    def pids(self):
        return sorted(int(p) for p in os.listdir(os.path.join(self.truth, "proc")) if p.isdigit())


def differences(what, ours, theirs):
    """Dictionaries of the same keys; says which entries are missing, too many or different."""
    out = []
    if not theirs:
        return [f"{what}: the guest told nothing to compare with"]
    for key in sorted(set(ours) | set(theirs), key=str):
        if key not in ours:
            out.append(f"{what} {key}: missing; the guest says {theirs[key]}")
        elif key not in theirs:
            out.append(f"{what} {key}: the guest has none; we say {ours[key]}")
        elif ours[key] != theirs[key]:
            out.append(f"{what} {key}: we say {ours[key]}, the guest {theirs[key]}")
    return out


def latin(text):
    """Bytes of the guest as one character each, as truth files are read; our JSON is UTF-8 where the guest's bytes were."""
    if text is None:
        return ""
    return "".join(c if ord(c) < 256 and not 0xdc80 <= ord(c) <= 0xdcff else
                   c.encode("utf-8", "surrogateescape").decode("latin-1") for c in
                   text.encode("utf-8", "surrogateescape").decode("latin-1"))


def stat_fields(line):
    """pid, comm and the fields behind it of a line of /proc/PID/stat."""
    head, _, tail = line.rpartition(")")
    pid, _, comm = head.partition(" (")
    return int(pid), comm, tail.split()


def tasks_of_truth(g, threads):
    tasks = {}
    for pid in g.pids():
        try:
            lines = g.text(f"proc/{pid}/task") if threads else g.text(f"proc/{pid}/stat")
            status = g.text(f"proc/{pid}/status")
        except FileNotFoundError:
            continue
        uid = re.search(r"^Uid:\t(\d+)\t(\d+)", status, re.M)
        # a name may hold line breaks: a record begins with its id and the opening parenthesis
        for record in re.split(r"\n(?=\d+ \()", lines.rstrip("\n")):
            tid, comm, f = stat_fields(record)
            tasks[tid] = {"pid": pid, "comm": comm, "state": f[0], "ppid": int(f[1]), "uid": int(uid[1]), "euid": int(uid[2]),
                          "ticks": int(f[19])}
    return tasks


def passing(comm):
    """Kernel workers come and go between the guest's listing and the dump, and change their names."""
    return comm.startswith("kworker/")


def ps(g, threads=False):
    theirs = tasks_of_truth(g, threads)
    ours, cmdlines, out = {}, {}, []
    for p in g.json("ps", *(["--threads"] if threads else [])):
        ours[p["tid"]] = {"pid": p["pid"], "comm": latin(p["comm"]), "state": p["state"], "ppid": p["ppid"], "uid": p["uid"],
                          "euid": p["euid"], "ticks": p["start_ns"] // 10_000_000}
        if p["pid"] == p["tid"]:
            cmdlines[p["tid"]] = latin(p["cmdline"])
    for table in (ours, theirs):
        for tid in [t for t, v in table.items() if passing(v["comm"])]:
            del table[tid]
    for tid in set(ours) & set(theirs):
        if {ours[tid]["state"], theirs[tid]["state"]} <= {"R", "S", "D", "I"}:  # it ran at one of the two moments
            ours[tid]["state"] = theirs[tid]["state"]
    if g.json("info")["inferred"]:  # names longer than comm (kthread.full_name) are not found without types
        for v in theirs.values():
            v["comm"] = v["comm"][:15]
    out += differences("task", ours, theirs)
    if not threads:
        for pid in set(cmdlines) & set(theirs):
            raw = g.text(f"proc/{pid}/cmdline").rstrip("\0").replace("\0", " ")
            if raw != cmdlines[pid] and raw[:len(cmdlines[pid])] != cmdlines[pid][:4095]:
                out.append(f"command line of {pid}: we say {cmdlines[pid]!r}, the guest {raw!r}")
    return out


def modules(g):
    theirs = {}
    for line in g.text("modules").splitlines():
        f = line.split()
        taints = f[6].strip("()") if len(f) > 6 else ""
        theirs[f[0]] = (int(f[1]), int(f[2]), f[4], int(f[5], 16), taints)
    ours = {m["name"]: (m["size"], m["refs"], m["state"], int(m["base"], 16), m["taints"]) for m in g.json("modules")}
    if g.json("info")["inferred"]:  # taints cannot be inferred
        ours = {k: v[:4] for k, v in ours.items()}
        theirs = {k: v[:4] for k, v in theirs.items()}
    return differences("module", ours, theirs)


def symbols(g):
    """Every line of /proc/kallsyms; symbols that exports add are left out."""
    theirs = set()
    for line in g.text("kallsyms").splitlines():
        f = line.split()
        module = f[3].strip("[]") if len(f) > 3 else ""
        if module in ("bpf", "__builtin__ftrace", "__builtin__kprobes"):
            continue
        theirs.add((int(f[0], 16), f[2], module))
    ours = {(int(s["address"], 16), s["name"], s["module"] or "") for s in g.json("symbols", "--all")}
    extra = {s for s in ours - theirs}
    names = {n for _, n, m in theirs if not m}
    out = [f"symbol {s}: missing" for s in sorted(theirs - ours)]
    # without variables in kallsyms the exported ones are added to it; they must be new names
    out += [f"symbol {s}: the guest has none" for s in sorted(extra) if s[2] or s[1] in names]
    if len(theirs) < 10000:
        out.append("symbols: the guest told nearly nothing")
    return out


def dmesg(g):
    theirs = []
    # a record whose text holds line breaks is shown with the prefix on each line: compare line by line
    for line in g.text("dmesg").splitlines():
        m = re.match(r"<(\d+)>\[ *(\d+)\.(\d+)\] (.*)$", line)
        if m:
            theirs.append((int(m[1]) & 7, int(m[2]) * 10**6 + int(m[3]), m[4]))
    ours = []
    for r in g.json("dmesg"):
        stamp = round(r["time"] * 10**6)
        ours += [(r["level"], stamp, latin(line)) for line in (r["text"].split("\n") or [""])]
    unescape = re.compile(r"\\x([0-9a-f]{2})")
    theirs = [(a, b, unescape.sub(lambda m: chr(int(m[1], 16)), c)) for a, b, c in theirs]
    if not theirs:
        return ["dmesg: the guest told nothing to compare with"]
    out = []
    for i, line in enumerate(theirs):
        if i >= len(ours) or ours[i] != line:
            out.append(f"line {i}: we say {ours[i] if i < len(ours) else None}, the guest {line}")
    return out


def maps(g):
    out, compared = [], 0
    for pid in g.pids():
        try:
            text = g.text(f"proc/{pid}/maps")
        except FileNotFoundError:
            continue
        if not text or pid == 1:  # the agent's heap grew while it wrote the truth
            continue
        theirs = {}
        for line in text.splitlines():
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) (\S+) (\d+) *(.*)$", line)
            if m[7] == "[vsyscall]":  # the gate area: no memory area of the process
                continue
            path = m[7].replace("\\012", "\n")
            theirs[int(m[1], 16)] = (int(m[2], 16), m[3], int(m[4], 16), m[5], int(m[6]), path)
        ours = {int(v["start"], 16): (int(v["end"], 16), v["rights"], v["offset"], v["device"], v["inode"], latin(v["path"]))
                for v in g.json("maps", str(pid))}
        out += differences(f"maps of {pid}", ours, theirs)
        compared += 1
    return out if compared > 5 else out + ["maps: hardly any process to compare"]


def stack(g):
    """The kernel's own unwinder leaves out the scheduler, which is where every sleeping thread is."""
    out, compared = [], 0
    for pid in g.pids():
        try:
            text = g.text(f"proc/{pid}/stack")
        except FileNotFoundError:
            continue
        theirs = re.findall(r"\] ([^ +]+\+0x[0-9a-f]+)/", text)
        if not theirs or pid == 1 or g.text(f"proc/{pid}/cmdline") == "":  # kernel threads come and go
            continue
        try:
            frames = g.json("stack", str(pid))
        except Refused as e:
            if "x86-64 and arm64 only" in str(e):
                raise Skip(str(e)) from e
            raise
        ours = [f"{f['symbol']}+{f['offset']:#x}" for f in frames]
        if len(ours) <= len(theirs) or ours[-len(theirs):] != theirs:
            out.append(f"stack of {pid}: {' '.join(ours)}; the guest says {' '.join(theirs)}")
        compared += 1
    if not compared and not any(os.path.exists(os.path.join(g.truth, f"proc/{p}/stack")) for p in g.pids()):
        raise Skip("this guest's kernel shows no stacks")
    return out if compared > 5 else out + ["stack: hardly any thread to compare"]


def files(g):
    out, compared = [], 0
    for pid in g.pids():
        try:
            links = g.text(f"proc/{pid}/fd")
        except FileNotFoundError:
            continue
        theirs = {}
        for line in links.splitlines():
            fd, _, path = line.partition("\t")
            try:
                info = g.text(f"proc/{pid}/fdinfo/{fd}")
            except FileNotFoundError:
                continue
            ino = re.search(r"^ino:\t(\d+)", info, re.M)
            path = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), path)
            theirs[int(fd)] = [path, int(re.search(r"^pos:\t(\d+)", info, re.M)[1]), int(re.search(r"^flags:\t(\d+)", info, re.M)[1], 8),
                               int(ino[1]) if ino else None]
        if not theirs or pid == 1:  # the agent was writing the truth
            continue
        ours = {f["fd"]: [latin(f["path"]), f["position"], f["open_flags"], f["inode"]] for f in g.json("files", str(pid))}
        for fd, row in theirs.items():
            if row[3] is None and fd in ours:
                row[3] = ours[fd][3]
        out += differences(f"file of {pid}, fd", ours, theirs)
        compared += len(theirs)
    return out if compared > 10 else out + ["files: hardly any file to compare"]


TCP = {1: "ESTABLISHED", 2: "SYN_SENT", 3: "SYN_RECV", 4: "FIN_WAIT1", 5: "FIN_WAIT2", 6: "TIME_WAIT", 7: "CLOSE", 8: "CLOSE_WAIT",
       9: "LAST_ACK", 10: "LISTEN", 11: "CLOSING", 12: "NEW_SYN_RECV"}


def address(text):
    ip, port = text.split(":")
    raw = b"".join(bytes.fromhex(ip[i:i + 8])[::-1] for i in range(0, len(ip), 8))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw), int(port, 16)


def net(g):
    theirs = {}
    for proto in ("tcp", "tcp6", "udp", "udp6"):
        for line in g.text(f"net/{proto}").splitlines()[1:]:
            f = line.split()
            state = TCP[int(f[3], 16)]
            if proto.startswith("udp") and state != "ESTABLISHED":
                state = ""
            theirs[(proto, address(f[1]), address(f[2]))] = (state, int(f[7]), int(f[9]))
    for line in g.text("net/unix").splitlines()[1:]:
        f = line.split(None, 7)
        theirs[("unix", int(f[6]))] = f[7].strip() if len(f) > 7 else ""
    ours = {}
    for s in g.json("net"):
        if s["proto"] == "unix":
            ours[("unix", s["inode"])] = latin(s["path"]).replace("\0", "@")
        else:
            key = (s["proto"], (s["local_address"], s["local_port"]), (s["remote_address"], s["remote_port"]))
            ours[key] = (s["state"] or "", s["uid"], s["inode"])
    # the truth is that of the first network namespace; sockets of others are extra and known by their process
    names = {p["pid"] for p in g.json("ps") if p["comm"] == "namespace"}
    for s in g.json("net"):
        if s["pid"] in names and s["proto"] != "unix":
            ours.pop((s["proto"], (s["local_address"], s["local_port"]), (s["remote_address"], s["remote_port"])), None)
    return differences("socket", ours, theirs)


def mounts(g):
    out = []
    for pid in (1,):
        theirs, ours = {}, {}
        unescape = re.compile(r"\\([0-7]{3})")
        plain = lambda t: unescape.sub(lambda m: chr(int(m[1], 8)), t)
        try:
            text = g.text("mountinfo")
        except FileNotFoundError:
            continue
        for line in text.splitlines():
            left, _, right = line.partition(" - ")
            f, r = left.split(" "), right.split(" ")
            theirs[int(f[0])] = (int(f[1]), f[2], plain(f[3]), plain(f[4]), r[0], plain(r[1]), f[5].split(",")[0])
        for m in g.json("mounts", str(pid)):
            ours[m["id"]] = (m["parent"], m["device"], latin(m["root"]), latin(m["target"]), m["type"], latin(m["source"]),
                             m["options"].split(",")[0])
        out += differences("mount", ours, theirs)
    return out


def translations(g, program):
    """pagemap of processes, and QEMU's own page walk, against ours. `program` reads "pid address" or "=root address"."""
    asked, want = [], []
    granule = re.search(r"AArch64 (\d+)K", g.json("info")["paging"])
    page_size = int(granule[1]) * 1024 if granule else 4096
    for pid in g.pids():
        try:
            lines = g.text(f"proc/{pid}/pagemap").splitlines()
        except FileNotFoundError:
            continue
        for line in lines[:400]:
            va, entry = (int(x, 16) for x in line.split())
            if entry >> 63 and entry & ((1 << 55) - 1):
                asked.append(f"{pid} {va:#x}")
                want.append((entry & ((1 << 55) - 1)) * page_size)
    walks = 0
    roots = {int(n): int(v, 16) for n, v in re.findall(r"CPU#(\d+)\n(?:.*\n)*?.*?CR3=([0-9a-f]+)", g.registers)}
    for line in g.text("gva2gpa").splitlines():
        if line.startswith("#"):
            continue
        cpu, va, pa = line.split()
        if int(cpu) not in roots:
            continue
        asked.append(f"={roots[int(cpu)]:#x} {va}")
        want.append(None if pa == "unmapped" else int(pa, 16))
        walks += 1
    done = subprocess.run([program, g.target], input="\n".join(asked) + "\n", capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        return [f"{program}: {done.stderr.strip()}"]
    out, same = [], 0
    for question, ours, theirs in zip(asked, done.stdout.split(), want):
        got = None if ours == "-" else int(ours, 16)
        if got == theirs:
            same += 1
        else:
            out.append(f"{question}: we say {ours}, the guest or QEMU {'unmapped' if theirs is None else hex(theirs)}")
    if same < 100:
        out.append(f"only {same} translations were compared")
    # a page may move between the guest's listing and the dump: one in two hundred is no error of ours
    return out if len(out) > len(asked) // 200 else []


def info(g):
    i, out = g.json("info"), []
    if i["banner"] != g.text("version").strip():
        out.append(f"banner: we say {i['banner']!r}, the guest {g.text('version').strip()!r}")
    text = {n: int(a, 16) for a, n in re.findall(r"^([0-9a-f]+) \S (_text|_stext)$", g.text("kallsyms"), re.M)}
    if int(i["image_virtual"], 16) not in text.values():
        out.append(f"image: we say {i['image_virtual']}, the guest {text}")
    if not os.path.exists(os.path.join(g.truth, "ram")):  # a guest that runs: QEMU was not asked
        return out
    ram = sum(int(e, 16) - int(s, 16) for s, e in re.findall(r"^(0x\w+) (0x\w+) ", g.text("ram"), re.M))
    if i["source"] != "raw" and abs(i["memory"] - ram) > 4 << 20:
        out.append(f"memory: we say {i['memory']}, QEMU {ram}")
    if i["hostname"] and i["hostname"] != g.text("hostname").strip():
        out.append(f"host name: we say {i['hostname']}")
    boot = int(re.search(r"^btime (\d+)", g.text("stat"), re.M)[1])
    if i["boot_time"] and abs(i["boot_time"] - boot) > 1:
        out.append(f"boot time: we say {i['boot_time']}, the guest {boot}")
    return out


def check(g):
    out = []
    for f in g.json("check", codes=(0, 1, 5)):
        if f["severity"] in ("warning", "alert"):
            out.append(f"{f['check']}: {f['text']}")
    return out


STRUCTS = ["task_struct", "mm_struct", "file", "sk_buff", "module", "list_head", "inode", "super_block", "sock", "page", "cred"]


def bpftool(*words):
    """name -> (size, {member: bits}) of every struct, as bpftool reads the BTF that the guest's sysfs showed."""
    done = subprocess.run(["bpftool", *words], capture_output=True, text=True, check=True)
    out, name = {}, None
    for line in done.stdout.splitlines():
        m = re.match(r"\[\d+\] STRUCT '(\w+)' size=(\d+)", line)
        if m:
            name = m[1] if m[1] not in out else None
            if name:
                out[name] = (int(m[2]), {})
        elif line.startswith("["):
            name = None
        elif name:
            m = re.match(r"\t'(\w+)' type_id=\d+ bits_offset=(\d+)", line)
            if m:
                out[name][1][m[1]] = int(m[2])
    return out


def types(g):
    """Structures of the kernel and of a module, beside a second reader of BTF."""
    base = os.path.join(g.truth, "btf", "vmlinux")
    if not shutil.which("bpftool"):
        raise Skip("bpftool is not installed")
    tables = [("", bpftool("btf", "dump", "file", base), STRUCTS)]
    module = os.path.join(g.truth, "btf", "ext4")
    if os.path.exists(module) and int(g.json("info")["types"]) and "btf_modules" in g.text("kallsyms"):
        ours = bpftool("btf", "dump", "file", module, "-B", base)
        tables.append(("ext4:", ours, [s for s in ours if s.startswith("ext4_")][:8]))
    out, compared = [], 0
    for prefix, table, names in tables:
        for name in names:
            if name not in table:
                continue
            members = g.json("types", prefix + name)
            ours = {m["name"]: m["bit_offset"] for m in members if m["depth"] == 0 and m["name"]}
            out += differences(f"{prefix}{name}, member", ours, table[name][1])
            compared += len(ours)
    return out if compared > 200 else out + [f"only {compared} members were compared"]


ALL = {"info": info, "ps": ps, "ps --threads": lambda g: ps(g, threads=True), "modules": modules, "symbols": symbols, "dmesg": dmesg,
       "maps": maps, "stack": stack, "files": files, "net": net, "mounts": mounts, "check": check, "types": types}
