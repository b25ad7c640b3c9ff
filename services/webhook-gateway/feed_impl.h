/* feed_impl - what the files of the feed share; nobody else includes it. */
#ifndef SERVICES_WEBHOOK_GATEWAY_FEED_IMPL_H
#define SERVICES_WEBHOOK_GATEWAY_FEED_IMPL_H

#include "services/webhook-gateway/doc.h"
#include "services/webhook-gateway/feed.h"

/* Begin an answer: an object with its op. */
struct doc feed_begin_answer(struct feed *f, const char *op);

static inline bool feed_wants(const struct feed *f, enum logs log)
{
	return f->logs >> log & 1;
}

/* The newest entry of @log that counts. */
static inline uint64_t feed_shown(const struct feed_world *w, enum logs log)
{
	return view_log(w->view, log)->seq;
}

/* All of its subscriptions get snapshots instead of what they may be behind
 * with. */
void feed_conflate(struct feed *f);

#endif /* SERVICES_WEBHOOK_GATEWAY_FEED_IMPL_H */
