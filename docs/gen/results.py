#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The site's figures: what benchmarks and tests print, kept as JSON, and the pages that show it.

usage: results.py --from NAME TITLE [--command TEXT] <OUTPUT     what a program printed becomes docs/data/results/NAME.json
       results.py --check                                        every file has machine, commit and date
       results.py --pages TREE                                   writes TREE/content/results/NAME.md and index

The text: a row is a label, two or more spaces, a number with a unit, and a remark; another line that is not indented begins a table
("machine: TEXT; COMMIT; DATE" is the heading of the run). The test runner's "  ok NAME", "  FAIL NAME" and
"  skip NAME" are counted. What is no row is left out and told.

A file: {title, machine, commit, date, command, note, tables: [{title, columns, rows: [[text, ...]], bars: {unit, better,
rows: [{label, value, reference, reference_name}]}}]}. Bars are optional: a chart of the first lines, larger or smaller is better.
"""
import collections
import datetime
import glob
import html
import json
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(TOP, "docs", "data", "results")
ROW = re.compile(r"^\s*(\S.*?)\s{2,}(-?[\d,]*\.?\d+)\s*([^\s\d]\S*)?\s*(.*)$")
NEEDED = ("title", "machine", "commit", "date", "command", "tables")


def git(*words):
    done = subprocess.run(["git", "-C", TOP, *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = re.search(r"model name\s*:\s*(.*)", f.read())
    return f"{model.group(1).strip() if model else os.uname().machine}, {os.cpu_count()} CPUs"


def parse(text):
    """({machine, commit, date}, tables, lines that are none)"""
    run, tables, other = {}, [], []
    counts = collections.OrderedDict()
    for line in text.splitlines():
        told = re.match(r"machine: +(.*?); *(\w*); *([\d-]+)$", line)
        tested = re.match(r"\s*(ok|FAIL|skip)\s+([\w.+ -]+?)(?::| \(|$)", line)
        row = ROW.match(line)
        if row and not tables:
            tables.append({"title": "Figures", "columns": ["", "value", "unit", ""], "rows": []})
        if told:
            run = dict(zip(("machine", "commit", "date"), told.groups()))
        elif tested:
            counts.setdefault(tested.group(2).split()[0], collections.Counter())[tested.group(1)] += 1
        elif line.strip() and not row and not line[0].isspace():
            tables.append({"title": line.strip().rstrip(":"), "columns": ["", "value", "unit", ""], "rows": []})
        elif row:
            tables[-1]["rows"].append([g or "" for g in row.groups()])
        elif line.strip():
            other.append(line)
    tables = [t for t in tables if t["rows"]]
    if counts:
        rows = [[name, str(c["ok"]), str(c["FAIL"]), str(c["skip"])] for name, c in counts.items()]
        tables.append({"title": "Tests", "columns": ["", "ok", "failed", "skipped"], "rows": rows})
    return run, tables, other


def take(name, title, command):
    run, tables, other = parse(sys.stdin.read())
    if not re.fullmatch(r"[a-z0-9-]+", name) or not tables:
        sys.exit("results.py: " + ("no row was seen in the text" if not tables else f"{name}: a name is of small letters"))
    dirty = git("status", "--porcelain", "--untracked-files=no", "--", "src", "include", "platform", "tools")
    data = {"title": title, "machine": run.get("machine") or machine(), "commit": run.get("commit") or git("rev-parse", "--short", "HEAD"),
            "date": run.get("date") or datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"), "command": command, "tables": tables}
    if dirty:
        data["note"] = "The tree had changes that are in no commit."
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, name + ".json"), "w", encoding="utf-8") as f:
        json.dump(data, f, indent=1, ensure_ascii=False)
        f.write("\n")
    for line in other:
        print(f"results.py: no row: {line}", file=sys.stderr)
    print(f"results: {name}: {sum(len(t['rows']) for t in tables)} rows in {len(tables)} tables")


def load():
    out = {}
    for path in sorted(glob.glob(os.path.join(FOLDER, "*.json"))):
        with open(path, encoding="utf-8") as f:
            out[os.path.basename(path)[:-5]] = json.load(f)
    return out


def faults(files):
    for name, data in files.items():
        for key in NEEDED:
            if not data.get(key):
                yield f"{name}.json: no {key}"
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", str(data.get("date"))):
            yield f"{name}.json: the date is none: {data.get('date')}"
        commit = str(data.get("commit"))
        # A clone without its history cannot tell.
        if git("rev-parse", "--is-shallow-repository") == "false" and not git("rev-parse", "--verify", "-q", commit + "^{commit}"):
            yield f"{name}.json: there is no commit {commit}"
        for t in data.get("tables", []):
            for row in t["rows"]:
                if len(row) != len(t["columns"]):
                    yield f"{name}.json: {t['title']}: a row of {len(row)} cells: {row}"


# ---- pages ------------------------------------------------------------------------------------------------------

def chart(bars):
    """Two bars a line, ours and the reference's, on one scale; the figures stand beside them, so colour is not needed to read them."""
    rows, unit = bars["rows"], bars["unit"]
    top = max(max(r["value"], r.get("reference") or 0) for r in rows)
    out, y = [], 0
    for r in rows:
        out.append(f'<text x="0" y="{y + 13}">{html.escape(r["label"])}</text>')
        y += 19
        pairs = [("ours", r["value"], "TinyVMI")]
        if r.get("reference"):
            pairs.append(("theirs", r["reference"], r.get("reference_name", "reference")))
        for kind, value, who in pairs:
            width = max(2, round(value / top * 330))
            out.append(f'<rect class="{kind}" x="0" y="{y}" width="{width}" height="15" rx="2"/>'
                       f'<text class="small" x="{width + 7}" y="{y + 12}">{value:g} {html.escape(unit)}, {html.escape(who)}</text>')
            y += 18
        y += 9
    better = html.escape(bars["better"])
    return (f'<figure class="chart"><svg viewBox="0 0 560 {y}" role="img" aria-label="{better}. The table has the same figures.">{"".join(out)}</svg>'
            f"<figcaption>{better}.</figcaption></figure>")


