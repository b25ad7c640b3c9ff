/* A fetch for each node that is asked, and a timer for those that take long. */
#include "common/ballot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/metric.h"

enum { TICK_MS = 25, TEXT_ROOM = 700 };

static struct metric alone =
	METRIC(COUNTER, "chain_unconfirmed_total",
	       "answers taken though fewer nodes than wanted gave them");
static struct metric overruled =
	METRIC(COUNTER, "chain_overruled_total",
	       "answers of nodes that most others contradicted");

struct ballot {
	const struct ballot_config *config;
	ballot_done *done;
	void *arg;
	struct agree agree;
	struct fetch_question question;
	int teller;
	struct fetch *fetches[PROVIDERS_MAX]; /* NULL: never asked */
	unsigned taken;
	uint64_t most;
	bool open;     /* it was begun, and nothing came of it yet */
	bool deciding; /* asking() runs: what is heard waits for its loop */
	struct loop_timer *tick;
	char text[TEXT_ROOM];
};

struct ballot *ballot_new(const struct ballot_config *config, ballot_done *done,
			  void *arg)
{
	struct ballot *b = calloc(1, sizeof *b);

	metric_register(&alone);
	metric_register(&overruled);
	if (!b)
		return NULL;
	b->config = config;
	b->done = done;
	b->arg = arg;
	return b;
}

void ballot_drop(struct ballot *b)
{
	b->open = false;
	loop_timer_cancel(b->config->loop, &b->tick);
	for (unsigned i = 0; i < PROVIDERS_MAX; i++)
		if (b->fetches[i])
			fetch_drop(b->fetches[i]);
}

void ballot_free(struct ballot **ballot)
{
	struct ballot *b = *ballot;

	if (!b)
		return;
	ballot_drop(b);
	for (unsigned i = 0; i < PROVIDERS_MAX; i++)
		fetch_free(&b->fetches[i]);
	free(b);
	*ballot = NULL;
}

const struct fetch *ballot_fetch(const struct ballot *b)
{
	return b->fetches[b->taken];
}

unsigned ballot_node(const struct ballot *b)
{
	return b->taken;
}

uint64_t ballot_most(const struct ballot *b)
{
	return b->most;
}

const char *ballot_text(const struct ballot *b)
{
	return b->text;
}

/* ---- what came of it ---------------------------------------------------- */

/* Each node, and the hash of the block that it says is the last. */
static void describe(struct ballot *b)
{
	char hash[HASH32_ROOM];
	size_t at = 0;

	b->text[0] = 0;
	for (unsigned i = 0; i < b->agree.count; i++) {
		const struct fetch *f = b->fetches[i];

		if (b->agree.voices[i] != AGREE_SAID || at >= TEXT_ROOM)
			continue;
		hash32_format(hash,
			      &f->headers[b->question.to - b->question.from]
				       .block.hash);
		at += (size_t)snprintf(
			b->text + at, TEXT_ROOM - at,
			"%s%s: %.10s with %zu logs", at ? ", " : "",
			rpc_node_name(b->config->rpc, i), hash, f->logs.count);
	}
}

/* Whether it kept us waiting: for nothing, or for as long as we would. */
static bool came_too_late(const struct ballot *b, unsigned i,
			  enum agree_verdict v)
{
	const struct agree *a = &b->agree;

	return (a->voices[i] == AGREE_LACKS && v == AGREE_ALONE) ||
	       (a->voices[i] == AGREE_ASKED &&
		rpc_now_ms() - a->since_ms[i] >= a->patience_ms);
}

static void blame_others(struct ballot *b, enum agree_verdict v)
{
	for (unsigned i = 0; i < b->agree.count; i++) {
		if (agree_contradicts(&b->agree, i, b->taken)) {
			metric_add(&overruled, 1);
			rpc_complain(b->config->rpc, i, PROVIDER_CONTRADICTED,
				     "most nodes say something else");
		} else if (came_too_late(b, i, v)) {
			rpc_complain(b->config->rpc, i, PROVIDER_LATE,
				     "others had a block long before it");
		}
	}
}

