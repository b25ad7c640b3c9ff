/* Channels: what each subscription is to be sent next, and how that begins. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "services/webhook-gateway/feed_impl.h"
#include "services/webhook-gateway/pack.h"

static const char *const reasons[] = {
	[FEED_FIRST] = "first",	      [FEED_OLD_EPOCH] = "epoch",
	[FEED_WINDOW] = "window",     [FEED_AHEAD] = "ahead",
	[FEED_ROLLBACK] = "rollback", [FEED_BEHIND] = "lagging",
};

/* ---- where a subscription is -------------------------------------------- */

void feed_conflate(struct feed *f)
{
	for (unsigned i = 0; i < f->subs_count; i++) {
		struct feed_sub *s = &f->subs[i];

		if (s->reason)
			continue; /* a snapshot is due already */
		s->reason = FEED_BEHIND;
		s->tell_lagging = true;
	}
	f->conflated = true;
	f->conflations++;
}

static bool is_for(const struct feed_sub *s, const struct topic *t)
{
	return t->rolls_back || topic_fits(t, &s->filter);
}

/* The item that is next for it, NULL if there is none; what isn't for it is
 * passed over for good. One that the window left behind needs a snapshot. */
static const struct tail_item *find_next(struct feed *f, struct feed_sub *s,
					 const struct feed_world *w)
{
	enum logs log = channel_log(s->filter.channel);
	uint64_t end = feed_shown(w, log);

	if (s->reason)
		return NULL;
	if (end > tail_newest(w->tail, log))
		end = tail_newest(w->tail, log);
	if (s->next <= end && s->next < tail_oldest(w->tail, log)) {
		f->hopeless = f->conflated;
		feed_conflate(f);
		return NULL;
	}
	for (; s->next <= end; s->next++) {
		const struct tail_item *item = tail_item(w->tail, log, s->next);

		if (is_for(s, &item->topic))
			return item;
	}
	return NULL;
}

static struct feed_sub *find_reason(const struct feed *f)
{
	for (unsigned i = 0; i < f->subs_count; i++)
		if (f->subs[i].reason)
			return &f->subs[i];
	return NULL;
}

static struct feed_sub *find_checksum(const struct feed *f)
{
	for (unsigned i = 0; i < f->subs_count; i++)
		if (f->subs[i].filter.channel == CHANNEL_BOOK &&
		    !f->subs[i].reason &&
		    f->subs[i].changes >= FEED_CHECKSUM_EVERY)
			return &f->subs[i];
	return NULL;
}

/* Of all subscriptions the item that came first. */
static const struct tail_item *find_first(struct feed *f,
					  const struct feed_world *w,
					  struct feed_sub **sub)
{
	const struct tail_item *first = NULL;

	for (unsigned i = 0; i < f->subs_count; i++) {
		const struct tail_item *item = find_next(f, &f->subs[i], w);

		if (item && (!first || item->turn < first->turn)) {
			first = item;
			*sub = &f->subs[i];
		}
	}
	return first;
}

bool feed_has_more(struct feed *f, const struct feed_world *w)
{
	struct feed_sub *sub;

	return find_first(f, w, &sub) || find_reason(f) || find_checksum(f);
}

/* ---- how messages begin ------------------------------------------------- */

/* @head, an object, and @rest, the members of another with what ends it: one
 * object. @rest has room in front. Empty if memory ran out. */
static struct bytes join(enum form form, const char *head, size_t head_size,
			 struct bytes rest, unsigned members)
{
	struct buf packed = {0};
	uint8_t *at;

	if (form == FORM_JSON) {
		at = (uint8_t *)rest.data - head_size;
		memcpy(at, head, head_size);
		at[head_size - 1] = ','; /* it had ended there */
		return (struct bytes){at, rest.size + head_size};
	}
	pack_json(&packed, (struct bytes){(const uint8_t *)head, head_size});
	if (buf_failed(&packed))
		return (struct bytes){NULL, 0};
	head_size = packed.size;
	at = (uint8_t *)rest.data - head_size;
	memcpy(at, packed.data, head_size);
	at[0] = (uint8_t)(at[0] + members); /* at most 15 of both together */
	buf_free(&packed);
	return (struct bytes){at, rest.size + head_size};
}

/* ---- pieces ------------------------------------------------------------- */

static enum feed_piece tell_lagging(struct feed *f, struct feed_sub *s)
{
	struct doc d = feed_begin_answer(f, "lagging");

	doc_count(&d, "sub", s->number);
	doc_count(&d, "prev", s->prev);
	doc_text(&d, "text",
		 "you read slower than the market changes: changes after prev "
		 "are left out, a snapshot follows");
	doc_end(&d);
	s->tell_lagging = false;
	return FEED_SAID;
}

static enum feed_piece give_snapshot(struct feed *f, struct feed_sub *s,
				     const struct feed_world *w,
				     struct bytes *out)
{
	struct print *print = press_take(w->press, &s->filter, f->form);
	char head[96];
	int size;

	if (!print) {
		f->moved = true; /* that it waits is not its fault */
		return FEED_NOTHING;
	}
	size = snprintf(head, sizeof head,
			"{\"op\":\"snapshot\",\"sub\":%u,\"reason\":\"%s\"}",
			s->number, reasons[s->reason]);
	*out = join(f->form, head, (size_t)size,
		    (struct bytes){print->text.data + TAIL_HEADROOM + 1,
				   print->text.size - TAIL_HEADROOM - 1},
		    print->members);
	if (!out->size) {
		press_return(w->press, print);
		return FEED_FAILED;
	}
	f->print = print;
	f->print_at = 0;
	s->reason = FEED_NONE;
	s->next = print->seq + 1;
	s->prev = print->seq;
	s->changes = 0;
	return FEED_PRINT;
}

