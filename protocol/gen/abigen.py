#!/usr/bin/env python3
"""abigen - turn an ABI description into C: structs, codecs, names, hashes.

usage: abigen.py {header|source} DESCRIPTION.abi > OUT

What is written walks heads and tails with common/abi.h, and members of typed
data with common/eip712.h; nothing here knows their layout.
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


# ---- the header --------------------------------------------------------------

def enum_of(names, tag, doc):
    return comment(doc) + [f"enum {tag} {{"] + [f"\t{n}," for n in names] + ["};", ""]


def members(params):
    out = []
    for p in params:
        note = f" /* {' '.join(p.doc)} */" if p.doc else ""
        out.append(f"\t{c_type(p.type)} {snake(p.name)};{note}")
    return out


def struct_of(tag, params, doc):
    return comment(doc) + [f"struct {tag} {{"] + members(params) + ["};", ""]


def header_types(a):
    out = enum_of([f"ABI_CONTRACT_{snake(c).upper()}" for c in a.contracts], "abi_contract",
                  ["The contracts of a deployment."])
    for e in a.enums:
        tag = f"abi_{snake(e.name)}"
        out += enum_of([f"{tag.upper()}_{snake(v).upper()}" for v in e.values], tag, [described(e)])
        out += [f"enum {{ {count_of(e)} = {len(e.values)} }};", "",
                *comment([f"\"{snake(e.values[0])}\" and so on; \"unknown\" outside of the enum. Static."]),
                f"const char *{tag}_name(enum {tag} v);", ""]
    for s in a.structs:
        out += struct_of(f"abi_{snake(s.name)}", s.params, [described(s)])
    return out


EVENTS_HEAD = """
/* The events, by the topic that a log starts with. UNKNOWN is another one. */
enum abi_event_id abi_event_of_topic(const struct hash32 *topic);

/* Of an event, not UNKNOWN (asserted): topics[0] of its logs; its name
 * ("RequestCreated") and its signature, both static; whether @c emits it. */
const struct hash32 *abi_event_topic(enum abi_event_id id);
const char *abi_event_name(enum abi_event_id id);
const char *abi_event_signature(enum abi_event_id id);
bool abi_event_is_of(enum abi_event_id id, enum abi_contract c);

/* The decoders. bytes, strings and arrays are borrowed from log->data. The
 * address is not looked at: abi_event_is_of() says who may emit the event.
 *
 * ERR_UNKNOWN_TYPE  topics[0] is another event's
 * ERR_MALFORMED     not an encoding of this event (see common/abi.h)
 * After an error *out is all zeros. */
""".strip("\n").split("\n")

EVENT_ANY = """
/* Whatever event @log is, decoded; errors as above. */
NODISCARD enum err abi_decode_event(struct abi_event *out, const struct abi_log *log);
""".strip("\n").split("\n")


def header_events(events):
    ids = ["ABI_EVENT_UNKNOWN"] + [f"ABI_EVENT_{snake(e.name).upper()}" for e in events]
    out = enum_of(ids, "abi_event_id", ["The events; what follows UNKNOWN is 1 to ABI_EVENTS."])
    out += [f"enum {{ ABI_EVENTS = {len(events)} }};", ""]
    for e in events:
        out += struct_of(f"abi_{snake(e.name)}", e.params, [described(e)])
    out += EVENTS_HEAD
    out += [f"NODISCARD enum err abi_decode_{snake(e.name)}(struct abi_{snake(e.name)} *out, "
            "const struct abi_log *log);" for e in events]
    out += ["", "/* Any event: the member named as its struct is the one of @id. */",
            "struct abi_event {", "\tenum abi_event_id id;", "\tunion {"]
    out += [f"\t\tstruct abi_{snake(e.name)} {snake(e.name)};" for e in events]
    return out + ["\t};", "};", ""] + EVENT_ANY + [""]


CALLS_HEAD = """
/* Calls: what to send as a transaction's data, appended to @out.
 * ERR_RANGE      a value is too large for its type
 * ERR_NO_MEMORY  (or whatever else was latched in @out before) */
""".strip("\n").split("\n")

RESULTS_HEAD = """
/* Answers of calls. bytes, strings and arrays are borrowed from @data.
 * ERR_MALFORMED: not such an answer; *out is all zeros. */
""".strip("\n").split("\n")


def header_functions(functions):
    out = list(CALLS_HEAD) + [""]
    for f in functions:
        out += comment([f"{f.contract}.{written(f)}: {described(f)}"])
        out += declare(f"NODISCARD enum err abi_call_{snake(f.name)}",
                       ["struct buf *out"] + arguments(f.params), ";")
        out += [""]
    answering = [f for f in functions if f.returns]
    out += RESULTS_HEAD + [""]
    for f in answering:
        if len(f.returns) > 1:
            out += struct_of(f"abi_{snake(f.name)}_result", f.returns,
                             [f"What {f.name} answers."])
    out += [f"NODISCARD enum err abi_result_{snake(f.name)}({result_type(f)} *out, struct bytes data);"
            for f in answering]
    return out + [""]


ERRORS_HEAD = """
/* The error with this selector; UNKNOWN is none of ours. */
enum abi_error_id abi_error_of_selector(const uint8_t selector[4]);