static void end(struct ballot *b, enum ballot_verdict verdict)
{
	ballot_drop(b);
	b->done(b->arg, b, verdict);
}

static void settle(struct ballot *b, enum agree_verdict v)
{
	if (v == AGREE_SPLIT) {
		describe(b);
		end(b, BALLOT_SPLIT);
		return;
	}
	if (v == AGREE_NONE) {
		end(b, BALLOT_NONE);
		return;
	}
	blame_others(b, v);
	metric_add(&alone, v == AGREE_ALONE);
	end(b, v == AGREE_ALONE ? BALLOT_ALONE : BALLOT_TAKEN);
}

/* ---- asking ------------------------------------------------------------- */

static void on_said(void *arg, struct fetch *f, enum fetch_verdict verdict);

static void ask(struct ballot *b, unsigned node)
{
	struct fetch_question q = b->question;

	if (!b->fetches[node])
		b->fetches[node] = fetch_new(b->config->rpc, node,
					     &b->config->filter, on_said, b);
	if (!b->fetches[node]) {
		agree_hear(&b->agree, node, AGREE_FAILED, NULL, rpc_now_ms());
		return;
	}
	q.heard = q.told && (int)node == b->teller;
	agree_hear(&b->agree, node, AGREE_ASKED, NULL, rpc_now_ms());
	fetch_begin(b->fetches[node], &q);
}

static void nodes_now(const struct ballot *b, uint64_t now, unsigned *fit,
		      unsigned *promising)
{
	const struct providers *p = rpc_providers(b->config->rpc);

	*fit = *promising = 0;
	for (unsigned i = 0; i < p->count; i++) {
		*fit |= (unsigned)providers_fit(p, i, now) << i;
		*promising |= (unsigned)providers_promising(p, i, now) << i;
	}
}

static void on_tick(void *arg);

/* Ask whom the rule says, until it says something else. */
static void go_on(struct ballot *b)
{
	const struct providers *p = rpc_providers(b->config->rpc);
	enum agree_verdict v = AGREE_WAIT;
	unsigned fit, promising, node = 0;
	unsigned first = b->teller >= 0 ? (unsigned)b->teller : p->current;

	b->deciding = true;
	while (b->open) {
		uint64_t now = rpc_now_ms();

		nodes_now(b, now, &fit, &promising);
		v = agree_decide(&b->agree, fit, promising, first, now, &node);
		if (v != AGREE_ASK)
			break;
		ask(b, node);
	}
	b->deciding = false;
	if (!b->open)
		return;
	if (v != AGREE_WAIT) {
		b->taken = node;
		settle(b, v);
	} else if (p->count > 1 && !b->tick) {
		b->tick =
			loop_timer(b->config->loop, TICK_MS, false, on_tick, b);
	}
}

static void on_tick(void *arg)
{
	go_on(arg);
}

static void on_said(void *arg, struct fetch *f, enum fetch_verdict verdict)
{
	static const enum agree_voice voices[] = {
		[FETCH_SAID] = AGREE_SAID,
		[FETCH_LACKS] = AGREE_LACKS,
		[FETCH_TOO_MUCH] = AGREE_FAILED,
		[FETCH_FAILED] = AGREE_FAILED,
	};
	struct ballot *b = arg;

	if (verdict == FETCH_TOO_MUCH && f->question.to > f->question.from) {
		b->most = f->most;
		end(b, BALLOT_TOO_MUCH);
		return;
	}
	agree_hear(&b->agree, f->node, voices[verdict],
		   verdict == FETCH_SAID ? &f->digest : NULL, rpc_now_ms());
	if (!b->deciding)
		go_on(b);
}

void ballot_begin(struct ballot *b, const struct fetch_question *question,
		  int teller)
{
	const struct ballot_config *c = b->config;

	ballot_drop(b);
	b->question = *question;
	b->teller = teller;
	b->most = 0;
	b->open = true;
	agree_begin(&b->agree, rpc_nodes(c->rpc), c->wanted, c->strict,
		    c->patience_ms, rpc_now_ms());
	(void)rpc_choose(c->rpc, 0); /* the best one is the current one */
	go_on(b);
}
