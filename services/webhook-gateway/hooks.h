/* hooks - the thread that delivers webhooks.
 *
 * Every gateway has one, on its own connection to Redis; they share the work.
 * A hook is delivered by one gateway at a time, its holder: the one that comes
 * first for it by a hash of both names, of those that are alive (which they say
 * once a second, and are taken for dead BEAT_TTL after). A holder
 *
 *	looks	at entries of the book log from the hook's `next` on, and has a
 *		sequence given to those that the hook wants: from then on they
 *		wait in the hook's queue in Redis, at most HOOKS_WAITING_MAX,
 *	sends	what waits: in order for each subject, and nothing before or
 *		after a roll-back that comes before or after it,
 *	steps	once a turn: what was delivered leaves the queue, what failed
 *		gets its next time, what was looked at moves `next`. One
 *		function call for each hook, all in one round trip.
 *
 * So whoever dies leaves behind in Redis what isn't delivered, and the next
 * holder goes on there: what was sent but not noted is sent twice, nothing is
 * lost. A hook that is slow, down or disabled costs nothing but its place in
 * the log.
 *
 * How many messages are on their way to one hook at once begins with one,
 * doubles with every success, and is one again after a failure: a hook that
 * hangs holds one connection. */
#ifndef SERVICES_WEBHOOK_GATEWAY_HOOKS_H
#define SERVICES_WEBHOOK_GATEWAY_HOOKS_H

#include "services/webhook-gateway/base.h"
#include "services/webhook-gateway/hook.h"

struct hooks;

enum {
	HOOKS_WAITING_MAX = 256,
	HOOKS_RETRIES_MAX = 16,
	HOOKS_ONE_MAX = 16,  /* on their way to one hook at once */
	HOOKS_PAUSED_AT = 5, /* failures in a row: only retries are sent */
};

struct hooks_config {
	const char *redis, *name, *password; /* as for store_open() */
	unsigned store_timeout_ms;
	const char *instance;
	uint64_t epoch;
	const uint8_t *seal;
	const char *allow; /* for guard_new() */
	unsigned timeout_ms, one_max, all_max, kept_attempts;
	unsigned retries_s[HOOKS_RETRIES_MAX], retries_count;
	const struct base *base; /* only for hooks_start() */
};

/* Read a schedule: seconds between attempts, "5,300,1800". ERR_MALFORMED */
NODISCARD enum err hooks_schedule(struct hooks_config *config,
				  const char *text);

/* Begin. Borrows what @config points at while it lives.
 * ERR_CONFIG	the CIDRs aren't such; it was logged
 * ERR_NO_MEMORY */
NODISCARD enum err hooks_start(struct hooks **out,
			       const struct hooks_config *config);
/* End the thread; what is on its way is dropped, and sent again by others. */
void hooks_stop(struct hooks **hooks);

/* A block is complete in the book log. From any thread. */
void hooks_news(struct hooks *hooks);
/* Somebody changed a hook over HTTP. From any thread. */
void hooks_changed(struct hooks *hooks);

/* Have @store, which isn't connected yet, load the functions for webhooks. */
void hooks_use(struct store *store);

uint64_t hooks_now_ms(void); /* unix */

/* For the status. From any thread. */
struct hooks_numbers {
	uint64_t hooks, held, waiting, sending;
};
struct hooks_numbers hooks_numbers(const struct hooks *hooks);

#endif /* SERVICES_WEBHOOK_GATEWAY_HOOKS_H */
