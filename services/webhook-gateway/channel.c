/* Names of channels, and which entry is of which. */
#include "services/webhook-gateway/channel.h"

#include <string.h>

#include "msg.h"

enum { ONE = 1 };

static const struct {
	const char *name;
	enum logs log;
} channels[CHANNELS] = {
	[CHANNEL_BLOCKS] = {"blocks", LOGS_CHAIN},
	[CHANNEL_MARKETS] = {"markets", LOGS_BOOK},
	[CHANNEL_BOOK] = {"book", LOGS_BOOK},
	[CHANNEL_REQUESTS] = {"requests", LOGS_BOOK},
	[CHANNEL_TASKS] = {"tasks", LOGS_BOOK},
	[CHANNEL_GENERATORS] = {"generators", LOGS_BOOK},
	[CHANNEL_SLASHES] = {"slashes", LOGS_BOOK},
	[CHANNEL_STATS] = {"stats", LOGS_BOOK},
};

const char *channel_name(enum channel channel)
{
	return channels[channel].name;
}

enum channel channel_find(const char *name)
{
	enum channel c = CHANNEL_BLOCKS;

	while (c < CHANNELS && strcmp(channels[c].name, name) != 0)
		c++;
	return c;
}

enum logs channel_log(enum channel channel)
{
	return channels[channel].log;
}

/* ---- filters ------------------------------------------------------------ */

bool filter_eq(const struct filter *a, const struct filter *b)
{
	return a->channel == b->channel && a->market_id == b->market_id &&
	       a->of_requester == b->of_requester &&
	       a->of_generator == b->of_generator &&
	       address_eq(&a->requester, &b->requester) &&
	       address_eq(&a->generator, &b->generator);
}

bool topic_fits(const struct topic *t, const struct filter *f)
{
	return t->channels >> f->channel & 1 &&
	       (!f->market_id || f->market_id == t->market_id) &&
	       (!f->of_requester || address_eq(&f->requester, &t->requester)) &&
	       (!f->of_generator || address_eq(&f->generator, &t->generator));
}

/* ---- topics ------------------------------------------------------------- */

enum {
	BLOCKS = ONE << CHANNEL_BLOCKS,
	MARKETS = ONE << CHANNEL_MARKETS,
	BOOK = ONE << CHANNEL_BOOK,
	REQUESTS = ONE << CHANNEL_REQUESTS,
	TASKS = ONE << CHANNEL_TASKS,
	GENERATORS = ONE << CHANNEL_GENERATORS,
	SLASHES = ONE << CHANNEL_SLASHES,
	STATS = ONE << CHANNEL_STATS,
};

/* What only the request itself says: its requester, and its market if the
 * entry doesn't say that. */
static bool complete(struct topic *t, const struct view *v)
{
	const struct view_request *r = view_request(v, t->request_id);

	if (!r)
		return false;
	t->requester = r->record.requester;
	t->market_id = r->record.market_id;
	return true;
}

/* Messages are decoded once more when they are shown: here only who and where
 * is wanted. */
union said {
	struct msg_block_mark block_mark;
	struct msg_rollback rollback;
	struct msg_block_closed block_closed;
	struct msg_book_rolled_back book_rolled_back;
	struct msg_market_set market_set;
	struct msg_generator_set generator_set;
	struct msg_generator_removed generator_removed;
	struct msg_quote_set quote_set;
	struct msg_quote_removed quote_removed;
	struct msg_request_opened request_opened;
	struct msg_request_closed request_closed;
	struct msg_task_started task_started;
	struct msg_task_ended task_ended;
	struct msg_assignment_refused assignment_refused;
};

static void find_in_chain(struct topic *t, const struct entry *entry)
{
	union said m;

	switch (entry->type) {
	case MSG_BLOCK_MARK:
		if (msg_block_mark_decode(&m.block_mark, entry->body))
			return;
		t->channels = BLOCKS;
		t->ends_block = true;
		t->to = m.block_mark.block;
		return;
	case MSG_ROLLBACK:
		if (msg_rollback_decode(&m.rollback, entry->body))
			return;
		t->rolls_back = true;
		t->to = m.rollback.to;
		return;
	default:
		return;
	}
}

