#!/usr/bin/env python3
"""Writes the bill of materials of an image as CycloneDX 1.5: Debian's packages, and npm's with their licences and hashes.
The same packages give the same bytes.

usage: sbom.py NAME VERSION --debian STATUS... --npm LOCK... >NAME.cdx.json
       STATUS is dpkg's status file or a part of it; LOCK is node_modules/.package-lock.json, which npm writes of what it
       has installed
"""
import argparse
import base64
import json
import uuid
from pathlib import Path
from urllib.parse import quote

SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 4122: names that are URLs
HASHES = {"sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}


def purl(kind, name, version, **qualifiers):
    """As https://github.com/package-url/purl-spec has it."""
    more = "&".join(f"{k}={quote(v, safe='.-_~:')}" for k, v in sorted(qualifiers.items()))
    return f"pkg:{kind}/{quote(name, safe='/.-_~')}@{quote(version, safe='.-_~:')}" + (f"?{more}" if more else "")


def component(ref, name, version, **more):
    return {"type": "library", "bom-ref": ref, "name": name, "version": version, "purl": ref} | more


# ---- Debian

def paragraphs(text):
    """The fields of each paragraph; lines that go on don't matter here."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] not in " \t")
        if fields.get("Status", "").endswith(" installed"):
            yield fields


def debian(status):
    for p in paragraphs(status):
        # "glibc (2.36-9)" where source and package differ in version; no field where they have one name, too.
        source, _, version = p.get("Source", p["Package"]).partition(" ")
        upstream = source if not version else f"{source}@{version.strip('()')}"
        ref = purl("deb", f"debian/{p['Package']}", p["Version"], arch=p["Architecture"], distro="debian-12", upstream=upstream)
        yield component(ref, p["Package"], p["Version"], publisher=p["Maintainer"])


# ---- npm

def npm(lock):
    for path, p in lock["packages"].items():
        name = path.rpartition("node_modules/")[2]
        if not name or p.get("link"):
            continue
        ref = purl("npm", name, p["version"])
        more = {}
        if p.get("integrity"):
            kind, _, value = p["integrity"].partition("-")
            more["hashes"] = [{"alg": HASHES[kind], "content": base64.b64decode(value).hex()}]
        if p.get("license"):
            more["licenses"] = [{"expression": p["license"]}]
        yield component(ref, name, p["version"], **more)


# ---- the document

def document(name, version, components):
    ours = purl("generic", name, version)
    known = sorted({c["bom-ref"]: c for c in components}.values(), key=lambda c: c["bom-ref"])
    body = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "bom-ref": ours, "name": name, "version": version, "purl": ours,
                                   "licenses": [{"expression": "MIT"}]}},
        "components": known,
        "dependencies": [{"ref": ours, "dependsOn": [c["bom-ref"] for c in known]}],
    }
    number = uuid.uuid5(SPACE, json.dumps(body, sort_keys=True))
    return body | {"serialNumber": f"urn:uuid:{number}"}


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    parser.add_argument("name")
    parser.add_argument("version")
    parser.add_argument("--debian", nargs="+", default=[], type=Path)
    parser.add_argument("--npm", nargs="+", default=[], type=Path)
    args = parser.parse_args()
    components = []
    for file in args.debian:
        components += debian(file.read_text())
    for file in args.npm:
        components += npm(json.loads(file.read_text()))
    print(json.dumps(document(args.name, args.version, components), indent="\t"))


main()
