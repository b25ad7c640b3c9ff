/* JSON in, JSON out: what nodes and prover say. */
#include "tests/sim/node_impl.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/evm.h"
#include "common/hex.h"
#include "common/json.h"
#include "tests/sim/world.h"

/* ---- blocks and logs as JSON -------------------------------------------- */

/* Few different things are said again and again. */
static struct evm_bloom_bits bits_of(const uint8_t *data, size_t size)
{
	static struct {
		uint8_t data[32];
		size_t size;
		struct evm_bloom_bits bits;
	} rows[256], *row;

	row = &rows[(data[0] + data[size - 1]) % 256];
	if (row->size != size || memcmp(row->data, data, size) != 0) {
		memcpy(row->data, data, size);
		row->size = size;
		row->bits = evm_bloom_bits(data, size);
	}
	return row->bits;
}

static void set_bloom(uint8_t bloom[EVM_BLOOM_BYTES], const void *data,
		      size_t size)
{
	struct evm_bloom_bits b = bits_of(data, size);

	for (unsigned i = 0; i < 3; i++)
		bloom[EVM_BLOOM_BYTES - 1 - b.bits[i] / 8] |=
			(uint8_t)(1 << b.bits[i] % 8);
}

/* Of address and topics, as the yellow paper has it (4.4.3). */
static void set_blooms(uint8_t bloom[EVM_BLOOM_BYTES],
		       const struct sim_block *b)
{
	for (size_t i = 0; i < b->logs_count; i++) {
		const struct abi_log *l = &b->logs[i].log;

		set_bloom(bloom, l->address.bytes, sizeof l->address.bytes);
		for (unsigned t = 0; t < l->topics_count; t++)
			set_bloom(bloom, l->topics[t].bytes,
				  sizeof l->topics[t].bytes);
	}
}

static void put_hash(struct buf *out, const struct hash32 *h)
{
	buf_put_u8(out, '"');
	buf_put_hex(out, h->bytes, sizeof h->bytes);
	buf_put_u8(out, '"');
}

static char *text_of(struct buf *b)
{
	char *text;

	buf_put_u8(b, 0);
	assert(!buf_failed(b));
	text = (char *)b->data;
	*b = (struct buf){.data = NULL};
	return text;
}

const char *node_header(struct sim_block *b)
{
	uint8_t bloom[EVM_BLOOM_BYTES] = {0};
	struct buf out = {0};

	if (b->header)
		return b->header;
	set_blooms(bloom, b);
	buf_printf(&out,
		   "{\"number\":\"0x%" PRIx64 "\",\"timestamp\":\"0x%" PRIx64
		   "\",\"gasLimit\":\"0x1c9c380\",\"baseFeePerGas\":"
		   "\"0x%" PRIx64 "\",\"hash\":",
		   b->number, b->time, b->base_fee);
	put_hash(&out, &b->hash);
	buf_put_text(&out, ",\"parentHash\":");
	put_hash(&out, &b->parent_hash);
	buf_put_text(&out, ",\"logsBloom\":\"");
	buf_put_hex(&out, bloom, sizeof bloom);
	buf_put_text(&out, "\"}");
	b->header = text_of(&out);
	return b->header;
}

static const char *log_json(struct sim_block *b, size_t i)
{
	struct m_log *l = &b->logs[i];
	struct buf out = {0};

	if (l->json)
		return l->json;
	buf_put_text(&out, "{\"address\":\"");
	buf_put_hex(&out, l->log.address.bytes, 20);
	buf_put_text(&out, "\",\"topics\":[");
	for (unsigned t = 0; t < l->log.topics_count; t++) {
		buf_put_text(&out, t ? "," : "");
		put_hash(&out, &l->log.topics[t]);
	}
	buf_put_text(&out, "],\"data\":\"");
	buf_put_hex(&out, l->data.data, l->data.size);
	buf_put_text(&out, "\",\"blockHash\":");
	put_hash(&out, &b->hash);
	buf_put_text(&out, ",\"transactionHash\":");
	put_hash(&out, &l->tx);
	buf_printf(&out,
		   ",\"blockNumber\":\"0x%" PRIx64 "\",\"logIndex\":\"0x%zx\""
		   ",\"removed\":false}",
		   b->number, i);
	l->json = text_of(&out);
	return l->json;
}

