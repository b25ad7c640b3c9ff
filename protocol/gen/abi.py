"""abi - what protocol/abi/*.abi says, as objects.

    market = abi.parse("protocol/abi/kalypso.abi")
    for event in market.events:
        for p in event.params: p.name, p.type.text, p.indexed, p.components

Everything that is read has a .doc (list of lines) and a .line; a mistake in
the description ends the program with file, line and what is wrong.
"""
import re
import sys

# ---- Keccak-256 ---------------------------------------------------------------

ROTATIONS = [[0, 36, 3, 41, 18], [1, 44, 10, 45, 2], [62, 6, 43, 15, 61],
             [28, 55, 25, 21, 56], [27, 20, 39, 8, 14]]
MASK = (1 << 64) - 1


def _round_constants():
    """The 24 constants, from the LFSR that defines them."""
    out, r = [], 1
    for _ in range(24):
        c = 0
        for j in range(7):
            if r & 1:
                c ^= 1 << ((1 << j) - 1)
            r = (r << 1) ^ (0x171 if r & 0x80 else 0)
        out.append(c)
    return out


CONSTANTS = _round_constants()


def _rotate(v, n):
    return ((v << n) | (v >> (64 - n))) & MASK


def _permute(a):
    for constant in CONSTANTS:
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        d = [c[x - 1] ^ _rotate(c[(x + 1) % 5], 1) for x in range(5)]
        b = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                b[y][(2 * x + 3 * y) % 5] = _rotate(a[x][y] ^ d[x], ROTATIONS[x][y])
        a = [[b[x][y] ^ (~b[(x + 1) % 5][y] & MASK & b[(x + 2) % 5][y]) for y in range(5)]
             for x in range(5)]
        a[0][0] ^= constant
    return a