/* Its name ("RequestExpired"), and what happened and what to do in a
 * sentence. Static, never NULL: "unknown error" for another selector. */
const char *abi_error_name(const uint8_t selector[4]);
const char *abi_error_text(const uint8_t selector[4]);

/* Append to @out one line for a person about the data that a call reverted
 * with: one of the errors above, Error(string), Panic(uint256) or none. */
void abi_put_revert(struct buf *out, struct bytes data);
""".strip("\n").split("\n")


def header_errors(errors):
    ids = ["ABI_ERROR_UNKNOWN"] + [f"ABI_ERROR_{snake(e.name).upper()}" for e in errors]
    return enum_of(ids, "abi_error_id", ["Why contracts refuse."]) + ERRORS_HEAD + [""]


def header_typed(a):
    name, version = a.domain
    out = comment([f"EIP-712: the separator of the domain {name}, version {version}."])
    out += ["void abi_domain(struct hash32 *out, uint64_t chain_id, const struct address *contract);", ""]
    out += comment(["EIP-712: hashStruct() of what is signed; see common/eip712.h for the digest.",
                    "ERR_RANGE: a value is too large for its type; *out is unchanged."]) + [""]
    for i in a.typed:
        out += comment([f"{written(i)}: {described(i)}"])
        out += declare(f"NODISCARD enum err eip712_hash_{snake(i.name)}",
                       ["struct hash32 *out"] + arguments(i.params), ";") + [""]
    return out


def banner(a, what):
    return [f"/* {what}", " *", f" * Made by protocol/gen/abigen.py from {a.path}; not to be edited. */"]


def header(a):
    return banner(a, "The contracts' structs, events, calls, errors and signed types.") + [
        "#ifndef GEN_ABI_MARKET_H", "#define GEN_ABI_MARKET_H", "",
        "#include <stdbool.h>", "#include <stddef.h>", "#include <stdint.h>", "",
        '#include "common/abi.h"', '#include "common/buf.h"', '#include "common/err.h"',
        '#include "common/types.h"', ""] + \
        header_types(a) + header_events(merged(a.events)) + header_functions(merged(a.functions)) + \
        header_errors(merged(a.errors)) + header_typed(a) + ["#endif /* GEN_ABI_MARKET_H */"]


# ---- the source --------------------------------------------------------------

PROLOGUE = """
/* What a decoder returns: the first error; *out is zeros then. */
static enum err finish(const struct abi_reader *topics, const struct abi_reader *data, void *out, size_t size)
{
	enum err e = topics ? abi_read_end(topics) : ERR_NONE;

	if (!e)
		e = abi_read_end(data);
	if (e)
		memset(out, 0, size);
	return e;
}

