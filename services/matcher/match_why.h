/* match_why - why a request waits, and why a generator didn't get one.
 *
 * Looks at a core and changes nothing; O(quotes). What it says is true of what
 * the core has folded: ask between two blocks, or from within a decision
 * (match_watch() in match.h). docs/matching.md, "How to read a why", is for
 * those who get the answers. */
#ifndef SERVICES_MATCHER_MATCH_WHY_H
#define SERVICES_MATCHER_MATCH_WHY_H

#include "services/matcher/match.h"

/* What can be between a request and a quote of its market, in the order in
 * which it is looked for: a quote that fails several tests counts at the first
 * of them. */
enum match_miss {
	MATCH_MISS_PRICE,      /* above the request's cap */
	MATCH_MISS_TIME,       /* the same */
	MATCH_MISS_COMPUTE,    /* its generator has too little free */
	MATCH_MISS_STAKE,      /* too little free for the market's penalty */
	MATCH_MISS_TASK_LIMIT, /* it has as many tasks as it may have */
	MATCH_MISS_DRAINING,   /* it leaves, or its generator is suspended */
	MATCH_MISS_NO_KEY,     /* no enclave key, in a confidential market */
	MATCH_MISS_COOLING,    /* the chain refused the pair; it rests */
	MATCH_MISS_SPREAD,     /* its generator serves the request's group */
	MATCH_MISSES,	       /* nothing: it is eligible */
};

/* "price", "task_limit" and so on; static. @miss is below MATCH_MISSES. */
const char *match_miss_name(enum match_miss miss);

/* What keeps a request from every quote there is. */
enum match_bar {
	MATCH_BAR_NONE,
	MATCH_BAR_EXPIRED,
	MATCH_BAR_SUSPENDED,	    /* the request */
	MATCH_BAR_MARKET_CLOSED,    /* for ever */
	MATCH_BAR_MARKET_SUSPENDED, /* until a person has looked */
	MATCH_BAR_PROTOCOL,	    /* it isn't matched by this rule */
	MATCH_BARS,
};

/* "expired" and so on; static. @bar is neither MATCH_BAR_NONE nor MATCH_BARS.
 */
const char *match_bar_name(enum match_bar bar);

/* A quote as a request sees it. */
struct match_offer {
	struct address generator;
	uint64_t market_id;
	enum preference preference; /* of the request */
	struct amount price;
	uint32_t response_time;
	struct place turn;   /* the index without the mark of a match */
	bool turn_was_match; /* else it is where the quote joined */
	enum match_miss miss;
};

/* @generator's quote for the request. Between blocks a quote that is eligible
 * is so for a request that has a match already.
 * ERR_NOT_FOUND  the request is neither open nor matched, or the generator has
 *		  no quote in its market; *out is undefined */
NODISCARD enum err match_offer(const struct match *m, uint64_t request_id,
			       const struct address *generator,
			       struct match_offer *out);

/* What decides between two eligible offers for a request. */
enum match_element { MATCH_BY_PRICE, MATCH_BY_TIME, MATCH_BY_TURN };

/* The first element of the key in which two offers for one request differ. */
enum match_element match_element(const struct match_offer *a,
				 const struct match_offer *b);

/* "price", "time" or "turn"; static. */
const char *match_element_name(enum match_element element);

/* A quote that misses one cap. */
struct match_near {
	bool there; /* false: there is none; nothing else is said then */
	bool alone; /* nothing else is against it: with another cap it would
		       be eligible */
	struct match_offer offer;
};

struct match_why {
	uint64_t market_id;
	struct amount max_price;
	uint32_t max_response_time;
	enum preference preference;

	bool matched; /* and then to whom, until when; nothing below is said */
	struct address generator;
	struct unix_s valid_until;

	enum match_bar bar;
	uint64_t quotes;	       /* that stand in its market */
	uint64_t misses[MATCH_MISSES]; /* their sum is quotes - eligible */
	uint64_t eligible; /* after a round 0, unless there is a bar */

	/* Of the quotes within the time cap and above the price cap the one
	 * with the lowest price, and of those within the price cap and above
	 * the time cap the quickest. One that nothing else is against comes
	 * before one that couldn't be had with any cap. */
	struct match_near price, time;
};

/* Why the request isn't matched: as of the newest block decided on.
 * ERR_NOT_FOUND  it is neither open nor matched; *out is undefined */
NODISCARD enum err match_why(const struct match *m, uint64_t request_id,
			     struct match_why *out);

#endif /* SERVICES_MATCHER_MATCH_WHY_H */
