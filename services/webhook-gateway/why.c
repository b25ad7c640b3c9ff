/* The copy follows the logs, and goes back over its newest rounds. */
#include "services/webhook-gateway/why.h"

#include <assert.h>
#include <stdlib.h>

#include "common/scan.h"

enum { HELD_KEPT_BYTES = 1 << 20 };

/* A round that can be folded once more. */
struct round {
	struct block_ref block;
	uint64_t matches;
	struct buf entries; /* of its block, as they came */
};

struct why {
	struct sink sink; /* first: what the copy says comes here */
	struct match *match;
	unsigned depth;
	uint64_t seq;
	bool lost;

	struct buf held;    /* entries that wait for their mark, or the rule */
	uint64_t said;	    /* matches of the round that is being folded */
	struct round *ring; /* of `room`, the oldest at `first` */
	unsigned room, first, count;
	uint64_t matches, bytes; /* in the ring */

	/* The newest round of the match log. */
	struct msg_round_closed theirs;
};

/* ---- the ring ----------------------------------------------------------- */

static struct round *round_at(const struct why *w, unsigned i)
{
	return &w->ring[(w->first + i) % w->room];
}

static void empty(struct why *w, struct round *r)
{
	w->matches -= r->matches;
	w->bytes -= r->entries.size;
	buf_free(&r->entries);
	w->count--;
}

static void drop_oldest(struct why *w)
{
	empty(w, round_at(w, 0));
	w->first = (w->first + 1) % w->room;
}

static bool holds_enough(const struct why *w)
{
	return w->count > 1 &&
	       (w->bytes > WHY_BYTES_MAX ||
		w->matches - round_at(w, 0)->matches >= WHY_MATCHES_MAX);
}

/* The round that was just folded; its entries are taken over. */
static void keep_round(struct why *w, const struct block_ref *block,
		       struct buf *entries)
{
	struct round *r;

	if (!block->number) { /* nothing is before it to go back to */
		buf_free(entries);
		return;
	}
	if (w->count == w->room)
		drop_oldest(w);
	r = round_at(w, w->count++);
	*r = (struct round){*block, w->said, *entries};
	*entries = (struct buf){0};
	w->matches += r->matches;
	w->bytes += r->entries.size;
	while (holds_enough(w))
		drop_oldest(w);
}

static void drop_above(struct why *w, uint64_t number)
{
	while (w->count && round_at(w, w->count - 1)->block.number > number)
		empty(w, round_at(w, w->count - 1));
}

/* ---- life --------------------------------------------------------------- */

static enum err on_said(struct sink *sink, uint16_t number, struct bytes body)
{
	struct why *w = (struct why *)sink;

	(void)body;
	w->said += number == MSG_MATCH_MADE;
	return ERR_NONE;
}

enum err why_new(struct why **out, unsigned depth, unsigned rounds)
{
	struct why *w = calloc(1, sizeof *w);

	if (w)
		w->ring = calloc(rounds, sizeof w->ring[0]);
	if (!w || !w->ring) {
		free(w);
		return ERR_NO_MEMORY;
	}
	w->sink.put = on_said;
	w->room = rounds;
	w->depth = depth > rounds ? depth : rounds;
	*out = w;
	return ERR_NONE;
}

static void let_go(struct why *w)
{
	match_free(&w->match);
	while (w->count)
		drop_oldest(w);
	buf_free(&w->held);
	w->lost = true;
}

void why_free(struct why **why)
{
	struct why *w = *why;

	if (!w)
		return;
	let_go(w);
	buf_free(&w->sink.scratch);
	free(w->ring);
	free(w);
	*why = NULL;
}

void why_give_up(struct why *w)
{
	let_go(w);
}

enum why_state why_state(const struct why *w)
{
	return w->lost ? WHY_LOST : w->match ? WHY_TRUE : WHY_BEHIND;
}

uint64_t why_seq(const struct why *w)
{
	return w->seq;
}

/* ---- the book log ------------------------------------------------------- */

struct held_entry {
	uint64_t number;
	uint16_t type;
	struct bytes body;
};

