/* What became of requests: the contract's view, and its log for the rest. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/trace.h"
#include "services/kalypso/gateway.h"
#include "services/kalypso/input.h"
#include "services/kalypso/node.h"
#include "services/kalypso/request.h"
#include "services/kalypso/views.h"

enum { STEPS_MAX = 8 };

/* ---- reading ------------------------------------------------------------ */

static const enum abi_event_id story[] = {
	ABI_EVENT_REQUEST_CREATED,  ABI_EVENT_TASK_CREATED,
	ABI_EVENT_PROOF_SUBMITTED,  ABI_EVENT_INPUTS_INVALIDATED,
	ABI_EVENT_TASK_SLASHED,	    ABI_EVENT_REQUEST_CANCELLED,
	ABI_EVENT_REQUEST_REJECTED, ABI_EVENT_PENALTY_PAID};

enum { STORY = sizeof story / sizeof story[0] };

static void keep(struct buf *to, struct bytes from)
{
	buf_clear(to);
	buf_put(to, from.data, from.size);
}

static void keep_values(struct cli_request *r, const struct abi_event *e)
{
	if (e->id == ABI_EVENT_REQUEST_CREATED) {
		r->created = true;
		r->params = e->request_created.params;
		keep(&r->inputs, e->request_created.inputs);
	} else if (e->id == ABI_EVENT_PROOF_SUBMITTED) {
		r->proven = true;
		keep(&r->proof, e->proof_submitted.proof);
		r->paid = e->proof_submitted.paid;
		r->refund = e->proof_submitted.refund;
	} else if (e->id == ABI_EVENT_INPUTS_INVALIDATED) {
		r->paid = e->inputs_invalidated.paid;
		r->refund = e->inputs_invalidated.refund;
	} else if (e->id == ABI_EVENT_TASK_SLASHED) {
		r->refund = e->task_slashed.refund;
	} else if (e->id == ABI_EVENT_REQUEST_CANCELLED) {
		r->refund = e->request_cancelled.refund;
	} else if (e->id == ABI_EVENT_REQUEST_REJECTED) {
		r->refund = e->request_rejected.refund;
	}
}

static enum cli_exit on_step(void *arg, const struct abi_event *e,
			     const struct evm_log *log)
{
	struct cli_request *r = arg;

	keep_values(r, e);
	if (r->steps_count == STEPS_MAX)
		return CLI_OK;
	r->steps[r->steps_count].event = e->id;
	r->steps[r->steps_count].block.number = log->block;
	r->steps[r->steps_count++].tx = log->tx;
	return CLI_OK;
}

/* When each step's block was. */
static enum cli_exit date_steps(struct cli *cli, struct cli_request *r)
{
	struct cli_question q[STEPS_MAX] = {{0}};
	struct evm_header h;
	enum cli_exit x;

	for (size_t i = 0; i < r->steps_count; i++) {
		q[i].method = "eth_getBlockByNumber";
		q[i].params = json_pack(
			"[o,b]", evm_quantity(r->steps[i].block.number), 0);
	}
	x = cli_ask_many(cli, q, r->steps_count);
	for (size_t i = 0; i < r->steps_count && !x; i++)
		if (!q[i].err && !evm_header_parse(&h, q[i].result))
			r->steps[i].block = h.block;
	cli_questions_free(q, r->steps_count);
	return x;
}

enum cli_exit cli_request_read(struct cli *cli, struct cli_request *r,
			       uint64_t id)
{
	json_t *topics;
	enum cli_exit x;

	*r = (struct cli_request){.id = id};
	x = cli_view_request(cli, &r->view, id);
	if (!x)
		x = cli_look(cli); /* up to the block that the view is of */
	if (x)
		return x;
	topics = json_array();
	for (size_t i = 0; i < STORY; i++)
		json_array_append_new(topics, cli_event_topic(story[i]));
	x = cli_each_event(cli, &cli->contracts.marketplace,
			   json_pack("[o,o]", topics, cli_id_topic(id)),
			   cli->contracts.start_block, cli->head, on_step, r);
	return x ? x : date_steps(cli, r);
}

void cli_request_free(struct cli_request *r)
{
	buf_free(&r->inputs);
	buf_free(&r->proof);
}

const char *cli_request_state(const struct abi_request_view *view, uint64_t now)
{
	if (view->state == ABI_REQUEST_STATE_OPEN && view->expiry < now)
		return "expired";
	if (view->state == ABI_REQUEST_STATE_ASSIGNED && view->deadline < now)
		return "overdue";
	return abi_request_state_name(view->state);
}

