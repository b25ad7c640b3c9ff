"""abic - an ABI description in C: types, and the bodies of its codecs.

What abigen.py puts together: C types and names, and the functions that read,
write and hash values with common/abi.h and common/eip712.h.
"""
import sys
import textwrap

import abi
from abi import snake


def die(what):
    sys.exit(f"abigen: {what}")


# ---- C types and names -------------------------------------------------------

def c_type(t):
    """The C type of a member or an answer."""
    if t.kind == "uint":
        return next((f"uint{n}_t" for n in (8, 16, 32, 64) if t.bits <= n), "struct u256")
    if t.kind == "bytesN":
        if t.size not in (4, 32):
            die(f"{t.text} has no C type")
        return "struct hash32" if t.size == 32 else "struct selector"
    if t.kind == "array":
        zeros(t.element)
        return "struct abi_words"
    return {"address": "struct address", "bool": "bool", "bytes": "struct bytes",
            "string": "struct bytes"}.get(t.kind) or f"{t.kind} abi_{snake(t.of.name)}"


def is_small(t):
    """Passed by value."""
    return t.kind in ("bool", "enum", "bytes", "string") or (t.kind == "uint" and t.bits <= 64)


def arguments(params):
    """C parameters for what is encoded or hashed: an array is a pointer and a
    count."""
    out = []
    for p in params:
        name, t = snake(p.name), p.type
        if t.kind == "array":
            out += [f"const {c_type(t.element)} *{name}", f"size_t {name}_count"]
        elif is_small(t):
            out.append(f"{c_type(t)} {name}")
        else:
            out.append(f"const {c_type(t)} *{name}")
    return out


def zeros(t):
    """Zero bytes in front of and behind an array's element in its word."""
    if t.kind == "uint":
        return 32 - t.bits // 8, 0
    if t.kind == "address":
        return 12, 0
    if t.kind == "bytesN":
        return 0, 32 - t.size
    return die(f"{t.name}[] can't be read")


def count_of(e):
    return f"ABI_{snake(e.name).upper()}_COUNT"


def c_name(t):
    """A type as part of a function's name."""
    return snake(t.of.name) if t.of else t.text


def inner_types(params, out):
    """Structs, and element types of arrays as arguments are, in @params; the
    innermost first."""
    for p in params:
        t = p.type.element if p.type.kind == "array" else p.type
        if t.kind == "struct" and t.of not in out:
            inner_types(t.of.params, out)
            out.append(t.of)
    return out


def array_elements(items):
    """Element types of arrays that are arguments, each once."""
    out = {}
    for i in items:
        for p in i.params:
            if p.type.kind == "array":
                out[c_name(p.type.element)] = p.type.element
    return list(out.values())


def merged(items):
    """Items of several contracts that are the same, once."""
    out = {}
    for i in items:
        first = out.setdefault(i.name, i)
        same = first.signature == i.signature and \
            [(p.name, p.indexed) for p in first.params] == [(p.name, p.indexed) for p in i.params]
        if not same:
            die(f"{first.contract}.{i.name} and {i.contract}.{i.name} differ")
    return list(out.values())


# ---- layout of the output ----------------------------------------------------

def comment(lines, indent=""):
    """A C comment, wrapped; every line of @lines is a paragraph."""
    text = []
    for line in lines:
        text += textwrap.wrap(line.replace("*/", "* /"), 76 - len(indent.expandtabs(8)),
                              break_on_hyphens=False)
    if len(text) == 1:
        return [f"{indent}/* {text[0]} */"]
    return [f"{indent}/* {text[0]}"] + [f"{indent} * {t}" for t in text[1:-1]] + \
        [f"{indent} * {text[-1]} */"]


def declare(head, args, end):
    """A function's head, wrapped at its commas."""
    lines, line = [], head + "("
    for i, a in enumerate(args):
        piece = a + (", " if i + 1 < len(args) else ")" + end)
        if len((line + piece).expandtabs(8)) > 90 and not line.endswith("("):
            lines.append(line.rstrip())
            line = "\t\t"
        line += piece
    return lines + [line]


