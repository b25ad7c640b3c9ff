/* What only the chain can tell: a request's inputs, and what its verifier says
 * of a proof. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "abi_market.h"
#include "common/keccak.h"
#include "common/u256.h"
#include "services/listener/work.h"

enum { GAS_SANE_MAX = 100000000 };

/* ---- calls of contracts ------------------------------------------------- */

/* [{from, to, data}, "latest"]; @data is emptied. NULL if it has failed. */
static json_t *call_of(const struct address *from, const struct address *to,
		       struct buf *data)
{
	json_t *params = NULL;

	if (!buf_failed(data))
		params = json_pack("[{s:o, s:o, s:o}, s]", "from",
				   evm_address(from), "to", evm_address(to),
				   "data", evm_data(buf_bytes(data)), "latest");
	buf_free(data);
	return params;
}

static json_t *request_of(const struct step *s)
{
	struct u256 id = u256_from_u64(s->request_id);
	struct buf data = {0};

	if (abi_call_request_of(&data, &id))
		buf_fail(&data, ERR_NO_MEMORY);
	return call_of(&s->self->generator, &s->self->contracts.marketplace,
		       &data);
}

/* Whether the contract waits for our proof of the request. */
static bool waits_for_us(struct step *s, const struct rpc_answer *a)
{
	struct abi_request_view v;
	struct buf bytes = {0};
	bool ours = false;

	if (!a->err && !evm_bytes_parse(&bytes, a->result) &&
	    !abi_result_request_of(&v, buf_bytes(&bytes))) {
		ours = v.state == ABI_REQUEST_STATE_ASSIGNED &&
		       address_eq(&v.generator, &s->self->generator);
		s->inputs_hash = v.inputs_hash;
	}
	buf_free(&bytes);
	return ours;
}

static const char *why_not(const struct rpc_answer *a)
{
	return a->err ? a->message
		      : "the contract does not have it as our task";
}

/* ---- inputs, from the log ----------------------------------------------- */

static void look_through(struct step *s);

static bool hash_is(struct bytes b, const struct hash32 *want)
{
	struct hash32 hash;

	keccak256(&hash, b.data, b.size);
	return hash32_eq(&hash, want);
}

/* The request among the logs; false: it isn't there. */
static bool pick(const struct step *s, struct abi_request_created *out,
		 const struct evm_logs *logs)
{
	struct u256 id = u256_from_u64(s->request_id);

	for (size_t i = 0; i < logs->count; i++) {
		const struct abi_log *l = &logs->items[i].log;

		if (address_eq(&l->address, &s->self->contracts.marketplace) &&
		    !abi_decode_request_created(out, l) &&
		    u256_eq(&out->request_id, &id) &&
		    hash_is(out->inputs, &s->inputs_hash))
			return true;
	}
	return false;
}

static void on_window(void *arg, const struct rpc_answer *a)
{
	struct step *s = arg;
	struct evm_logs logs = {0};
	struct abi_request_created event;

	if (a->err || evm_logs_parse(&logs, a->raw) || logs.refused) {
		step_retry(s, 0,
			   a->err	  ? a->message
			   : logs.refused ? logs.message
					  : "eth_getLogs: not an answer");
	} else if (!pick(s, &event, &logs)) {
		s->to = s->from - 1;
		look_through(s);
	} else if (event.private_inputs.size) {
		step_skip(s, "private_inputs");
	} else {
		step_found(s, event.inputs);
	}
	evm_logs_free(&logs);
}

/* The blocks up to s->to, as many as may be asked for at once. */
static void look_through(struct step *s)
{
	const struct listener *self = s->self;
	uint64_t start = self->contracts.start_block;
	struct u256 id = u256_from_u64(s->request_id);
	struct hash32 topic;

	if (s->to < start || s->to == UINT64_MAX) {
		step_retry(s, 0, "its inputs are not in the chain's log");
		return;
	}
	s->from = s->to - start < self->options.range
			  ? start
			  : s->to + 1 - self->options.range;
	u256_to_be32(topic.bytes, &id);
	rpc_call_raw(
		self->rpc, "eth_getLogs",
		json_pack("[{s:o, s:o, s:o, s:[o, o]}]", "address",
			  evm_address(&self->contracts.marketplace),
			  "fromBlock", evm_quantity(s->from), "toBlock",
			  evm_quantity(s->to), "topics",
			  evm_hash(abi_event_topic(ABI_EVENT_REQUEST_CREATED)),
			  evm_hash(&topic)),
		on_window, s);
}

static void on_find_request(void *arg, const struct rpc_answer *a)
{
	struct step *s = arg;

	if (waits_for_us(s, a))
		look_through(s);
	else
		step_retry(s, 0, why_not(a));
}

void look_find(struct step *s, uint64_t task_block)
{
	s->to = task_block;
	rpc_call(s->self->rpc, "eth_call", request_of(s), on_find_request, s);
}

/* ---- a proof, to its verifier ------------------------------------------- */

static void note(struct step *s, const char *why)
{
	snprintf(s->why, sizeof s->why, "%s", why);
	for (char *c = s->why; *c; c++)
		if (*c == '"')
			*c = '\'';
}

