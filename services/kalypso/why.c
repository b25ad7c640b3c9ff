/* Why a request waits, and what a generator lost: asked of the gateway. */
#include <inttypes.h>
#include <string.h>

#include "common/hex.h"
#include "services/kalypso/gateway.h"
#include "services/kalypso/signer.h"
#include "services/kalypso/text.h"
#include "services/kalypso/views.h"

enum { LIMIT = 20, LIMIT_MAX = 1000, PATH_ROOM = 160 };

/* ---- parts of an answer ------------------------------------------------- */

static uint64_t count_of(const json_t *object, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(object, key));

	return v > 0 ? (uint64_t)v : 0;
}

static void put_amount(struct buf *out, struct cli *cli, const json_t *object,
		       const char *key)
{
	struct u256 v;

	cli_json_amount(object, key, &v);
	cli_put_amount_text(out, &v, &cli->payment);
}

/* "1.25 KUSD in 60 s" */
static void put_terms(struct buf *out, struct cli *cli, const json_t *terms,
		      const char *price, const char *time)
{
	char text[CLI_SECONDS_ROOM];

	put_amount(out, cli, terms, price);
	buf_printf(out, " in %s",
		   cli_format_seconds(text, count_of(terms, time)));
}

static void say_as_of(struct cli *cli, const json_t *said)
{
	const json_t *as_of = json_object_get(said, "as_of");
	struct buf text = {0};

	buf_printf(&text, "block %s, entry %" PRIu64 " of the book log",
		   cli_json_text(as_of, "block"), count_of(as_of, "seq"));
	cli_put_text(cli->out, NULL, "As of", buf_text(&text));
	buf_free(&text);
}

/* In the order of the rule. */
static const struct {
	const char *key, *quotes, *matches;
} misses[] = {
	{"price", "cost more than the price cap", "it cost more than the cap"},
	{"time", "take longer than the time cap",
	 "it took longer than the cap"},
	{"compute", "have too little compute free", "too little compute free"},
	{"stake", "have too little stake free", "too little stake free"},
	{"task_limit", "have as many tasks as they may have",
	 "as many tasks as it may have"},
	{"draining", "leave the market, or are suspended",
	 "it left the market, or was suspended"},
	{"no_key", "have no enclave key", "no enclave key"},
	{"cooling", "were refused by the chain for this request, and rest",
	 "the chain had refused it for the request"},
	{"spread", "serve another request of its spread group",
	 "it served another request of the spread group"},
};

enum { MISSES = sizeof misses / sizeof misses[0] };

/* ---- a request ---------------------------------------------------------- */

static const char *bar_text(const char *bar)
{
	static const struct {
		const char *bar, *text;
	} bars[] = {
		{"expired", "It has expired, and is about to be refunded."},
		{"suspended", "The logs contradict themselves about it: it is "
			      "not matched until a person has looked."},
		{"market_closed", "Its market is closed: whoever cancels it "
				  "gets it refunded."},
		{"market_suspended",
		 "The logs contradict themselves about its market: nothing is "
		 "matched there until a person has looked."},
		{"protocol", "Its market isn't matched by price and time."},
	};

	for (size_t i = 0; i < sizeof bars / sizeof bars[0]; i++)
		if (strcmp(bars[i].bar, bar) == 0)
			return bars[i].text;
	return "Something keeps it from every quote.";
}

static void list_misses(struct cli *cli, const json_t *waits)
{
	const json_t *counts = json_object_get(waits, "misses");

	cli_begin_list(cli->out, NULL, "Nobody quotes in its market.");
	for (size_t i = 0; i < MISSES; i++) {
		uint64_t count = count_of(counts, misses[i].key);

		if (!count)
			continue;
		cli_begin(cli->out, NULL);
		cli_put_number(cli->out, NULL, "Quotes", count);
		cli_put_text(cli->out, NULL, "That", misses[i].quotes);
		cli_end(cli->out);
	}
	cli_end(cli->out);
}

static void say_near(struct cli *cli, const json_t *near, const char *what)
{
	struct buf text = {0};

	if (!json_is_object(near))
		return;
	put_terms(&text, cli, near, "price", "response_time");
	cli_say(cli->out, "Nearest in %s: %s, by %s%s.", what, buf_text(&text),
		cli_json_text(near, "generator"),
		json_is_true(json_object_get(near, "alone"))
			? "; with that cap it would be eligible"
			: "; but more than that is against it");
	buf_free(&text);
}

static void say_waits(struct cli *cli, const json_t *waits)
{
	const json_t *nearest = json_object_get(waits, "nearest");
	const char *bar = cli_json_text(waits, "bar");
	uint64_t eligible = count_of(waits, "eligible");

	cli_put_number(cli->out, NULL, "Quotes", count_of(waits, "quotes"));
	cli_say(cli->out, "%s", "");
	if (*bar)
		cli_say(cli->out, "%s", bar_text(bar));
	if (eligible)
		cli_say(cli->out, "%" PRIu64 " quotes would be eligible.",
			eligible);
	if (!eligible || eligible < count_of(waits, "quotes"))
		list_misses(cli, waits);
	cli_say(cli->out, "%s", "");
	say_near(cli, json_object_get(nearest, "price"), "price");
	say_near(cli, json_object_get(nearest, "time"), "time");
}