static void hold(struct buf *held, const struct entry *entry)
{
	buf_put_be64(held, entry->number);
	buf_put_be16(held, entry->type);
	buf_put_be32(held, (uint32_t)entry->body.size);
	buf_put(held, entry->body.data, entry->body.size);
}

static struct held_entry next_held(struct scan *in)
{
	struct held_entry h = {.number = scan_be64(in)};

	h.type = scan_be16(in);
	h.body.size = scan_be32(in);
	h.body.data = scan_take(in, h.body.size);
	return h;
}

/* Fold all that is in @entries, which end with a mark or hold several. */
static enum err fold(struct why *w, struct bytes entries)
{
	struct scan in = scan_begin(entries);
	enum err e = ERR_NONE;

	while (!e && in.at != in.end) {
		struct held_entry h = next_held(&in);

		e = match_receive(w->match, &w->sink, h.type, h.body);
	}
	return e;
}

/* The copy has folded what is held, up to and with its mark. */
static enum err after_mark(struct why *w, const struct held_entry *mark,
			   struct buf *entries)
{
	struct msg_book_rolled_back back;
	struct msg_block_closed closed;
	enum err e;

	w->seq = mark->number;
	if (mark->type == MSG_BOOK_ROLLED_BACK) {
		e = msg_book_rolled_back_decode(&back, mark->body);
		if (!e)
			drop_above(w, back.to.number);
		buf_clear(entries);
		return e;
	}
	e = msg_block_closed_decode(&closed, mark->body);
	if (!e)
		keep_round(w, &closed.block, entries);
	return e;
}

/* Fold what is held, mark by mark: several are there when the rule came late.
 */
static enum err release(struct why *w)
{
	struct buf held = w->held, round = {0};
	struct scan in = scan_begin(buf_bytes(&held));
	enum err e = ERR_NONE;

	w->held = (struct buf){0};
	while (!e && in.at != in.end) {
		const uint8_t *from = in.at;
		struct held_entry h = next_held(&in);

		buf_put(&round, from, (size_t)(in.at - from));
		if (!match_is_mark(h.type))
			continue;
		e = buf_err(&round);
		w->said = 0;
		if (!e)
			e = fold(w, buf_bytes(&round));
		if (!e)
			e = after_mark(w, &h, &round);
	}
	buf_free(&round);
	if (held.room <= HELD_KEPT_BYTES) {
		buf_clear(&held);
		w->held = held;
	} else {
		buf_free(&held);
	}
	return e;
}

static enum err take_book(struct why *w, const struct entry *entry)
{
	enum err e;

	hold(&w->held, entry);
	e = buf_err(&w->held);
	if (e || !w->match || !match_is_mark(entry->type))
		return e;
	return release(w);
}

/* ---- the match log ------------------------------------------------------ */

/* Entry 1. The matcher said it after a mark, so the book log has some that are
 * held by now, or will come. */
static enum err take_rule(struct why *w, struct bytes body)
{
	struct msg_rule_set m;
	struct match_rule rule;
	enum err e = msg_rule_set_decode(&m, body);

	if (e)
		return e;
	if (w->match || m.version != MATCH_RULE_VERSION)
		return ERR_CONFLICT; /* another rule than this program has */
	rule = (struct match_rule){.lifetime_s = m.match_lifetime,
				   .task_limit = m.task_limit,
				   .spread_members = m.spread_members,
				   .cooling_max = m.cooling_max};
	e = match_new(&w->match, &rule, w->depth);
	return e ? e : release(w);
}

static bool is_round(uint16_t number)
{
	return number == MSG_BLOCK_CLOSED || number == MSG_ROUND_CLOSED;
}

/* Whichever log comes to a block second is compared with the first. */
static enum err compare(const struct why *w)
{
	struct match_sizes ours;

	if (!w->match)
		return ERR_NONE;
	ours = match_sizes(w->match);
	if (ours.block.number != w->theirs.block.number ||
	    !hash32_eq(&ours.block.hash, &w->theirs.block.hash))
		return ERR_NONE;
	return ours.decisions == w->theirs.decisions &&
			       hash32_eq(&ours.root, &w->theirs.root)
		       ? ERR_NONE
		       : ERR_CONFLICT;
}

