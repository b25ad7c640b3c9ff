/* hook_news - what the logs say that hooks may want to hear.
 *
 * Reads the book log as far as blocks are complete, and of the chain log who
 * requested what and where inputs and proofs are. Keeps the newest entries;
 * older ones are read again when somebody asks. Belongs to the hooks' thread,
 * and uses its store. */
#ifndef SERVICES_WEBHOOK_GATEWAY_HOOK_NEWS_H
#define SERVICES_WEBHOOK_GATEWAY_HOOK_NEWS_H

#include "services/webhook-gateway/base.h"
#include "services/webhook-gateway/hook.h"

struct hook_news;

/* An entry that is an event. */
struct hook_event {
	uint64_t seq; /* of the book log */
	enum hook_type type;
	uint64_t market_id, request_id; /* 0: none */
	bool has_requester, has_generator;
	struct address requester, generator;
	uint64_t subject;     /* events of one subject are told in order; 0: of
			       * everything, and nothing overtakes it */
	uint64_t block, time; /* of its block, which is complete */
};

/* What was open before the logs begin comes from @base. Borrows @store.
 * ERR_NO_MEMORY */
NODISCARD enum err hook_news_new(struct hook_news **out, struct store *store,
				 const struct base *base);
void hook_news_free(struct hook_news **news);

/* Read on. *more: there is more to be read at once. ERR_UNREACHABLE: later */
NODISCARD enum err hook_news_read(struct hook_news *n, bool *more);

/* The number after the newest entry whose block is complete; 0 until something
 * was read. */
uint64_t hook_news_end(const struct hook_news *n);

/* Call @fn for the events from entry @from on, until it returns false: *next is
 * the number after the last entry that was looked at, *block its block. A
 * bounded number of entries at a time. If the log doesn't begin any more at
 * @from, *next is where it does, and nothing was looked at. ERR_UNREACHABLE */
typedef bool hook_news_fn(void *arg, const struct hook_event *event);
NODISCARD enum err hook_news_scan(struct hook_news *n, uint64_t from,
				  hook_news_fn *fn, void *arg, uint64_t *next,
				  uint64_t *block);

/* Whether entry @from is so old that it has to be read from Redis. */
bool hook_news_is_past(const struct hook_news *n, uint64_t from);

/* What is told of an entry. */
struct hook_text {
	enum hook_type type;
	uint64_t request_id; /* 0: it isn't of one */
	/* The members "type" and "data" of a message; of tasks with the input
	 * payload of the prover API, of fulfilled ones with the proof. */
	struct bytes text;
};

/* That of entry @seq; its text is borrowed until the next call.
 * ERR_NOT_FOUND	the log doesn't hold it any more
 * ERR_UNREACHABLE */
NODISCARD enum err hook_news_text(struct hook_news *n, uint64_t seq,
				  struct hook_text *out);

/* Whether @hook wants to be told of @event. */
bool hook_wants(const struct hook *hook, const struct hook_event *event);

#endif /* SERVICES_WEBHOOK_GATEWAY_HOOK_NEWS_H */
