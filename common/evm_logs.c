/* Logs, as yajl reads them: an answer can be hundreds of MB, and this parser
 * keeps up with the node (docs/decisions/2026-11-21-parsers.md). */
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "common/evm.h"

enum member {
	MEMBER_OTHER,
	/* Of a log; all of them have to be there. */
	MEMBER_ADDRESS,
	MEMBER_TOPICS,
	MEMBER_DATA,
	MEMBER_BLOCK_HASH,
	MEMBER_BLOCK,
	MEMBER_TX,
	MEMBER_INDEX,
	MEMBER_REMOVED,
	/* Of the answer. */
	MEMBER_ID,
	MEMBER_RESULT,
	MEMBER_ERROR,
	/* Of an error. */
	MEMBER_CODE,
	MEMBER_MESSAGE,
};

enum {
	DEPTH_ANSWER = 1,
	DEPTH_RESULT = 2, /* or the error */
	DEPTH_LOG = 3,
	DEPTH_TOPICS = 4,
	/* From MEMBER_ADDRESS to MEMBER_INDEX: `removed` may be left out. */
	ALL_MEMBERS = 0x7f << MEMBER_ADDRESS,
};

struct reader {
	struct evm_logs *out;
	struct evm_log *log; /* NULL outside of one */
	unsigned depth;	     /* maps and arrays that are open */
	enum member top;     /* of the answer, that we are in */
	enum member member;  /* whose value comes next */
	unsigned seen;	     /* bits of enum member, of this log */
	bool has_result;
};

/* ---- hex ---------------------------------------------------------------- */

/* Values of the digits, -1 for what is none: a table, as every byte of a
 * back-fill passes through here. */
#define TIMES_16(v) v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v
static const int8_t digits[256] = {
	TIMES_16(-1),
	TIMES_16(-1),
	TIMES_16(-1),
	0,
	1,
	2,
	3,
	4,
	5,
	6,
	7,
	8,
	9,
	-1,
	-1,
	-1,
	-1,
	-1,
	-1,
	-1,
	10,
	11,
	12,
	13,
	14,
	15,
	-1,
	-1,
	-1,
	-1,
	-1,
	-1,
	-1,
	-1,
	-1,
	TIMES_16(-1),
	-1,
	10,
	11,
	12,
	13,
	14,
	15,
	-1,
	-1,
	-1,
	-1,
	-1,
	-1,
	-1,
	-1,
	-1,
	TIMES_16(-1),
	TIMES_16(-1),
	TIMES_16(-1),
	TIMES_16(-1),
	TIMES_16(-1),
	TIMES_16(-1),
	TIMES_16(-1),
	TIMES_16(-1),
	TIMES_16(-1),
};
#undef TIMES_16

static bool has_prefix(const uint8_t *text, size_t size)
{
	return size >= 2 && text[0] == '0' && text[1] == 'x';
}

/* "0x" and @size pairs of digits. */
static bool read_bytes(uint8_t *out, size_t size, const uint8_t *text,
		       size_t text_size)
{
	int all = 0; /* negative once a digit was none */

	if (!has_prefix(text, text_size) || text_size != 2 + 2 * size)
		return false;
	text += 2;
	for (size_t i = 0; i < size; i++) {
		int high = digits[text[2 * i]], low = digits[text[2 * i + 1]];

		all |= high | low;
		out[i] = (uint8_t)((high & 15) << 4 | (low & 15));
	}
	return all >= 0;
}

/* "0x" and digits without a zero in front. */
static bool read_number(uint64_t *out, const uint8_t *text, size_t size)
{
	uint64_t v = 0;

	if (!has_prefix(text, size) || size < 3 || size > 18 ||
	    (text[2] == '0' && size > 3))
		return false;
	for (size_t i = 2; i < size; i++) {
		if (digits[text[i]] < 0)
			return false;
		v = v << 4 | (uint64_t)digits[text[i]];
	}
	*out = v;
	return true;
}