def table(t):
    def cell(s):
        return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(str(s), quote=False))

    head = "".join(f'<th scope="col">{cell(c)}</th>' if c else "<td></td>" for c in t["columns"])
    rows = "".join("<tr>" + "".join(f'<th scope="row">{cell(c)}</th>' if not i else f"<td>{cell(c)}</td>" for i, c in enumerate(r)) + "</tr>"
                   for r in t["rows"])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def pages(tree, files):
    for weight, (name, d) in enumerate(sorted(files.items(), key=lambda x: x[1].get("order", 99)), 1):
        out = ["---", f"title: {json.dumps(d['title'])}", f"description: {json.dumps(d.get('about', d['date']))}", f"weight: {weight}", "---"]
        out.append(f'<dl class="run"><dt>Date</dt><dd><time datetime="{d["date"]}">{d["date"]}</time></dd><dt>Commit</dt><dd><code>{d["commit"]}</code></dd>'
                   f"<dt>Machine</dt><dd>{html.escape(d['machine'])}</dd><dt>To repeat it</dt><dd><code>{html.escape(d['command'])}</code></dd></dl>\n")
        if d.get("note"):
            out.append(d["note"] + "\n")
        for t in d["tables"]:
            out.append(f"## {t['title']}\n")
            if t.get("bars"):
                out.append(chart(t["bars"]) + "\n")
            out.append(table(t) + "\n")
            if t.get("note"):
                out.append(t["note"] + "\n")
        with open(os.path.join(tree, "content", "results", name + ".md"), "w", encoding="utf-8") as f:
            f.write("\n".join(out))


def main():
    words = sys.argv[1:]
    if words[:1] == ["--from"] and len(words) in (3, 5):
        take(words[1], words[2], words[4] if len(words) == 5 else words[1])
        return 0
    files = load()
    bad = list(faults(files))
    if words == ["--check"]:
        print("\n".join(bad), file=sys.stderr)
        print(f"{len(files)} files")
        return 1 if bad or not files else 0
    if words[:1] == ["--pages"] and len(words) == 2:
        pages(words[1], files)
        return 0
    print(__doc__)
    return 0 if words[:1] in (["-h"], ["--help"]) else 1


sys.exit(main())
