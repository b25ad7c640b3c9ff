/* What is kept of requests that ended, for statistics of each market. */
#include "services/webhook-gateway/view_impl.h"

const struct view_sample *view_sample_before(const struct view *v,
					     uint64_t market_id,
					     const struct view_sample *after)
{
	struct view_sample probe = {.market_id = market_id,
				    .ended_seq = UINT64_MAX};
	const struct view_sample *s = view_shelf_before(
		v->shelves[SAMPLES], SAMPLES_BY_MARKET, after ? after : &probe);

	return s && s->market_id == market_id ? s : NULL;
}

static enum err remove_oldest(struct view *v, uint64_t market_id)
{
	struct view_shelf *samples = v->shelves[SAMPLES];
	struct view_sample probe = {.market_id = market_id};

	return view_shelf_remove(
		samples,
		view_shelf_find(
			samples, SAMPLES_BY_MARKET,
			view_shelf_after(samples, SAMPLES_BY_MARKET, &probe)));
}

enum err view_add_sample(struct view *v, const struct view_request *r)
{
	const struct msg_request_record *s = &r->record;
	struct view_sample fresh = {.market_id = s->market_id,
				    .request_id = s->request_id,
				    .ended_seq = r->ended_seq,
				    .state = r->state,
				    .paid = s->paid,
				    .arrived_block = s->arrived.block,
				    .arrived = s->time,
				    .assigned = s->assigned_time,
				    .ended = s->ended_time};
	struct view_market *market = view_edit_market(v, s->market_id);

	if (!market)
		return view_contradicted(v);
	if (!view_shelf_add(v->shelves[SAMPLES], &fresh))
		return ERR_NO_MEMORY;
	if (market->samples < VIEW_SAMPLES_MAX) {
		market->samples++;
		return ERR_NONE;
	}
	return remove_oldest(v, s->market_id);
}
