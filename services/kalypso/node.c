/* Callbacks turned into calls. */
#include "services/kalypso/node.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"

enum { BATCH_MAX = 100, RANGE_START = 10000 };

/* ---- questions ---------------------------------------------------------- */

struct cli_asking {
	struct cli *cli;
	size_t missing;
	bool unreachable, done;
};

/* Where nodes put the data of a revert: as it is, or wrapped in an object
 * (Hardhat), or behind a word ("Reverted 0x…", OpenEthereum). */
static void take_revert(struct buf *out, const json_t *data)
{
	const char *text = json_string_value(
		json_is_object(data) ? json_object_get(data, "data") : data);
	const char *hex = text ? strstr(text, "0x") : NULL;

	if (hex && hex_decode_buf(out, hex, strlen(hex)))
		buf_clear(out);
}

static void on_answer(void *arg, const struct rpc_answer *a)
{
	struct cli_question *q = arg;
	struct cli_asking *asking = q->asking;

	q->err = a->err;
	snprintf(q->message, sizeof q->message, "%s",
		 a->message ? a->message : "");
	if (a->err == ERR_NONE)
		q->result = json_incref(a->result);
	else if (a->err == ERR_UNREACHABLE)
		asking->unreachable = true;
	q->code = a->code;
	take_revert(&q->data, a->data);
	if (--asking->missing == 0) {
		asking->done = true;
		loop_stop(asking->cli->loop);
	}
}

static void forget_answer(struct cli_question *q)
{
	json_decref(q->result);
	q->result = NULL;
	buf_free(&q->data);
}

static void send_all(struct cli *cli, struct cli_question *q, size_t count)
{
	struct rpc_batch *b;

	for (size_t i = 0; i < count; i++)
		forget_answer(&q[i]);
	if (count == 1) {
		rpc_call(cli->rpc, q->method, json_incref(q->params), on_answer,
			 q);
		return;
	}
	b = rpc_batch_new(cli->rpc);
	for (size_t i = 0; i < count; i++)
		rpc_batch_add(b, q[i].method, json_incref(q[i].params),
			      on_answer, &q[i]);
	rpc_batch_send(b);
}

static enum cli_exit try_some(struct cli *cli, struct cli_question *q,
			      size_t count)
{
	struct cli_asking asking = {.cli = cli, .missing = count};
	enum cli_exit x;

	for (size_t i = 0; i < count; i++)
		q[i].asking = &asking;
	send_all(cli, q, count);
	x = cli_turn(cli, &asking.done);
	return !x && asking.unreachable ? CLI_UNREACHABLE : x;
}

enum cli_exit cli_try_many(struct cli *cli, struct cli_question *q,
			   size_t count)
{
	enum cli_exit x = CLI_OK;

	for (size_t at = 0; at < count && !x; at += BATCH_MAX)
		x = try_some(cli, q + at,
			     count - at < BATCH_MAX ? count - at : BATCH_MAX);
	return x;
}

enum cli_exit cli_ask_many(struct cli *cli, struct cli_question *q,
			   size_t count)
{
	enum cli_exit x = cli_try_many(cli, q, count);

	for (size_t i = 0; i < count && x == CLI_UNREACHABLE; i++)
		if (q[i].err == ERR_UNREACHABLE)
			return cli_fail(cli, CLI_UNREACHABLE,
					"no node of --rpc %s answers (%s: %s)",
					cli->common.rpc, q[i].method,
					q[i].message);
	return x;
}

void cli_questions_free(struct cli_question *q, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		forget_answer(&q[i]);
		json_decref(q[i].params);
		q[i].params = NULL;
	}
}

json_t *cli_call_params(const struct address *from, const struct address *to,
			struct bytes data)
{
	json_t *call = json_pack("{s:o}", "data", evm_data(data));

	if (to)
		json_object_set_new(call, "to", evm_address(to));
	if (from)
		json_object_set_new(call, "from", evm_address(from));
	return json_pack("[o,s]", call, "latest");
}

/* ---- refusals ----------------------------------------------------------- */

const char *cli_put_reason(struct buf *out, struct bytes revert)
{
	abi_put_revert(out, revert);
	if (revert.size < ABI_SELECTOR ||
	    abi_error_of_selector(revert.data) == ABI_ERROR_UNKNOWN)
		return NULL;
	return abi_error_name(revert.data);
}

/* Errors that mean: what you name isn't there. */
static bool is_missing(const uint8_t selector[ABI_SELECTOR])
{
	enum abi_error_id id = abi_error_of_selector(selector);

	return id == ABI_ERROR_MARKET_UNKNOWN ||
	       id == ABI_ERROR_REQUEST_UNKNOWN ||
	       id == ABI_ERROR_GENERATOR_UNKNOWN;
}

