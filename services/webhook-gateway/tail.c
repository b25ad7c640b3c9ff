/* A ring of entries in order of arrival, and for each log where its own are. */
#include "services/webhook-gateway/tail.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "services/webhook-gateway/change.h"
#include "services/webhook-gateway/entry.h"
#include "services/webhook-gateway/pack.h"

/* An entry as it is sent. */
struct tail_text {
	struct tail_text *next;
	enum channel channel; /* CHANNELS: the entry itself */
	enum form form;
	unsigned members;
	struct buf text; /* with the headroom in front */
};

struct tail {
	size_t room;		/* entries at most */
	struct tail_item *ring; /* the item of turn i is at i % room */
	uint64_t begin, end;	/* turns in the window */
	size_t bytes;
	uint64_t newest[LOGS_COUNT], oldest[LOGS_COUNT];
	uint64_t closed[LOGS_COUNT]; /* up to here entries have a block */
	uint64_t *turns[LOGS_COUNT]; /* of entry n at n % room */
};

/* ---- life --------------------------------------------------------------- */

enum err tail_new(struct tail **out, size_t entries_max)
{
	struct tail *t = calloc(1, sizeof *t);
	bool ok = t;

	if (t) {
		t->room = entries_max;
		t->ring = calloc(entries_max, sizeof t->ring[0]);
		ok = t->ring;
	}
	for (int log = 0; log < LOGS_COUNT && ok; log++) {
		t->oldest[log] = 1;
		t->turns[log] = calloc(entries_max, sizeof t->turns[log][0]);
		ok = t->turns[log];
	}
	if (!ok && t)
		tail_free(&t);
	*out = t;
	return ok ? ERR_NONE : ERR_NO_MEMORY;
}

static struct tail_item *item_at(const struct tail *t, uint64_t turn)
{
	return &t->ring[turn % t->room];
}

static void drop_oldest(struct tail *t)
{
	struct tail_item *item = item_at(t, t->begin++);

	t->bytes -= item->entry.body.size;
	if (item->entry.number >= t->oldest[item->log])
		t->oldest[item->log] = item->entry.number + 1;
	for (struct tail_text *x = item->texts, *next; x; x = next) {
		next = x->next;
		t->bytes -= x->text.size;
		buf_free(&x->text);
		free(x);
	}
	if (item->rows)
		t->bytes -= sizeof *item->rows;
	free(item->rows);
	free((void *)item->entry.body.data);
}

void tail_free(struct tail **tail)
{
	struct tail *t = *tail;

	if (!t)
		return;
	while (t->begin < t->end)
		drop_oldest(t);
	for (int log = 0; log < LOGS_COUNT; log++)
		free(t->turns[log]);
	free(t->ring);
	free(t);
	*tail = NULL;
}

/* ---- entries ------------------------------------------------------------ */

/* A request that was opened in the block that isn't complete yet. */
static void find_opening(const struct tail *t, struct topic *topic)
{
	for (uint64_t n = t->newest[LOGS_BOOK];
	     n >= t->oldest[LOGS_BOOK] && n > t->closed[LOGS_BOOK]; n--) {
		const struct tail_item *item = tail_item(t, LOGS_BOOK, n);

		if (item->entry.type != MSG_REQUEST_OPENED ||
		    item->topic.request_id != topic->request_id)
			continue;
		topic->requester = item->topic.requester;
		return;
	}
}

enum err tail_put(struct tail *t, enum logs log, const struct entry *entry,
		  const struct view *view)
{
	uint8_t *body = malloc(entry->body.size + 1);
	struct tail_item *item;
	bool unknown;

	if (!body)
		return ERR_NO_MEMORY;
	if (entry->body.size)
		memcpy(body, entry->body.data, entry->body.size);
	while (t->begin < t->end &&
	       (t->end - t->begin == t->room || t->bytes > TAIL_BYTES_MAX))
		drop_oldest(t);
	item = item_at(t, t->end);
	*item = (struct tail_item){.log = log, .entry = *entry, .turn = t->end};
	item->entry.body.data = body;
	topic_find(&item->topic, &unknown, view, log, entry);
	if (unknown)
		find_opening(t, &item->topic);
	t->bytes += entry->body.size;
	t->turns[log][entry->number % t->room] = t->end++;
	/* The first that is taken may be any, and so may the one after an entry
	 * that was passed over because it can't be read. */
	if (t->oldest[log] > t->newest[log] ||
	    entry->number != t->newest[log] + 1)
		t->oldest[log] = entry->number;
	t->newest[log] = entry->number;
	return ERR_NONE;
}

uint64_t tail_newest(const struct tail *t, enum logs log)
{
	return t->newest[log];
}

uint64_t tail_oldest(const struct tail *t, enum logs log)
{
	return t->oldest[log];
}

static struct tail_item *find(const struct tail *t, enum logs log,
			      uint64_t number)
{
	assert(number >= t->oldest[log] && number <= t->newest[log]);
	return item_at(t, t->turns[log][number % t->room]);
}

const struct tail_item *tail_item(const struct tail *t, enum logs log,
				  uint64_t number)
{
	return find(t, log, number);
}

uint64_t tail_turn(const struct tail *t, enum logs log, uint64_t number)
{
	return find(t, log, number)->turn;
}

/* ---- blocks ------------------------------------------------------------- */

