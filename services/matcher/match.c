/* Life, and the rounds in which decisions are made. */
#include "services/matcher/match.h"

#include <stdlib.h>
#include <string.h>

#include "common/be.h"
#include "common/sha256.h"
#include "services/matcher/match_impl.h"

/* What a root is the hash of: the root before it, and the decision record. */
enum { ROOT_BYTES = 32 + 140 };

bool match_is_mark(uint16_t number)
{
	return number == MSG_BLOCK_CLOSED || number == MSG_BOOK_ROLLED_BACK;
}

/* ---- life --------------------------------------------------------------- */

enum err match_new(struct match **out, const struct match_rule *rule,
		   unsigned depth)
{
	struct match *m;
	enum err e;

	*out = NULL;
	if (rule->task_limit > MATCH_TASK_LIMIT_MAX)
		return ERR_RANGE;
	m = calloc(1, sizeof *m);
	if (!m)
		return ERR_NO_MEMORY;
	m->rule = *rule;
	e = state_new(&m->state, match_tables, TABLES_END, depth);
	if (!e)
		e = match_index_new(m);
	if (e)
		match_free(&m);
	*out = m;
	return e;
}

void match_free(struct match **match)
{
	if (!*match)
		return;
	match_index_free(*match);
	state_free(&(*match)->state);
	free(*match);
	*match = NULL;
}

void match_watch(struct match *m, match_decided_fn *fn, void *arg)
{
	m->decided = fn;
	m->decided_arg = arg;
}

struct match_sizes match_sizes(const struct match *m)
{
	struct match_sizes s = {.quotes = state_count(m->state, QUOTES)};

	if (!globals(m))
		return s;
	s.matched = globals(m)->matched;
	s.waiting = globals(m)->waiting;
	s.decisions = globals(m)->decisions;
	s.suspended = globals(m)->suspended;
	s.block = globals(m)->block;
	s.root = globals(m)->root;
	return s;
}

/* ---- rounds ------------------------------------------------------------- */

static uint8_t *put(uint8_t *p, const void *bytes, size_t size)
{
	memcpy(p, bytes, size);
	return p + size;
}

enum err match_root(struct hash32 *out, const struct hash32 *before,
		    const struct msg_match_made *made)
{
	uint8_t record[ROOT_BYTES], *p = record;

	if (made->price.v.limb[2] | made->price.v.limb[3])
		return ERR_RANGE;
	p = put(p, before->bytes, sizeof before->bytes);
	p = be64_put(p, made->decision);
	p = be64_put(p, made->block.number);
	p = put(p, made->block.hash.bytes, sizeof made->block.hash.bytes);
	p = be64_put(p, made->block.time.v);
	p = put(p, (const uint8_t[24]){0}, 24); /* ids have 32 bytes there */
	p = be64_put(p, made->request_id);
	p = put(p, made->generator.bytes, sizeof made->generator.bytes);
	p = be64_put(p, made->price.v.limb[1]);
	p = be64_put(p, made->price.v.limb[0]);
	p = be32_put(p, made->response_time);
	p = be64_put(p, made->valid_until.v);
	p = be32_put(p, made->rule);
	sha256_of(out, record, (size_t)(p - record));
	return ERR_NONE;
}

static enum err make_match(struct match *m, struct sink *out, row_id request,
			   row_id quote, const struct block_ref *block,
			   uint32_t index)
{
	const struct request *r = request_at(m, request);
	const struct quote *q = quote_at(m, quote);
	struct globals *all = globals_edit(m);
	struct msg_match_made made = {
		.request_id = r->id,
		.market_id = market_at(m, r->market)->id,
		.generator = generator_at(m, q->generator)->address,
		.decision = all ? all->decisions + 1 : 0,
		.block = *block,
		.price = {u256_from_u128(q->price)},
		.response_time = q->response_time,
		.valid_until = {block->time.v + m->rule.lifetime_s},
		.rule = MATCH_RULE_VERSION,
	};
	struct place turn = {block->number, TURN_OF_MATCH | index};
	enum err e;

	if (!all)
		return ERR_NO_MEMORY;
	if (m->decided)
		m->decided(m->decided_arg, m, r->id, &made.generator);
	e = match_root(&made.root, &all->root, &made);
	if (e)
		return e;
	all->decisions++;
	all->root = made.root;
	e = match_reserve(m, request, quote, made.valid_until, turn);
	return e ? e : match_send_match_made(out, &made);
}

