/* why - a copy of the matcher, to ask why.
 *
 * Folds the book log with the matcher's own core, under the rule that the match
 * log begins with, and so knows what the matcher knew when it decided: the same
 * log gives the same state. At each round that the match log closes, the two
 * running hashes of all decisions are compared; a copy that differs says
 * nothing any more.
 *
 * A request's why is read from the copy as it stands. A generator's is found by
 * undoing the newest rounds and folding them once more, looking at each
 * decision: their entries are kept for it, of at most `rounds` rounds, and of
 * no more than it takes to have WHY_MATCHES_MAX matches, or WHY_BYTES_MAX
 * bytes. Nobody pays for what nobody asks.
 *
 * Like the view it acts on marks only, so both show the same block after the
 * same entries. Pure: no I/O, no clock. Not thread-safe. */
#ifndef SERVICES_WEBHOOK_GATEWAY_WHY_H
#define SERVICES_WEBHOOK_GATEWAY_WHY_H

#include "common/store.h"
#include "services/matcher/match_why.h"
#include "services/webhook-gateway/logs.h"

struct why;

enum { WHY_MATCHES_MAX = 1000, WHY_BYTES_MAX = 32 << 20 };

/* A copy of an empty market that can undo @depth blocks, and looks back over
 * @rounds. ERR_NO_MEMORY */
NODISCARD enum err why_new(struct why **out, unsigned depth, unsigned rounds);
void why_free(struct why **why);

/* Take the next entry of @log; only the book and the match log count. What the
 * copy can't fold makes it useless, not the gateway: see why_state(). */
void why_take(struct why *w, enum logs log, const struct entry *entry);

/* It can't be known what the matcher knew: WHY_LOST from now on. */
void why_give_up(struct why *w);

enum why_state {
	WHY_BEHIND, /* it doesn't know the rule yet: the match log is empty */
	WHY_TRUE,
	WHY_LOST, /* it differs from the match log, or couldn't go on */
};
enum why_state why_state(const struct why *w);

/* Newest entry of the book log that it has folded. */
uint64_t why_seq(const struct why *w);

/* See match_why(). ERR_NOT_FOUND: the request is neither open nor matched.
 * The copy has to be WHY_TRUE, here and below. */
NODISCARD enum err why_request(const struct why *w, uint64_t id,
			       struct match_why *out);

/* A match that a generator was eligible for and that another one got. */
struct why_loss {
	uint64_t request_id, decision;
	struct block_ref block;	    /* decided on */
	enum match_element element; /* of the key, in which they differ */
	struct match_offer mine, theirs;
};

struct why_losses {
	struct block_ref from, to; /* the rounds that were looked at */
	uint64_t matches;	   /* in them, and in the markets asked for */
	uint64_t won, lost;
	uint64_t no_quote;	       /* it didn't quote there */
	uint64_t misses[MATCH_MISSES]; /* it wasn't eligible, because of this */
	struct why_loss losses[WHY_MATCHES_MAX]; /* see why_loss() */
};

/* What became of the newest matches for @generator, in @market_id or, if that
 * is 0, everywhere; *from and *to are 0 before the first round. After an error
 * the copy is WHY_LOST. ERR_NO_MEMORY and what the core gives. */
NODISCARD enum err why_generator(struct why *w, const struct address *generator,
				 uint64_t market_id, struct why_losses *out);

/* Of what it lost the newest (@i is 0), the one before (1), and so on; NULL:
 * there are no more, or no more are kept than WHY_MATCHES_MAX. */
const struct why_loss *why_loss(const struct why_losses *losses, uint64_t i);

#endif /* SERVICES_WEBHOOK_GATEWAY_WHY_H */