static bool read_data(struct reader *r, const uint8_t *text, size_t size)
{
	size_t bytes = size / 2 - 1;
	uint8_t *to;

	if (!has_prefix(text, size))
		return false;
	to = buf_extend(&r->out->data, bytes);
	r->log->log.data.size = bytes;
	return to && read_bytes(to, bytes, text, size);
}

static bool read_topic(struct abi_log *log, const uint8_t *text, size_t size)
{
	return log->topics_count < ABI_TOPICS_MAX &&
	       read_bytes(log->topics[log->topics_count++].bytes, 32, text,
			  size);
}

/* ---- what yajl calls ---------------------------------------------------- */

static int on_text(void *arg, const unsigned char *text, size_t size)
{
	struct reader *r = arg;
	struct evm_log *l = r->log;
	uint64_t index = 0;
	size_t room = sizeof r->out->message - 1;

	if (!l && r->top == MEMBER_ERROR && r->member == MEMBER_MESSAGE)
		memcpy(r->out->message, text, size < room ? size : room);
	if (!l)
		return r->top != MEMBER_RESULT;
	if (r->depth != (r->member == MEMBER_TOPICS ? DEPTH_TOPICS : DEPTH_LOG))
		return r->member == MEMBER_OTHER;
	switch (r->member) {
	case MEMBER_ADDRESS:
		return read_bytes(l->log.address.bytes, 20, text, size);
	case MEMBER_TOPICS:
		return read_topic(&l->log, text, size);
	case MEMBER_DATA:
		return read_data(r, text, size);
	case MEMBER_BLOCK_HASH:
		return read_bytes(l->block_hash.bytes, 32, text, size);
	case MEMBER_TX:
		return read_bytes(l->tx.bytes, 32, text, size);
	case MEMBER_BLOCK:
		return read_number(&l->block, text, size);
	case MEMBER_INDEX:
		if (!read_number(&index, text, size) || index > UINT32_MAX)
			return 0;
		l->index = (uint32_t)index;
		return 1;
	case MEMBER_REMOVED:
		return 0;
	default:
		return 1;
	}
}