enum cli_exit cli_refused(struct cli *cli, const char *what,
			  const struct cli_question *a)
{
	enum cli_exit status;
	struct buf reason = {0};
	const char *name = NULL;

	/* Code 3 is geth's for a revert (execution APIs); it may come without
	 * data, when a contract says nothing. */
	if (a->data.size || a->code == 3 || strcasestr(a->message, "revert"))
		name = cli_put_reason(&reason, buf_bytes(&a->data));
	else
		buf_printf(&reason, "the node %s says: %s (%" PRId64 ")",
			   rpc_node(cli->rpc), a->message, a->code);
	status = name && is_missing(a->data.data) ? CLI_NOT_FOUND : CLI_FAILED;
	cli_fail_named(cli, status, name, "%s: %s", what, buf_text(&reason));
	buf_free(&reason);
	return status;
}

/* ---- logs --------------------------------------------------------------- */

struct logs_answer {
	struct cli *cli;
	struct evm_logs *logs;
	enum err err;
	char message[200];
	bool done;
};

static void on_logs(void *arg, const struct rpc_answer *a)
{
	struct logs_answer *l = arg;

	l->err = a->err ? a->err : evm_logs_parse(l->logs, a->raw);
	if (l->err && !a->err)
		rpc_complain(l->cli->rpc, a->node, PROVIDER_BROKEN,
			     "not an answer to eth_getLogs");
	snprintf(l->message, sizeof l->message, "%s",
		 a->message ? a->message : err_text(l->err));
	l->done = true;
	loop_stop(l->cli->loop);
}

/* logs->refused: the node said no. */
static enum cli_exit ask_logs(struct cli *cli, struct evm_logs *logs,
			      const struct address *contract, json_t *topics,
			      uint64_t from, uint64_t to)
{
	struct logs_answer l = {.cli = cli, .logs = logs};

	for (unsigned try = 0; try < rpc_nodes(cli->rpc); try++) {
		enum cli_exit x;

		l.done = false;
		rpc_call_raw(cli->rpc, "eth_getLogs",
			     json_pack("[{s:o, s:o, s:o, s:O}]", "fromBlock",
				       evm_quantity(from), "toBlock",
				       evm_quantity(to), "address",
				       evm_address(contract), "topics", topics),
			     on_logs, &l);
		x = cli_turn(cli, &l.done);
		if (x || !l.err)
			return x;
	}
	/* Some answer a range that is too large with 400 and its like. */
	if (strncmp(l.message, "HTTP status 4", 13) == 0) {
		logs->refused = true;
		snprintf(logs->message, sizeof logs->message, "%.100s",
			 l.message);
		return CLI_OK;
	}
	return cli_fail(cli, CLI_UNREACHABLE,
			"no node of --rpc %s gives logs (eth_getLogs: %s)",
			cli->common.rpc, l.message);
}

static enum cli_exit give_events(const struct evm_logs *logs,
				 cli_event_fn *each, void *arg)
{
	enum cli_exit x = CLI_OK;

	for (size_t i = 0; i < logs->count && !x; i++) {
		struct abi_event event;

		if (abi_decode_event(&event, &logs->items[i].log))
			continue; /* of a later version of the contracts */
		x = each(arg, &event, &logs->items[i]);
	}
	return x;
}

enum cli_exit cli_each_event(struct cli *cli, const struct address *contract,
			     json_t *topics, uint64_t from, uint64_t to,
			     cli_event_fn *each, void *arg)
{
	struct evm_logs logs = {0};
	uint64_t range = to - from + 1;
	enum cli_exit x = CLI_OK;

	while (from <= to && !x) {
		uint64_t last = to - from < range ? to : from + range - 1;

		x = ask_logs(cli, &logs, contract, topics, from, last);
		if (x)
			break;
		if (!logs.refused) {
			x = give_events(&logs, each, arg);
			from = last + 1;
			continue;
		}
		range = range > RANGE_START ? RANGE_START : range / 2;
		if (!range)
			x = cli_fail(cli, CLI_UNREACHABLE,
				     "the node %s gives no logs: %s",
				     rpc_node(cli->rpc), logs.message);
	}
	evm_logs_free(&logs);
	json_decref(topics);
	return x;
}

json_t *cli_event_topic(enum abi_event_id id)
{
	return evm_hash(abi_event_topic(id));
}

json_t *cli_id_topic(uint64_t id)
{
	struct u256 v = u256_from_u64(id);
	struct hash32 word;

	u256_to_be32(word.bytes, &v);
	return evm_hash(&word);
}