static uint32_t first_four(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
""".strip("\n").split("\n")


def source_names(a):
    out = []
    for e in a.enums:
        tag = f"abi_{snake(e.name)}"
        out += [f"const char *{tag}_name(enum {tag} v)", "{", "\tswitch (v) {"]
        for v in e.values:
            out += [f"\tcase {tag.upper()}_{snake(v).upper()}:", f'\t\treturn "{snake(v)}";']
        out += ["\t}", '\treturn "unknown";', "}", ""]
    return out


def event_rows(a, events):
    out = ["static const struct {", "\tstruct hash32 topic;", "\tconst char *name, *signature;",
           "\tunsigned contracts; /* one bit each */", "} events[] = {"]
    for e in events:
        emitters = [f"1u << ABI_CONTRACT_{snake(o.contract).upper()}" for o in a.events
                    if o.name == e.name]
        out += [f"\t[ABI_EVENT_{snake(e.name).upper()}] = {{",
                f"\t\t{{{{{hex_bytes(e.topic)}}}}},", f"\t\t{string(e.name)},",
                f"\t\t{string(e.signature)},", f"\t\t{' | '.join(emitters)},", "\t},"]
    return out + ["};", ""]


EVENT_FUNCTIONS = """
static bool is_event(enum abi_event_id id)
{
	return (unsigned)id - 1 < ABI_EVENTS;
}

const struct hash32 *abi_event_topic(enum abi_event_id id)
{
	assert(is_event(id));
	return &events[id].topic;
}

const char *abi_event_name(enum abi_event_id id)
{
	assert(is_event(id));
	return events[id].name;
}

const char *abi_event_signature(enum abi_event_id id)
{
	assert(is_event(id));
	return events[id].signature;
}

bool abi_event_is_of(enum abi_event_id id, enum abi_contract c)
{
	assert(is_event(id));
	return events[id].contracts >> c & 1;
}
""".strip("\n").split("\n")


def event_of_topic(events):
    out = ["enum abi_event_id abi_event_of_topic(const struct hash32 *topic)", "{",
           "\tenum abi_event_id id;", "", "\tswitch (first_four(topic->bytes)) {"]
    for e in events:
        out += [f"\tcase 0x{e.topic[:4].hex()}:", f"\t\tid = ABI_EVENT_{snake(e.name).upper()};", "\t\tbreak;"]
    return out + ["\tdefault:", "\t\treturn ABI_EVENT_UNKNOWN;", "\t}",
                  "\treturn hash32_eq(topic, &events[id].topic) ? id : ABI_EVENT_UNKNOWN;", "}", ""]


def decode_any(events):
    out = ["enum err abi_decode_event(struct abi_event *out, const struct abi_log *log)", "{",
           "\tenum err e = ERR_UNKNOWN_TYPE;", "",
           "\tout->id = log->topics_count > 0 ? abi_event_of_topic(&log->topics[0]) : ABI_EVENT_UNKNOWN;",
           "\tswitch (out->id) {", "\tcase ABI_EVENT_UNKNOWN:", "\t\tbreak;"]
    for e in events:
        name = snake(e.name)
        out += [f"\tcase ABI_EVENT_{name.upper()}:", f"\t\te = abi_decode_{name}(&out->{name}, log);", "\t\tbreak;"]
    return out + ["\t}", "\tif (e)", "\t\tmemset(out, 0, sizeof *out);", "\treturn e;", "}", ""]


def source_events(a, events):
    out = []
    for e in events:
        out += decode_event(e)
    return EVENT_FUNCTIONS + [""] + event_of_topic(events) + out + decode_any(events)


def source_errors(errors):
    rows = ["static const struct {", "\tconst char *name, *text;", "} errors[] = {",
            '\t[ABI_ERROR_UNKNOWN] = {"unknown error", "unknown error"},']
    of = ["enum abi_error_id abi_error_of_selector(const uint8_t selector[4])", "{",
          "\tswitch (first_four(selector)) {"]
    for e in errors:
        tag = f"ABI_ERROR_{snake(e.name).upper()}"
        rows += [f"\t[{tag}] = {{", f"\t\t{string(e.name)},", f"\t\t{string(described(e))},", "\t},"]
        of += [f"\tcase 0x{e.selector.hex()}:", f"\t\treturn {tag};"]
    return rows + ["};", ""] + of + ["\t}", "\treturn ABI_ERROR_UNKNOWN;", "}", ""] + ERROR_FUNCTIONS + [""]


ERROR_FUNCTIONS = """
const char *abi_error_name(const uint8_t selector[4])
{
	return errors[abi_error_of_selector(selector)].name;
}

const char *abi_error_text(const uint8_t selector[4])
{
	return errors[abi_error_of_selector(selector)].text;
}

void abi_put_revert(struct buf *out, struct bytes data)
{
	enum abi_error_id id = data.size < 4 ? ABI_ERROR_UNKNOWN : abi_error_of_selector(data.data);

	if (id == ABI_ERROR_UNKNOWN)
		abi_put_builtin_revert(out, data);
	else
		buf_printf(out, "%s: %s", errors[id].name, errors[id].text);
}
""".strip("\n").split("\n")


def source_functions(a, events, functions):
    reading = inner_types([p for e in events for p in e.params] +
                          [p for f in functions for p in f.returns], [])
    writing = inner_types([p for f in functions for p in f.params], [])
    arrays = array_elements(functions)
    out = [line for s in reading for line in get_struct(s)]
    out += [line for s in writing for line in put_struct(s)]
    out += [line for t in arrays for line in put_array(t)]
    out += [line for f in functions for line in encode_call(f)]
    out += [line for f in functions if f.returns for line in decode_result(f)]
    return out


def source_typed(a):
    name, version = a.domain
    out = ["void abi_domain(struct hash32 *out, uint64_t chain_id, const struct address *contract)", "{",
           f'\teip712_domain(out, "{name}", "{version}", chain_id, contract);', "}", ""]
    structs = inner_types([p for i in a.typed for p in i.params], [])
    out += [line for s in structs for line in hash_struct(s)]
    out += [line for t in array_elements(a.typed) for line in hash_array(t)]
    out += [line for i in a.typed for line in hash_typed(i)]
    return out


def source(a):
    events, functions = merged(a.events), merged(a.functions)
    return banner(a, "Codecs of the contracts' ABI.") + [
        '#include "abi_market.h"', "",
        "#include <assert.h>", "#include <string.h>", "", '#include "common/eip712.h"', ""] + \
        event_rows(a, events) + PROLOGUE + [""] + source_names(a) + \
        source_functions(a, events, functions) + source_events(a, events) + \
        source_errors(merged(a.errors)) + source_typed(a)


def main():
    make = {"header": header, "source": source}.get(sys.argv[1] if len(sys.argv) == 3 else "")
    if not make:
        sys.exit(__doc__)
    print("\n".join(make(abi.parse(sys.argv[2]))).rstrip("\n"))


if __name__ == "__main__":
    main()
