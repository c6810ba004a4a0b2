#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the site's reference pages: the command from its own manual pages, the API from the headers' comments.

usage: reference.py TINYVMI INCLUDE-DIR CONTENT-DIR [TARGETS...]
"""
import html
import os
import re
import subprocess
import sys

HEADERS = [
    ("tinyvmi/tinyvmi.h", "What goes beyond LibVMI: open any target by name, listings, symbols, types, errors."),
    ("tinyvmi/records.h", "The records that listings hand to their callbacks."),
    ("libvmi/libvmi.h", "LibVMI's interface: opening, translation, reading and writing, symbols, vCPUs."),
    ("libvmi/events.h", "LibVMI's events: kinds, responses, single-stepping."),
    ("libvmi/slat.h", "Views: several second-level tables of one guest."),
    ("libvmi/libvmi_extra.h", "Calls that use GLib's and json-c's types."),
    ("libvmi/peparse.h", "Headers of Windows images."),
]


def front(title, description, weight, **more):
    lines = ["---", f"title: {quote(title)}", f"description: {quote(description)}", f"weight: {weight}"]
    lines += [f"{k}: {quote(v)}" for k, v in more.items()]
    return "\n".join(lines + ["---", ""])


def quote(s):
    return '"' + str(s).replace("\\", "\\\\").replace('"', '\\"') + '"'


def markdown(s):
    """Plain text as markdown that shows the same characters."""
    s = html.escape(s, quote=False)
    return re.sub(r"([\\`*_\[\]|{}])", r"\\\1", s)


# ---- the command ------------------------------------------------------------------------------------------------

ESCAPES = {"\\-": "-", "\\(ti": "~", "\\(ha": "^", "\\(ga": "`", "\\(aq": "'", "\\&": "", "\\e": "\\"}


def unroff(line):
    """(markdown, plain) of a line of the manual page."""
    plain, marked, font = "", "", None
    for part in re.split(r"(\\f[BIR]|\\\(..|\\.)", line):
        if part in ("\\fB", "\\fI"):
            font = part[2]
            marked += "<b>" if font == "B" else "<var>"
        elif part == "\\fR":
            marked += {"B": "</b>", "I": "</var>", None: ""}[font]
            font = None
        else:
            text = ESCAPES.get(part, part)
            plain += text
            marked += markdown(text)
    return marked, plain


def man_to_markdown(text):
    """The macros that `tinyvmi man` writes: .SH .PP .TP .RS .RE .nf .fi .BR."""
    out, lines, i = [], text.splitlines(), 0
    see = []
    while i < len(lines):
        line = lines[i]
        i += 1
        if line.startswith(".TH"):
            continue
        if line.startswith(".SH"):
            name = line[4:].strip('"')
            if name == "NAME":
                i += 1
                continue
            out.append(f"\n## {name.capitalize().replace('Json', 'JSON')}\n")
        elif line == ".PP":
            out.append("")
        elif line == ".TP":
            term, about = unroff(lines[i])[0], unroff(lines[i + 1])[0]
            i += 2
            out.append(f"<dl><dt>{term}</dt><dd>\n\n{about}\n\n</dd></dl>\n")
        elif line.startswith(".RS") or line in (".fi", ".RE"):
            continue
        elif line == ".nf":
            code = []
            while lines[i] != ".fi":
                code.append(unroff(lines[i])[1])
                i += 1
            out.append("```console\n" + "\n".join(code) + "\n```\n")
        elif line.startswith(".BR"):
            see.append(unroff(line[4:])[1].split(" ")[0])
        else:
            out.append(unroff(line)[0])
    links = []
    for name in see:
        verb = name.removeprefix("tinyvmi-")
        links.append(f"[{name}]({verb}.md)" if verb != name else f"[{name}](_index.md)")
    if links:
        out.append(" · ".join(links))
    return re.sub(r"</dl>\n\n?<dl>", "", "\n".join(out)) + "\n"


def command_pages(tinyvmi, folder):
    os.makedirs(folder, exist_ok=True)

    def man(*verb):
        return subprocess.run([tinyvmi, "man", *verb], check=True, capture_output=True, text=True).stdout

    overview = man()
    verbs = re.findall(r"tinyvmi\\\\-(\w+) \(1\)", overview) or re.findall(r"tinyvmi\\-(\w+) \(1\)", overview)
    if len(verbs) < 10:
        sys.exit(f"reference.py: only {len(verbs)} verbs in `tinyvmi man`: its form has changed")
    with open(f"{folder}/_index.md", "w") as f:
        f.write(front("The command", "`tinyvmi VERB TARGET`: every verb, from its own manual page.", 1))
        f.write(man_to_markdown(overview))
    for weight, verb in enumerate(verbs, 1):
        page = man(verb)
        purpose = unroff(re.search(r"^tinyvmi\\-\w+ \\- (.*)$", page, re.M).group(1))[1]
        with open(f"{folder}/{verb}.md", "w") as f:
            f.write(front(f"tinyvmi {verb}", purpose, weight, linkTitle=verb))
            f.write(man_to_markdown(page))
    return verbs


# ---- the interface ----------------------------------------------------------------------------------------------

def clean_comment(c):
    c = re.sub(r"^/\*\*?|\*/$", "", c.strip())
    lines = [re.sub(r"^\s*\* ?", "", l) for l in c.splitlines()]
    return "\n".join(lines).strip()


def running(s):
    """Running text of a comment: what stands in backticks is code."""
    parts = re.split(r"(`[^`]*`)", s)
    return "".join(p if i % 2 else markdown(p) for i, p in enumerate(parts))


def prose(c):
    """A header's comment: paragraphs; indented parts are code."""
    out = []
    for block in re.split(r"\n\s*\n", c):
        lines = block.splitlines()
        if all(l.startswith("    ") or not l.strip() for l in lines):
            out.append("```c\n" + "\n".join(l[4:] for l in lines) + "\n```")
        elif re.match(r"[A-Za-z ]{2,14}\s{2,}\S", block) or re.match(r"\d+\. ", block):
            out.append("```text\n" + block + "\n```")
        else:
            out.append(running(" ".join(l.strip() for l in lines)))
    return "\n\n".join(out)


