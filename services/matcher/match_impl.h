/* match_impl - what the files of match share; nobody else includes it. */
#ifndef SERVICES_MATCHER_MATCH_IMPL_H
#define SERVICES_MATCHER_MATCH_IMPL_H

#include "common/state.h"
#include "common/u256.h"
#include "services/matcher/match.h"
#include "services/matcher/match_ranking.h"

enum table_index {
	GLOBALS,
	MARKETS,
	GENERATORS,
	QUOTES,
	REQUESTS, /* open or matched; tasks of a group, too */
	HOLDS,	  /* what a match or task has of a generator */
	GROUPS,	  /* of a requester and a spread */
	COOLING,  /* pairs that the chain refused */
	TABLES_END,
};

/* A list of holds in their rows: its ends, and a hold's place in it. */
struct ends {
	row_id first, last;
};

/* The only row of GLOBALS. */
struct globals {
	struct block_ref block;
	uint64_t decisions;
	struct hash32 root;
	uint64_t requests; /* that ever came: the last one's order */
	uint64_t newest;   /* the highest request's id so far */
	uint64_t waiting, matched;
	uint64_t suspended; /* contradictions found by ourselves */
};

struct market {
	uint64_t id;
	u128 penalty;
	enum protocol protocol;
	bool confidential, closed, suspended;
};

/* What a life of a request changes of the rows that it comes by is together,
 * and undo keeps no more of them (`touched`). The stamp at the end is the
 * table's. */
struct generator {
	/* touched: */
	uint64_t used_compute, reserved_compute;
	u128 locked, reserved_stake;
	uint32_t reserved; /* matches: the row stays while there are any */
	uint32_t tasks;	   /* in groups: they name the row */
	/* the rest: */
	uint64_t compute;
	u128 stake, unstaking;
	struct address address;
	row_id first_quote; /* of its list, gone ones included */
	uint32_t quotes : 30, suspended : 1, gone : 1; /* standing */
	uint32_t stamp;
};
_Static_assert(sizeof(struct generator) == 128, "two cache lines");

struct quote {
	u128 price;
	uint64_t compute;
	row_id generator, market;
	row_id next; /* of the same generator */
	uint32_t response_time;
	/* touched: */
	uint64_t turn_block;
	uint32_t turn_index;
	uint32_t tasks;
	uint16_t reserved; /* below the task limit */
	uint16_t draining : 1, has_key : 1, gone : 1;
	/* the table's: */
	uint32_t stamp;
};
_Static_assert(sizeof(struct quote) == 64, "a cache line");

static inline struct place quote_turn(const struct quote *q)
{
	return (struct place){q->turn_block, q->turn_index};
}

/* There are fewer rows (pool.h). */
#define MARKET_MAX ((1u << 30) - 1)

struct request {
	u128 max_price;
	uint64_t id;
	uint64_t order; /* of arrival, from 1 */
	struct unix_s expiry;
	uint32_t max_response_time;
	row_id group;	/* 0: no spread */
	row_id cooling; /* the first of its list */
	row_id hold;	/* 0: it is open */
	row_id market : 30, preference : 1, suspended : 1;
	uint32_t stamp;
};
_Static_assert(sizeof(struct request) == 64, "a cache line");

struct hold {
	uint64_t compute;
	struct unix_s valid_until;
	row_id request, generator;
	row_id quote;	   /* 0: it is a task */
	row_id next, prev; /* live ones of its request's group, oldest first */
	uint32_t stamp;
};

struct group {
	struct address requester;
	uint64_t spread;
	struct ends live;
	uint32_t requests; /* that know the group */
};

struct cooling {
	uint64_t request_id;
	struct address generator;
	uint32_t refusals;
	uint64_t until; /* the first block that may match the pair again */
	row_id request;
	row_id next; /* of the same request */
};

struct match {
	struct match_rule rule;
	struct state *state;
	row_id globals;
	row_id market; /* that the last request was for; 0: look for it */
	struct match_index *index; /* match_index.c */
	match_decided_fn *decided; /* see match_watch() */
	void *decided_arg;
};

/* Turns of matches come after those of quotes that joined in the same block:
 * its round comes after its events. */
#define TURN_OF_MATCH 0x80000000u

/* ---- rows --------------------------------------------------------------- */

/* Their sizes, without the stamp where there is one. */
enum {
	MARKET_BYTES = sizeof(struct market),
	GENERATOR_BYTES = offsetof(struct generator, stamp),
	QUOTE_BYTES = offsetof(struct quote, stamp),
	REQUEST_BYTES = offsetof(struct request, stamp),
	HOLD_BYTES = offsetof(struct hold, stamp),
	GROUP_BYTES = sizeof(struct group),
	COOLING_BYTES = sizeof(struct cooling),
};

#define ROW(name, T, BYTES)                                                    \
	static inline const struct name *name##_at(const struct match *m,      \
						   row_id row)                 \
	{                                                                      \
		return state_row_of(m->state, T, row, BYTES);                  \
	}                                                                      \
	static inline struct name *name##_edit(struct match *m, row_id row)    \
	{                                                                      \
		return state_edit_of(m->state, T, row, BYTES);                 \
	}
ROW(market, MARKETS, MARKET_BYTES)
ROW(generator, GENERATORS, GENERATOR_BYTES)
ROW(quote, QUOTES, QUOTE_BYTES)
ROW(request, REQUESTS, REQUEST_BYTES)
ROW(hold, HOLDS, HOLD_BYTES)
ROW(group, GROUPS, GROUP_BYTES)
ROW(cooling, COOLING, COOLING_BYTES)
#undef ROW

