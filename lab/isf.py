#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""usage: lab/isf.py VMLINUX BTF OUT.json

Writes an ISF profile (Volatility 3's schema 6.2.0): the types from a BTF file, as pahole makes it
from debug information, and the symbols from VMLINUX's own table.
Formats: the kernel's Documentation/bpf/btf.rst; volatility3/schemas/schema-6.2.0.json; ELF.
"""

import base64
import json
import struct
import sys

(
    INT,
    PTR,
    ARRAY,
    STRUCT,
    UNION,
    ENUM,
    FWD,
    TYPEDEF,
    VOLATILE,
    CONST,
    RESTRICT,
    FUNC,
    FUNC_PROTO,
    VAR,
    DATASEC,
    FLOAT,
    DECL_TAG,
    TYPE_TAG,
    ENUM64,
) = range(1, 20)


class Btf:
    """The types of a BTF file, as dictionaries; index 0 is void."""

    def __init__(self, data):
        (
            magic,
            _version,
            _flags,
            header,
            type_at,
            type_size,
            string_at,
            string_size,
        ) = struct.unpack_from("<HBBIIIII", data)
        if magic != 0xEB9F:
            raise ValueError("not a BTF file")
        self.strings = data[header + string_at : header + string_at + string_size]
        self.types = [{"kind": 0, "name": "void", "size": 0}]
        at, end = header + type_at, header + type_at + type_size
        while at < end:
            name, info, size = struct.unpack_from("<III", data, at)
            at += 12
            item = {
                "kind": info >> 24 & 31,
                "flag": info >> 31,
                "name": self.string(name),
                "size": size,
            }  # size, or a type's index
            at = self.read_rest(item, info & 0xFFFF, data, at)
            self.types.append(item)

    def string(self, at):
        return self.strings[at : self.strings.index(b"\0", at)].decode()

    def read_rest(self, item, count, data, at):
        kind = item["kind"]
        if kind == INT:
            item["encoding"] = struct.unpack_from("<I", data, at)[0]
            return at + 4
        if kind == ARRAY:
            item["element"], _index, item["count"] = struct.unpack_from("<III", data, at)
            return at + 12
        if kind in (STRUCT, UNION):
            members = [struct.unpack_from("<III", data, at + 12 * i) for i in range(count)]
            item["members"] = [(self.string(name), of, offset) for name, of, offset in members]
            return at + 12 * count
        if kind == ENUM:
            pairs = [struct.unpack_from("<Ii", data, at + 8 * i) for i in range(count)]
            item["constants"] = {self.string(name): value for name, value in pairs}
            return at + 8 * count
        if kind == ENUM64:
            triples = [struct.unpack_from("<III", data, at + 12 * i) for i in range(count)]
            item["constants"] = {self.string(name): low | high << 32 for name, low, high in triples}
            return at + 12 * count
        if kind == FUNC_PROTO:
            return at + 8 * count
        if kind == DATASEC:
            return at + 12 * count
        return at + (4 if kind in (VAR, DECL_TAG) else 0)


class Isf:
    def __init__(self, btf, pointer_size):
        self.btf = btf
        self.base = {
            "pointer": {"size": pointer_size, "signed": False, "kind": "int", "endian": "little"},
            "void": {"size": 0, "signed": False, "kind": "void", "endian": "little"},
        }
        self.user, self.enums = {}, {}
        for index, item in enumerate(btf.types):
            if item["kind"] in (STRUCT, UNION) and self.name(index) not in self.user:
                self.user[self.name(index)] = self.compound(item)
            elif item["kind"] in (ENUM, ENUM64):
                self.enums.setdefault(
                    self.name(index),
                    {
                        "size": item["size"],
                        "base": self.enum_base(item["size"]),
                        "constants": item["constants"],
                    },
                )

    def name(self, index):
        return self.btf.types[index]["name"] or f"unnamed_{index:x}"

    def enum_base(self, size):
        name = {
            1: "unsigned char",
            2: "unsigned short",
            4: "unsigned int",
            8: "unsigned long long",
        }[size]
        self.base.setdefault(
            name,
            {
                "size": size,
                "signed": False,
                "kind": "char" if size == 1 else "int",
                "endian": "little",
            },
        )
        return name

    def reference(self, index):
        """What a member's type is in ISF; typedefs and qualifiers are looked through."""
        item = self.btf.types[index]
        while item["kind"] in (TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG):
            index = item["size"]
            item = self.btf.types[index]
        kind = item["kind"]
        if kind == PTR:
            return {"kind": "pointer", "subtype": self.reference(item["size"])}
        if kind == ARRAY:
            return {
                "kind": "array",
                "count": item["count"],
                "subtype": self.reference(item["element"]),
            }
        if kind in (STRUCT, UNION):
            return {"kind": "struct" if kind == STRUCT else "union", "name": self.name(index)}
        if kind == FWD:
            return {"kind": "union" if item["flag"] else "struct", "name": item["name"]}
        if kind in (ENUM, ENUM64):
            return {"kind": "enum", "name": self.name(index)}
        if kind == FUNC_PROTO:
            return {"kind": "function"}
        if kind in (INT, FLOAT):
            encoding = item.get("encoding", 0) >> 24
            what = (
                "float"
                if kind == FLOAT
                else "bool"
                if encoding & 4
                else "char"
                if item["size"] == 1
                else "int"
            )
            self.base.setdefault(
                item["name"],
                {
                    "size": item["size"],
                    "signed": bool(encoding & 1),
                    "kind": what,
                    "endian": "little",
                },
            )
            return {"kind": "base", "name": item["name"]}
        return {"kind": "base", "name": "void"}

    def bits(self, item, index, offset):
        """A bit-field member's width (with kind_flag in the offset's top byte, else in its integer
        type; 0: none) and bit offset."""
        if item["flag"]:
            return offset >> 24, offset & 0xFFFFFF
        of = self.btf.types[index]
        while of["kind"] in (TYPEDEF, VOLATILE, CONST):
            of = self.btf.types[of["size"]]
        width = of["encoding"] & 0xFF if of["kind"] == INT else 0
        return (width if width and width != of["size"] * 8 else 0), offset

    def size_of(self, index):
        of = self.btf.types[index]
        while of["kind"] in (TYPEDEF, VOLATILE, CONST, TYPE_TAG):
            of = self.btf.types[of["size"]]
        return of["size"]

    def compound(self, item):
        fields = {}
        for number, (name, index, offset) in enumerate(item["members"]):
            width, bit = self.bits(item, index, offset)
            field = {"type": self.reference(index), "offset": bit // 8}
            if width:
                unit = self.size_of(index)
                field["offset"] = bit // 8 // unit * unit
                field["type"] = {
                    "kind": "bitfield",
                    "bit_position": bit - field["offset"] * 8,
                    "bit_length": width,
                    "type": field["type"],
                }
            if not name:
                field["anonymous"] = True
            fields[name or f"unnamed_field_{number}"] = field
        return {
            "size": item["size"],
            "kind": "struct" if item["kind"] == STRUCT else "union",
            "fields": fields,
        }


def read_elf(data):
    """pointer size, {symbol: address}, and a function that reads bytes at a linked address"""
    wide = data[4] == 2
    (section_at,) = struct.unpack_from("<Q" if wide else "<I", data, 40 if wide else 32)
    size, count = struct.unpack_from("<HH", data, 58 if wide else 46)
    layout = "<IIQQQQIIQQ" if wide else "<IIIIIIIIII"
    sections = [struct.unpack_from(layout, data, section_at + i * size) for i in range(count)]
    symbols = {}
    for _name, kind, _flags, _address, offset, length, link, _info, _align, entry in sections:
        if kind != 2:  # SHT_SYMTAB
            continue
        strings = sections[link][4]
        for at in range(offset, offset + length, entry):
            if wide:
                name, info, _other, section, value, _size = struct.unpack_from("<IBBHQQ", data, at)
            else:
                name, value, _size, info, _other, section = struct.unpack_from("<IIIBBH", data, at)
            if section and info & 15 in (0, 1, 2, 10) and name:  # none, object, function, ifunc
                text = data[strings + name : data.index(b"\0", strings + name)].decode()
                symbols.setdefault(text, value)

    def read(address, length):
        for _name, kind, _flags, start, offset, size, *_ in sections:
            if kind == 1 and start <= address < start + size:
                return data[offset + address - start : offset + address - start + length]
        return b""

    return (8 if wide else 4), symbols, read


def main(argv):
    if len(argv) != 4 or argv[1] in ("-h", "--help"):
        print(__doc__.strip(), file=sys.stdout if "--help" in argv or "-h" in argv else sys.stderr)
        return 0 if "--help" in argv or "-h" in argv else 1
    with open(argv[1], "rb") as f:
        pointer_size, addresses, read = read_elf(f.read())
    with open(argv[2], "rb") as f:
        isf = Isf(Btf(f.read()), pointer_size)
    symbols = {name: {"address": address} for name, address in addresses.items()}
    banner = read(addresses.get("linux_banner", 0), 512).partition(b"\0")[0]
    if banner:
        symbols["linux_banner"] |= {
            "type": {
                "kind": "array",
                "count": len(banner) + 1,
                "subtype": {"kind": "base", "name": "char"},
            },
            "constant_data": base64.b64encode(banner + b"\0").decode(),
        }
    with open(argv[3], "w", encoding="utf-8") as f:
        json.dump(
            {
                "metadata": {
                    "format": "6.2.0",
                    "producer": {"name": "tinyvmi-lab", "version": "1"},
                    "linux": {},
                },
                "base_types": isf.base,
                "user_types": isf.user,
                "enums": isf.enums,
                "symbols": symbols,
            },
            f,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