/* ---- eth_getLogs -------------------------------------------------------- */

enum { WANTED_MAX = 64, TOPICS_MAX = 4 };

/* One of each; none: whatever there is. */
struct filter {
	struct address addresses[WANTED_MAX];
	struct hash32 topics[TOPICS_MAX][WANTED_MAX];
	size_t addresses_count, topics_count[TOPICS_MAX];
};

/* Item @i of an array, or the thing itself; NULL: there are no more. */
static const json_t *item_of(const json_t *one_or_many, size_t i)
{
	if (json_is_array(one_or_many))
		return json_array_get(one_or_many, i);
	return i || json_is_null(one_or_many) ? NULL : one_or_many;
}

static void read_filter(struct filter *f, const json_t *json)
{
	const json_t *address = json_object_get(json, "address"), *item;
	const json_t *topics = json_object_get(json, "topics");

	memset(f->topics_count, 0, sizeof f->topics_count);
	f->addresses_count = 0;
	while ((item = item_of(address, f->addresses_count))) {
		assert(f->addresses_count < WANTED_MAX);
		assert(!address_parse(&f->addresses[f->addresses_count++],
				      json_string_value(item)));
	}
	for (size_t t = 0; t < json_array_size(topics); t++) {
		const json_t *wanted = json_array_get(topics, t);
		size_t *n = &f->topics_count[t];

		assert(t < TOPICS_MAX);
		while ((item = item_of(wanted, *n))) {
			assert(*n < WANTED_MAX);
			assert(!evm_hash_parse(&f->topics[t][(*n)++], item));
		}
	}
}

static bool is_one(const struct hash32 *topic, const struct hash32 *of,
		   size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (hash32_eq(topic, &of[i]))
			return true;
	return false;
}

static bool is_wanted(const struct filter *f, const struct abi_log *log)
{
	size_t a = 0;

	while (a < f->addresses_count &&
	       !address_eq(&f->addresses[a], &log->address))
		a++;
	if (a == f->addresses_count)
		return false;
	for (size_t t = 0; t < TOPICS_MAX; t++)
		if (f->topics_count[t] &&
		    (t >= log->topics_count ||
		     !is_one(&log->topics[t], f->topics[t],
			     f->topics_count[t])))
			return false;
	return true;
}

static bool put_logs(struct buf *out, struct sim_block *head,
		     const json_t *filter)
{
	const json_t *by_hash = json_object_get(filter, "blockHash");
	uint64_t from, to;
	struct sim_block *b;
	struct hash32 hash;
	bool first = true;
	static struct filter wanted;

	read_filter(&wanted, filter);
	if (by_hash) {
		if (evm_hash_parse(&hash, by_hash) ||
		    !(b = sim_block_by_hash(head, &hash)))
			return false;
		from = to = b->number;
		head = b;
	} else {
		if (evm_u64_parse(&from,
				  json_object_get(filter, "fromBlock")) ||
		    evm_u64_parse(&to, json_object_get(filter, "toBlock")))
			return false;
	}
	buf_put_text(out, "[");
	for (uint64_t n = from; n <= to && n <= head->number; n++) {
		struct sim_block *at = sim_block_at(head, n);

		for (size_t i = 0; at && i < at->logs_count; i++) {
			if (!is_wanted(&wanted, &at->logs[i].log))
				continue;
			buf_put_text(out, first ? "" : ",");
			buf_put_text(out, log_json(at, i));
			first = false;
		}
	}
	buf_put_text(out, "]");
	return true;
}

/* ---- the other methods -------------------------------------------------- */

