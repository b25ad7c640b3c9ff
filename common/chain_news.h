/* chain_news - what nodes say is new: their newest blocks, and what is final.
 *
 * Heads come over websockets where there are some, and by asking every node
 * now and then. They are hints: may be lost, doubled, late or wrong. */
#ifndef COMMON_CHAIN_NEWS_H
#define COMMON_CHAIN_NEWS_H

#include "common/chain.h"

struct chain_news;

struct chain_news_handlers {
	/* Node @node says that @header is its newest block. */
	void (*head)(void *arg, const struct evm_header *header, unsigned node);
	/* Enough nodes call this block final, and it is on our branch. */
	void (*final)(void *arg, const struct block_ref *block);
	void *arg;
};

/* Borrows all; @fork is our branch.
 * ERR_CONFIG	a websocket's URL isn't one, or there are more of them than
 *		nodes; it was logged
 * ERR_NO_MEMORY */
NODISCARD enum err news_new(struct chain_news **out,
			    const struct chain_config *config,
			    const struct fork *fork,
			    const struct chain_news_handlers *handlers);
void news_free(struct chain_news **news);

/* Ask every node that can be asked, now. */
void news_ask(struct chain_news *news);

/* Number of the newest block, see providers_height(). */
uint64_t news_newest(const struct chain_news *news);

#endif /* COMMON_CHAIN_NEWS_H */