TOKEN = re.compile(r"/\*.*?\*/|^#define[^\n]*(?:\\\n[^\n]*)*|[^;{}#/]+(?:\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}[^;{}]*)?;", re.S | re.M)


def header_page(path, text, about, weight):
    """One page a header: sections, and each declaration with the comment before it."""
    text = re.sub(r"^#(ifdef __cplusplus|if|ifndef|else|endif|include|undef)[^\n]*\n", "", text, flags=re.M)
    text = text.replace('extern "C" {\n', "").replace("#define NOEXCEPT noexcept\n", "")
    out, names, comment, first = [], [], None, True
    for m in TOKEN.finditer(text):
        t = m.group(0).strip()
        if t.startswith("/*"):
            title = re.match(r"/\* -{4}\s*(.*?)\s*-*\s*\*?/?$", t, re.S)
            if title:
                name = re.sub(r"[\s*/-]+$", "", title.group(1)).strip()
                name = name[:1].upper() + name[1:]
                out.append(f"\n## {name}\n")
                comment = None
            elif "SPDX" in t:
                continue
            elif first:
                out.append(prose(clean_comment(t)) + "\n")
                first = False
            else:
                comment = clean_comment(t)
            continue
        name = declared(t)
        if not name:
            continue
        code = re.sub(r"\s*\bVMI_API\b\s*", "", re.sub(r"\s*\bNOEXCEPT\b", "", t))
        if t.startswith("#define"):
            if re.search(r"_H$", name):
                continue
            out.append(f"```c {{#{name}}}\n{code}\n```\n")
            if comment:
                out.append(prose(comment) + "\n")
            comment = None
            continue
        names.append(name)
        out.append(f"\n### {name} {{#{name}}}\n\n```c\n{code}\n```\n")
        if comment:
            out.append(prose(comment) + "\n")
        comment = None
    return split_pages(path, "\n".join(out), about, weight), names


PAGE = 45000 # of markdown: the page is about twice that


def split_pages(path, text, about, weight):
    """[(file name, page)]: a large header is several pages, cut between its sections."""
    parts = [""]
    for section in re.split(r"^(?=## )", text, flags=re.M):
        if parts[-1] and len(parts[-1]) + len(section) > PAGE:
            parts.append("")
        parts[-1] += section
    base, pages = os.path.basename(path), []
    for i, part in enumerate(parts, 1):
        of = f", part {i} of {len(parts)}" if len(parts) > 1 else ""
        name = base.replace(".", "-") + (f"-{i}" if i > 1 else "")
        pages.append((name, front(f"<{path}>{of}", about, weight * 10 + i, linkTitle=base + (f" ({i})" if of else "")) + part))
    return pages


def declared(t):
    if t.startswith("#define"):
        return re.match(r"#define\s+(\w+)", t).group(1)
    m = re.match(r"typedef\b.*?(\w+)\s*;$", t, re.S)
    if m and "(*" not in t:
        return m.group(1)
    m = re.match(r"typedef\b[^(]*\(\s*\*\s*(\w+)", t, re.S)
    if m:
        return m.group(1)
    m = re.match(r"(?:struct|union|enum)\s+(\w+)\s*\{", t)
    if m:
        return m.group(1)
    m = re.search(r"(\w+)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)\s*(?:NOEXCEPT)?\s*(?:__attribute__\s*\(\(.*\)\))?\s*;$", t, re.S)
    return m.group(1) if m else None


def api_pages(include, folder):
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/_index.md", "w") as f:
        f.write(front("The library", "The public headers, declaration by declaration, from their own comments.", 2))
        f.write("`#include <tinyvmi/tinyvmi.h>` for everything; LibVMI's programs include what they always did. "
                "Link with `pkg-config --cflags --libs tinyvmi`.\n")
    found, where = set(), {}
    for weight, (path, about) in enumerate(HEADERS, 1):
        text = open(f"{include}/{path}").read()
        pages, names = header_page(path, text, about, weight)
        found.update(names)
        exported = set(re.findall(r"VMI_API\b(?:[^;(]|__attribute__\(\([^;]*?\)\))*?\b(\w+)\s*\(", text)) - {"__attribute__"}
        missing = exported - set(names)
        if missing:
            sys.exit(f"reference.py: {path}: no entry made for {', '.join(sorted(missing))}")
        for name, page in pages:
            with open(f"{folder}/{name}.md", "w") as f:
                f.write(page)
            where.update((n, name) for n in sorted(exported) if f"{{#{n}}}" in page)
    with open(f"{folder}/_index.md", "a") as f:
        f.write(f"\n<details class=\"toc\"><summary>All {len(where)} functions</summary>\n\n")
        f.write(" ·\n".join(f"[{n}]({page}.md#{n})" for n, page in sorted(where.items())))
        f.write("\n\n</details>\n\n")
    return found


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    tinyvmi, include, content = sys.argv[1:]
    verbs = command_pages(tinyvmi, f"{content}/reference/command")
    names = api_pages(include, f"{content}/reference/api")
    print(f"reference: {len(verbs)} verbs, {len(names)} declarations")


main()
