/* A ring of entries in order of arrival, and for each log where its own are. */
#include "services/webhook-gateway/tail.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "services/webhook-gateway/entry.h"

struct item {
	enum logs log;
	struct entry entry; /* its body is ours until there is a text */
	struct buf text;    /* with the headroom in front */
};

struct tail {
	size_t room;	     /* entries at most */
	struct item *ring;   /* the item of turn i is at i % room */
	uint64_t begin, end; /* turns in the window */
	size_t bytes;
	uint64_t newest[LOGS_COUNT], oldest[LOGS_COUNT];
	uint64_t *turns[LOGS_COUNT]; /* of entry n at n % room */
};

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

static struct item *item_at(const struct tail *t, uint64_t turn)
{
	return &t->ring[turn % t->room];
}

static void drop_oldest(struct tail *t)
{
	struct item *item = item_at(t, t->begin++);

	t->bytes -= item->entry.body.size + item->text.size;
	if (item->entry.number >= t->oldest[item->log])
		t->oldest[item->log] = item->entry.number + 1;
	free((void *)item->entry.body.data);
	buf_free(&item->text);
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

enum err tail_put(struct tail *t, enum logs log, const struct entry *entry)
{
	uint8_t *body = malloc(entry->body.size ? entry->body.size : 1);
	struct item *item;

	if (!body)
		return ERR_NO_MEMORY;
	if (entry->body.size)
		memcpy(body, entry->body.data, entry->body.size);
	while (t->begin < t->end &&
	       (t->end - t->begin == t->room ||
		t->bytes + entry->body.size > TAIL_BYTES_MAX))
		drop_oldest(t);
	item = item_at(t, t->end);
	*item = (struct item){.log = log, .entry = *entry};
	item->entry.body.data = body;
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

uint64_t tail_turn(const struct tail *t, enum logs log, uint64_t number)
{
	assert(number >= t->oldest[log] && number <= t->newest[log]);
	return t->turns[log][number % t->room];
}

static void render(struct tail *t, struct item *item)
{
	buf_put_zeros(&item->text, TAIL_HEADROOM);
	entry_json(&item->text, item->log, &item->entry);
	if (buf_failed(&item->text))
		return;
	t->bytes += item->text.size;
	t->bytes -= item->entry.body.size;
	free((void *)item->entry.body.data);
	item->entry.body = (struct bytes){NULL, 0};
}

struct bytes tail_text(struct tail *t, enum logs log, uint64_t number)
{
	struct item *item = item_at(t, tail_turn(t, log, number));

	if (!item->text.size)
		render(t, item);
	if (!item->text.size) {
		buf_free(&item->text); /* another time */
		return (struct bytes){NULL, 0};
	}
	return (struct bytes){item->text.data + TAIL_HEADROOM,
			      item->text.size - TAIL_HEADROOM};
}