/* To change only what is touched. */
static inline struct generator *generator_touch(struct match *m, row_id row)
{
	return state_touch_of(m->state, GENERATORS, row, GENERATOR_BYTES);
}

static inline struct quote *quote_touch(struct match *m, row_id row)
{
	return state_touch_of(m->state, QUOTES, row, QUOTE_BYTES);
}

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

/* What the chain has of @request is over: is it open, matched or a task? */
static inline bool is_open(const struct request *r)
{
	return !r->hold;
}

static inline bool is_matched(const struct match *m, const struct request *r)
{
	return r->hold && hold_at(m, r->hold)->quote;
}

/* ---- match_live.c: reservations and groups ------------------------------ */

/* @request gets @quote until @valid_until: reserve what it takes. */
NODISCARD enum err match_reserve(struct match *m, row_id request, row_id quote,
				 struct unix_s valid_until, struct place turn);

/* Give back what the match of @request reserves; it is open again. */
NODISCARD enum err match_release(struct match *m, row_id request);

/* Take a quote that nothing is reserved under away. */
NODISCARD enum err match_drop_quote(struct match *m, row_id row);

/* @request is a task of @generator now, which the caller has reviewed when what
 * else changes of it has. */
NODISCARD enum err match_begin_task(struct match *m, row_id request,
				    row_id generator);

/* Take @request out of everything. */
NODISCARD enum err match_forget_request(struct match *m, row_id request);

/* ---- match_suspend.c: contradictions ------------------------------------ */

/* The book log contradicts what is known of it: nothing is matched for it any
 * more, and the match log says so. It need not be known. */
NODISCARD enum err match_suspend_request(struct match *m, struct sink *out,
					 uint64_t id, const char *reason);
NODISCARD enum err match_suspend_generator(struct match *m, struct sink *out,
					   const struct address *who,
					   const char *reason);
NODISCARD enum err match_suspend_market(struct match *m, struct sink *out,
					uint64_t id, const char *reason);

/* ---- match_choose.c: the rule ------------------------------------------- */

/* Whether requests of @market can be matched at all. */
bool match_is_open_market(const struct market *market);

/* Whether @quote of @generator could take a request more, whichever it is. */
bool match_is_available(const struct match *m, const struct quote *quote,
			const struct generator *generator);

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

/* ---- match_index.c, match_round.c, match_index_undo.c: what is looked at - */

/* Indexes follow the rows: who changes one of these says so afterwards, or
 * before where that is said. Between rounds no request that is waiting fits an
 * open quote. So a round needs to look only at requests that are news, and at
 * what fits a quote that is fresh. ERR_NO_MEMORY ends the core. */

NODISCARD enum err match_index_new(struct match *m);
void match_index_free(struct match *m);

/* Before a quote's price, time or turn change, or it stands no more. */
void match_index_leave(struct match *m, row_id quote);
/* And after it: it has its place again, and is fresh if it is open. */
NODISCARD enum err match_index_enter(struct match *m, row_id quote);
/* It had a match, and its turn is the newest now. */
NODISCARD enum err match_index_took_turn(struct match *m, row_id quote,
					 struct place turn);

/* The quote will change soon: a hint for the cache. */
void match_index_prefetch(const struct match *m, row_id quote);
/* It will get these terms, and that turn. */
void match_index_expect(struct match *m, row_id quote, const struct rank *next);

/* What its quotes' availability depends on may have changed. */
NODISCARD enum err match_index_review(struct match *m, row_id generator);
NODISCARD enum err match_index_review_market(struct match *m, row_id market);
/* Its open quotes fit requests that they didn't fit before. */
NODISCARD enum err match_index_freshen(struct match *m, row_id generator);

/* The request is open, and has to be looked at. */
NODISCARD enum err match_index_news(struct match *m, row_id request);
/* Before the request goes, or isn't open any more. */
void match_index_forget(struct match *m, row_id request);

/* The best open quote of the request's market within its caps, and the next
 * one after @quote; 0 if there is none. */
row_id match_index_best(const struct match *m, const struct request *r);
row_id match_index_next(const struct match *m, const struct request *r,
			row_id quote);

/* The next request of the round that has to be looked at, in order of arrival;
 * 0 if that was all. Each is given once in a round. */
NODISCARD enum err match_index_round(struct match *m, uint64_t now);
NODISCARD enum err match_index_pop(struct match *m, uint64_t now,
				   row_id *request);
/* The request that came last fits nothing. */
NODISCARD enum err match_index_wait(struct match *m, row_id request);
/* Those that wait can be found again. */
NODISCARD enum err match_index_round_over(struct match *m);

/* The match of the hold may lapse once blocks are past @until; or not. */
NODISCARD enum err match_index_match(struct match *m, row_id hold,
				     uint64_t until);
void match_index_unmatch(struct match *m, row_id hold);
/* A hold whose match lapses before @now; 0 if there is none. */
row_id match_index_lapsing(const struct match *m, uint64_t now);

/* Before and after rows are undone or loaded. */
void match_index_undo(struct match *m, bool loading);
NODISCARD enum err match_index_undone(struct match *m);

#endif /* SERVICES_MATCHER_MATCH_IMPL_H */