/* Blocks, markets, generators and quotes. */
static void find_in_book(struct topic *t, const struct entry *entry)
{
	union said m;

	switch (entry->type) {
	case MSG_BLOCK_CLOSED:
		if (msg_block_closed_decode(&m.block_closed, entry->body))
			return;
		t->ends_block = true;
		t->to = m.block_closed.block;
		return;
	case MSG_BOOK_ROLLED_BACK:
		if (msg_book_rolled_back_decode(&m.book_rolled_back,
						entry->body))
			return;
		t->rolls_back = true;
		t->to = m.book_rolled_back.to;
		return;
	case MSG_MARKET_SET:
		if (msg_market_set_decode(&m.market_set, entry->body))
			return;
		t->channels = MARKETS | STATS;
		t->market_id = m.market_set.market_id;
		return;
	case MSG_GENERATOR_SET:
		if (msg_generator_set_decode(&m.generator_set, entry->body))
			return;
		t->channels = GENERATORS;
		t->generator = m.generator_set.generator;
		return;
	case MSG_GENERATOR_REMOVED:
		if (msg_generator_removed_decode(&m.generator_removed,
						 entry->body))
			return;
		t->channels = GENERATORS;
		t->generator = m.generator_removed.generator;
		return;
	case MSG_QUOTE_SET:
		if (msg_quote_set_decode(&m.quote_set, entry->body))
			return;
		t->channels = BOOK | STATS;
		t->market_id = m.quote_set.market_id;
		t->generator = m.quote_set.generator;
		return;
	case MSG_QUOTE_REMOVED:
		if (msg_quote_removed_decode(&m.quote_removed, entry->body))
			return;
		t->channels = BOOK | STATS;
		t->market_id = m.quote_removed.market_id;
		t->generator = m.quote_removed.generator;
		return;
	default:
		return;
	}
}

/* Requests and their tasks. False: the request isn't known. */
static bool find_request(struct topic *t, const struct view *v,
			 const struct entry *entry)
{
	union said m;

	switch (entry->type) {
	case MSG_REQUEST_OPENED:
		if (msg_request_opened_decode(&m.request_opened, entry->body))
			return true;
		t->channels = BOOK | REQUESTS | STATS;
		t->market_id = m.request_opened.market_id;
		t->request_id = m.request_opened.request_id;
		t->requester = m.request_opened.requester;
		return true;
	case MSG_REQUEST_CLOSED:
		if (msg_request_closed_decode(&m.request_closed, entry->body))
			return true;
		t->channels = BOOK | REQUESTS | STATS;
		t->market_id = m.request_closed.market_id;
		t->request_id = m.request_closed.request_id;
		return complete(t, v);
	case MSG_TASK_STARTED:
		if (msg_task_started_decode(&m.task_started, entry->body))
			return true;
		t->channels = BOOK | REQUESTS | TASKS | GENERATORS | STATS;
		t->market_id = m.task_started.market_id;
		t->request_id = m.task_started.request_id;
		t->generator = m.task_started.generator;
		return complete(t, v);
	case MSG_TASK_ENDED:
		if (msg_task_ended_decode(&m.task_ended, entry->body))
			return true;
		t->channels = BOOK | REQUESTS | TASKS | GENERATORS | STATS;
		if (m.task_ended.outcome == OUTCOME_SLASHED)
			t->channels |= SLASHES;
		t->market_id = m.task_ended.market_id;
		t->request_id = m.task_ended.request_id;
		t->generator = m.task_ended.generator;
		return complete(t, v);
	case MSG_ASSIGNMENT_REFUSED:
		if (msg_assignment_refused_decode(&m.assignment_refused,
						  entry->body))
			return true;
		t->request_id = m.assignment_refused.request_id;
		t->generator = m.assignment_refused.generator;
		/* Refused, perhaps, because it isn't there any more. */
		if (complete(t, v))
			t->channels = REQUESTS;
		return true;
	default:
		return true;
	}
}

void topic_find(struct topic *out, bool *unknown, const struct view *view,
		enum logs log, const struct entry *entry)
{
	*out = (struct topic){.channels = 0};
	*unknown = false;
	if (log == LOGS_CHAIN)
		find_in_chain(out, entry);
	else if (log == LOGS_BOOK) {
		find_in_book(out, entry);
		*unknown = !find_request(out, view, entry);
	}
}
