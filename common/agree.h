/* agree - what several nodes say of the same thing, and whether it counts.
 *
 * Each node is a voice: it was asked or not, it said something (a hash of it),
 * it hasn't got it yet, or it failed. agree_decide() says what to do next, and
 * counts:
 *
 *   - what `wanted` nodes say, if nobody said anything else;
 *   - once two said different things everybody who can be asked is, and what
 *     more than half of those who said something say counts, if at least
 *     `wanted` of them say it;
 *   - what fewer say, if nobody said otherwise and nobody else is worth
 *     waiting for, unless `strict`, or `wanted` nodes worth waiting for say
 *     that it isn't there. Nobody is waited for longer than `patience_ms`.
 *
 * Who hasn't got it or failed is asked again while there is patience; with
 * `strict` for ever.
 * With one node, what it says counts at once. Pure: no I/O, no clock. */
#ifndef COMMON_AGREE_H
#define COMMON_AGREE_H

#include <stdbool.h>

#include "common/providers.h"
#include "common/types.h"

enum agree_voice {
	AGREE_UNASKED,
	AGREE_ASKED,
	AGREE_SAID,
	AGREE_LACKS,  /* it hasn't got it, yet */
	AGREE_FAILED, /* it didn't answer, or nonsense */
};

struct agree {
	unsigned count, wanted; /* nodes; how many must say the same */
	bool strict;
	uint64_t patience_ms, began_ms;
	enum agree_voice voices[PROVIDERS_MAX];
	uint64_t since_ms[PROVIDERS_MAX];
	struct hash32 said[PROVIDERS_MAX];
};

enum agree_verdict {
	AGREE_WAIT,  /* for answers under way, or for later: decide again */
	AGREE_ASK,   /* *node */
	AGREE_TAKE,  /* what *node said counts */
	AGREE_ALONE, /* it counts, though fewer than wanted said it */
	AGREE_SPLIT, /* all were asked, and it can't be told who is right */
	AGREE_NONE,  /* nobody has it */
};

/* Nobody was asked yet. @wanted is cut down to @count. */
void agree_begin(struct agree *a, unsigned count, unsigned wanted, bool strict,
		 uint64_t patience_ms, uint64_t now_ms);

enum { AGREE_AGAIN_MS = 50 };

/* Node @node's voice is @voice from now on; @said for AGREE_SAID, else NULL. */
void agree_hear(struct agree *a, unsigned node, enum agree_voice voice,
		const struct hash32 *said, uint64_t now_ms);

/* What next? @fit is the bit set of nodes that can be asked now, @promising of
 * those worth waiting for; @first is asked before the others. */
enum agree_verdict agree_decide(const struct agree *a, unsigned fit,
				unsigned promising, unsigned first,
				uint64_t now_ms, unsigned *node);

/* Whether @node said something else than @taken did. */
bool agree_contradicts(const struct agree *a, unsigned node, unsigned taken);

#endif /* COMMON_AGREE_H */
