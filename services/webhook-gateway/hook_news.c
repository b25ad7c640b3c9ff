/* A ring of the newest entries, and texts kept. */
#include "services/webhook-gateway/hook_news.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/trace.h"
#include "msg.h"
#include "services/webhook-gateway/hook_event.h"
#include "services/webhook-gateway/hook_known.h"

enum {
	RING = 8192,
	CHUNK = 256, /* entries read at once */
	CHUNKS_AT_ONCE = 8,
	SCAN_MAX = 1024,   /* entries looked at for a hook at a time */
	BLOCK_MAX = 65536, /* entries of one block */
	TEXTS = 1024,
	TEXTS_BYTES_MAX = 32 << 20,
};

struct item {
	struct entry entry; /* its body is ours */
	bool is_event;
	struct hook_event event;
};

struct text {
	uint64_t seq;
	enum hook_type type;
	uint64_t request_id;
	struct buf text;
};

struct hook_news {
	struct store *store;
	struct hook_known known;
	uint64_t chain_next;
	struct item ring[RING];
	uint64_t first, next; /* entries in the ring: first … next - 1 */
	uint64_t told;	      /* up to here their events are known */
	uint64_t end;	      /* and their blocks are complete */
	uint64_t block;	      /* the newest complete one's number */
	struct text texts[TEXTS];
	size_t texts_bytes;
};

/* ---- requests ----------------------------------------------------------- */

/* Whose request it is: from its record if it ended long ago. */
static void find_requester(struct hook_news *n, struct hook_event *e)
{
	const struct hook_request *k =
		hook_known_find(&n->known, e->request_id);
	struct msg_request_record m;
	struct buf record = {0};
	char key[24];

	if (!e->request_id || e->has_requester)
		return;
	if (k) {
		e->has_requester = true;
		e->requester = k->requester;
		return;
	}
	snprintf(key, sizeof key, "%" PRIu64, e->request_id);
	if (!store_record(n->store, key, &record) && record.size > 8 &&
	    !msg_request_record_decode(
		    &m, (struct bytes){record.data + 8, record.size - 8})) {
		e->has_requester = true;
		e->requester = m.requester;
	}
	buf_free(&record);
}

/* ---- what was before ---------------------------------------------------- */

struct telling {
	struct sink sink; /* first */
	struct hook_known *known;
};

static enum err take_open(struct sink *sink, uint16_t number, struct bytes body)
{
	struct msg_request_opened m;

	if (number != MSG_REQUEST_OPENED || msg_request_opened_decode(&m, body))
		return ERR_NONE;
	return hook_known_add(((struct telling *)sink)->known, m.request_id,
			      &m.requester);
}

enum err hook_news_new(struct hook_news **out, struct store *store,
		       const struct base *base)
{
	struct hook_news *n = calloc(1, sizeof *n);
	struct telling t = {.sink = {.put = take_open}};
	enum err e = n ? ERR_NONE : ERR_NO_MEMORY;

	*out = n;
	if (e)
		return e;
	t.known = &n->known;
	n->store = store;
	n->chain_next = base->next[LOGS_CHAIN];
	if (base->book)
		e = book_tell(base->book, &t.sink);
	buf_free(&t.sink.scratch);
	if (e)
		hook_news_free(out);
	return e;
}

static struct item *at(struct hook_news *n, uint64_t seq)
{
	return &n->ring[seq % RING];
}

void hook_news_free(struct hook_news **news)
{
	struct hook_news *n = *news;

	if (!n)
		return;
	hook_known_free(&n->known);
	for (unsigned i = 0; i < RING; i++)
		free((void *)n->ring[i].entry.body.data);
	for (unsigned i = 0; i < TEXTS; i++)
		buf_free(&n->texts[i].text);
	free(n);
	*news = NULL;
}

/* ---- reading on --------------------------------------------------------- */

static enum err keep(struct item *item, const struct entry *entry)
{
	uint8_t *body = malloc(entry->body.size ? entry->body.size : 1);

	if (!body)
		return ERR_NO_MEMORY;
	if (entry->body.size)
		memcpy(body, entry->body.data, entry->body.size);
	free((void *)item->entry.body.data);
	item->entry = *entry;
	item->entry.body.data = body;
	item->is_event = false;
	return ERR_NONE;
}

static enum err on_book_entry(void *arg, const struct entry *entry)
{
	struct hook_news *n = arg;
	enum err e = keep(at(n, entry->number), entry);

	if (e)
		return e;
	n->next = entry->number + 1;
	if (n->next - n->first > RING)
		n->first = n->next - RING;
	return ERR_NONE;
}

