/* The book as it was at one of its entries. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/hex.h"
#include "services/kalypso/logs.h"
#include "services/kalypso/standing.h"

struct replay_options {
	const char *from;
	struct cli_number until;
};

/* Units: what a token is called is not in the logs. */
static const struct cli_token units = {.symbol = "u"};

struct replay {
	struct cli *cli;
	const struct logfile_log *book, *match; /* match may be NULL */
	uint64_t until;				/* entry of the book log */
	struct standing standing;
};

/* ---- saying it ---------------------------------------------------------- */

static void put_head(struct replay *r)
{
	const struct standing *s = &r->standing;
	struct cli_out *o = r->cli->out;

	cli_put_id(o, "entry", "Book entry", r->until);
	cli_put_id(o, "last", "Of", r->book->last);
	cli_put_id(o, "chain_id", "Chain", s->opened.chain_id);
	cli_put_id(o, "block", "Block", s->block.number);
	cli_put_hash(o, "block_hash", "Its hash", &s->block.hash);
	cli_put_time(o, "time", "Its time", s->block.time.v, s->block.time.v);
	cli_put_bool(o, "half", s->half ? "Half of the next" : NULL, s->half);
	cli_say(o, "%s", "");
}

static void put_markets(struct replay *r)
{
	struct cli_out *o = r->cli->out;

	cli_begin_list(o, "markets", "no markets");
	for (const struct standing_market *m = r->standing.markets; m;
	     m = m->hh.next) {
		cli_begin(o, NULL);
		cli_put_id(o, "market_id", "Market", m->set.market_id);
		cli_put_address(o, "owner", NULL, &m->set.owner);
		cli_put_address(o, "verifier", "Verifier", &m->set.verifier);
		cli_put_amount(o, "penalty", "Penalty", &m->set.penalty.v,
			       &units);
		cli_put_bool(o, "confidential", "Confidential",
			     m->set.confidential);
		cli_put_bool(o, "closed", "Closed", m->set.closed);
		cli_put_bool(o, "suspended", "Suspended", m->suspended);
		cli_end(o);
	}
	cli_end(o);
	cli_say(o, "%s", "");
}

static void put_generators(struct replay *r)
{
	struct cli_out *o = r->cli->out;

	cli_begin_list(o, "generators", "no generators");
	for (const struct standing_generator *g = r->standing.generators; g;
	     g = g->hh.next) {
		cli_begin(o, NULL);
		cli_put_address(o, "generator", "Generator", &g->set.generator);
		cli_put_id(o, "compute", "Compute", g->set.compute);
		cli_put_id(o, "used_compute", "In use", g->set.used_compute);
		cli_put_amount(o, "stake", "Stake", &g->set.stake.v, &units);
		cli_put_amount(o, "locked", "Locked", &g->set.locked.v, &units);
		cli_put_amount(o, "unstaking", "Under notice",
			       &g->set.unstaking.v, &units);
		cli_put_bool(o, "suspended", "Suspended", g->suspended);
		cli_end(o);
	}
	cli_end(o);
	cli_say(o, "%s", "");
}

static void put_quotes(struct replay *r)
{
	struct cli_out *o = r->cli->out;

	cli_begin_list(o, "quotes", "no quotes");
	for (const struct standing_quote *q = r->standing.quotes; q;
	     q = q->hh.next) {
		cli_begin(o, NULL);
		cli_put_id(o, "market_id", "Market", q->set.market_id);
		cli_put_address(o, "generator", "Generator", &q->set.generator);
		cli_put_amount(o, "price", "Price", &q->set.price.v, &units);
		cli_put_seconds(o, "response_time", "Within",
				q->set.response_time);
		cli_put_id(o, "compute", "Compute", q->set.compute);
		cli_put_number(o, "tasks", "Tasks", q->set.tasks);
		cli_put_bool(o, "draining", "Draining", q->set.draining);
		cli_put_bool(o, "has_key", NULL, q->set.has_key);
		cli_end(o);
	}
	cli_end(o);
	cli_say(o, "%s", "");
}

static void put_open(struct replay *r)
{
	const struct standing *s = &r->standing;
	struct cli_out *o = r->cli->out;

	cli_begin_list(o, "open", "no open requests");
	for (const struct standing_request *q = s->requests; q;
	     q = q->hh.next) {
		const struct msg_request_opened *m = &q->opened;

		if (q->is_task || standing_in_hand(s, q))
			continue;
		cli_begin(o, NULL);
		cli_put_id(o, "request_id", "Open request", m->request_id);
		cli_put_id(o, "market_id", "Market", m->market_id);
		cli_put_address(o, "requester", NULL, &m->requester);
		cli_put_amount(o, "max_price", "At most", &m->max_price.v,
			       &units);
		cli_put_seconds(o, "max_response_time", "Within",
				m->max_response_time);
		cli_put_text(o, "preference", "Preference",
			     preference_name(m->preference));
		cli_put_id(o, "spread", NULL, m->spread);
		cli_put_time(o, "expiry", "Expires", m->expiry.v,
			     s->block.time.v);
		cli_put_bool(o, "suspended", "Suspended", q->suspended);
		cli_end(o);
	}
	cli_end(o);
	cli_say(o, "%s", "");
}

