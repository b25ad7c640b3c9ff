/* sender_chain - two small nodes of one chain, for a sender to send to: they
 * keep transactions, and answer what a sender asks. */
#ifndef TESTS_UNIT_SENDER_CHAIN_H
#define TESTS_UNIT_SENDER_CHAIN_H

#include "tests/redis.h"
#include "tests/server.h"

#include <jansson.h>

#include "common/evm.h"
#include "common/tx.h"
#include "msg.h"

enum { NODES = 2, TXS_MAX = 32 };

struct sent {
	struct hash32 hash;
	uint64_t nonce;
	unsigned times[NODES]; /* that each node got it */
	uint64_t block;	       /* 0: it isn't mined */
	bool success;
};

static struct chain_state {
	pthread_mutex_t lock;
	struct sent txs[TXS_MAX];
	unsigned count;
	uint64_t nonce;	     /* of the account */
	uint64_t balance;    /* of it, in wei */
	bool broken;	     /* it answers nothing of use */
	const char *refusal; /* of transactions */
	bool early;	     /* a transaction came before it was in the log */
	struct store *store; /* of the node's thread; NULL: there is no log */
} chain = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct server nodes[NODES];

static struct hash32 block_hash(uint64_t number)
{
	struct hash32 h = {{0xbb}};

	memcpy(h.bytes + 8, &number, sizeof number);
	return h;
}

static struct sent *find_sent(const struct hash32 *hash)
{
	for (unsigned i = 0; i < chain.count; i++)
		if (hash32_eq(&chain.txs[i].hash, hash))
			return &chain.txs[i];
	return NULL;
}

static enum err look(void *arg, const struct entry *entry)
{
	const struct hash32 *hash = arg;
	struct msg_tx_signed m;

	if (entry->type == MSG_TX_SIGNED &&
	    !msg_tx_signed_decode(&m, entry->body) && hash32_eq(&m.hash, hash))
		return ERR_EXISTS;
	return ERR_NONE;
}

static void take_raw(int node, const json_t *json)
{
	struct buf raw = {0};
	struct sent *s;
	struct tx tx;
	struct address from;
	struct hash32 hash;
	uint64_t next;

	assert_err(evm_bytes_parse(&raw, json), ERR_NONE);
	assert_err(tx_decode(&tx, &from, &hash, buf_bytes(&raw)), ERR_NONE);
	if (chain.store && store_read(chain.store, "task", 1, 1000, &next, look,
				      &hash) != ERR_EXISTS)
		chain.early = true;
	s = find_sent(&hash);
	if (!s) {
		s = &chain.txs[chain.count++];
		*s = (struct sent){.hash = hash, .nonce = tx.nonce};
	}
	s->times[node]++;
	buf_free(&raw);
}

static json_t *receipt_of(const json_t *json)
{
	struct hash32 hash, block;
	const struct sent *s;

	assert_err(evm_hash_parse(&hash, json), ERR_NONE);
	s = find_sent(&hash);
	if (!s || !s->block)
		return json_null();
	block = block_hash(s->block);
	return json_pack("{s:o, s:o, s:o, s:s, s:s, s:s}", "transactionHash",
			 evm_hash(&hash), "blockHash", evm_hash(&block),
			 "blockNumber", evm_quantity(s->block), "status",
			 s->success ? "0x1" : "0x0", "gasUsed", "0x5208",
			 "effectiveGasPrice", "0x7");
}

static json_t *answer_one(int node, const json_t *request)
{
	const char *method =
		json_string_value(json_object_get(request, "method"));
	const json_t *param =
		json_array_get(json_object_get(request, "params"), 0);
	json_t *result;

	if (strcmp(method, "eth_sendRawTransaction") == 0) {
		take_raw(node, param);
		if (chain.refusal)
			return json_pack("{s:O, s:{s:i, s:s}}", "id",
					 json_object_get(request, "id"),
					 "error", "code", -32000, "message",
					 chain.refusal);
		result = json_string("0x");
	} else if (strcmp(method, "eth_getTransactionReceipt") == 0) {
		result = receipt_of(param);
	} else if (strcmp(method, "eth_getBalance") == 0) {
		result = evm_quantity(chain.balance);
	} else {
		result = evm_quantity(chain.nonce);
	}
	return json_pack("{s:O, s:o}", "id", json_object_get(request, "id"),
			 "result", result);
}

static enum server_then answer(void *arg, const struct server_request *r,
			       struct buf *out)
{
	int node = (int)((struct server *)arg - nodes);
	json_t *request = json_loadb(r->body, r->body_size, 0, NULL), *all,
	       *one;
	char *text;
	size_t i;

	pthread_mutex_lock(&chain.lock);
	all = json_is_array(request) ? json_array() : answer_one(node, request);
	if (json_is_array(request))
		json_array_foreach (request, i, one)
			json_array_append_new(all, answer_one(node, one));
	text = json_dumps(all, JSON_COMPACT);
	server_respond(out, chain.broken ? "503 No" : "200 OK", "", text,
		       strlen(text));
	pthread_mutex_unlock(&chain.lock);
	free(text);
	json_decref(all);
	json_decref(request);
	return SERVER_KEEP;
}

/* @n of @what is true of the chain; in the test's thread. */
static unsigned sent_times(unsigned i, int node)
{
	unsigned n;

	pthread_mutex_lock(&chain.lock);
	n = i < chain.count ? chain.txs[i].times[node] : 0;
	pthread_mutex_unlock(&chain.lock);
	return n;
}

static void mine(unsigned i, uint64_t block, bool success)
{
	pthread_mutex_lock(&chain.lock);
	chain.txs[i].block = block;
	chain.txs[i].success = success;
	if (block && chain.nonce <= chain.txs[i].nonce)
		chain.nonce = chain.txs[i].nonce + 1;
	pthread_mutex_unlock(&chain.lock);
}

static void set_nonce(uint64_t nonce)
{
	pthread_mutex_lock(&chain.lock);
	chain.nonce = nonce;
	pthread_mutex_unlock(&chain.lock);
}

static void set_broken(bool broken)
{
	pthread_mutex_lock(&chain.lock);
	chain.broken = broken;
	pthread_mutex_unlock(&chain.lock);
}

#endif /* TESTS_UNIT_SENDER_CHAIN_H */