/* Begin with the newest entries. */
static enum err begin(struct hook_news *n)
{
	uint64_t first, last;
	enum err e = store_first(n->store, "book", &first);

	if (!e)
		e = store_last(n->store, "book", &last);
	if (e)
		return e;
	if (!first)
		first = 1;
	if (last >= first + RING)
		first = last - RING + 1;
	n->first = n->next = n->told = n->end = first;
	return ERR_NONE;
}

/* The events of the entries that a mark completes. */
static void close_block(struct hook_news *n, uint64_t mark, uint64_t block,
			uint64_t time)
{
	for (uint64_t seq = n->told > n->first ? n->told : n->first;
	     seq <= mark; seq++) {
		struct item *item = at(n, seq);

		item->is_event = hook_event_read(&item->event, &item->entry);
		item->event.block = block;
		item->event.time = time;
		if (item->is_event)
			find_requester(n, &item->event);
	}
	n->told = n->end = mark + 1;
	n->block = block;
}

static void tell(struct hook_news *n, uint64_t from)
{
	for (uint64_t seq = from; seq < n->next; seq++) {
		uint64_t block, time;

		if (hook_event_mark(&at(n, seq)->entry, &block, &time))
			close_block(n, seq, block, time);
	}
}

static enum err on_chain_entry(void *arg, const struct entry *entry)
{
	/* Messages have trace ids, and others may not have read it yet. */
	trace_note(entry->type, entry->body);
	return hook_known_tell(arg, entry);
}

/* What the book says follows from what the chain log had already then: read
 * after the book, it has all that belongs to it. */
static enum err read_chain(struct hook_news *n)
{
	uint64_t from, first;
	enum err e;

	do {
		from = n->chain_next;
		e = store_read(n->store, "chain", from, CHUNK, &n->chain_next,
			       on_chain_entry, &n->known);
		if (e == ERR_TRIMMED) {
			e = store_first(n->store, "chain", &first);
			n->chain_next = first;
		}
	} while (!e && n->chain_next != from);
	return e;
}

enum err hook_news_read(struct hook_news *n, bool *more)
{
	uint64_t from, next = 0;
	enum err e = n->next ? ERR_NONE : begin(n);

	from = n->next;
	*more = false;
	for (int i = 0; i < CHUNKS_AT_ONCE && !e; i++) {
		uint64_t at_first = n->next;

		e = store_read(n->store, "book", n->next, CHUNK, &next,
			       on_book_entry, n);
		*more = n->next - at_first == CHUNK;
		if (!*more)
			break;
	}
	if (e == ERR_TRIMMED) {
		n->next = 0;
		return begin(n);
	}
	if (!e)
		e = read_chain(n);
	if (!e)
		tell(n, from);
	else
		n->next = from; /* again, with what the chain says */
	return e;
}

uint64_t hook_news_end(const struct hook_news *n)
{
	return n->end;
}

/* ---- for one hook ------------------------------------------------------- */

/* Entries that are older than the ring, up to the end of a block. */
struct past {
	struct hook_news *news;
	struct hook_event *events;
	size_t count, room, complete; /* events in complete blocks */
	uint64_t from, next, block;
	enum err err;
};

static enum err on_past_entry(void *arg, const struct entry *entry)
{
	struct past *p = arg;
	uint64_t block, time;
	struct hook_event event;

	if (hook_event_read(&event, entry)) {
		if (p->count == p->room) {
			size_t room = p->room ? 2 * p->room : 64;
			struct hook_event *grown =
				realloc(p->events, room * sizeof p->events[0]);

			if (!grown)
				return ERR_NO_MEMORY;
			p->events = grown;
			p->room = room;
		}
		p->events[p->count++] = event;
	}
	if (!hook_event_mark(entry, &block, &time))
		return ERR_NONE;
	for (; p->complete < p->count; p->complete++) {
		p->events[p->complete].block = block;
		p->events[p->complete].time = time;
	}
	p->next = entry->number + 1;
	p->block = block;
	return ERR_NONE;
}

static enum err read_past(struct past *p)
{
	uint64_t next = p->from;
	enum err e = ERR_NONE;

	/* At least to the end of a block, however large. */
	while (!e && p->next == p->from && next - p->from < BLOCK_MAX) {
		uint64_t before = next;

		e = store_read(p->news->store, "book", before, SCAN_MAX, &next,
			       on_past_entry, p);
		if (next == before)
			break;
	}
	return e;
}

