/* rates - how much each client may ask for.
 *
 * A client has a quota of requests that fills up again evenly over a window: it
 * may ask for all of it at once, and never for more than that in a window and a
 * second one behind it. (The generic cell rate algorithm, ITU-T I.371: of each
 * client one time is kept.) Memory is fixed. When more clients than there is
 * room for are below their quota at the same time, some get theirs back early;
 * nobody ever loses any.
 *
 * Pure: no I/O, no clock. Not thread-safe. */
#ifndef SERVICES_WEBHOOK_GATEWAY_RATES_H
#define SERVICES_WEBHOOK_GATEWAY_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct rates;

enum { RATES_QUOTA_MAX = 1000000, RATES_WINDOW_MAX_S = 3600 };

/* @quota requests, at most RATES_QUOTA_MAX, in @window_s seconds, 1 to
 * RATES_WINDOW_MAX_S. ERR_NO_MEMORY */
NODISCARD enum err rates_new(struct rates **out, uint64_t quota,
			     unsigned window_s);
void rates_free(struct rates **rates);

struct rates_state {
	bool refused;
	uint64_t left;		/* requests that it may ask for at once */
	unsigned full_s;	/* seconds until it has its whole quota again */
	unsigned retry_after_s; /* if it was refused: then it has one */
};

/* @client asks at @now_us, any clock that doesn't go back: one of its quota,
 * unless it is refused. */
struct rates_state rates_take(struct rates *r, uint64_t client,
			      uint64_t now_us);

/* What it asked for turned out to cost @more: as far as it has them. */
struct rates_state rates_charge(struct rates *r, uint64_t client, uint64_t more,
				uint64_t now_us);

#endif /* SERVICES_WEBHOOK_GATEWAY_RATES_H */