static void put_receipt(struct buf *out, struct sim_block *head,
			const json_t *json)
{
	struct hash32 hash;
	bool success = false;
	struct sim_block *b;

	if (evm_hash_parse(&hash, json) ||
	    !(b = chain_find(head, &hash, &success))) {
		buf_put_text(out, "null");
		return;
	}
	buf_put_text(out, "{\"transactionHash\":");
	put_hash(out, &hash);
	buf_put_text(out, ",\"blockHash\":");
	put_hash(out, &b->hash);
	buf_printf(out,
		   ",\"blockNumber\":\"0x%" PRIx64 "\",\"status\":\"0x%d\""
		   ",\"gasUsed\":\"0x5208\",\"effectiveGasPrice\":\"0x7\"}",
		   b->number, success);
}

static void put_count(struct buf *out, const struct sim_block *head,
		      const json_t *json)
{
	struct address a;
	uint64_t nonce = 0;

	assert(!address_parse(&a, json_string_value(json)));
	for (unsigned i = 0; i < ACCOUNTS; i++)
		if (address_eq(&a, &market_world.accounts[i]))
			nonce = head->state.nonces[i];
	buf_printf(out, "\"0x%" PRIx64 "\"", nonce);
}

static struct sim_block *block_named(struct sim_block *head, const json_t *json)
{
	const char *name = json_string_value(json);
	uint64_t n;

	if (strcmp(name, "latest") == 0)
		return head;
	if (strcmp(name, "finalized") == 0 || strcmp(name, "safe") == 0)
		return sim_block_at(head, head->number > FINAL_DEPTH
						  ? head->number - FINAL_DEPTH
						  : 0);
	assert(!evm_u64_parse(&n, json));
	return sim_block_at(head, n);
}

static void put_error(struct buf *out, int code, const char *message)
{
	buf_printf(out, "\"error\":{\"code\":%d,\"message\":\"%s\"}", code,
		   message);
}

/* By its name, or as EIP-1898 has it. NULL: the node hasn't got it. */
static struct sim_block *block_of_call(struct sim_block *head,
				       const json_t *json)
{
	struct hash32 hash;

	if (!json || json_is_string(json))
		return json ? block_named(head, json) : head;
	assert(!evm_hash_parse(&hash, json_object_get(json, "blockHash")));
	return sim_block_by_hash(head, &hash);
}

static void put_call(struct buf *out, const struct sim_block *head,
		     const json_t *call, bool estimates)
{
	struct buf data = {0}, answer = {0};
	const char *why;
	struct selector s;

	assert(!evm_bytes_parse(&data, json_object_get(call, "data")));
	if (market_view(&answer, &head->state, head->time, buf_bytes(&data),
			&why)) {
		buf_put_text(out, "\"result\":\"");
		if (estimates)
			buf_put_text(out, "0x30d40");
		else
			buf_put_hex(out, answer.data, answer.size);
		buf_put_text(out, "\"");
	} else {
		s = market_error(why);
		buf_put_text(out, "\"error\":{\"code\":3,\"message\":"
				  "\"execution reverted\",\"data\":\"");
		buf_put_hex(out, s.bytes, sizeof s.bytes);
		buf_put_text(out, "\"}");
	}
	buf_free(&data);
	buf_free(&answer);
}

static void put_taken(struct buf *out, struct bytes raw)
{
	struct hash32 hash;
	const char *why = chain_take(raw, &hash);

	if (why) {
		put_error(out, -32000, why);
	} else {
		buf_put_text(out, "\"result\":");
		put_hash(out, &hash);
	}
}