def hex_bytes(data):
    return ", ".join(f"0x{b:02x}" for b in data)


def string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def written(i):
    """An item as Solidity has it, without names of parameters."""
    return f"{i.name}({','.join(p.type.name for p in i.params)})"


def described(i):
    """The comment of an item as one paragraph."""
    return " ".join(i.doc)


# ---- reading -----------------------------------------------------------------

def get(t, reader, target):
    """C that reads a value of type @t into the lvalue @target."""
    if t.kind == "struct":
        return f"get_{c_name(t)}({reader}, &{target});"
    if t.kind == "uint":
        if t.bits > 64:
            return f"{target} = abi_get_u256({reader}, {t.bits});"
        return f"{target} = ({c_type(t)})abi_get_uint({reader}, {t.bits});"
    if t.kind == "enum":
        return f"{target} = ({c_type(t)})abi_get_enum({reader}, {count_of(t.of)});"
    if t.kind == "array":
        front, back = zeros(t.element)
        return f"{target} = abi_get_words({reader}, {front}, {back});"
    how = {"bool": "bool", "address": "address", "bytes": "bytes", "string": "bytes"}.get(t.kind) \
        or ("hash32" if t.size == 32 else "selector")
    return f"{target} = abi_get_{how}({reader});"


def get_struct(s):
    """The static function that reads struct @s; if it is dynamic, in its tail."""
    dynamic = abi.Type("struct", of=s).dynamic
    outer = "outer" if dynamic else "r"
    out = [f"static void get_{snake(s.name)}(struct abi_reader *{outer}, struct abi_{snake(s.name)} *v)",
           "{"]
    if dynamic:
        out += ["\tstruct abi_reader tail = abi_get_tail(outer), *r = &tail;", ""]
    out += ["\t" + get(p.type, "r", f"v->{snake(p.name)}") for p in s.params]
    if dynamic:
        out += ["\tabi_get_close(outer, r);"]
    return out + ["}", ""]


def decode_event(e):
    indexed = sum(p.indexed for p in e.params)
    name = snake(e.name)
    out = [f"enum err abi_decode_{name}(struct abi_{name} *out, const struct abi_log *log)", "{",
           f"\tstruct abi_reader t = abi_read_topics(log, &events[ABI_EVENT_{name.upper()}].topic, {indexed});",
           "\tstruct abi_reader d = abi_read(log->data);", ""]
    for p in e.params:
        if p.indexed and (p.type.dynamic or p.type.kind == "struct"):
            die(f"{e.name}.{p.name}: only its hash would be in the log")
        out.append("\t" + get(p.type, "&t" if p.indexed else "&d", f"out->{snake(p.name)}"))
    return out + ["\treturn finish(&t, &d, out, sizeof *out);", "}", ""]


def result_type(f):
    """What a function's answer is read into."""
    if len(f.returns) == 1:
        return c_type(f.returns[0].type)
    return f"struct abi_{snake(f.name)}_result"


def decode_result(f):
    name = snake(f.name)
    out = [f"enum err abi_result_{name}({result_type(f)} *out, struct bytes data)", "{",
           "\tstruct abi_reader r = abi_read(data);", ""]
    for p in f.returns:
        target = "*out" if len(f.returns) == 1 else f"out->{snake(p.name)}"
        line = get(p.type, "&r", target).replace("&*out", "out")
        out.append("\t" + line)
    return out + ["\treturn finish(NULL, &r, out, sizeof *out);", "}", ""]


# ---- writing and hashing -----------------------------------------------------