static enum err scan_past(struct hook_news *n, uint64_t from, hook_news_fn *fn,
			  void *arg, uint64_t *next, uint64_t *block)
{
	struct past p = {.news = n, .from = from, .next = from};
	enum err e = read_past(&p);

	*next = p.next;
	*block = p.block;
	for (size_t i = 0; i < p.complete && !e; i++) {
		find_requester(n, &p.events[i]);
		if (fn(arg, &p.events[i]))
			continue;
		*next = p.events[i].seq;
		*block = p.events[i].block;
		break;
	}
	free(p.events);
	if (e == ERR_TRIMMED)
		return store_first(n->store, "book", next);
	return e;
}

enum err hook_news_scan(struct hook_news *n, uint64_t from, hook_news_fn *fn,
			void *arg, uint64_t *next, uint64_t *block)
{
	uint64_t end = n->end;

	*next = from;
	*block = 0;
	if (!n->end || from >= n->end)
		return ERR_NONE;
	if (from < n->first)
		return scan_past(n, from, fn, arg, next, block);
	if (end - from > SCAN_MAX)
		end = from + SCAN_MAX;
	for (uint64_t seq = from; seq < end; seq++) {
		const struct item *item = at(n, seq);

		if (item->is_event && !fn(arg, &item->event))
			break;
		*next = seq + 1;
		*block = item->event.block;
	}
	return ERR_NONE;
}

bool hook_news_is_past(const struct hook_news *n, uint64_t from)
{
	return n->end && from < n->first;
}

/* ---- texts -------------------------------------------------------------- */

static enum err copy_entry(void *arg, const struct entry *entry)
{
	return keep(arg, entry);
}

static enum err load(struct hook_news *n, const char *log, uint64_t number,
		     struct item *out)
{
	uint64_t next = number;
	enum err e = number ? store_read(n->store, log, number, 1, &next,
					 copy_entry, out)
			    : ERR_NOT_FOUND;

	if (e == ERR_TRIMMED || (!e && next == number))
		return ERR_NOT_FOUND;
	return e;
}

static enum err render(struct hook_news *n, const struct entry *entry,
		       struct text *out)
{
	struct hook_event event;
	struct item created = {.is_event = false}, ended = created;
	const struct hook_request *k;
	enum err e = ERR_NONE;

	if (!hook_event_read(&event, entry))
		return ERR_NOT_FOUND; /* of another life of the logs */
	out->type = event.type;
	out->request_id = event.request_id;
	k = hook_known_find(&n->known, event.request_id);
	if (k && event.type == HOOK_TASK_ASSIGNED)
		e = load(n, "chain", k->created, &created);
	if (k && event.type == HOOK_TASK_FULFILLED)
		e = load(n, "chain", k->ended, &ended);
	if (e != ERR_UNREACHABLE && e != ERR_NO_MEMORY) {
		hook_event_text(&out->text, event.type, entry,
				created.entry.number ? &created.entry : NULL,
				ended.entry.number ? &ended.entry : NULL);
		e = buf_err(&out->text);
	}
	free((void *)created.entry.body.data);
	free((void *)ended.entry.body.data);
	return e;
}

static void drop_texts(struct hook_news *n)
{
	for (unsigned i = 0; i < TEXTS; i++) {
		buf_free(&n->texts[i].text);
		n->texts[i].seq = 0;
	}
	n->texts_bytes = 0;
}

enum err hook_news_text(struct hook_news *n, uint64_t seq,
			struct hook_text *out)
{
	struct text *t = &n->texts[seq % TEXTS];
	struct item loaded = {.is_event = false};
	const struct entry *entry = &loaded.entry;
	enum err e = ERR_NONE;

	if (!n->chain_next)
		return ERR_UNREACHABLE; /* nothing was read yet */
	if (t->seq != seq) {
		struct text fresh = {.seq = seq};

		if (seq >= n->first && seq < n->end)
			entry = &at(n, seq)->entry;
		else
			e = load(n, "book", seq, &loaded);
		if (!e)
			e = render(n, entry, &fresh);
		free((void *)loaded.entry.body.data);
		if (e) {
			buf_free(&fresh.text);
			return e;
		}
		if (n->texts_bytes > TEXTS_BYTES_MAX)
			drop_texts(n);
		n->texts_bytes -= t->text.size;
		n->texts_bytes += fresh.text.size;
		buf_free(&t->text);
		*t = fresh;
	}
	*out = (struct hook_text){t->type, t->request_id, buf_bytes(&t->text)};
	return ERR_NONE;
}
