#!/usr/bin/env python3
"""Writes the files of every vector into OUT/<vector>/: make.py OUT"""
import base64, json, os, sys

here, out = os.path.dirname(os.path.abspath(__file__)), sys.argv[1]


def read(name):
    with open(os.path.join(here, name), "rb") as f:
        return f.read()


def build(f):
    if "file" in f:
        return read(f["file"])
    base, b = read(f["base"]), b""
    for part in f.get("parts", []):
        if part.startswith("="):
            b += base64.b64decode(part[1:])
        else:
            at, n = map(int, part.split("+"))
            b += base[at:at + n]
    return b


for v in json.loads(read("manifest.json"))["vectors"]:
    for f in v["files"]:
        path = os.path.join(out, v["name"], f["name"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as w:
            w.write(build(f))
