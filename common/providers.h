/* providers - which of several nodes is asked, and which is left alone.
 *
 * Keeps of each node: whether it answers and how fast, how long it asked to be
 * left alone, its newest block, whether it is of our chain. Judges by what it
 * is told; pure: no I/O, no clock, its random numbers come from a seed.
 *
 *	     failed()               the rest is over, and it
 *	fit ---------> resting ------------------------> fit
 *	                           proved itself (or needn't)
 *	    other_chain()           proven()
 *	any --------------> excluded ---------> fit
 *
 * A node that rests is asked nothing. After it, if providers_must_prove() was
 * called, it is asked for its identity first. Rests grow from 100 ms to 2 s,
 * a quarter more or less; a node that names a time itself rests that long. */
#ifndef COMMON_PROVIDERS_H
#define COMMON_PROVIDERS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PROVIDERS_MAX = 8,
	PROVIDERS_LAG_MAX = 2,		 /* blocks behind the best: it lags */
	PROVIDERS_REST_MAX_MS = 2000,	 /* by our own judgement */
	PROVIDERS_ASKED_MAX_MS = 120000, /* by what a node asks for */
	PROVIDERS_DOUBT_MS = 10000, /* asked last after it said what isn't so */
	PROVIDERS_LATE_MS = 10000,  /* not waited for after it came too late */
	PROVIDERS_HOPE_MS = 5000,   /* how long one that fails is waited for */
	PROVIDERS_CALM_MS = 5000,   /* without a failure, until it's all over */
};

enum provider_fault {
	PROVIDER_SILENT,       /* refused, cut off, or too slow */
	PROVIDER_LIMITED,      /* it answers, but not just now: 429 */
	PROVIDER_BROKEN,       /* what came is no answer */
	PROVIDER_CONTRADICTED, /* an answer that can't be, or isn't so */
	PROVIDER_LATE,	       /* others had it long before */
	PROVIDER_OTHER_CHAIN,
};
enum { PROVIDER_FAULTS = PROVIDER_OTHER_CHAIN + 1 };

struct provider {
	bool excluded, proven;
	bool troubled;	     /* since its first failure, until all is calm */
	unsigned failures;   /* in a row */
	uint64_t failing_ms; /* since when it gave no answer */
	uint64_t failed_ms, rest_until_ms, doubt_until_ms, late_until_ms;
	uint64_t latency_us; /* moving average; 0: nothing known */
	uint64_t head;	     /* number of its newest block; 0: not known */
	uint64_t finalized;  /* of the newest that it calls final */
};

struct providers {
	unsigned count, current;
	bool must_prove;
	uint64_t random;
	struct provider list[PROVIDERS_MAX];
};

/* @count is 1 to PROVIDERS_MAX. The same @seed gives the same rests. */
void providers_init(struct providers *p, unsigned count, uint64_t seed);

/* From now on who comes back after a failure has to prove itself. Those not
 * proven yet have to as well. */
void providers_must_prove(struct providers *p);

/* Node @i answered what was sent @latency_us ago. That ends its failures,
 * unless it has to prove itself first. Returns true if a time in which it
 * failed now and then is over: it has been good for PROVIDERS_CALM_MS. */
bool providers_answered(struct providers *p, unsigned i, uint64_t now_ms,
			uint64_t latency_us);

/* Node @i failed to answer what was sent at @sent_ms, and wants to be left
 * alone for @rest_ms (0: it didn't say). Several that were under way together
 * are one failure. Returns true if it was not troubled before.
 *
 * PROVIDER_CONTRADICTED and PROVIDER_LATE don't make it rest: it is asked last
 * for a while.
 * PROVIDER_OTHER_CHAIN excludes it until providers_proven(). */
bool providers_failed(struct providers *p, unsigned i, uint64_t now_ms,
		      uint64_t sent_ms, enum provider_fault fault,
		      uint64_t rest_ms);

/* It is of our chain. Returns true if it was excluded. */
bool providers_proven(struct providers *p, unsigned i);

/* Its newest block is @number; it may go back. */
void providers_head(struct providers *p, unsigned i, uint64_t number);

/* The number of the newest block that @wanted nodes call final; with fewer
 * nodes, all of them. 0: they don't say. */
void providers_finalized(struct providers *p, unsigned i, uint64_t number);
uint64_t providers_final(const struct providers *p, unsigned wanted);

/* All have to prove again which chain they are of. */
void providers_prove_again(struct providers *p);

/* Whether what node @i says is of our chain, as far as is known. */
bool providers_trusted(const struct providers *p, unsigned i);

/* Whether node @i can be asked now. */
bool providers_fit(const struct providers *p, unsigned i, uint64_t now_ms);

/* Whether what it has to say is worth waiting for: it is neither behind nor
 * late, and answers, or did a moment ago. */
bool providers_promising(const struct providers *p, unsigned i,
			 uint64_t now_ms);

/* Whether any node of our chain answers, or did a moment ago. */
bool providers_answer(const struct providers *p, uint64_t now_ms);

/* Whether it must be asked for its identity now. */
bool providers_to_prove(const struct providers *p, unsigned i, uint64_t now_ms);

/* How far the chain is: the highest head; with three nodes or more the second
 * highest, so that one that talks of blocks nobody else knows doesn't count. */
uint64_t providers_height(const struct providers *p);

/* Whether it is behind that. */
bool providers_lags(const struct providers *p, unsigned i);

/* Whether what it says was contradicted a while ago. */
bool providers_doubted(const struct providers *p, unsigned i, uint64_t now_ms);

/* The best node that is fit and not in the bit set @but; -1 if there is none.
 * First those that are neither doubted nor behind, then the doubted, then those
 * behind; among equals the one asked last, unless another is far faster. Made
 * the current one if @but is empty. */
int providers_choose(struct providers *p, uint64_t now_ms, unsigned but);

#endif /* COMMON_PROVIDERS_H */
