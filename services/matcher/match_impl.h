/* match_impl - what the files of match share; nobody else includes it. */
#ifndef SERVICES_MATCHER_MATCH_IMPL_H
#define SERVICES_MATCHER_MATCH_IMPL_H

#include "common/state.h"
#include "common/u256.h"
#include "services/matcher/match.h"

enum table_index {
	GLOBALS,
	MARKETS,
	GENERATORS,
	QUOTES,
	REQUESTS,
	GROUPS,	 /* of a requester and a spread */
	COOLING, /* pairs that the chain refused */
	TABLES_END,
};

/* The only row of GLOBALS. */
struct globals {
	struct block_ref block;
	uint64_t decisions;
	struct hash32 root;
	row_id first, last; /* requests that are open, in order of arrival */
	uint64_t open, matched; /* in that queue; matched count in both */
};

struct market {
	uint64_t id;
	u128 penalty;
	enum protocol protocol;
	bool confidential, closed, suspended;
	row_id quotes; /* the first of its list */
};

struct generator {
	struct address address;
	uint64_t compute, used_compute, reserved_compute;
	struct u256 stake, locked, unstaking, reserved_stake;
	bool suspended, gone;
	uint32_t reserved;	/* matches: the row stays while there are any */
	uint32_t quotes, tasks; /* standing, in groups: they name the row */
};

struct quote {
	row_id generator, market;
	u128 price;
	uint32_t response_time;
	uint64_t compute;
	bool draining, has_key, gone;
	uint32_t tasks, reserved;
	struct place joined, turn;
	row_id next, prev; /* of the same market */
};

enum request_state { REQUEST_OPEN, REQUEST_MATCHED, REQUEST_TASK };

struct request {
	uint64_t id;
	row_id market, group; /* group 0: no spread */
	u128 max_price;
	uint32_t max_response_time;
	struct unix_s expiry;
	enum preference preference;
	struct place arrived;
	bool suspended;
	row_id next, prev; /* in order of arrival, while open or matched */
	row_id cooling;	   /* the first of its list */

	enum request_state state;
	row_id generator; /* while matched, or a task in a group */
	row_id quote;	  /* while matched */
	uint64_t compute; /* reserved */
	struct unix_s valid_until;
	row_id live_next, live_prev; /* in its group, oldest first */
};

struct group {
	struct address requester;
	uint64_t spread;
	row_id live_first, live_last; /* requests with a match or a task */
	uint32_t requests;	      /* that know the group */
};

struct cooling {
	uint64_t request_id;
	struct address generator;
	uint32_t refusals;
	uint64_t until; /* the first block that may match the pair again */
	row_id next;	/* of the same request */
};

struct match {
	struct match_rule rule;
	struct state *state;
	row_id globals;
	match_decided_fn *decided; /* see match_watch() */
	void *decided_arg;
};

/* Turns of matches come after those of quotes that joined in the same block:
 * its round comes after its events. */
#define TURN_OF_MATCH 0x80000000u

/* ---- rows --------------------------------------------------------------- */

#define ROW(name, T)                                                           \
	static inline const struct name *name##_at(const struct match *m,      \
						   row_id row)                 \
	{                                                                      \
		return state_row(m->state, T, row);                            \
	}                                                                      \
	static inline struct name *name##_edit(struct match *m, row_id row)    \
	{                                                                      \
		return state_edit(m->state, T, row);                           \
	}
ROW(market, MARKETS)
ROW(generator, GENERATORS)
ROW(quote, QUOTES)
ROW(request, REQUESTS)
ROW(group, GROUPS)
ROW(cooling, COOLING)
#undef ROW

/* NULL before the first block, and after it was undone. */
static inline const struct globals *globals(const struct match *m)
{
	return m->globals ? state_row(m->state, GLOBALS, m->globals) : NULL;
}

/* Adds the row if there is none; NULL if memory ran out. */
static inline struct globals *globals_edit(struct match *m)
{
	static const struct globals fresh;

	if (!m->globals)
		m->globals = state_add(m->state, GLOBALS, &fresh);
	return m->globals ? state_edit(m->state, GLOBALS, m->globals) : NULL;
}

static inline void match_put_u128(struct buf *out, u128 v)
{
	buf_put_be64(out, (uint64_t)(v >> 64));
	buf_put_be64(out, (uint64_t)v);
}

/* match_state.c: 0 if there is none. */
extern const struct state_table match_tables[TABLES_END];
row_id match_find_market(const struct match *m, uint64_t id);
row_id match_find_generator(const struct match *m, const struct address *a);
row_id match_find_quote(const struct match *m, row_id generator, row_id market);
row_id match_find_request(const struct match *m, uint64_t id);
row_id match_find_group(const struct match *m, const struct address *requester,
			uint64_t spread);
row_id match_find_cooling(const struct match *m, uint64_t request_id,
			  const struct address *generator);

/* ---- match_live.c: reservations and groups ------------------------------ */

/* @request gets @quote until @valid_until: reserve what it takes. */
NODISCARD enum err match_reserve(struct match *m, row_id request, row_id quote,
				 struct unix_s valid_until, struct place turn);

/* Give back what the match of @request reserves; it is open again. */
NODISCARD enum err match_release(struct match *m, row_id request);

/* Take a quote that nothing is reserved under out of its market and away. */
NODISCARD enum err match_drop_quote(struct match *m, row_id row);

/* @request is a task of @generator now; it leaves the queue. */
NODISCARD enum err match_begin_task(struct match *m, row_id request,
				    row_id generator);

/* Take @request out of everything. */
NODISCARD enum err match_forget_request(struct match *m, row_id request);

/* ---- match_choose.c: the rule ------------------------------------------- */

/* The tests that need a word: of a generator, what is reserved counted; whether
 * it holds one of the first live requests of the group; whether the chain
 * refused it for @r and the pair rests in block @block. */
bool match_has_compute(const struct generator *g, uint64_t need);
bool match_has_stake(const struct generator *g, u128 penalty);
bool match_serves_group(const struct match *m, row_id group, row_id generator);
bool match_is_cooling(const struct match *m, const struct request *r,
		      row_id generator, uint64_t block);

/* The best eligible quote for @request at block @block; 0 if there is none. */
row_id match_choose(const struct match *m, row_id request, uint64_t block);

#endif /* SERVICES_MATCHER_MATCH_IMPL_H */
