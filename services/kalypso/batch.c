/* One item reverts with its reason; of many each has one. */
#include "services/kalypso/batch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "services/kalypso/send.h"
#include "services/kalypso/views.h"

struct item {
	uint64_t id;
	bool done;
	struct selector reason; /* of one that isn't */
	struct u256 refund, bounty;
};

struct work {
	const struct cli_batch *batch;
	struct item *items;
	size_t count;
};

/* ---- ids ---------------------------------------------------------------- */

static enum cli_exit read_ids(struct cli *cli, struct work *w)
{
	w->items = cli_alloc(cli->args.count * sizeof *w->items);
	for (size_t i = 0; i < cli->args.count; i++) {
		uint64_t id;
		enum cli_exit x = cli_id(cli, &id, i);

		for (size_t k = 0; k < w->count && !x; k++)
			if (w->items[k].id == id)
				x = cli_fail(cli, CLI_USAGE,
					     "request %" PRIu64
					     " is named twice",
					     id);
		if (x)
			return x;
		w->items[w->count++].id = id;
	}
	return CLI_OK;
}

static struct item *find(struct work *w, const struct u256 *id)
{
	uint64_t v;

	for (size_t i = 0; i < w->count && !u256_to_u64(&v, id); i++)
		if (w->items[i].id == v)
			return &w->items[i];
	return NULL;
}

static enum cli_exit add_call(struct cli *cli, struct cli_plan *plan,
			      const struct work *w)
{
	const struct cli_batch *b = w->batch;
	struct u256 *ids = cli_alloc(w->count * sizeof *ids);
	struct cli_call *call =
		cli_plan_add(plan, w->count == 1 ? b->one : b->many,
			     "ProofMarketplace", &cli->contracts.marketplace);
	enum err e;

	for (size_t i = 0; i < w->count; i++)
		ids[i] = u256_from_u64(w->items[i].id);
	e = w->count == 1 ? b->call_one(&call->data, ids)
			  : b->call_many(&call->data, ids, w->count);
	free(ids);
	return cli_made(cli, call, e);
}

/* ---- what came of it ---------------------------------------------------- */

static bool is_zero(const struct selector *s)
{
	static const struct selector zero;

	return memcmp(s, &zero, sizeof zero) == 0;
}

/* What the simulation says of each. */
static enum cli_exit take_reasons(struct cli *cli, struct work *w,
				  const struct cli_call *call)
{
	struct abi_words reasons;

	if (w->count == 1) {
		w->items[0].done = true; /* else it had reverted */
		return CLI_OK;
	}
	if (w->batch->result_many(&reasons, buf_bytes(&call->answer)) ||
	    reasons.count != w->count)
		return cli_fail(cli, CLI_USAGE,
				"%s doesn't answer as it should: mend "
				"--contracts",
				call->what);
	for (size_t i = 0; i < w->count; i++) {
		w->items[i].reason = abi_word_selector(&reasons.data[i]);
		w->items[i].done = is_zero(&w->items[i].reason);
	}
	return CLI_OK;
}

/* The chain's last word: things may have changed since. */
static void take_events(struct cli *cli, struct work *w,
			const struct cli_call *call)
{
	struct abi_event e;
	struct item *item;
	size_t at = 0;

	while (cli_next_event(cli, call, &at, &e)) {
		if (e.id == ABI_EVENT_REQUEST_CANCELLED &&
		    (item = find(w, &e.request_cancelled.request_id))) {
			item->done = true;
			item->refund = e.request_cancelled.refund;
		} else if (e.id == ABI_EVENT_TASK_SLASHED &&
			   (item = find(w, &e.task_slashed.request_id))) {
			item->done = true;
			item->refund = e.task_slashed.refund;
		} else if (e.id == ABI_EVENT_PENALTY_PAID &&
			   (item = find(w, &e.penalty_paid.request_id))) {
			item->bounty = e.penalty_paid.to_slasher;
		} else if (e.id == ABI_EVENT_CANCEL_SKIPPED &&
			   (item = find(w, &e.cancel_skipped.request_id))) {
			item->done = false;
			item->reason = e.cancel_skipped.reason;
		} else if (e.id == ABI_EVENT_SLASH_SKIPPED &&
			   (item = find(w, &e.slash_skipped.request_id))) {
			item->done = false;
			item->reason = e.slash_skipped.reason;
		}
	}
}

static size_t count_done(const struct work *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->count; i++)
		n += w->items[i].done;
	return n;
}

static void put_item(struct cli *cli, const struct work *w,
		     const struct item *item)
{
	struct cli_out *o = cli->out;
	const char *reason = abi_error_name(item->reason.bytes);
	bool sent = !cli->common.dry_run;

	cli_begin(o, NULL);
	cli_put_id(o, "request_id", "Request", item->id);
	cli_put_bool(o, "done", NULL, item->done && sent);
	cli_put_text(o, NULL, "Result",
		     !item->done ? reason
		     : sent	 ? w->batch->done
				 : "would be");
	cli_put_json(o, "reason",
		     item->done ? json_null() : json_string(reason));
	cli_put_text(o, NULL, "Why",
		     item->done ? "" : abi_error_text(item->reason.bytes));
	cli_put_amount(o, "refund", "Refund", &item->refund, &cli->payment);
	if (w->batch->bounty)
		cli_put_amount(o, "bounty", "Bounty", &item->bounty,
			       &cli->stake);
	cli_end(o);
}

static enum cli_exit conclude(struct cli *cli, const struct work *w)
{
	size_t done = count_done(w), first = 0;

	cli_begin_list(cli->out, "items", NULL);
	for (size_t i = 0; i < w->count; i++)
		put_item(cli, w, &w->items[i]);
	cli_end(cli->out);
	if (done == w->count)
		return CLI_OK;
	while (w->items[first].done)
		first++;
	return cli_fail_named(
		cli, CLI_FAILED, abi_error_name(w->items[first].reason.bytes),
		"%zu of %zu requests can't be %s%s", w->count - done, w->count,
		w->batch->done, done ? "" : ": nothing was sent");
}

enum cli_exit cli_batch_run(struct cli *cli, const struct cli_batch *batch)
{
	struct work w = {.batch = batch};
	struct cli_plan plan = {.count = 0};
	enum cli_exit x = read_ids(cli, &w);

	if (!x)
		x = cli_tokens(cli);
	if (!x)
		x = add_call(cli, &plan, &w);
	if (!x)
		x = cli_plan_simulate(cli, &plan);
	if (!x)
		x = take_reasons(cli, &w, &plan.calls[0]);
	if (!x && count_done(&w))
		x = cli_plan_run(cli, &plan);
	if (!x) {
		take_events(cli, &w, &plan.calls[0]);
		x = conclude(cli, &w);
		cli_plan_report(cli, &plan);
	}
	cli_plan_free(&plan);
	free(w.items);
	return x;
}