static void put_matches(struct replay *r)
{
	const struct standing *s = &r->standing;
	struct cli_out *o = r->cli->out;

	if (!r->match) {
		cli_put_json(o, "matches", NULL);
		return;
	}
	cli_begin_list(o, "matches", "no matches in hand");
	for (const struct standing_request *q = s->requests; q;
	     q = q->hh.next) {
		const struct msg_match_made *m = &q->match;

		if (!standing_in_hand(s, q))
			continue;
		cli_begin(o, NULL);
		cli_put_id(o, "request_id", "Matched request", m->request_id);
		cli_put_id(o, "market_id", "Market", m->market_id);
		cli_put_address(o, "generator", "Generator", &m->generator);
		cli_put_amount(o, "price", "Price", &m->price.v, &units);
		cli_put_seconds(o, "response_time", "Within", m->response_time);
		cli_put_id(o, "decision", "Decision", m->decision);
		cli_put_id(o, "block", "Block", m->block.number);
		cli_put_time(o, "valid_until", "Valid until", m->valid_until.v,
			     s->block.time.v);
		cli_end(o);
	}
	cli_end(o);
	cli_say(o, "%s", "");
}

static void put_tasks(struct replay *r)
{
	const struct standing *s = &r->standing;
	struct cli_out *o = r->cli->out;

	cli_begin_list(o, "tasks", "no tasks");
	for (const struct standing_request *q = s->requests; q;
	     q = q->hh.next) {
		const struct msg_task_started *m = &q->task;

		if (!q->is_task)
			continue;
		cli_begin(o, NULL);
		cli_put_id(o, "request_id", "Task of request", m->request_id);
		cli_put_id(o, "market_id", "Market", m->market_id);
		cli_put_address(o, "generator", "Generator", &m->generator);
		cli_put_amount(o, "price", "Price", &m->price.v, &units);
		cli_put_time(o, "deadline", "Deadline", m->deadline.v,
			     s->block.time.v);
		cli_end(o);
	}
	cli_end(o);
}

static void put_all(struct replay *r)
{
	put_head(r);
	put_markets(r);
	put_generators(r);
	put_quotes(r);
	put_open(r);
	put_matches(r);
	put_tasks(r);
}

/* ---- the command -------------------------------------------------------- */

static enum cli_exit replay_file(struct replay *r, const struct logfile *f,
				 const char *name,
				 const struct replay_options *o)
{
	enum err e;

	r->book = logfile_find(f, "book");
	r->match = logfile_find(f, "match");
	if (!r->book || r->book->first != 1 ||
	    (r->match && r->match->first != 1))
		return cli_fail(r->cli, CLI_USAGE,
				"%s has no book log from entry 1 on", name);
	r->until = o->until.given ? o->until.v : r->book->last;
	if (!r->until || r->until > r->book->last)
		return cli_fail(r->cli, CLI_NOT_FOUND,
				"the book log of %s has entries 1 to %" PRIu64,
				name, r->book->last);
	e = standing_fold(&r->standing, r->book, r->match, r->until);
	if (!e)
		put_all(r);
	standing_free(&r->standing);
	return e ? cli_fail(r->cli, CLI_FAILED, "the logs can't be read: %s",
			    err_text(e))
		 : CLI_OK;
}

static enum cli_exit open_redis(struct cli *cli, struct logfile *f,
				struct logfile_writer **w)
{
	static const char *const names[] = {"book", "match"};
	struct logfile_flaw flaw;
	struct store *store;
	enum cli_exit x = cli_open_store(cli, &store);

	if (!x)
		x = cli_fetch_logs(cli, store, names, 2, NULL, w);
	if (!x && logfile_reopen(f, *w, &flaw))
		x = cli_flawed(cli, "what was read from Redis", &flaw);
	store_close(&store);
	return x;
}

static enum cli_exit replay(struct cli *cli, const void *options)
{
	const struct replay_options *o = options;
	const char *name = o->from ? o->from : "Redis";
	struct replay r = {.cli = cli};
	struct logfile_writer *w = NULL;
	struct logfile f = {.mapped = false};
	enum cli_exit x = o->from ? cli_open_file(cli, &f, o->from)
				  : open_redis(cli, &f, &w);

	if (!x && o->from)
		x = cli_check_file(cli, &f, o->from);
	if (!x)
		x = replay_file(&r, &f, name, o);
	logfile_close(&f);
	logfile_writer_free(&w);
	return x;
}

/* ---- the table ---------------------------------------------------------- */

/* clang-format off */
static const struct cli_option replay_rows[] = {
	CLI_OPTION(replay_options, NUMBER, until, "until", "SEQ", "the entry of the book log that is the last one to count [the newest]", false),
	CLI_OPTION(replay_options, TEXT, from, "from", "FILE", "read book and match log from this file, not from Redis", false),
	{0}};

const struct cli_command cli_replay_commands[] = {
	{.noun = "replay", .args = "",
	 .needs = CLI_NEEDS_REDIS,
	 .summary = "the book as it was at one of its entries",
	 .more = "Markets, generators, quotes, open requests, matches in hand, tasks. Entry numbers are those of `kalypso events --log=book` and of an audit's differences. Between two blocks it is what the matcher saw; within one it is half of the next. Without a match log in the file nothing is known of matches. Amounts are units.",
	 .examples = "  kalypso replay --until=1200\n  kalypso replay --from=market.logs --until=1200 --json\n",
	 .options = replay_rows, .options_size = sizeof(struct replay_options), .run = replay},
	{0}};
/* clang-format on */
