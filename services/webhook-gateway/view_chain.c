/* From the chain log: the chain itself, and what a market's creator said. */
#include "services/webhook-gateway/view_impl.h"

static int origin_by_market(const void *a, const void *b)
{
	const struct view_origin *x = a, *y = b;

	return compare_u64(x->market_id, y->market_id);
}

const struct view_shelf_kind view_origins_kind = {
	sizeof(struct view_origin), 1, {{origin_by_market, NULL, false}}};

const struct view_origin *view_origin(const struct view *v, uint64_t market_id)
{
	struct view_origin probe;

	probe.market_id = market_id; /* the rest is large, and no key */
	return view_shelf_at(v->shelves[ORIGINS], ORIGINS_BY_MARKET, &probe);
}

/* ---- the chain ---------------------------------------------------------- */

enum err view_on_chain_opened(struct view *v, struct sink *out,
			      const struct msg_chain_opened *m)
{
	(void)out;
	v->chain.opened = *m;
	return ERR_NONE;
}

enum err view_on_block_mark(struct view *v, struct sink *out,
			    const struct msg_block_mark *m)
{
	(void)out;
	v->chain.base_fee = m->base_fee;
	return view_close(v, READING_CHAIN, &m->block);
}

enum err view_on_rollback(struct view *v, struct sink *out,
			  const struct msg_rollback *m)
{
	(void)out;
	v->chain.rollbacks++;
	v->chain.rollback_seq = v->number;
	v->chain.rollback_from = m->from;
	v->chain.rollback_to = m->to;
	return view_roll_back(v, READING_CHAIN, &m->to);
}

enum err view_on_event_unreadable(struct view *v, struct sink *out,
				  const struct msg_event_unreadable *m)
{
	(void)out;
	(void)m;
	v->chain.unreadable++;
	return ERR_NONE;
}

/* ---- markets ------------------------------------------------------------ */

enum err view_on_market_created(struct view *v, struct sink *out,
				const struct msg_market_created *m)
{
	struct view_origin o = {.market_id = m->market_id,
				.max_input_bytes = m->max_input_bytes,
				.fee = m->fee,
				.at = m->at,
				.time = m->time,
				.tx = m->tx,
				.metadata_size = (uint32_t)m->metadata.size};

	(void)out;
	if (view_origin(v, m->market_id))
		return view_contradicted(v);
	if (m->metadata.size && m->metadata.size <= VIEW_METADATA_MAX)
		memcpy(o.metadata, m->metadata.data, m->metadata.size);
	return view_shelf_add(v->shelves[ORIGINS], &o) ? ERR_NONE
						       : ERR_NO_MEMORY;
}

/* ---- what the book log says better -------------------------------------- */

#define PASS_OVER(message)                                                     \
	enum err view_on_##message(struct view *v, struct sink *out,           \
				   const struct msg_##message *m)              \
	{                                                                      \
		(void)v;                                                       \
		(void)out;                                                     \
		(void)m;                                                       \
		return ERR_NONE;                                               \
	}
PASS_OVER(request_created)
PASS_OVER(request_cancelled)
PASS_OVER(request_rejected)
PASS_OVER(task_created)
PASS_OVER(assignment_skipped)
PASS_OVER(match_root_published)
PASS_OVER(inputs_invalidated)
PASS_OVER(task_slashed)