/* Matches that the newest block is past have not been mined and can't be. */
static enum err lapse(struct match *m, struct unix_s now)
{
	enum err e = ERR_NONE;
	row_id hold;

	while (!e && (hold = match_index_lapsing(m, now.v)))
		e = match_release(m, hold_at(m, hold)->request);
	return e;
}

/* Pairs that rested until this block, or since the one before. */
static enum err warm_up(struct match *m, uint64_t before, uint64_t now)
{
	struct cooling probe = {.until = before};
	enum err e = ERR_NONE;
	row_id row;

	memset(probe.generator.bytes, 0xff, sizeof probe.generator.bytes);
	probe.request_id = UINT64_MAX;
	while (!e &&
	       (row = order_after(state_order(m->state, COOLING), &probe))) {
		const struct cooling *c = cooling_at(m, row);

		if (c->until > now)
			break;
		probe = *c;
		if (is_open(request_at(m, c->request)))
			e = match_index_news(m, c->request);
	}
	return e;
}

static enum err decide_one(struct match *m, struct sink *out, row_id request,
			   const struct block_ref *block, uint32_t *made)
{
	const struct request *r = request_at(m, request);
	row_id quote = r->expiry.v <= block->time.v
			       ? 0
			       : match_choose(m, request, block->number);

	if (quote)
		match_index_prefetch(m, quote);
	return quote ? make_match(m, out, request, quote, block, (*made)++)
		     : match_index_wait(m, request);
}

static enum err decide(struct match *m, struct sink *out,
		       const struct block_ref *block, uint32_t *made)
{
	enum err e = match_index_round(m, block->time.v);
	row_id request = 0;

	do {
		if (!e)
			e = match_index_pop(m, block->time.v, &request);
		if (!e && request)
			e = decide_one(m, out, request, block, made);
	} while (!e && request);
	return e ? e : match_index_round_over(m);
}

enum err match_on_block_closed(struct match *m, struct sink *out,
			       const struct msg_block_closed *s)
{
	struct msg_round_closed closed = {.block = s->block};
	struct globals *all = globals_edit(m);
	uint64_t before;
	enum err e;

	if (!all)
		return ERR_NO_MEMORY;
	before = all->block.number;
	all->block = s->block;
	e = lapse(m, s->block.time);
	if (!e)
		e = warm_up(m, before, s->block.number);
	if (!e)
		e = decide(m, out, &s->block, &closed.matches);
	if (!e)
		e = state_close(m->state, s->block.number);
	closed.decisions = globals(m)->decisions;
	closed.root = globals(m)->root;
	return e ? e : match_send_round_closed(out, &closed);
}

enum err match_on_book_rolled_back(struct match *m, struct sink *out,
				   const struct msg_book_rolled_back *s)
{
	struct msg_round_rolled_back back = {.to = s->to};
	struct match_sizes sizes;
	enum err e;

	m->market = 0; /* it may go, too */
	match_index_undo(m, false);
	e = state_roll_back(m->state, s->to.number);
	if (!e)
		e = match_index_undone(m);
	if (e)
		return e;
	/* Undone to before the first block: the row of globals went, too. */
	if (!state_count(m->state, GLOBALS))
		m->globals = 0;
	sizes = match_sizes(m);
	back.decisions = sizes.decisions;
	back.root = sizes.root;
	return match_send_round_rolled_back(out, &back);
}

enum err match_on_book_opened(struct match *m, struct sink *out,
			      const struct msg_book_opened *s)
{
	struct msg_rule_set rule = {
		.version = MATCH_RULE_VERSION,
		.match_lifetime = m->rule.lifetime_s,
		.task_limit = m->rule.task_limit,
		.spread_members = m->rule.spread_members,
		.cooling_max = m->rule.cooling_max,
	};

	(void)s;
	return match_send_rule_set(out, &rule);
}
