#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The page of all error texts, from the sources: what each means comes from its kind and from docs/data/messages.txt.

usage: messages.py CONTENT-DIR     writes reference/messages.md
       messages.py --check         says which file with messages has no words in docs/data/messages.txt

A text is a format that is handed to complain(), usage_error(), diag_fail() or vmi_fail(); what is filled in is shown as an
ellipsis. docs/data/messages.txt groups the files: "== TITLE" begins a group, lines "PATH..." name its files (a path's
beginning is enough), and the rest, after an empty line, says in markdown what to do.
"""
import glob
import html
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CALL = re.compile(r"\b(complain|usage_error|diag_fail|vmi_fail)\s*\(")
KINDS = {
    "ABSENT": "not there", "UNSUPPORTED": "not supported here", "DENIED": "not allowed", "BROKEN": "damaged or forged", "INVALID": "wrong call",
    "BUSY": "in use", "LIMIT": "bound reached", "IO": "host failed", "NOMEM": "no memory", "NO_MEMORY": "no memory",
}


def arguments(text, at):
    """The arguments of a call whose bracket opens before at: split at commas outside of brackets and strings."""
    depth, start, out, i = 1, at, [], at
    while i < len(text):
        c = text[i]
        if c in "\"'":
            i += 1
            while i < len(text) and text[i] != c:
                i += 2 if text[i] == "\\" else 1
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if not depth:
                return out + [text[start:i]]
        elif c == "," and depth == 1:
            out.append(text[start:i])
            start = i + 1
        i += 1
    return out


def format_of(argument):
    """The text of a literal (pieces, PRI macros), or None."""
    argument = re.sub(r"\bPRI\w+", '"d"', argument.strip())
    if not re.fullmatch(r'(?:"(?:[^"\\]|\\.)*"\s*)+', argument):
        return None
    text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', argument))
    text = re.sub(r"%%", "\0", text)
    text = re.sub(r"%[-#0 +']*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|j|z|t)?[a-zA-Z]", "…", text)
    return text.replace("\0", "%").replace('\\"', '"').replace("\\n", " ").replace("\\\\", "\\")


def messages():
    """[(file, kind, text)] in the order of the sources; a text that is only filled in is somebody else's and left out."""
    out, seen = [], set()
    for pattern in ("tools/tinyvmi/*.c", "src/**/*.c", "platform/**/*.c"):
        for path in sorted(glob.glob(os.path.join(TOP, pattern), recursive=True)):
            with open(path, encoding="utf-8") as f:
                source = f.read()
            name = os.path.relpath(path, TOP)
            for m in CALL.finditer(source):
                args = arguments(source, m.end())
                kind = re.search(r"\b(?:ST|VMI_ERROR)_(\w+)", " ".join(args))
                kind = KINDS.get(kind.group(1), "") if kind else ""
                first = {"complain": 1, "usage_error": 1}.get(m.group(1), 2)
                text = next((t for t in map(format_of, args[first:first + 2]) if t), None)
                if not text or not re.search(r"[a-z]{2}", text) or (name, text) in seen:
                    continue
                if re.fullmatch(r"(?:…|no memory|out of memory|[ :.])*", text):
                    continue
                seen.add((name, text))
                out.append((name, kind or ("wrong usage" if m.group(1) == "usage_error" else ""), text))
    return out


def groups():
    """[(title, paths, words)]"""
    with open(os.path.join(TOP, "docs", "data", "messages.txt"), encoding="utf-8") as f:
        parts = re.split(r"^== (.*)$", f.read(), flags=re.M)[1:]
    out = []
    for title, body in zip(parts[::2], parts[1::2]):
        paths, _, words = body.strip().partition("\n\n")
        out.append((title.strip(), paths.split(), words.strip()))
    return out


def sort(found, known):
    placed, lost = {title: [] for title, _, _ in known}, []
    for one in found:
        # The longest path wins, so that a file can leave its folder's group.
        best = max(((len(p), title) for title, paths, _ in known for p in paths if one[0].startswith(p)), default=None)
        if best:
            placed[best[1]].append(one)
        else:
            lost.append(one)
    return placed, lost


def write(folder, known, placed):
    def cell(s):
        return re.sub(r"([\\`*_\[\]|{}<>])", r"\\\1", html.escape(s, quote=False).replace("&lt;", "<").replace("&gt;", ">"))

    total = sum(len(v) for v in placed.values())
    with open(os.path.join(folder, "reference", "messages.md"), "w", encoding="utf-8") as f:
        f.write('---\ntitle: "Every message"\ndescription: "All error texts of the command and of the library, and what to do about them."\nweight: 5\n---\n')
        f.write(f"{total} texts, taken from the sources; … stands for what is filled in. The most frequent ones have a longer word on "
                "[Troubleshooting](/guides/troubleshooting). *No memory* and *out of memory* are the host's.\n\n")
        for title, _, words in known:
            if not placed[title]:
                continue
            f.write(f"## {title}\n\n{words}\n\n| Message | Kind |\n|---|---|\n")
            f.write("".join(f"| {cell(text)} | {kind} |\n" for _, kind, text in placed[title]) + "\n")


def main():
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0 if len(sys.argv) == 2 else 1
    known = groups()
    placed, lost = sort(messages(), known)
    total = sum(len(v) for v in placed.values())
    if sys.argv[1] == "--check":
        for name, _, text in lost:
            print(f"{name}: {text}: no group of docs/data/messages.txt has this file", file=sys.stderr)
        empty = [title for title, _, words in known if not words]
        for title in empty:
            print(f"docs/data/messages.txt: {title}: no words", file=sys.stderr)
        if total < 300:
            print(f"only {total} texts are seen in the sources: has their form changed?", file=sys.stderr)
        print(f"{total} texts")
        return 1 if lost or empty or total < 300 else 0
    write(sys.argv[1], known, placed)
    print(f"messages: {total} texts")
    return 0


sys.exit(main())
