#!/usr/bin/env python3
"""abigen - turn an ABI description into C: structs, codecs, names, hashes.

usage: abigen.py {header|source} DESCRIPTION.abi > OUT

What is written walks heads and tails with common/abi.h, and members of typed
data with common/eip712.h; nothing here knows their layout.
"""
import sys

import abi
from abi import snake
from abic import (
    arguments, array_elements, c_type, comment, count_of, declare, decode_event,
    decode_result, described, encode_call, get_struct, hash_array,
    hash_struct, hash_typed, hex_bytes, inner_types, merged, put_array, put_struct,
    result_type, string, written)


# ---- the header --------------------------------------------------------------

def enum_of(names, tag, doc):
    return comment(doc) + [f"enum {tag} {{"] + [f"\t{n}," for n in names] + ["};", ""]


def members(params):
    out = []
    for p in params:
        note = ": ".join(([p.type.name] if p.type.kind == "array" else []) + p.doc)
        note = f" /* {note} */" if note else ""
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
