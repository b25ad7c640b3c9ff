#!/usr/bin/env python3
"""seeds - turn golden files, and inputs that once broke something, into what
the fuzz targets start from.

usage: seeds.py OUT	writes OUT/TARGET/*
"""
import hashlib
import json
import pathlib
import struct
import sys


H = "0x" + "11" * 32
A = "0x" + "22" * 20
HEADER = {"number": "0x7", "timestamp": "0x64", "hash": H, "parentHash": H, "gasLimit": "0x1c9c380",
          "logsBloom": "0x" + "ff" * 256, "baseFeePerGas": "0x7"}
RECEIPT = {"transactionHash": H, "blockHash": H, "blockNumber": "0x7", "status": "0x1", "gasUsed": "0x5208",
           "effectiveGasPrice": "0x7"}
LOG = {"address": A, "topics": [H, H], "data": "0x0102", "blockHash": H, "blockNumber": "0x7",
       "transactionHash": H, "transactionIndex": "0x0", "logIndex": "0x0", "removed": False}
REFUSAL = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "nonce too low", "data": "0x"}}
CONTRACTS = ["ProofMarketplace", "GeneratorRegistry", "EntityKeyRegistry", "PaymentToken", "StakeToken"]


def answer(result, number=1):
    return {"jsonrpc": "2.0", "id": number, "result": result}


def text(value):
    return json.dumps(value).encode()


def evm():
    return [text(answer(r)) for r in (HEADER, RECEIPT, None, H, "0x1f", [], [LOG, LOG])] + [text(REFUSAL)]


def json_():
    return evm() + [b'[1.5e3,-2,"\\u20ac\\ud83d\\ude00",{"a":[true,false,null,[]],"":{}}]']


def rpc():
    batch = text([answer("0x1", 2), REFUSAL, answer(None, 3)])
    limited = text(REFUSAL | {"error": {"code": -32005, "message": "request rate exceeded, limited to a 1,000 range"}})
    return [b"\1\0" + text(answer("0x1")), b"\1\1" + text(REFUSAL), b"\3\0" + batch, b"\0\0raw", b"\1\4<html>",
            b"\1\0" + limited, b"\1\3"]


def fetch():
    def hash_of(n):
        return "0x" + f"{n:02x}" * 32
    headers = [HEADER | {"number": hex(n), "hash": hash_of(n), "parentHash": hash_of(n - 1)} for n in range(7, 11)]
    logs = [LOG | {"blockNumber": hex(n), "blockHash": hash_of(n)} for n in (7, 9)]

    def framed(*parts):
        return b"".join(struct.pack(">H", len(p)) + p for p in parts)
    return [framed(*map(text, headers), text(answer(logs))), framed(*map(text, headers), text(REFUSAL)),
            framed(*map(text, headers[:3]), b"null", text(answer([])))]


def prover():
    return [b"\0" + text({"proof": [1, 2, 255]}), b"\0" + text({"proof": "0x01ff"}),
            b"\1" + text({"error": "invalid_inputs", "reason": "no"})]


def conf():
    return [b'some_number = 7\nsome_flag = false\n# more\nsome_text = "a b"\n', b"some_text\n    deep = 1\n",
            b"some_secret = x\n"]


def deployment():
    return [text({"chainId": 31337, "startBlock": 1} | {c: A for c in CONTRACTS})]


def store():
    return [b"*2\r\n$3\r\n1-0\r\n*4\r\n$1\r\nt\r\n$3\r\n513\r\n$1\r\nb\r\n$2\r\n\x90\x91\r\n",
            b"$14\r\n1 2 3 4 5 6789\r\n"]


def feed():
    return [text({"op": "subscribe", "id": 1, "epoch": "77", "logs": ["book", "chain"], "from": {"book": 1, "chain": "2"}}),
            text({"op": "subscribe"}), b"{}",
            b"\n".join((text({"op": "subscribe", "id": "x", "epoch": 77, "channels": CHANNELS}),
                        text({"op": "unsubscribe", "subs": [2, "1"]}),
                        text({"op": "subscribe", "channels": [{"name": "stats"}, {"name": "slashes"}, {"name": "blocks"}]})))]


CHANNELS = [{"name": "book", "market": "1", "from": 3}, {"name": "requests", "requester": A, "market": 1},
            {"name": "tasks", "generator": A, "from": "0"}, {"name": "generators", "from": 99}]


def packed(value):
    """What is needed of msgpack."""
    if isinstance(value, dict):
        return bytes([0x80 | len(value)]) + b"".join(packed(k) + packed(v) for k, v in value.items())
    if isinstance(value, list):
        return bytes([0x90 | len(value)]) + b"".join(map(packed, value))
    if isinstance(value, str):
        return (bytes([0xa0 | len(value)]) if len(value) < 32 else bytes([0xd9, len(value)])) + value.encode()
    return bytes([value]) if value < 128 else struct.pack(">BQ", 0xcf, value)