static enum err take_match(struct why *w, const struct entry *entry)
{
	switch (entry->type) {
	case MSG_RULE_SET:
		return take_rule(w, entry->body);
	case MSG_ROUND_CLOSED:
		return msg_round_closed_decode(&w->theirs, entry->body);
	case MSG_ROUND_ROLLED_BACK:
		w->theirs = (struct msg_round_closed){.matches = 0};
		return ERR_NONE;
	default:
		return ERR_NONE;
	}
}

void why_take(struct why *w, enum logs log, const struct entry *entry)
{
	enum err e = ERR_NONE;

	if (w->lost || (log != LOGS_BOOK && log != LOGS_MATCH))
		return;
	e = log == LOGS_BOOK ? take_book(w, entry) : take_match(w, entry);
	if (!e && is_round(entry->type))
		e = compare(w);
	if (e)
		let_go(w);
}

/* ---- whys --------------------------------------------------------------- */

enum err why_request(const struct why *w, uint64_t id, struct match_why *out)
{
	assert(why_state(w) == WHY_TRUE);
	return match_why(w->match, id, out);
}

/* A generator that asks. */
struct asking {
	const struct address *generator;
	uint64_t market_id;
	const struct block_ref *block; /* of the round being folded */
	struct why_losses *out;
};

const struct why_loss *why_loss(const struct why_losses *l, uint64_t i)
{
	if (i >= l->lost || i >= WHY_MATCHES_MAX)
		return NULL;
	return &l->losses[(l->lost - 1 - i) % WHY_MATCHES_MAX];
}

static void on_decided(void *arg, const struct match *m, uint64_t request_id,
		       const struct address *winner)
{
	const struct asking *a = arg;
	struct why_losses *out = a->out;
	struct why_loss loss = {.request_id = request_id, .block = *a->block};

	if (match_offer(m, request_id, winner, &loss.theirs) ||
	    (a->market_id && loss.theirs.market_id != a->market_id))
		return;
	out->matches++;
	if (address_eq(winner, a->generator)) {
		out->won++;
	} else if (match_offer(m, request_id, a->generator, &loss.mine)) {
		out->no_quote++;
	} else if (loss.mine.miss != MATCH_MISSES) {
		out->misses[loss.mine.miss]++;
	} else {
		loss.decision = match_sizes(m).decisions + 1;
		loss.element = match_element(&loss.mine, &loss.theirs);
		out->losses[out->lost++ % WHY_MATCHES_MAX] = loss;
	}
}

static enum err undo_rounds(struct why *w)
{
	struct msg_book_rolled_back back = {
		.to.number = round_at(w, 0)->block.number - 1};
	struct buf bytes = {0};
	enum err e;

	wire_encode(&msg_book_rolled_back_wire, &back, &bytes);
	e = buf_err(&bytes);
	if (!e)
		e = match_receive(w->match, &w->sink, MSG_BOOK_ROLLED_BACK,
				  buf_bytes(&bytes));
	buf_free(&bytes);
	return e;
}

static enum err fold_rounds(struct why *w, struct asking *a)
{
	enum err e = ERR_NONE;

	match_watch(w->match, on_decided, a);
	for (unsigned i = 0; i < w->count && !e; i++) {
		const struct round *r = round_at(w, i);

		a->block = &r->block;
		e = fold(w, buf_bytes(&r->entries));
	}
	match_watch(w->match, NULL, NULL);
	return e;
}

enum err why_generator(struct why *w, const struct address *generator,
		       uint64_t market_id, struct why_losses *out)
{
	struct asking a = {generator, market_id, NULL, out};
	struct match_sizes before, after;
	enum err e;

	assert(why_state(w) == WHY_TRUE);
	memset(out, 0, sizeof *out);
	if (!w->count)
		return ERR_NONE;
	out->from = round_at(w, 0)->block;
	out->to = round_at(w, w->count - 1)->block;
	before = match_sizes(w->match);
	e = undo_rounds(w);
	if (!e)
		e = fold_rounds(w, &a);
	if (e) {
		let_go(w);
		return e;
	}
	after = match_sizes(w->match);
	if (hash32_eq(&before.root, &after.root) &&
	    before.decisions == after.decisions)
		return ERR_NONE;
	let_go(w);
	return ERR_CONFLICT;
}
