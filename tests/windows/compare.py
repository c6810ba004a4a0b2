# SPDX-License-Identifier: BSD-2-Clause
"""What `tinyvmi VERB --json` must say about an image, from what mkwin wrote. Each function returns the differences.

`t` is mkwin's truth, `profile` whether one was given. Without one some things cannot be known: such a column is null, such a verb
names the profile that is needed; but what is said must be right.
"""
UNIX = 116444736000000000
RIGHTS = {1: "r--", 4: "rw-", 7: "rwx", 0x18: "---"}  # MM_* protections
SIGNERS = ["None", "Authenticode", "CodeGen", "Antimalware", "Lsa", "Windows", "WinTcb", "WinSystem", "App"]
# KTHREAD_STATE as a letter of ps; KWAIT_REASON
STATES = {1: "R", 2: "R", 4: "X", 5: "S"}
REASONS = {0: "Executive", 6: "UserRequest", 15: "WrQueue"}
# What a page that is not in memory must be called
NOTES = {"transition": "in transition", "proto-valid": "prototype", "proto-transition": "prototype", "proto-file": "file",
         "pagefile": "page file", "demand-zero": "demand-zero"}


def differ(found, what, a, b):
    if a != b:
        found.append(f"{what}: is {a!r}, should be {b!r}")


def seconds(filetime):
    return (filetime - UNIX) // 10000000 if filetime else None


def number(text):
    return None if text is None else int(text, 16)


def protection(byte):
    return None if byte is None else "" if not byte else ("PPL-" if byte & 7 == 1 else "P-") + SIGNERS[byte >> 4]


def columns(found, who, row, want, unknown):
    """Every column of `want`; those in `unknown` may be null."""
    for key, value in want.items():
        if not (key in unknown and row[key] is None):
            differ(found, f"{who}: {key}", row[key], value)


def rows_of(found, what, rows, want, key):
    """The same keys in the same order; the rest is compared row by row."""
    if rows is None:
        found.append(f"{what}: no answer")
        return []
    differ(found, f"{what}, which and in what order", [key(r) for r in rows], want)
    return rows