/* ---- saying ------------------------------------------------------------- */

static bool is_given(const struct address *a)
{
	static const struct address nobody;

	return !address_eq(a, &nobody);
}

static void put_account(struct cli_out *o, const char *key, const char *label,
			const struct address *a)
{
	if (is_given(a))
		cli_put_address(o, key, label, a);
	else
		cli_put_json(o, key, json_null());
}

bool cli_request_is_over(const struct abi_request_view *v)
{
	return v->state > ABI_REQUEST_STATE_ASSIGNED;
}

static void put_money(struct cli *cli, const struct cli_request *r, bool shown)
{
	const struct abi_request_view *v = &r->view;
	struct cli_out *o = cli->out;
	bool task = is_given(&v->generator);

	cli_put_amount(o, "max_price", shown ? "At most" : NULL, &v->max_price,
		       &cli->payment);
	cli_put_amount(o, "price", shown && task ? "Price" : NULL, &v->price,
		       &cli->payment);
	cli_put_amount(o, "paid",
		       shown && cli_request_is_over(v) ? "Paid" : NULL,
		       &r->paid, &cli->payment);
	cli_put_amount(o, "refund",
		       shown && cli_request_is_over(v) ? "Refunded" : NULL,
		       &r->refund, &cli->payment);
}

static void put_times(struct cli *cli, const struct cli_request *r, bool shown)
{
	const struct abi_request_view *v = &r->view;
	struct cli_out *o = cli->out;
	uint64_t expiry = r->created ? r->params.expiry : v->expiry;

	if (r->created)
		cli_put_seconds(o, "max_response_time", shown ? "Within" : NULL,
				r->params.max_response_time);
	else
		cli_put_json(o, "max_response_time", json_null());
	cli_put_time(o, "expiry", shown ? "Expiry" : NULL, expiry, cli->now.v);
	cli_put_time(o, "deadline", shown && v->deadline ? "Deadline" : NULL,
		     v->deadline, cli->now.v);
}

void cli_request_put(struct cli *cli, const struct cli_request *r, bool shown)
{
	const struct abi_request_view *v = &r->view;
	struct cli_out *o = cli->out;
	const struct trace_origin origin = {cli->contracts.chain_id,
					    cli->contracts.marketplace};
	char trace[TRACE_ROOM];
	uint64_t market = 0;

	if (u256_to_u64(&market, &v->market_id))
		market = 0;
	cli_put_id(o, "request_id", shown ? "Request" : NULL, r->id);
	cli_put_text(o, "trace", shown ? "Trace" : NULL,
		     trace_make(trace, &origin, r->id));
	cli_put_text(o, "state", shown ? "State" : NULL,
		     cli_request_state(v, cli->now.v));
	cli_put_id(o, "market_id", shown ? "Market" : NULL, market);
	put_account(o, "requester", shown ? "Requester" : NULL, &v->requester);
	put_account(o, "refund_to", shown ? "Refunds to" : NULL, &v->refund_to);
	put_account(o, "generator", shown ? "Generator" : NULL, &v->generator);
	put_money(cli, r, shown);
	put_times(cli, r, shown);
	cli_put_text(o, "preference", shown && r->created ? "Preference" : NULL,
		     abi_preference_name(r->params.preference));
	cli_put_id(o, "spread", NULL, r->params.spread);
	cli_put_hash(o, "inputs_hash", shown ? "Inputs' hash" : NULL,
		     &v->inputs_hash);
	cli_put_bytes(o, "inputs", NULL, buf_bytes(&r->inputs));
	cli_put_number(o, NULL, shown && r->created ? "Inputs' bytes" : NULL,
		       r->inputs.size);
	if (r->proven)
		cli_put_bytes(o, "proof", NULL, buf_bytes(&r->proof));
	else
		cli_put_json(o, "proof", json_null());
}

static void put_steps(struct cli *cli, const struct cli_request *r)
{
	struct cli_out *o = cli->out;

	cli_say(o, "%s", "");
	cli_begin_list(o, "history", "nothing of it is in the node's logs");
	for (size_t i = 0; i < r->steps_count; i++) {
		cli_begin(o, NULL);
		cli_put_text(o, "event", "Event",
			     abi_event_name(r->steps[i].event));
		cli_put_time(o, "time", "Time", r->steps[i].block.time.v,
			     cli->now.v);
		cli_put_id(o, "block", "Block", r->steps[i].block.number);
		cli_put_hash(o, "tx", "Transaction", &r->steps[i].tx);
		cli_end(o);
	}
	cli_end(o);
}

