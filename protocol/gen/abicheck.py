#!/usr/bin/env python3
"""abicheck - hold an ABI description against the compiled contracts.

usage: abicheck.py DESCRIPTION.abi OUT SRC

OUT is forge's folder of artifacts, SRC the folder of Solidity sources. Each
item described has to be in its contract with the same types, names, indexed
parameters and components, in the same order; enums and EIP-712 types are
compared with the sources, since artifacts don't hold them. Each event and
error of the core contracts has to be described or stand in IGNORED. Every
difference is a line on stderr; the exit status is 1 if there is one.
"""
import json
import pathlib
import re
import sys

import abi

CORE = ("ProofMarketplace", "GeneratorRegistry", "EntityKeyRegistry")

# The artifact that a section is held against, where it isn't its name.
ARTIFACTS = {"ERC20": "PaymentToken"}

# Functions are compared with the interfaces first: in a contract, parameters
# that it doesn't use have no names.
INTERFACES = {c: f"I{c}" for c in CORE}

# OpenZeppelin's, which say nothing about the market or are thrown at
# deployment, upgrade and role changes only.
IGNORED = {
    "Initialized", "Upgraded", "RoleGranted", "RoleRevoked", "RoleAdminChanged",
    "EIP712DomainChanged", "Paused", "Unpaused",
    "AccessControlBadConfirmation", "AddressEmptyCode", "ERC1967InvalidImplementation",
    "ERC1967NonPayable", "FailedCall", "InvalidInitialization",
    "InvalidShortString", "NotInitializing", "SafeCastOverflowedUintDowncast", "StringTooLong",
    "UUPSUnauthorizedCallContext", "UUPSUnsupportedProxiableUUID",
}

# Signed types whose contracts are still to come: drop the name when they do.
NOT_YET = {"RejectRequests", "RegisterKey", "InvalidInputs", "Attestation", "VerifiedProof"}


class Check:
    def __init__(self, description, out, src):
        self.abi, self.out, self.differences = abi.parse(description), pathlib.Path(out), 0
        self.sources = "\n".join(p.read_text() for p in sorted(pathlib.Path(src).rglob("*.sol")))

    def differ(self, line, what):
        print(f"{self.abi.path}:{line}: {what}", file=sys.stderr)
        self.differences += 1

    def artifact(self, contract):
        name = ARTIFACTS.get(contract, contract)
        path = self.out / f"{name}.sol" / f"{name}.json"
        if not path.exists():
            sys.exit(f"abicheck: {path} is missing: compile the contracts first")
        return json.loads(path.read_text())["abi"]

    def run(self):
        compiled = {c: self.artifact(c) for c in {*CORE, *self.abi.contracts}}
        functions = {c: (self.artifact(INTERFACES[c]) if c in INTERFACES else []) + compiled[c]
                     for c in self.abi.contracts}
        for event in self.abi.events:
            self.item(event, "event", [compiled[event.contract]])
        for function in self.abi.functions:
            self.function(function, functions[function.contract])
        for error in self.abi.errors:
            where = [error.contract] if error.contract else CORE
            self.item(error, "error", [compiled[c] for c in where])
        for contract in CORE:
            self.undescribed(contract, compiled[contract])
        for enum in self.abi.enums:
            self.enum(enum)
        for typed in self.abi.typed:
            self.typed(typed)
        return self.differences

    def item(self, item, kind, where):
        """@item is, as described, in one of the ABIs @where."""
        found = [e for a in where for e in a if e["type"] == kind and e.get("name") == item.name]
        if not found:
            self.differ(item.line, f"{kind} {item.name} isn't in the contract")
            return None
        for entry in found:
            self.params(item, f"{kind} {item.name}", item.params, entry["inputs"])
        return found[0]

    def function(self, function, compiled):
        same = [e for e in compiled if e["type"] == "function" and e["name"] == function.name and
                [written(p) for p in e["inputs"]] == [p.type.text for p in function.params]]
        entry = same[0] if same else self.item(function, "function", [compiled])
        if not same:
            return
        what = f"function {function.name}"
        self.params(function, what, function.params, entry["inputs"])
        self.params(function, what + " returns", function.returns, entry["outputs"])
        if function.view != (entry["stateMutability"] in ("view", "pure")):
            self.differ(function.line, f"{what} is {entry['stateMutability']}")

    def params(self, item, what, described, compiled):
        for n, (d, c) in enumerate(zip(described, compiled)):
            self.param(item, f"{what}, {d.name or 'value ' + str(n + 1)}", d, c)
        if len(described) != len(compiled):
            self.differ(item.line, f"{what}: {len(described)} described, {len(compiled)} in the contract")

    def param(self, item, what, d, c):
        # "struct IMarket.RequestParams[]" -> "RequestParams"
        name = re.sub(r"^.*[ .]|\[\]$", "", c.get("internalType", ""))
        inner = d.type.element if d.type.kind == "array" else d.type
        if d.name != c["name"]:
            self.differ(item.line, f"{what} is named '{c['name']}'")
        if d.type.text != written(c):
            self.differ(item.line, f"{what} is {d.type.text}, in the contract {written(c)}")
        elif inner.of and inner.of.name != name:
            self.differ(item.line, f"{what} is a {inner.of.name}, in the contract a {name}")
        if d.indexed != c.get("indexed", False):
            self.differ(item.line, f"{what} is {'' if c.get('indexed') else 'not '}indexed in the contract")
        for member, component in zip(d.components, c.get("components", [])):
            self.param(item, f"{what}.{member.name}", member, component)

    def undescribed(self, contract, compiled):
        events = {e.name for e in self.abi.events if e.contract == contract}
        errors = {e.name for e in self.abi.errors}
        for entry in compiled:
            known = {"event": events, "error": errors}.get(entry["type"])
            if known is not None and entry["name"] not in known | IGNORED:
                self.differ(1, f"{entry['type']} {contract}.{entry['name']} isn't described")

    def enum(self, enum):
        found = re.search(rf"\benum {enum.name} *\{{([^}}]*)\}}", self.sources)
        values = re.findall(r"\w+", found[1]) if found else []
        if values != enum.values:
            self.differ(enum.line, f"enum {enum.name} is {', '.join(values) or 'not there'} in the sources")

    def typed(self, typed):
        literals = re.findall(rf"\"({typed.name}\([^\"]*)\"", self.sources)
        if bool(literals) == (typed.name in NOT_YET):
            self.differ(typed.line, f"typed {typed.name} is {'there' if literals else 'missing'} in the "
                        "sources: see NOT_YET in abicheck.py")
        for literal in literals:
            if literal != typed.type_string:
                self.differ(typed.line, f"typed {typed.name} is {literal} in the sources")


def written(c):
    """The type of a compiled parameter as signatures have it."""
    if not c["type"].startswith("tuple"):
        return c["type"]
    return f"({','.join(written(m) for m in c['components'])}){c['type'][5:]}"


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    differences = Check(*sys.argv[1:]).run()
    if differences:
        sys.exit(f"abicheck: {differences} differences")


if __name__ == "__main__":
    main()