/* Rows that later entries of the block changed again: what is said of them
 * there is enough. A bounded memory, so it is said again now and then. */
struct seen {
	const struct topic *topics[32];
	unsigned at;
};

static bool is_seen(const struct seen *s, const struct topic *t,
		    enum channel channel)
{
	for (size_t i = 0; i < sizeof s->topics / sizeof s->topics[0]; i++) {
		const struct topic *other = s->topics[i];

		if (other && other->channels >> channel & 1 &&
		    (channel == CHANNEL_STATS
			     ? other->market_id == t->market_id
			     : address_eq(&other->generator, &t->generator)))
			return true;
	}
	return false;
}

static enum err keep_rows(struct tail *t, struct tail_item *item,
			  struct seen *seen, const struct view *view)
{
	const struct view_market *market = NULL;
	const struct view_generator *generator = NULL;
	struct topic *topic = &item->topic;

	for (int c = CHANNEL_GENERATORS; c <= CHANNEL_STATS; c++)
		if (c != CHANNEL_SLASHES && is_seen(seen, topic, c))
			topic->channels &= ~(1u << c);
	if (topic->channels >> CHANNEL_STATS & 1)
		market = view_market(view, topic->market_id);
	if (topic->channels >> CHANNEL_GENERATORS & 1)
		generator = view_generator(view, &topic->generator);
	if (!market)
		topic->channels &= ~(1u << CHANNEL_STATS);
	if (!generator)
		topic->channels &= ~(1u << CHANNEL_GENERATORS);
	if (!market && !generator)
		return ERR_NONE;
	seen->topics[seen->at++ % 32] = topic;
	item->rows = calloc(1, sizeof *item->rows);
	if (!item->rows)
		return ERR_NO_MEMORY;
	t->bytes += sizeof *item->rows;
	if (market)
		item->rows->market = *market;
	if (generator)
		item->rows->generator = *generator;
	item->rows->has_market = market;
	item->rows->has_generator = generator;
	return ERR_NONE;
}

enum err tail_close(struct tail *t, enum logs log, const struct view *view)
{
	const struct topic *mark = &find(t, log, t->newest[log])->topic;
	struct seen seen = {.at = 0};
	enum err e = ERR_NONE;

	for (uint64_t n = t->newest[log];
	     n >= t->oldest[log] && n > t->closed[log] && !e; n--) {
		struct tail_item *item = find(t, log, n);

		item->block = mark->to.number;
		/* What a roll-back takes back before it was complete was never
		 * shown. */
		if (mark->rolls_back)
			item->topic.channels = 0;
		else if (log == LOGS_BOOK)
			e = keep_rows(t, item, &seen, view);
	}
	t->closed[log] = t->newest[log];
	return e;
}

/* ---- texts -------------------------------------------------------------- */

/* What a text begins as: JSON; behind its headroom. */
static void write_json(struct buf *out, const struct tail_item *item,
		       enum channel channel)
{
	buf_put_zeros(out, TAIL_HEADROOM);
	if (channel == CHANNELS)
		entry_json(out, item->log, &item->entry);
	else
		change_json(out, channel, item);
}

static void write(struct tail_text *x, const struct tail_item *item)
{
	struct buf json = {0};

	if (x->form == FORM_JSON) {
		write_json(&x->text, item, x->channel);
		return;
	}
	write_json(&json, item, x->channel);
	buf_put_zeros(&x->text, TAIL_HEADROOM);
	if (!buf_failed(&json))
		pack_json(&x->text, (struct bytes){json.data + TAIL_HEADROOM,
						   json.size - TAIL_HEADROOM});
	if (!buf_failed(&x->text) && buf_failed(&json))
		buf_fail(&x->text, ERR_NO_MEMORY);
	if (!buf_failed(&x->text))
		x->members = pack_members(x->text.data[TAIL_HEADROOM]);
	buf_free(&json);
}

/* NULL if memory ran out. */
static struct tail_text *text_of(struct tail *t, struct tail_item *item,
				 enum channel channel, enum form form)
{
	struct tail_text *x = item->texts;

	while (x && (x->channel != channel || x->form != form))
		x = x->next;
	if (x)
		return x;
	x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->channel = channel;
	x->form = form;
	write(x, item);
	if (buf_failed(&x->text)) {
		buf_free(&x->text); /* another time */
		free(x);
		return NULL;
	}
	t->bytes += x->text.size;
	x->next = item->texts;
	item->texts = x;
	return x;
}

struct bytes tail_text(struct tail *t, enum logs log, uint64_t number,
		       enum form form)
{
	struct tail_text *x = text_of(t, find(t, log, number), CHANNELS, form);

	if (!x)
		return (struct bytes){NULL, 0};
	return (struct bytes){x->text.data + TAIL_HEADROOM,
			      x->text.size - TAIL_HEADROOM};
}

struct bytes tail_change(struct tail *t, enum logs log, uint64_t number,
			 enum channel channel, enum form form,
			 unsigned *members)
{
	struct tail_text *x = text_of(t, find(t, log, number), channel, form);

	if (!x)
		return (struct bytes){NULL, 0};
	*members = x->members;
	/* Its first byte is the beginning of an object of its own. */
	return (struct bytes){x->text.data + TAIL_HEADROOM + 1,
			      x->text.size - TAIL_HEADROOM - 1};
}