static void put_result(struct buf *out, const char *method,
		       const json_t *params, struct sim_block *head)
{
	const json_t *first = json_array_get(params, 0);
	struct sim_block *b;
	size_t began = out->size;

	if (strcmp(method, "eth_call") == 0 ||
	    strcmp(method, "eth_estimateGas") == 0) {
		b = block_of_call(head, json_array_get(params, 1));
		if (b)
			put_call(out, b, first, method[4] == 'e');
		else
			put_error(out, -32000, "header not found");
		return;
	}
	buf_put_text(out, "\"result\":");
	if (strcmp(method, "eth_getBlockByNumber") == 0) {
		b = block_named(head, first);
		buf_put_text(out, b ? node_header(b) : "null");
	} else if (strcmp(method, "eth_getTransactionReceipt") == 0) {
		put_receipt(out, head, first);
	} else if (strcmp(method, "eth_getTransactionCount") == 0) {
		put_count(out, head, first);
	} else if (strcmp(method, "eth_getBalance") == 0) {
		buf_put_text(out, "\"0x3635c9adc5dea00000\""); /* 1000 ether */
	} else if (strcmp(method, "eth_blockNumber") == 0) {
		buf_printf(out, "\"0x%" PRIx64 "\"", head->number);
	} else if (strcmp(method, "eth_chainId") == 0) {
		buf_printf(out, "\"0x%" PRIx64 "\"", market_world.chain_id);
	} else if (strcmp(method, "eth_getCode") == 0) {
		buf_put_text(out, "\"0x60\"");
	} else if (strcmp(method, "eth_getLogs") != 0) {
		out->size = began;
		put_error(out, -32601, "the method is not there");
	} else if (!put_logs(out, head, first)) {
		out->size = began;
		put_error(out, -32000, "unknown block");
	}
}

/* @heads: one or two moments that an answer may be of. */
static void put_answer(struct buf *out, const json_t *request,
		       struct sim_block *const heads[2])
{
	const char *method =
		json_string_value(json_object_get(request, "method"));

	buf_printf(out, "{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",",
		   (int64_t)json_integer_value(json_object_get(request, "id")));
	put_result(out, method, json_object_get(request, "params"),
		   heads[draw(2)]);
	buf_put_text(out, "}");
}

/* A raw transaction is most of what is sent: without a parser. */
static bool answer_send(struct buf *out, struct bytes body)
{
	const char *at = memmem(body.data, body.size, "\"0x", 3);
	const char *id = memmem(body.data, body.size, "\"id\":", 5);
	const char *end = at ? memchr(at + 1, '"', body.size) : NULL;
	struct buf raw = {0};

	if (*body.data == '[' || !at || !id || !end ||
	    !memmem(body.data, body.size, "eth_sendRawTransaction", 22))
		return false;
	assert(!hex_decode_buf(&raw, at + 1, (size_t)(end - at - 1)));
	buf_printf(out, "{\"id\":%" PRIu64 ",",
		   (uint64_t)strtoull(id + 5, NULL, 10));
	put_taken(out, buf_bytes(&raw));
	buf_put_text(out, "}");
	buf_free(&raw);
	return true;
}

void node_answer_node(struct buf *out, struct bytes body,
		      struct sim_block *const heads[2])
{
	json_t *request;
	const json_t *item;
	size_t i;

	if (answer_send(out, body))
		return;
	request = json_read(body);
	assert(request);
	if (json_is_array(request)) {
		buf_put_text(out, "[");
		json_array_foreach (request, i, item) {
			buf_put_text(out, i ? "," : "");
			put_answer(out, item, heads);
		}
		buf_put_text(out, "]");
	} else {
		put_answer(out, request, heads);
	}
	json_decref(request);
}

/* ---- the prover --------------------------------------------------------- */

unsigned node_answer_prover(struct buf *out, struct bytes body, bool honest)
{
	json_t *request =
		json_loadb((const char *)body.data, body.size, 0, NULL);
	struct buf inputs = {0}, proof = {0};
	unsigned status = 200;
	const json_t *item;
	size_t i;

	assert(request);
	json_array_foreach (json_object_get(request, "public"), i, item)
		buf_put_u8(&inputs, (uint8_t)json_integer_value(item));
	if (!honest && chance(100)) {
		status = 503;
		buf_put_text(out, "{}");
	} else {
		market_proof(&proof, buf_bytes(&inputs));
		if (!honest && chance(50))
			proof.data[0] ^= 1; /* the verifier will say no */
		buf_put_text(out, "{\"proof\":\"");
		buf_put_hex(out, proof.data, proof.size);
		buf_put_text(out, "\"}");
	}
	buf_free(&inputs);
	buf_free(&proof);
	json_decref(request);
	return status;
}