/* Only the engine knows of a match before it is on the chain, and of refusals;
 * without a gateway nobody is asked, and one that is away isn't missed. */
static void put_engine(struct cli *cli, const struct cli_request *r)
{
	struct cli_out *o = cli->out;
	json_t *said = NULL, *request, *refusals;

	if (!cli->common.gateway ||
	    cli_gateway_try(cli, &said, "requests/%" PRIu64, r->id)) {
		cli_put_json(o, "engine", json_null());
		return;
	}
	request = json_object_get(said, "request");
	refusals = json_object_get(request, "refusals");
	if (r->view.state == ABI_REQUEST_STATE_OPEN &&
	    json_is_object(json_object_get(request, "match")))
		cli_put_text(o, NULL, "Matched with",
			     cli_json_text(json_object_get(request, "match"),
					   "generator"));
	if (json_is_object(refusals))
		cli_put_text(o, NULL, "Refused",
			     cli_json_text(refusals, "reason_text"));
	cli_put_json(o, "engine", json_incref(request));
	json_decref(said);
}

enum cli_exit cli_request_show_run(struct cli *cli, const void *options)
{
	struct cli_request r = {.id = 0};
	uint64_t id;
	enum cli_exit x = cli_id(cli, &id, 0);

	(void)options;
	if (!x)
		x = cli_tokens(cli);
	if (!x)
		x = cli_request_read(cli, &r, id);
	if (!x) {
		cli_request_put(cli, &r, true);
		put_engine(cli, &r);
		put_steps(cli, &r);
	}
	cli_request_free(&r);
	return x;
}

/* ---- the proof ---------------------------------------------------------- */

static enum cli_exit no_proof(struct cli *cli, const struct cli_request *r)
{
	const char *state = cli_request_state(&r->view, cli->now.v);

	if (r->view.state == ABI_REQUEST_STATE_FULFILLED)
		return cli_fail(cli, CLI_NOT_FOUND,
				"request %" PRIu64 " has a proof, but the "
				"node doesn't keep the log that it is in: ask "
				"another node with --rpc",
				r->id);
	if (cli_request_is_over(&r->view) || strcmp(state, "expired") == 0)
		return cli_fail(cli, CLI_NOT_FOUND,
				"request %" PRIu64 " is %s: there is no proof "
				"and there will be none",
				r->id, state);
	return cli_fail(cli, CLI_NOT_FOUND,
			"request %" PRIu64 " is %s: no proof yet; kalypso "
			"request wait %" PRIu64 " waits for it",
			r->id, state, r->id);
}

static enum cli_exit save_proof(struct cli *cli, const struct cli_request *r,
				const struct cli_request_proof_options *o)
{
	struct buf text = {0};
	enum cli_exit x;

	if (!o->out)
		return CLI_OK;
	buf_put_hex(&text, r->proof.data, r->proof.size);
	buf_put_u8(&text, '\n');
	x = cli_write_file(cli, o->out, buf_bytes(o->hex ? &text : &r->proof));
	buf_free(&text);
	return x;
}

static void put_proof(struct cli *cli, const struct cli_request *r,
		      const char *path)
{
	struct cli_out *o = cli->out;
	struct buf text = {0};

	cli_put_id(o, "request_id", NULL, r->id);
	cli_put_address(o, "generator", NULL, &r->view.generator);
	cli_put_bytes(o, "inputs", NULL, buf_bytes(&r->inputs));
	cli_put_bytes(o, "proof", NULL, buf_bytes(&r->proof));
	cli_put_json(o, "out", path ? json_string(path) : json_null());
	buf_put_hex(&text, r->proof.data, r->proof.size);
	if (path)
		cli_say(o, "%zu bytes of proof are in %s", r->proof.size, path);
	else
		cli_say(o, "%s", buf_text(&text));
	buf_free(&text);
}

enum cli_exit cli_request_proof_run(struct cli *cli, const void *options)
{
	const struct cli_request_proof_options *o = options;
	struct cli_request r = {.id = 0};
	uint64_t id;
	enum cli_exit x = cli_id(cli, &id, 0);

	if (!x)
		x = cli_request_read(cli, &r, id);
	if (!x && !r.proven)
		x = no_proof(cli, &r);
	if (!x)
		x = save_proof(cli, &r, o);
	if (!x)
		put_proof(cli, &r, o->out);
	cli_request_free(&r);
	return x;
}