static const char *confirmation(const struct feed_world *w,
				const struct tail_item *item)
{
	uint64_t tip = view_log(w->view, item->log)->block.number;

	return item->block + w->depth <= tip ? "final" : "latest";
}

static enum feed_piece give_change(struct feed *f, struct feed_sub *s,
				   const struct feed_world *w,
				   const struct tail_item *item,
				   struct bytes *out)
{
	uint64_t number = item->entry.number, prev = s->prev;
	const struct tail_item *then;
	unsigned members = 0;
	struct bytes rest = tail_change(w->tail, item->log, number,
					s->filter.channel, f->form, &members);
	char head[160];
	int size;

	if (!rest.size)
		return FEED_FAILED;
	s->next = number + 1;
	s->prev = number;
	s->changes++;
	then = find_next(f, s, w);
	size = snprintf(head, sizeof head,
			"{\"op\":\"change\",\"sub\":%u,\"prev\":%" PRIu64
			",\"last\":%s,\"confirmation\":\"%s\"}",
			s->number, prev,
			then && !then->topic.rolls_back &&
					then->block == item->block
				? "false"
				: "true",
			confirmation(w, item));
	*out = join(f->form, head, (size_t)size, rest, members);
	return out->size ? FEED_TEXT : FEED_FAILED;
}

/* Append the numbers of the changes that @back undoes, the newest first; false
 * if not all of them are in the window. What an earlier roll-back undid, this
 * one doesn't. */
static bool list_undone(struct doc *d, const struct feed_sub *s,
			const struct feed_world *w,
			const struct tail_item *back, unsigned *count)
{
	uint64_t to = back->topic.to.number, standing = UINT64_MAX;

	for (uint64_t n = back->entry.number - 1;
	     n && n >= tail_oldest(w->tail, back->log); n--) {
		const struct tail_item *item = tail_item(w->tail, back->log, n);
		const struct topic *t = &item->topic;

		if (t->rolls_back && t->to.number < standing)
			standing = t->to.number;
		if (standing <= to || (t->ends_block && item->block <= to))
			return true;
		if (item->block > to && item->block <= standing &&
		    topic_fits(t, &s->filter)) {
			doc_count(d, NULL, n);
			++*count;
		}
	}
	return back->entry.number == 1 || tail_oldest(w->tail, back->log) == 1;
}

static enum feed_piece tell_rollback(struct feed *f, struct feed_sub *s,
				     const struct feed_world *w,
				     const struct tail_item *item)
{
	struct buf undone = {0};
	struct doc list = {&undone, false}, d;
	unsigned count = 0;
	bool all;

	doc_array(&list, NULL);
	all = list_undone(&list, s, w, item, &count);
	doc_end_array(&list);
	d = feed_begin_answer(f, "rollback");
	doc_count(&d, "sub", s->number);
	doc_count(&d, "prev", s->prev);
	doc_text(&d, "channel", channel_name(s->filter.channel));
	doc_count(&d, "seq", item->entry.number);
	doc_block(&d, "to", &item->topic.to);
	if (all && !buf_failed(&undone))
		doc_raw(&d, "undone", buf_bytes(&undone));
	else
		doc_null(&d, "undone");
	doc_end(&d);
	buf_free(&undone);
	s->next = item->entry.number + 1;
	s->prev = item->entry.number;
	if (count || !all)
		s->reason = FEED_ROLLBACK;
	return FEED_SAID;
}

static enum feed_piece tell_checksum(struct feed *f, struct feed_sub *s,
				     const struct feed_world *w)
{
	struct doc d = feed_begin_answer(f, "checksum");
	char sum[16];

	snprintf(sum, sizeof sum, "%08" PRIx32,
		 press_checksum(w->press, s->filter.market_id));
	doc_count(&d, "sub", s->number);
	doc_text(&d, "channel", channel_name(CHANNEL_BOOK));
	doc_count(&d, "seq", feed_shown(w, LOGS_BOOK));
	doc_text(&d, "checksum", sum);
	doc_end(&d);
	s->changes = 0;
	return FEED_SAID;
}

enum feed_piece feed_next(struct feed *f, const struct feed_world *w,
			  struct bytes *out)
{
	struct feed_sub *first = NULL, *s;
	/* Also finds out who was left behind, and needs a snapshot. */
	const struct tail_item *item = find_first(f, w, &first);
	enum feed_piece piece;

	s = find_reason(f);
	if (s) {
		piece = s->tell_lagging ? tell_lagging(f, s)
					: give_snapshot(f, s, w, out);
		if (piece != FEED_NOTHING)
			return piece;
	}
	if (item)
		return item->topic.rolls_back
			       ? tell_rollback(f, first, w, item)
			       : give_change(f, first, w, item, out);
	if (s)
		return FEED_NOTHING; /* it waits for room */
	/* Nothing is due: the client's book is that of the view. */
	s = find_checksum(f);
	return s ? tell_checksum(f, s, w) : FEED_NOTHING;
}

void feed_drop_print(struct feed *f, const struct feed_world *w)
{
	if (f->print)
		press_return(w->press, f->print);
	f->print = NULL;
}