def keccak256(data):
    """Keccak-256 of bytes or of a text, 32 bytes."""
    data = data.encode() if isinstance(data, str) else data
    rate = 136
    data += b"\x01" + b"\0" * (-(len(data) + 1) % rate)
    data = data[:-1] + bytes([data[-1] | 0x80])
    a = [[0] * 5 for _ in range(5)]
    for at in range(0, len(data), rate):
        for i in range(rate // 8):
            a[i % 5][i // 5] ^= int.from_bytes(data[at + 8 * i:at + 8 * i + 8], "little")
        a = _permute(a)
    return b"".join(a[i][0].to_bytes(8, "little") for i in range(4))


# ---- the model ----------------------------------------------------------------

class Type:
    """A Solidity type. kind is one of uint, bool, address, bytesN, bytes,
    string, enum, struct, array; bits belongs to uint, size to bytesN, of (an
    Enum or Struct) to enum and struct, element (a Type) to array."""

    def __init__(self, kind, bits=0, size=0, of=None, element=None):
        self.kind, self.bits, self.size, self.of, self.element = kind, bits, size, of, element

    @property
    def text(self):
        """As it stands in signatures: "uint8" for an enum, "(…)" for a struct."""
        return {"uint": f"uint{self.bits}", "bytesN": f"bytes{self.size}", "enum": "uint8",
                }.get(self.kind) or (
            f"({','.join(p.type.text for p in self.of.params)})" if self.kind == "struct" else
            f"{self.element.text}[]" if self.kind == "array" else self.kind)

    @property
    def name(self):
        """As a person writes it: enums and structs by their names."""
        if self.kind == "array":
            return f"{self.element.name}[]"
        return self.of.name if self.of else self.text

    @property
    def typed(self):
        """As it stands in EIP-712 type strings."""
        if self.kind == "array":
            return f"{self.element.typed}[]"
        return self.of.name if self.kind == "struct" else self.text

    @property
    def dynamic(self):
        if self.kind == "struct":
            return any(p.type.dynamic for p in self.of.params)
        return self.kind in ("bytes", "string", "array")

    @property
    def words(self):
        """32-byte words that it takes in a head."""
        if self.kind == "struct" and not self.dynamic:
            return sum(p.type.words for p in self.of.params)
        return 1


class Param:
    """A parameter or a member: name, type, indexed (events only), doc."""

    def __init__(self, name, type_, indexed, line):
        self.name, self.type, self.indexed, self.line, self.doc = name, type_, indexed, line, []

    @property
    def components(self):
        """The members, if the type is a struct or an array of structs."""
        inner = self.type.element if self.type.kind == "array" else self.type
        return inner.of.params if inner.kind == "struct" else []


class Item:
    """Anything with a name and parameters. contract is the section it stands
    in, None in front of the first one."""

    def __init__(self, name, contract, line):
        self.name, self.contract, self.line = name, contract, line
        self.params, self.doc = [], []

    @property
    def signature(self):
        return f"{self.name}({','.join(p.type.text for p in self.params)})"

    @property
    def selector(self):
        return keccak256(self.signature)[:4]


class Enum(Item):
    """values: list of names, the first is 0."""


class Struct(Item):
    pass


class Error(Item):
    pass


class Event(Item):
    @property
    def topic(self):
        return keccak256(self.signature)


class Function(Item):
    """params are its arguments, returns what it answers."""


class Typed(Item):
    """An EIP-712 type that is signed."""

    @property
    def type_string(self):
        return typed_string(self)

    @property
    def type_hash(self):
        return keccak256(self.type_string)


def typed_string(item):
    """encodeType() of EIP-712: the type, then those it refers to, sorted."""
    used = {}

    def visit(i):
        for p in i.params:
            inner = p.type.element if p.type.kind == "array" else p.type
            if inner.kind == "struct" and inner.of.name not in used:
                used[inner.of.name] = inner.of
                visit(inner.of)

    def one(i):
        return f"{i.name}({','.join(f'{p.type.typed} {p.name}' for p in i.params)})"

    visit(item)
    return one(item) + "".join(one(used[name]) for name in sorted(used))


class Abi:
    """A parsed description: contracts (names, in order), domain (name,
    version), and the lists enums, structs, events, functions, errors, typed."""

    def __init__(self, path):
        self.path, self.domain, self.contracts = path, None, []
        self.enums, self.structs, self.events = [], [], []
        self.functions, self.errors, self.typed = [], [], []


# ---- reading ------------------------------------------------------------------

TOKEN = re.compile(r"[A-Za-z_]\w*|\d+|[(){}\[\],;]")


class Reader:
    """Tokens of a description, and its comments by line."""

    def __init__(self, path):
        self.path, self.tokens, self.above, self.beside = path, [], {}, {}
        self.at = 0
        with open(path, encoding="utf-8") as f:
            for n, line in enumerate(f, 1):
                self._scan(n, line)

    def _scan(self, n, line):
        code, slashes, comment = line.partition("//")
        for word in TOKEN.findall(code):
            self.tokens.append((word, n))
        if TOKEN.sub("", code).strip():
            self.fail(n, f"cannot read: {line.strip()}")
        if slashes:
            (self.beside if code.strip() else self.above)[n] = comment.strip()

    def fail(self, line, what):
        sys.exit(f"{self.path}:{line}: {what}")

    @property
    def line(self):
        return self.tokens[min(self.at, len(self.tokens) - 1)][1]

    def peek(self):
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def next(self):
        if self.at == len(self.tokens):
            self.fail(self.line, "ends in the middle of a statement")
        self.at += 1
        return self.tokens[self.at - 1][0]

    def take(self, word):
        """Is @word next? If so it is passed."""
        found = self.peek() == word
        self.at += found
        return found

    def expect(self, word):
        if not self.take(word):
            self.fail(self.line, f"'{word}' expected, not '{self.peek()}'")

    def name(self):
        line, word = self.line, self.next()
        if not re.fullmatch(r"[A-Za-z_]\w*", word):
            self.fail(line, f"a name expected, not '{word}'")
        return word

    def comment_above(self, line):
        out = []
        while line - 1 in self.above:
            line -= 1
            out.insert(0, self.above[line])
        return out

    def comment_beside(self, line):
        return [self.beside[line]] if line in self.beside else []


class Parser:
    def __init__(self, path):
        self.r, self.abi, self.contract = Reader(path), Abi(path), None
        self.types = {}

    def parse(self):
        statements = {"domain": self.domain, "contract": self.section, "enum": self.enum,
                      "struct": self.struct, "event": self.event, "function": self.function,
                      "error": self.error, "typed": self.typed_}
        while self.r.peek():
            line, word = self.r.line, self.r.next()
            if word not in statements:
                self.r.fail(line, f"a statement expected, not '{word}'")
            statements[word](line)
        return self.abi

    def item(self, cls, line, into):
        """A new item that is documented and whose name is free."""
        i = cls(self.r.name(), self.contract, line)
        i.doc = self.r.comment_above(line)
        if not i.doc:
            self.r.fail(line, f"{i.name} has no comment above it")
        if any(o.name == i.name and o.contract == i.contract for o in into):
            self.r.fail(line, f"{i.name} is there already")
        into.append(i)
        return i

    def domain(self, _line):
        self.abi.domain = (self.r.name(), self.r.next())
        self.r.expect(";")

    def section(self, _line):
        self.contract = self.r.name()
        self.abi.contracts.append(self.contract)
        self.r.expect(";")

    def define(self, i, type_):
        if i.name in self.types:
            self.r.fail(i.line, f"type {i.name} is there already")
        self.types[i.name] = type_

    def enum(self, line):
        i = self.item(Enum, line, self.abi.enums)
        i.values = []
        self.r.expect("{")
        while not i.values or self.r.take(","):
            i.values.append(self.r.name())
        self.r.expect("}")
        self.define(i, Type("enum", of=i))

    def struct(self, line):
        i = self.item(Struct, line, self.abi.structs)
        self.r.expect("{")
        while not self.r.take("}"):
            i.params.append(self.param(False))
            self.r.expect(";")
        self.document(i)
        self.define(i, Type("struct", of=i))

    def event(self, line):
        i = self.item(Event, line, self.abi.events)
        i.params = self.params(True)
        self.end(i)

    def error(self, line):
        i = self.item(Error, line, self.abi.errors)
        i.params = self.params(False)
        self.end(i)

    def typed_(self, line):
        i = self.item(Typed, line, self.abi.typed)
        i.params = self.params(False)
        self.end(i)

    def function(self, line):
        i = self.item(Function, line, self.abi.functions)
        i.params, i.returns = self.params(False), []
        i.view = self.r.take("view")
        if self.r.take("returns"):
            i.returns = self.params(False)
        self.end(i)

    def end(self, i):
        self.r.expect(";")
        self.document(i)

    def params(self, indexed):
        out = []
        self.r.expect("(")
        while not self.r.take(")"):
            if out:
                self.r.expect(",")
            out.append(self.param(indexed))
        return out

    def param(self, may_be_indexed):
        line, type_ = self.r.line, self.type()
        indexed = may_be_indexed and self.r.take("indexed")
        name = self.r.name() if self.r.peek() not in (",", ")") else ""
        return Param(name, type_, indexed, line)

    def document(self, i):
        """A comment beside a member is the last one's of its line."""
        for p, after in zip(i.params, i.params[1:] + [None]):
            if p.line != i.line and (after is None or after.line != p.line):
                p.doc = self.r.comment_beside(p.line)

    def type(self):
        line, word = self.r.line, self.r.name()
        type_ = self.types.get(word) or self.elementary(line, word)
        while self.r.take("["):
            self.r.expect("]")
            type_ = Type("array", element=type_)
        return type_

    def elementary(self, line, word):
        if word in ("bool", "address", "bytes", "string"):
            return Type(word)
        m = re.fullmatch(r"(uint|bytes)([1-9]\d*)", word)
        n = int(m[2]) if m else 0
        if m and m[1] == "uint" and n % 8 == 0 and n <= 256:
            return Type("uint", bits=n)
        if m and m[1] == "bytes" and n <= 32:
            return Type("bytesN", size=n)
        return self.r.fail(line, f"unknown type '{word}'")


def parse(path):
    """The description at @path."""
    return Parser(path).parse()


def snake(name):
    """maxInputBytes -> max_input_bytes, PCR0 -> pcr0."""
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name).lower()
