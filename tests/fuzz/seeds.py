#!/usr/bin/env python3
"""seeds - turn golden files into what the fuzz targets start from.

usage: seeds.py OUT	writes OUT/{abi,rlp,tx,keystore}/*
"""
import pathlib
import sys


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out, golden = pathlib.Path(sys.argv[1]), pathlib.Path("tests/golden")
    seeds = {"abi": [], "rlp": [], "tx": [], "keystore": []}
    events = 0
    for line in (golden / "abi.txt").read_text().splitlines():
        kind, _name, *columns = line.split()
        data = [bytes.fromhex(c[2:]) for c in columns]
        if kind == "event":
            # The event's number, three topics, the data: see abi_fuzz.c.
            seeds["abi"].append(bytes([events]) + data[1][32:].ljust(96, b"\0") + data[0])
            events += 1
        elif kind in ("answer", "error"):
            seeds["abi"].append(b"\0" + data[0])
    for line in (golden / "tx.txt").read_text().splitlines():
        if line.startswith("tx "):
            raw = bytes.fromhex(line.split()[11][2:])
            seeds["tx"].append(raw)
            seeds["rlp"].append(raw[1:])
    for path in golden.glob("keystore-*.json"):
        seeds["keystore"].append(path.read_bytes())
    for target, items in seeds.items():
        (out / target).mkdir(parents=True, exist_ok=True)
        for n, item in enumerate(items):
            (out / target / f"golden-{n}").write_bytes(item)


if __name__ == "__main__":
    main()