static enum member member_of(const unsigned char *name, size_t size)
{
	static const struct {
		const char *name;
		size_t size;
		enum member member;
	} names[] = {
#define NAME(text, member) {text, sizeof text - 1, member}
		NAME("address", MEMBER_ADDRESS),
		NAME("topics", MEMBER_TOPICS),
		NAME("data", MEMBER_DATA),
		NAME("blockHash", MEMBER_BLOCK_HASH),
		NAME("blockNumber", MEMBER_BLOCK),
		NAME("transactionHash", MEMBER_TX),
		NAME("logIndex", MEMBER_INDEX),
		NAME("removed", MEMBER_REMOVED),
		NAME("id", MEMBER_ID),
		NAME("result", MEMBER_RESULT),
		NAME("error", MEMBER_ERROR),
		NAME("code", MEMBER_CODE),
		NAME("message", MEMBER_MESSAGE),
#undef NAME
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (size == names[i].size &&
		    memcmp(name, names[i].name, size) == 0)
			return names[i].member;
	return MEMBER_OTHER;
}

/* A member twice is nobody's idea of a log. */
static int on_name(void *arg, const unsigned char *name, size_t size)
{
	struct reader *r = arg;
	unsigned bit;

	if (r->depth > DEPTH_LOG)
		return 1; /* inside of something that we don't read */
	r->member = member_of(name, size);
	if (r->depth == DEPTH_ANSWER)
		r->top = r->member;
	else if (r->member == MEMBER_ID)
		r->member = MEMBER_OTHER;
	bit = 1u << r->member;
	if (r->log && r->member != MEMBER_OTHER && r->seen & bit)
		return 0;
	r->seen |= bit;
	return 1;
}

static bool new_log(struct reader *r)
{
	struct evm_logs *o = r->out;

	if (o->count == o->room) {
		size_t room = o->room ? 2 * o->room : 64;
		struct evm_log *grown = realloc(o->items, room * sizeof *grown);

		if (!grown)
			return false;
		o->items = grown;
		o->room = room;
	}
	r->log = memset(&o->items[o->count++], 0, sizeof *r->log);
	r->seen = 0;
	return true;
}

static int on_map(void *arg)
{
	struct reader *r = arg;

	r->depth++;
	if (r->depth == DEPTH_RESULT && r->top == MEMBER_ERROR)
		r->out->refused = true;
	if (r->depth == DEPTH_LOG && r->top == MEMBER_RESULT)
		return new_log(r);
	/* Where a map would be taken for what it isn't. */
	return r->depth == DEPTH_ANSWER || r->top != MEMBER_RESULT ||
	       (r->log && r->member == MEMBER_OTHER);
}

static int on_map_end(void *arg)
{
	struct reader *r = arg;

	if (r->depth-- != DEPTH_LOG || !r->log)
		return 1;
	r->log = NULL;
	return (r->seen & ALL_MEMBERS) == ALL_MEMBERS;
}

static int on_array(void *arg)
{
	struct reader *r = arg;

	r->depth++;
	if (r->depth == DEPTH_RESULT && r->top == MEMBER_RESULT)
		r->has_result = true;
	return r->depth != DEPTH_ANSWER &&
	       (r->depth == DEPTH_RESULT || r->top != MEMBER_RESULT ||
		(r->log &&
		 (r->member == MEMBER_OTHER ||
		  (r->member == MEMBER_TOPICS && r->depth == DEPTH_TOPICS))));
}

static int on_array_end(void *arg)
{
	((struct reader *)arg)->depth--;
	return 1;
}

/* A value that is none of the above. */
static int on_bool(void *arg, int value)
{
	struct reader *r = arg;

	if (r->top != MEMBER_RESULT)
		return 1;
	return r->log && (r->member == MEMBER_OTHER ||
			  (r->member == MEMBER_REMOVED && !value));
}

static int on_null(void *arg)
{
	struct reader *r = arg;

	return r->top != MEMBER_RESULT || (r->log && r->member == MEMBER_OTHER);
}

static int on_number(void *arg, const char *text, size_t size)
{
	struct reader *r = arg;
	char copy[32] = "";

	if (size < sizeof copy)
		memcpy(copy, text, size);
	if (r->top == MEMBER_ERROR && r->member == MEMBER_CODE)
		r->out->code = strtoll(copy, NULL, 10);
	if (r->top == MEMBER_ID && r->depth == DEPTH_ANSWER)
		r->out->id = strtoull(copy, NULL, 10);
	return on_null(arg);
}

/* ---- the whole ---------------------------------------------------------- */

/* The data stands in one buffer, which moved while it grew. */
static void place_data(struct evm_logs *o)
{
	const uint8_t *at = o->data.data;

	for (size_t i = 0; i < o->count; i++) {
		o->items[i].log.data.data = at;
		at += o->items[i].log.data.size;
	}
}

enum err evm_logs_parse(struct evm_logs *out, struct bytes body)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null,
		.yajl_boolean = on_bool,
		.yajl_number = on_number,
		.yajl_string = on_text,
		.yajl_start_map = on_map,
		.yajl_map_key = on_name,
		.yajl_end_map = on_map_end,
		.yajl_start_array = on_array,
		.yajl_end_array = on_array_end,
	};
	struct reader r = {.out = out};
	yajl_handle parser;
	bool ok;

	out->count = 0;
	out->id = 0;
	out->refused = false;
	out->code = 0;
	memset(out->message, 0, sizeof out->message);
	buf_clear(&out->data);
	parser = yajl_alloc(&callbacks, NULL, &r);
	if (!parser)
		return ERR_NO_MEMORY;
	ok = yajl_parse(parser, body.data, body.size) == yajl_status_ok &&
	     yajl_complete_parse(parser) == yajl_status_ok;
	yajl_free(parser);
	if (buf_failed(&out->data))
		return ERR_NO_MEMORY;
	if (!ok || (!r.has_result && !out->refused))
		return ERR_MALFORMED;
	place_data(out);
	return ERR_NONE;
}

void evm_logs_free(struct evm_logs *logs)
{
	free(logs->items);
	buf_free(&logs->data);
	*logs = (struct evm_logs){.items = NULL};
}