def info(got, t, profile):
    found, k = [], t["kernel"]
    if not got.json:
        return [f"no answer: {got.stderr}"]
    j = got.json
    columns(found, "info", j, {
        "os": "windows", "release": f"{k['major']}.{k['minor']}.{k['build']}", "image_virtual": hex(k["base"]),
        "image_physical": hex(k["pa"]), "image_size": k["size"], "page_table_root": hex(k["root"]), "boot_time": k["boot_time"],
        "inferred": not profile, "architecture": "x86-64" if k["base"] >> 32 else "i386"}, ())
    differ(found, "uptime", round(j["uptime"] * 10 ** 6), k["uptime"] // 10)
    differ(found, "build lab", j["banner"].endswith(k["lab"]), True)
    facts = {f["name"]: f["value"] for f in j["facts"]}
    differ(found, "PDB", facts.get("PDB"), f"{k['pdb']}, GUID {k['guid']}, age {k['age']}")
    return found


def listed(t):
    return [p for p in t["processes"] if p["pid"] not in t["hidden"]]


def ps(got, t, profile):
    found = []
    unknown = () if profile else ("exit_time", "session", "wow64", "protection", "threads", "user_dtb")
    for r, p in zip(rows_of(found, "ps", got.json, [p["pid"] for p in listed(t)], lambda r: r["pid"]), listed(t)):
        columns(found, p["pid"], r, {
            "ppid": p["ppid"], "comm": p["comm"], "object": hex(p["object"]), "dtb": hex(p["dtb"]), "kernel_thread": p["kernel"],
            "start_time": seconds(p["create"]), "exit_time": seconds(p["exit"]), "session": p["session"], "wow64": p["wow64"],
            "protection": protection(p["protection"]), "threads": p["threads"],
            "user_dtb": hex(p["user_dtb"]) if p["user_dtb"] else None}, unknown)
        # without a profile the session is the PEB's, which says 0 also where there is none
        if not profile and p["session"] is None and r["session"] == 0:
            found.pop()
        differ(found, f"{p['pid']}: command line", r["cmdline"] or "", p["cmdline"])
    return found


def needs_profile(got, t):
    """A verb that cannot answer names what it needs."""
    found = []
    differ(found, "exit", got.code in (4, 5), True)
    differ(found, "it names the profile that is missing", t["kernel"]["guid"] in got.stderr, True)
    return found


def threads(got, t, profile):
    if not profile and not got.json:
        return needs_profile(got, t)
    found, want = [], [(p, h) for p in listed(t) for h in p["threads_list"]]
    for r, (p, h) in zip(rows_of(found, "threads", got.json, [(p["pid"], h["tid"]) for p, h in want], lambda r: (r["pid"], r["tid"])), want):
        columns(found, f"{p['pid']}/{h['tid']}", r, {
            "state": STATES[h["state"]], "wait_reason": REASONS[h["wait_reason"]] if h["state"] == 5 else "", "priority": h["priority"],
            "start_time": seconds(h["create"]), "start_address": hex(h["start"]),
            "user_start_address": hex(h["user_start"]) if h["user_start"] else None, "teb": hex(h["teb"]) if h["teb"] else None,
            "object": hex(h["object"]), "comm": p["comm"]},
                () if profile else ("start_time", "state", "wait_reason", "priority", "start_address", "user_start_address", "teb"))
    return found


def modules(got, t, profile):
    found = []
    rows = got.json or []
    live, gone = [r for r in rows if r["state"] == "Live"], [r for r in rows if r["state"] != "Live"]
    for r, m in zip(rows_of(found, "modules", live, [m["name"] for m in t["modules"]], lambda r: r["name"]), t["modules"]):
        columns(found, m["name"], r, {"base": hex(m["base"]), "size": m["size"], "path": m["path"], "object": hex(m["object"])}, ())
    if profile or gone:
        newest = t["unloaded"][::-1]
        for r, m in zip(rows_of(found, "unloaded drivers", gone, [m["name"] for m in newest], lambda r: r["name"]), newest):
            columns(found, m["name"], r, {"base": hex(m["base"]), "size": m["size"], "unload_time": seconds(m["time"])}, ())
    return found


def dlls(got, p, profile):
    """Without a profile the 32-bit lists of a 64-bit system may be missing: then it says so."""
    found, want = [], p["modules"]
    if not profile and p["wow64"] and got.code == 5:
        want = [m for m in want if not m["wow64"]]
        differ(found, "it says that the 32-bit lists are missing", "32-bit" in got.stderr, True)
    for r, m in zip(rows_of(found, f"dlls of {p['pid']}", got.json, [(m["wow64"], m["name"]) for m in want],
                            lambda r: (r["wow64"], r["name"])), want):
        columns(found, f"{p['pid']}: {m['name']}", r, {
            "base": hex(m["base"]), "size": m["size"], "path": m["path"], "entry": hex(m["entry"]), "object": hex(m["object"]),
            "load_time": seconds(m["time"])}, () if profile else ("load_time",))
    return found


def maps(got, p, t, profile):
    if not profile and not got.json:
        return needs_profile(got, t)
    found = []
    want = [(hex(v["start"]), hex(v["end"]), RIGHTS[v["protection"]] + ("p" if v["private"] or v["image"] else "s"), v["path"])
            for v in p["vads"]]
    rows_of(found, f"maps of {p['pid']}", got.json, want, lambda r: (r["start"], r["end"], r["rights"], r["path"]))
    return found


def handles(got, p, t, profile):
    if not profile and not got.json:
        return needs_profile(got, t)
    found, want = [], p["handles"]
    for r, h in zip(rows_of(found, f"handles of {p['pid']}", got.json, [h["handle"] for h in want], lambda r: r["handle"]), want):
        columns(found, f"{p['pid']}: handle {h['handle']:#x}", r, {
            "type": h["type"], "access": h["access"], "object": hex(h["object"]), "pid": h["pid"] or None, "tid": h["tid"] or None}, ())
        if r["name"] not in (h["name"], h["name"].rpartition("\\")[2]) and h["type"] not in ("Process", "Thread"):
            differ(found, f"{p['pid']}: name of handle {h['handle']:#x}", r["name"], h["name"])
    return found


def check_is_clean(got, t):
    found = []
    bad = [f for f in got.json or [] if f["severity"] in ("warning", "alert")]
    differ(found, "findings in an image without faults", bad, [])
    if not got.json:
        found.append(f"no answer: {got.stderr}")
    text = [f["text"] for f in got.json or [] if f["check"] == "processes" and f["severity"] == "ok"]
    differ(found, "how many processes", text[0].split(" ")[0] if text else None, str(len(listed(t))))
    return found


def v2p(rows, t):
    """`rows`: (pid, address) -> physical address or None."""
    found = []
    for pid, va, pa, kind in t["v2p"]:
        if rows.get((pid, va), "no answer") != pa:
            found.append(f"{pid} {va:#x} ({kind}): is {rows.get((pid, va), 'no answer')!r}, should be {pa!r}")
    if len(t["v2p"]) < 100:
        found.append(f"only {len(t['v2p'])} addresses were compared")
    return found


def note(got, kind, pa):
    found = []
    if not got.json:
        return [f"{kind}: no answer: {got.stderr}"]
    differ(found, f"{kind}: physical", number(got.json["physical"]), pa)
    if kind in NOTES:
        differ(found, f"{kind}: note names it", NOTES[kind] in (got.json.get("note") or ""), True)
    return found