def put(t, kind, to, value, pointer, count=None):
    """C that writes a value: @kind is abi or eip712, @to the writer; @count is
    given for an array that is an argument."""
    helper = {"abi": "put", "eip712": "hash"}[kind]
    if t.kind == "struct":
        return f"{helper}_{c_name(t)}({to}, {pointer});"
    if t.kind == "array":
        if count:
            return f"{helper}_{c_name(t.element)}_array({to}, {value}, {count});"
        return "abi_put_words({}, {});".format(to, value) if kind == "abi" else \
            die(f"{value}: an array in a signed struct has no code yet")
    if t.kind == "uint":
        return f"{kind}_put_uint({to}, {t.bits}, {value});" if t.bits <= 64 else \
            f"{kind}_put_u256({to}, {t.bits}, {pointer});"
    if t.kind == "enum":
        return f"{kind}_put_enum({to}, {count_of(t.of)}, {value});"
    if t.kind in ("bytes", "string"):
        return f"{kind}_put_bytes({to}, {value});"
    if t.kind == "bool":
        return f"{kind}_put_bool({to}, {value});"
    how = "address" if t.kind == "address" else "hash32" if t.size == 32 else "selector"
    return f"{kind}_put_{how}({to}, {pointer});"


def put_member(p, kind, to):
    return "\t" + put(p.type, kind, to, f"v->{snake(p.name)}", f"&v->{snake(p.name)}")


def put_argument(p, kind, to):
    name = snake(p.name)
    return "\t" + put(p.type, kind, to, name, name, f"{name}_count")


def words(params):
    return sum(p.type.words for p in params)


def put_struct(s):
    dynamic = abi.Type("struct", of=s).dynamic
    outer = "outer" if dynamic else "w"
    out = [f"static void put_{snake(s.name)}(struct abi_writer *{outer}, const struct abi_{snake(s.name)} *v)",
           "{"]
    if dynamic:
        out += [f"\tstruct abi_writer tail = abi_put_tail(outer, {words(s.params)}), *w = &tail;", ""]
    return out + [put_member(p, "abi", "w") for p in s.params] + ["}", ""]


def put_array(t):
    return [f"static void put_{c_name(t)}_array(struct abi_writer *w, const {c_type(t)} *v, size_t count)",
            "{", f"\tstruct abi_writer array = abi_put_array(w, count, {t.words});", "",
            "\tfor (size_t i = 0; i < count; i++)",
            "\t\t" + put(t, "abi", "&array", "v[i]", "&v[i]"), "}", ""]


def encode_call(f):
    head = f"enum err abi_call_{snake(f.name)}"
    return declare(head, ["struct buf *out"] + arguments(f.params), "") + [
        "{", f"\tstatic const uint8_t selector[] = {{{hex_bytes(f.selector)}}};"] + \
        [f"\tstruct abi_writer w = abi_write_call(out, selector, {words(f.params)});", ""] + \
        [put_argument(p, "abi", "&w") for p in f.params] + \
        ([] if f.params else ["\t(void)w;"]) + ["\treturn buf_err(out);", "}", ""]


def type_hash(i):
    text = abi.typed_string(i)
    return comment([text], "\t") + [
        f"\tstatic const struct hash32 type = {{{{{hex_bytes(abi.keccak256(text))}}}}};"]


def hash_struct(s):
    return [f"static void hash_{snake(s.name)}(struct eip712 *outer, const struct abi_{snake(s.name)} *v)",
            "{"] + type_hash(s) + ["\tstruct eip712 e = eip712_begin(&type);", ""] + \
        [put_member(p, "eip712", "&e") for p in s.params] + \
        ["\teip712_put_inner(outer, &e);", "}", ""]


def hash_array(t):
    return [f"static void hash_{c_name(t)}_array(struct eip712 *outer, const {c_type(t)} *v, size_t count)",
            "{", "\tstruct eip712 e = eip712_begin_array();", "",
            "\tfor (size_t i = 0; i < count; i++)",
            "\t\t" + put(t, "eip712", "&e", "v[i]", "&v[i]"),
            "\teip712_put_inner(outer, &e);", "}", ""]


def hash_typed(i):
    head = f"enum err eip712_hash_{snake(i.name)}"
    return declare(head, ["struct hash32 *out"] + arguments(i.params), "") + ["{"] + \
        type_hash(i) + ["\tstruct eip712 e = eip712_begin(&type);", ""] + \
        [put_argument(p, "eip712", "&e") for p in i.params] + \
        ["\treturn eip712_end(&e, out);", "}", ""]
