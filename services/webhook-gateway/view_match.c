/* From the match log: the newest match of a request. */
#include "services/webhook-gateway/view_impl.h"

static int match_by_request(const void *a, const void *b)
{
	const struct msg_match_made *x = a, *y = b;

	return compare_u64(x->request_id, y->request_id);
}

static int match_by_decision(const void *a, const void *b)
{
	const struct msg_match_made *x = a, *y = b;

	return compare_u64(x->decision, y->decision);
}

const struct view_shelf_kind view_matches_kind = {
	sizeof(struct msg_match_made),
	2,
	{[MATCHES_BY_REQUEST] = {match_by_request, NULL, false},
	 [MATCHES_BY_DECISION] = {match_by_decision, NULL, true}}};

const struct msg_match_made *view_match(const struct view *v, uint64_t id)
{
	struct msg_match_made probe = {.request_id = id};

	return view_shelf_at(v->shelves[MATCHES], MATCHES_BY_REQUEST, &probe);
}

const struct msg_match_made *view_match_before(const struct view *v,
					       uint64_t decision)
{
	struct msg_match_made probe = {.decision = decision ? decision
							    : UINT64_MAX};

	return view_shelf_before(v->shelves[MATCHES], MATCHES_BY_DECISION,
				 &probe);
}

static row_id find_match(const struct view *v, uint64_t request_id)
{
	struct msg_match_made probe = {.request_id = request_id};

	return view_shelf_find(v->shelves[MATCHES], MATCHES_BY_REQUEST, &probe);
}

/* Make room: the oldest decision goes. */
static enum err forget_old(struct view *v)
{
	static const struct msg_match_made first;
	const struct msg_match_made *oldest;

	if (view_shelf_count(v->shelves[MATCHES], MATCHES_BY_REQUEST) <=
	    v->history)
		return ERR_NONE;
	oldest = view_shelf_after(v->shelves[MATCHES], MATCHES_BY_DECISION,
				  &first);
	return view_shelf_remove(v->shelves[MATCHES],
				 find_match(v, oldest->request_id));
}

enum err view_on_match_made(struct view *v, struct sink *out,
			    const struct msg_match_made *m)
{
	row_id row = find_match(v, m->request_id);
	struct msg_match_made *match;

	(void)out;
	if (!row)
		return view_shelf_add(v->shelves[MATCHES], m) ? forget_old(v)
							      : ERR_NO_MEMORY;
	match = view_shelf_edit(v->shelves[MATCHES], row);
	if (!match)
		return ERR_NO_MEMORY;
	*match = *m;
	return view_shelf_done(v->shelves[MATCHES], row);
}

enum err view_on_rule_set(struct view *v, struct sink *out,
			  const struct msg_rule_set *m)
{
	(void)out;
	v->chain.rule = *m;
	return ERR_NONE;
}

enum err view_on_round_closed(struct view *v, struct sink *out,
			      const struct msg_round_closed *m)
{
	(void)out;
	return view_close(v, READING_MATCH, &m->block);
}

enum err view_on_round_rolled_back(struct view *v, struct sink *out,
				   const struct msg_round_rolled_back *m)
{
	(void)out;
	return view_roll_back(v, READING_MATCH, &m->to);
}
