/* match_index_impl - what the files of match_index share; nobody else includes
 * it. */
#ifndef SERVICES_MATCHER_MATCH_INDEX_IMPL_H
#define SERVICES_MATCHER_MATCH_INDEX_IMPL_H

#include "common/pool.h"
#include "services/matcher/match_impl.h"
#include "services/matcher/match_lapse.h"
#include "services/matcher/match_ranking.h"
#include "services/matcher/match_waiting.h"

/* Of a quote or a request. */
enum mark {
	OPEN = 1,     /* the quote can be found in the rankings */
	FRESH = 2,    /* it is in `fresh` */
	NEWS = 4,     /* the request is in `news` */
	GIVEN = 8,    /* it was looked at in this round */
	TOUCHED = 16, /* by undo */
	OUT = 32      /* and not in the rankings until that is over */
};

/* A request to look at, and the quote it was found for; 0 for news. */
struct candidate {
	uint64_t order;
	row_id request, quote;
};

struct touched {
	uint32_t table;
	row_id row;
};

/* What is kept for a quote beside its row. Marks come first: they are found in
 * the items of both pools. */
struct quote_side {
	uint8_t marks;
	ranking_leaf leaves[2];
};

struct match_index {
	struct ranking *rankings[2]; /* by enum preference */
	struct waiting *waiting;
	struct lapse lapse;
	struct pool quotes;	  /* struct quote_side, by row */
	struct pool requests;	  /* uint8_t: marks, by row */
	struct pool fresh, news;  /* row_id: since the last round */
	struct pool given, aside; /* row_id: in this round */
	struct pool heap;	  /* struct candidate: least order first */
	uint32_t next_news;	  /* of the round, while they are in order */
	struct pool touched;	  /* struct touched */
	bool quiet;		  /* what becomes open isn't fresh */
	bool loading;
};

/* ---- lists and marks ---------------------------------------------------- */

static inline uint8_t *mark_of(const struct pool *marks, row_id row)
{
	return pool_at(marks, row);
}

static inline bool has_mark(const struct pool *marks, row_id row,
			    enum mark mark)
{
	return row < marks->count && (*mark_of(marks, row) & mark);
}

static inline void set_mark(struct pool *marks, row_id row, enum mark mark,
			    bool on)
{
	uint8_t *m = mark_of(marks, row);

	*m = (uint8_t)(on ? *m | mark : *m & ~mark);
}

static inline enum err push(struct pool *list, row_id row)
{
	if (!pool_grow(list))
		return ERR_NO_MEMORY;
	*(row_id *)pool_item(list, list->count - 1, sizeof row) = row;
	return ERR_NONE;
}

static inline row_id item(const struct pool *list, uint32_t i)
{
	return *(row_id *)pool_item(list, i, sizeof(row_id));
}

/* Take the marks off what is in @list, and empty it. */
static inline void clear(struct pool *list, struct pool *marks, enum mark mark)
{
	for (uint32_t i = 0; i < list->count; i++)
		set_mark(marks, item(list, i), mark, false);
	list->count = 0;
}

/* match_index.c: open the quote or close it, as the rows are now. */
NODISCARD enum err match_index_review_quote(struct match *m, row_id quote);

/* match_index_undo.c: for state_watch(). */
void match_index_on_undo(void *core, unsigned table, row_id row,
			 const void *next);

#endif /* SERVICES_MATCHER_MATCH_INDEX_IMPL_H */