def pack():
    return [packed({"op": "subscribe", "id": 300, "channels": CHANNELS}), packed({"op": "subscribe", "logs": ["book"]}),
            b"\xdf\0\0\0\1\xda\0\2op\xdb\0\0\0\1x", b"\x93\xc0\xd0\xff\xcd\1\2"]


def gateway():
    paths = ["markets", "markets/1", "markets/1/book", "generators", "generators/" + A, "requests", "requests/1", "tasks",
             "stats", "chain", "events", "status"]
    whys = [f"requests/{i}/why\n" for i in (1, 2)] + [f"generators/0x{7:040x}/why\n\nmarket=1\nlimit=2"]
    return [f"\0/v1/{p}\n\nlimit=2\nafter=1\nmarket=1\nstate=open\ngenerator={A}\nlog=book".encode() for p in paths] + \
        [f"\0/v1/{p}".encode() for p in whys] + [b"\0" + b"10.0.0.1, 2001:db8::1", b"\0" + b"127.0.0.1"]


def hook():
    registration = {"url": "https://a.example/h", "events": ["task.*", "market.updated"], "market": "7", "requester": A,
                    "generator": None, "signatures": ["v1", "v1a"], "description": "d", "from": 5}
    record = {"id": "wh_0", "url": "https://a.example", "created_s": 1, "old_until": 0, "token": "0x" + "00" * 32,
              "sealed": "0x" + "00" * 104, "old": "0x" + "00" * 104}
    return [b"\0" + text(registration), b"\1" + text(record), b"\2" + b"10.0.0.0/8,fd00::/8,127.0.0.1/32", b"\3" + b"5,300,1800",
            b"\4" + b"ab" * 32]


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return struct.pack(">I", crc ^ 0xffffffff)


def block(number, block_hash=bytes(32)):
    """[[number, hash, time]]: what a mark or a roll-back of the match log begins with."""
    return b"\x93" + bytes([number]) + b"\xc4\x20" + block_hash + b"\x64"


def logfile():
    """Files as docs/audit.md describes them: empty, and with a log that is rolled back."""
    root = b"\xc4\x20" + bytes(32)
    closed = [(0x0303, b"\x94" + block(n) + b"\0\0" + root) for n in (1, 2)]
    back = (0x0304, b"\x93" + block(1) + b"\0" + root)
    rule = (0x0301, b"\x95\1\x1e\x64\x08\xcd\1\0")
    files = []
    for logs in ({}, {b"match": [rule, *closed, back, closed[1]]}, {b"book": [], b"task": [(0x0402, b"?")]}):
        header = struct.pack(">Q32sQ60sQ32sI", 1, bytes(32), 0, bytes(60), 7, b"local", len(logs))
        for name, entries in logs.items():
            header += struct.pack(">16sQQQQ", name, 1, len(entries), 0, 0)
        header = b"\x89KALY\r\n\x1a" + struct.pack(">II", 1, len(header) + 20) + header
        data = header + crc32c(header)
        for i, entries in enumerate(logs.values()):
            body = b"".join(struct.pack(">HI", number, len(b)) + b for number, b in entries)
            head = b"ENTR" + struct.pack(">IQII", i, 1, len(entries), len(body))
            data += (head + body + crc32c(head + body)) if entries else b""
        files.append(data + b"DONE" + struct.pack(">Q", len(data) + 44) + hashlib.sha256(data).digest())
    return files


def core():
    return [bytes([n]) + bytes(range(256)) for n in range(8)]


TARGETS = {f.__name__.rstrip("_"): f for f in (evm, json_, rpc, fetch, prover, conf, deployment, store, feed, pack, gateway, hook, core,
                                  logfile)}


def wire(golden):
    """Each message by its place in the order of its number, which that of the golden file is."""
    seeds, names = [], []
    for line in (golden / "messages.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        name, body = line.split()
        if name not in names:
            names.append(name)
        seeds.append(bytes([names.index(name)]) + bytes.fromhex(body))
    return seeds


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out, golden = pathlib.Path(sys.argv[1]), pathlib.Path("tests/golden")
    seeds = {"abi": [], "rlp": [], "tx": [], "keystore": []} | {k: f() for k, f in TARGETS.items()}
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
    seeds["wire"] = wire(golden)
    seeds["bus"] = [b"\1" + bytes(8) + b"\0" * 7 + b"\7" + bytes(4) + b"\1\2\0\0" + s[1:] for s in seeds["wire"][:8]]
    for path in pathlib.Path("tests/fuzz/found").glob("*/*"):
        seeds.setdefault(path.parent.name, []).append(path.read_bytes())
    for target, items in seeds.items():
        (out / target).mkdir(parents=True, exist_ok=True)
        for n, item in enumerate(items):
            (out / target / f"golden-{n}").write_bytes(item)


if __name__ == "__main__":
    main()