/* Whether the node ran the call and it reverted. */
static bool has_reverted(const struct rpc_answer *a)
{
	return a->err == ERR_REFUSED &&
	       (a->code == 3 || strcasestr(a->message, "revert"));
}

static void conclude(struct step *s)
{
	if (s->unknown || s->stale)
		step_retry(s, 0, s->why);
	else if (s->refused)
		step_refused(s, s->why);
	else
		step_accepted(s);
}

/* The marketplace takes 32 bytes that are the number 1 for yes, and whatever
 * else for no. */
static bool is_yes(struct bytes b)
{
	static const uint8_t one[32] = {[31] = 1};

	return b.size >= sizeof one && memcmp(b.data, one, sizeof one) == 0;
}

static void on_verdict(void *arg, const struct rpc_answer *a)
{
	struct step *s = arg;
	struct buf bytes = {0};

	if (has_reverted(a) ||
	    (!a->err && !evm_bytes_parse(&bytes, a->result))) {
		s->refused = s->refused || !is_yes(buf_bytes(&bytes));
		if (a->err)
			note(s, a->message);
		else if (s->refused)
			note(s, "it says no");
	} else {
		s->unknown = true;
		note(s, a->err ? a->message : "eth_call: not an answer");
	}
	buf_free(&bytes);
	if (--s->missing == 0)
		conclude(s);
}

/* The contract would refuse the transaction: for the proof's sake, or for
 * another reason, which may pass. */
static void on_revert(struct step *s, const struct rpc_answer *a)
{
	struct buf data = {0}, text = {0};

	if (!evm_bytes_parse(&data, a->data) && data.size >= 4 &&
	    abi_error_of_selector(data.data) == ABI_ERROR_PROOF_INVALID)
		s->refused = true;
	else
		s->stale = true;
	abi_put_revert(&text, buf_bytes(&data));
	if (!s->unknown)
		note(s, buf_text(&text));
	buf_free(&data);
	buf_free(&text);
}

static void on_gas(void *arg, const struct rpc_answer *a)
{
	struct step *s = arg;
	uint64_t gas;

	if (has_reverted(a))
		on_revert(s, a);
	else if (!a->err && !evm_u64_parse(&gas, a->result) &&
		 gas <= GAS_SANE_MAX)
		s->gas = gas;
	if (--s->missing == 0)
		conclude(s);
}

/* Asked as the marketplace asks, so that a verifier can't tell the difference;
 * the second call also finds what it would do with less gas. */
static void ask_verifier(struct step *s)
{
	struct listener *self = s->self;
	struct rpc_batch *b = rpc_batch_new(self->rpc);
	struct u256 id = u256_from_u64(s->request_id);
	struct bytes inputs = buf_bytes(&s->inputs),
		     proof = buf_bytes(&s->proof);
	struct buf verify = {0}, submit = {0};

	if (abi_call_verify(&verify, inputs, proof) ||
	    abi_call_submit_proof(&submit, &id, inputs, proof))
		buf_fail(&verify, ERR_NO_MEMORY);
	s->missing = 2;
	rpc_batch_add(
		b, "eth_call",
		call_of(&self->contracts.marketplace, &s->verifier, &verify),
		on_verdict, s);
	rpc_batch_add(b, "eth_estimateGas",
		      call_of(sender_address(self->sender),
			      &self->contracts.marketplace, &submit),
		      on_gas, s);
	rpc_batch_send(b);
}

/* Once both answers are there. */
static void ask_verifier_next(struct step *s)
{
	if (--s->missing)
		return;
	if (s->unknown)
		conclude(s);
	else
		ask_verifier(s);
}

static void on_market(void *arg, const struct rpc_answer *a)
{
	struct step *s = arg;
	struct abi_market_view v;
	struct buf bytes = {0};

	if (!a->err && !evm_bytes_parse(&bytes, a->result) &&
	    !abi_result_market_of(&v, buf_bytes(&bytes))) {
		s->verifier = v.verifier;
	} else {
		s->unknown = true;
		note(s, a->err ? a->message : "marketOf: not an answer");
	}
	buf_free(&bytes);
	ask_verifier_next(s);
}

static void on_check_request(void *arg, const struct rpc_answer *a)
{
	struct step *s = arg;

	if (!waits_for_us(s, a) ||
	    !hash_is(buf_bytes(&s->inputs), &s->inputs_hash)) {
		s->unknown = true;
		note(s, why_not(a));
	}
	ask_verifier_next(s);
}

void look_check(struct step *s)
{
	struct listener *self = s->self;
	struct rpc_batch *b = rpc_batch_new(self->rpc);
	struct u256 market_id = u256_from_u64(s->market_id);
	struct buf data = {0};

	if (abi_call_market_of(&data, &market_id))
		buf_fail(&data, ERR_NO_MEMORY);
	s->missing = 2;
	rpc_batch_add(b, "eth_call", request_of(s), on_check_request, s);
	rpc_batch_add(
		b, "eth_call",
		call_of(&self->generator, &self->contracts.marketplace, &data),
		on_market, s);
	rpc_batch_send(b);
}
