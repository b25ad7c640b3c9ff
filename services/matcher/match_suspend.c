/* What contradicts itself: nothing is matched for it, and a person is told. */
#include <string.h>

#include "services/matcher/match_impl.h"

static enum err set_request(struct match *m, uint64_t id)
{
	row_id row = match_find_request(m, id);
	struct request *r = row ? request_edit(m, row) : NULL;

	if (!row)
		return ERR_NONE;
	if (!r)
		return ERR_NO_MEMORY;
	r->suspended = true;
	match_index_forget(m, row);
	return ERR_NONE;
}

/* One that isn't known is remembered: it may come. */
static enum err set_generator(struct match *m, const struct address *who)
{
	struct generator fresh = {.address = *who}, *g;
	row_id row = match_find_generator(m, who);

	if (!row)
		row = state_add(m->state, GENERATORS, &fresh);
	g = row ? generator_edit(m, row) : NULL;
	if (!g)
		return ERR_NO_MEMORY;
	g->suspended = true;
	return match_index_review(m, row);
}

static enum err set_market(struct match *m, uint64_t id)
{
	row_id row = match_find_market(m, id);
	struct market *market = row ? market_edit(m, row) : NULL;

	if (!row)
		return ERR_NONE;
	if (!market)
		return ERR_NO_MEMORY;
	market->suspended = true;
	return ERR_NONE;
}

enum err match_on_suspended(struct match *m, struct sink *out,
			    const struct msg_suspended *s)
{
	static const struct address nobody;

	(void)out;
	if (s->request_id)
		return set_request(m, s->request_id);
	return address_eq(&s->generator, &nobody)
		       ? set_market(m, s->market_id)
		       : set_generator(m, &s->generator);
}

/* ---- found by ourselves -------------------------------------------------- */

static enum err say(struct match *m, struct sink *out,
		    struct msg_match_suspended *what, const char *reason)
{
	struct globals *all = globals_edit(m);

	if (!all)
		return ERR_NO_MEMORY;
	all->suspended++;
	what->reason = (struct bytes){(const uint8_t *)reason, strlen(reason)};
	what->after = all->block;
	return match_send_match_suspended(out, what);
}

enum err match_suspend_request(struct match *m, struct sink *out, uint64_t id,
			       const char *reason)
{
	struct msg_match_suspended what = {.request_id = id};
	enum err e = set_request(m, id);

	return e ? e : say(m, out, &what, reason);
}

enum err match_suspend_generator(struct match *m, struct sink *out,
				 const struct address *who, const char *reason)
{
	struct msg_match_suspended what = {.generator = *who};
	enum err e = set_generator(m, who);

	return e ? e : say(m, out, &what, reason);
}

enum err match_suspend_market(struct match *m, struct sink *out, uint64_t id,
			      const char *reason)
{
	struct msg_match_suspended what = {.market_id = id};
	enum err e = set_market(m, id);

	return e ? e : say(m, out, &what, reason);
}