static void say_match(struct cli *cli, const json_t *match)
{
	struct cli_out *o = cli->out;
	struct buf text = {0};

	if (!json_is_object(match))
		return;
	put_terms(&text, cli, match, "price", "response_time");
	cli_put_text(o, NULL, "Matched with",
		     cli_json_text(match, "generator"));
	cli_put_text(o, NULL, "Terms", buf_text(&text));
	cli_put_text(o, NULL, "Decision", cli_json_text(match, "decision"));
	cli_put_text(o, NULL, "In block",
		     cli_json_text(json_object_get(match, "block"), "number"));
	cli_put_text(o, NULL, "Valid until",
		     cli_json_text(match, "valid_until"));
	buf_free(&text);
}

static void say_task(struct cli *cli, const json_t *why)
{
	const json_t *task = json_object_get(why, "task");
	struct cli_out *o = cli->out;
	struct buf price = {0};

	if (!json_is_object(task))
		return;
	put_amount(&price, cli, task, "price");
	cli_put_text(o, NULL, "Task of", cli_json_text(task, "generator"));
	cli_put_text(o, NULL, "Price", buf_text(&price));
	cli_put_text(o, NULL, "Deadline", cli_json_text(task, "deadline"));
	buf_free(&price);
	if (!json_is_object(json_object_get(why, "match")))
		cli_say(o, "The gateway knows of no match that led to it: it "
			   "is too old, or another sender assigned it.");
}

static void say_request(struct cli *cli, const json_t *said)
{
	const json_t *why = json_object_get(said, "why");
	const json_t *waits = json_object_get(why, "waits");
	struct cli_out *o = cli->out;
	struct buf caps = {0};

	put_terms(&caps, cli, why, "max_price", "max_response_time");
	cli_put_text(o, NULL, "Request", cli_json_text(why, "request_id"));
	cli_put_text(o, NULL, "Trace", cli_json_text(why, "trace"));
	cli_put_text(o, NULL, "State", cli_json_text(why, "state"));
	cli_put_text(o, NULL, "Market", cli_json_text(why, "market_id"));
	say_as_of(cli, said);
	cli_put_text(o, NULL, "Caps", buf_text(&caps));
	cli_put_text(o, NULL, "Preference", cli_json_text(why, "preference"));
	if (json_is_object(waits))
		say_waits(cli, waits);
	say_match(cli, json_object_get(why, "match"));
	say_task(cli, why);
	buf_free(&caps);
}

/* The gateway's own document, and the same in words. */
static void put_answer(struct cli *cli, json_t *said,
		       void (*say)(struct cli *cli, const json_t *said))
{
	cli_put_json(cli->out, "as_of",
		     json_incref(json_object_get(said, "as_of")));
	cli_put_json(cli->out, "why",
		     json_incref(json_object_get(said, "why")));
	say(cli, said);
}

static enum cli_exit request(struct cli *cli, const void *options)
{
	json_t *said = NULL;
	uint64_t id;
	enum cli_exit x = cli_id(cli, &id, 0);

	(void)options;
	if (!x)
		x = cli_gateway_get(cli, &said, "requests/%" PRIu64 "/why", id);
	if (!x)
		x = cli_tokens(cli);
	if (!x)
		put_answer(cli, said, say_request);
	json_decref(said);
	return x;
}

/* ---- a generator -------------------------------------------------------- */

struct generator_options {
	struct cli_number market, limit;
};

/* What @offer has of the element that decided. */
static void put_element(struct cli *cli, const char *label, const json_t *offer,
			const char *element)
{
	const json_t *turn = json_object_get(offer, "turn");
	char seconds[CLI_SECONDS_ROOM];
	struct buf text = {0};

	if (strcmp(element, "price") == 0)
		put_amount(&text, cli, offer, "price");
	else if (strcmp(element, "time") == 0)
		buf_printf(
			&text, "%s",
			cli_format_seconds(seconds, count_of(offer, "response_"
								    "time")));
	else
		buf_printf(&text, "%s in block %s, place %" PRIu64,
			   cli_json_text(turn, "since"),
			   cli_json_text(turn, "block"),
			   count_of(turn, "index"));
	cli_put_text(cli->out, NULL, label, buf_text(&text));
	buf_free(&text);
}

static void list_losses(struct cli *cli, const json_t *why)
{
	const json_t *losses = json_object_get(why, "losses"), *loss;
	struct cli_out *o = cli->out;
	size_t i;

	cli_say(o, "%s", "");
	cli_begin_list(o, NULL, "It lost no match that it was eligible for.");
	json_array_foreach (losses, i, loss) {
		const char *element = cli_json_text(loss, "element");
		const json_t *theirs = json_object_get(loss, "theirs");

		cli_begin(o, NULL);
		cli_put_text(o, NULL, "Request",
			     cli_json_text(loss, "request_id"));
		cli_put_text(o, NULL, "Market",
			     cli_json_text(loss, "market_id"));
		cli_put_text(o, NULL, "Decision",
			     cli_json_text(loss, "decision"));
		cli_put_text(o, NULL, "Lost to",
			     cli_json_text(theirs, "generator"));
		cli_put_text(o, NULL, "By", element);
		put_element(cli, "Mine", json_object_get(loss, "mine"),
			    element);
		put_element(cli, "Theirs", theirs, element);
		cli_end(o);
	}
	cli_end(o);
}

