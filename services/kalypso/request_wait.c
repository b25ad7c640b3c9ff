/* Waiting until nothing more happens to requests by itself. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hex.h"
#include "services/kalypso/request.h"
#include "services/kalypso/terminal.h"
#include "services/kalypso/views.h"

enum { POLL_MS = 400 };

struct wait {
	const uint64_t *ids;
	struct abi_request_view *views;
	size_t count;
	uint64_t start_s; /* of a clock that doesn't jump */
};

static uint64_t clock_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

/* Nothing more happens by itself. Somebody slashes what is overdue. */
static bool is_settled(const struct abi_request_view *v, uint64_t now)
{
	return cli_request_is_over(v) ||
	       strcmp(cli_request_state(v, now), "expired") == 0;
}

static void show_progress(const struct cli *cli, const struct wait *w)
{
	size_t settled = 0, next = w->count;
	const struct abi_request_view *v;
	uint64_t until;

	for (size_t i = w->count; i-- > 0;)
		if (is_settled(&w->views[i], cli->now.v))
			settled++;
		else
			next = i;
	if (next == w->count)
		return;
	v = &w->views[next];
	until = v->deadline ? v->deadline : v->expiry;
	cli_progress("request %" PRIu64 ": %s, %s in %" PRIu64
		     " s; %zu of %zu settled after %" PRIu64 " s",
		     w->ids[next], cli_request_state(v, cli->now.v),
		     v->deadline ? "deadline" : "expires",
		     until > cli->now.v ? until - cli->now.v : 0, settled,
		     w->count, clock_s() - w->start_s);
}

/* *@settled: all of them are. */
static enum cli_exit look_at_all(struct cli *cli, struct wait *w, bool *settled)
{
	enum cli_exit x = cli_look(cli);

	*settled = true;
	for (size_t i = 0; i < w->count && !x; i++) {
		if (cli_request_is_over(&w->views[i]))
			continue;
		x = cli_view_request(cli, &w->views[i], w->ids[i]);
		if (!x && !is_settled(&w->views[i], cli->now.v))
			*settled = false;
	}
	return x;
}

static enum cli_exit wait_for_all(struct cli *cli, struct wait *w)
{
	const struct cli_number *timeout = &cli->common.timeout;
	bool settled = false;
	enum cli_exit x = look_at_all(cli, w, &settled);

	while (!x && !settled) {
		if (timeout->given && clock_s() - w->start_s >= timeout->v)
			x = cli_fail(cli, CLI_TIMEOUT,
				     "not settled after %" PRIu64 " s",
				     timeout->v);
		else
			show_progress(cli, w);
		if (!x)
			x = cli_sleep(cli, POLL_MS);
		if (!x)
			x = look_at_all(cli, w, &settled);
	}
	cli_progress_clear();
	return x;
}

static void say_outcome(struct cli *cli, const struct cli_request *r)
{
	const char *state = cli_request_state(&r->view, cli->now.v);
	char who[ADDRESS_ROOM];
	struct buf text = {0};

	buf_printf(&text, "request %" PRIu64 " is %s", r->id, state);
	if (r->view.deadline) {
		buf_printf(&text, ": generator %s, price ",
			   address_format(who, &r->view.generator));
		cli_put_amount_text(&text, &r->view.price, &cli->payment);
	}
	if (cli_request_is_over(&r->view)) {
		buf_put_text(&text, ", refunded ");
		cli_put_amount_text(&text, &r->refund, &cli->payment);
	} else if (strcmp(state, "expired") == 0) {
		buf_printf(&text,
			   ": kalypso request cancel %" PRIu64
			   " gets its cap back",
			   r->id);
	}
	cli_say(cli->out, "%s", buf_text(&text));
	buf_free(&text);
}

static enum cli_exit put_outcomes(struct cli *cli, const struct wait *w)
{
	enum cli_exit x = CLI_OK;

	cli_begin_list(cli->out, "requests", NULL);
	for (size_t i = 0; i < w->count && !x; i++) {
		struct cli_request r;

		x = cli_request_read(cli, &r, w->ids[i]);
		if (!x) {
			cli_begin(cli->out, NULL);
			cli_request_put(cli, &r, false);
			cli_end(cli->out);
			say_outcome(cli, &r);
		}
		cli_request_free(&r);
	}
	cli_end(cli->out);
	return x;
}

static enum cli_exit judge(struct cli *cli, const struct wait *w)
{
	size_t others = 0, first = 0;

	for (size_t i = w->count; i-- > 0;)
		if (w->views[i].state != ABI_REQUEST_STATE_FULFILLED) {
			others++;
			first = i;
		}
	if (!others)
		return CLI_OK;
	return cli_fail(cli, CLI_FAILED,
			"%zu of %zu requests got no proof; request %" PRIu64
			" is %s",
			others, w->count, w->ids[first],
			cli_request_state(&w->views[first], cli->now.v));
}

enum cli_exit cli_request_wait(struct cli *cli, const uint64_t *ids,
			       size_t count)
{
	struct wait w = {.ids = ids, .count = count, .start_s = clock_s()};
	enum cli_exit x = cli_tokens(cli);

	w.views = cli_alloc(count * sizeof *w.views);
	if (!x)
		x = wait_for_all(cli, &w);
	if (!x)
		x = put_outcomes(cli, &w);
	if (!x)
		x = judge(cli, &w);
	free(w.views);
	return x;
}

enum cli_exit cli_request_wait_run(struct cli *cli, const void *options)
{
	uint64_t *ids = cli_alloc(cli->args.count * sizeof *ids);
	enum cli_exit x = CLI_OK;

	(void)options;
	for (size_t i = 0; i < cli->args.count && !x; i++)
		x = cli_id(cli, &ids[i], i);
	if (!x)
		x = cli_request_wait(cli, ids, cli->args.count);
	free(ids);
	return x;
}
