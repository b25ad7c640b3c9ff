/* channel - what there is to subscribe to, and which entry of a log is a
 * change of which of them.
 *
 *	blocks		the chain log: blocks as they come
 *	markets		the book log: markets as their owners set them
 *	book		quotes and open requests of one market
 *	requests	requests until they end; of a requester, of a market
 *	tasks		tasks until they end; of a generator, of a market
 *	generators	stake, compute and record of each
 *	slashes		tasks that were not proven in time
 *	stats		how many quotes, and requests of each state, a market
 *			has
 *
 * An entry's topic is found when it comes, by what the view knows then (every
 * request that hasn't ended) and by what came before it in its own block. */
#ifndef SERVICES_WEBHOOK_GATEWAY_CHANNEL_H
#define SERVICES_WEBHOOK_GATEWAY_CHANNEL_H

#include "services/webhook-gateway/view.h"

enum channel {
	CHANNEL_BLOCKS,
	CHANNEL_MARKETS,
	CHANNEL_BOOK,
	CHANNEL_REQUESTS,
	CHANNEL_TASKS,
	CHANNEL_GENERATORS,
	CHANNEL_SLASHES,
	CHANNEL_STATS,
	CHANNELS,
};

/* Static. CHANNELS if there is no channel @name. */
const char *channel_name(enum channel channel);
enum channel channel_find(const char *name);

/* The log that feeds it. */
enum logs channel_log(enum channel channel);

/* What of a channel is wanted; 0 and false are any. */
struct filter {
	enum channel channel;
	uint64_t market_id;
	bool of_requester, of_generator;
	struct address requester, generator;
};

bool filter_eq(const struct filter *a, const struct filter *b);

/* What an entry is about. */
struct topic {
	unsigned channels; /* a bit for each that it is a change of */
	bool ends_block, rolls_back;
	uint64_t market_id, request_id; /* 0: none */
	struct address requester, generator;
	struct block_ref to; /* of a roll-back: the block that it goes back to;
				of the end of a block: that block */
};

bool topic_fits(const struct topic *topic, const struct filter *filter);

/* What @entry of @log is about, before the view has taken its block. A request
 * that was opened in this very block isn't in the view yet: *unknown, the
 * caller looks for its request_opened among the block's entries. Entries that
 * don't decode are about nothing. */
void topic_find(struct topic *out, bool *unknown, const struct view *view,
		enum logs log, const struct entry *entry);

#endif /* SERVICES_WEBHOOK_GATEWAY_CHANNEL_H */