static void list_others(struct cli *cli, const json_t *why)
{
	const json_t *counts = json_object_get(why, "misses");
	uint64_t no_quote = count_of(why, "no_quote");
	struct cli_out *o = cli->out;

	cli_say(o, "%s", "");
	cli_begin_list(o, NULL, NULL);
	if (no_quote) {
		cli_begin(o, NULL);
		cli_put_number(o, NULL, "Matches", no_quote);
		cli_put_text(o, NULL, "Not eligible because",
			     "it had no quote in the market");
		cli_end(o);
	}
	for (size_t i = 0; i < MISSES; i++) {
		if (!count_of(counts, misses[i].key))
			continue;
		cli_begin(o, NULL);
		cli_put_number(o, NULL, "Matches",
			       count_of(counts, misses[i].key));
		cli_put_text(o, NULL, "Not eligible because",
			     misses[i].matches);
		cli_end(o);
	}
	cli_end(o);
}

static void say_generator(struct cli *cli, const json_t *said)
{
	const json_t *why = json_object_get(said, "why");
	const char *market = cli_json_text(why, "market_id");
	struct cli_out *o = cli->out;
	struct buf looked = {0};

	buf_printf(&looked, "%" PRIu64 " matches, of blocks %s to %s",
		   count_of(why, "matches"),
		   cli_json_text(json_object_get(why, "from"), "number"),
		   cli_json_text(json_object_get(why, "to"), "number"));
	cli_put_text(o, NULL, "Generator", cli_json_text(why, "generator"));
	cli_put_text(o, NULL, "Market", *market ? market : "all");
	say_as_of(cli, said);
	cli_put_text(o, NULL, "Looked at", buf_text(&looked));
	cli_put_number(o, NULL, "Won", count_of(why, "won"));
	cli_put_number(o, NULL, "Lost", count_of(why, "lost"));
	list_others(cli, why);
	list_losses(cli, why);
	buf_free(&looked);
}

static enum cli_exit generator(struct cli *cli, const void *options)
{
	const struct generator_options *o = options;
	uint64_t limit = o->limit.given ? o->limit.v : LIMIT;
	char path[PATH_ROOM], who[ADDRESS_ROOM];
	struct address address;
	json_t *said = NULL;
	enum cli_exit x = cli_whose(cli, &address, 0);
	int n;

	if (!x && (!limit || limit > LIMIT_MAX))
		x = cli_fail(cli, CLI_USAGE, "--limit is 1 to %d", LIMIT_MAX);
	if (x)
		return x;
	n = snprintf(path, sizeof path, "generators/%s/why?limit=%" PRIu64,
		     address_format(who, &address), limit);
	if (o->market.given)
		snprintf(path + n, sizeof path - (size_t)n, "&market=%" PRIu64,
			 o->market.v);
	x = cli_gateway_get(cli, &said, "%s", path);
	if (!x)
		x = cli_tokens(cli);
	if (!x)
		put_answer(cli, said, say_generator);
	json_decref(said);
	return x;
}

/* ---- the table ---------------------------------------------------------- */

/* clang-format off */
static const struct cli_option generator_rows[] = {
	CLI_OPTION(generator_options, NUMBER, market, "market", "ID", "in this market only", false),
	CLI_OPTION(generator_options, NUMBER, limit, "limit", "N", "list at most so many of those that it lost [20]", false),
	{0}};

const struct cli_command cli_why_commands[] = {
	{.noun = "why", .verb = "request", .args = "ID", .args_min = 1, .args_max = 1,
	 .needs = CLI_NEEDS_GATEWAY,
	 .summary = "why a request waits, or by which match it does not",
	 .more = "How many quotes of its market fail which test of the rule, each counted at the first test that it fails, and the nearest misses: the lowest price within the time cap, the shortest time within the price cap. As of a block, named by its entry of the book log. How to read it: docs/matching.md.",
	 .examples = "  kalypso why request 7\n",
	 .run = request},
	{.noun = "why", .verb = "generator", .args = "ADDRESS", .args_min = 1, .args_max = 1,
	 .needs = CLI_NEEDS_GATEWAY,
	 .summary = "which matches a generator lost, to whom, and by what",
	 .more = "Of about the last 1000 matches: those that it was eligible for and lost, with the element of the key that decided (price, time or turn) and both values of it; and how many it wasn't eligible for, because of what.",
	 .examples = "  kalypso why generator 0x…\n  kalypso why generator 0x… --market=1 --limit=100 --json\n",
	 .options = generator_rows, .options_size = sizeof(struct generator_options), .run = generator},
	{0}};
/* clang-format on */
