/* Of each client the time when its quota will be whole again. */
#include "services/webhook-gateway/rates.h"

#include <stdlib.h>

#include "common/map.h"

enum { SETS = 4096, WAYS = 8, SECOND_US = 1000000 };

struct client {
	uint64_t key;
	uint64_t full_us; /* in the past: as if it had never come */
};

struct rates {
	uint64_t window_us, each_us;
	struct client sets[SETS][WAYS];
};

enum err rates_new(struct rates **out, uint64_t quota, unsigned window_s)
{
	struct rates *r = calloc(1, sizeof *r);

	if (!r)
		return ERR_NO_MEMORY;
	r->window_us = (uint64_t)window_s * SECOND_US;
	r->each_us = r->window_us / quota;
	*out = r;
	return ERR_NONE;
}

void rates_free(struct rates **rates)
{
	free(*rates);
	*rates = NULL;
}

/* Its place, or that of whoever is nearest to a whole quota. */
static struct client *find(struct rates *r, uint64_t key, uint64_t now_us)
{
	struct client *set = r->sets[map_hash_u64(key) % SETS], *best = set;

	for (struct client *c = set; c < set + WAYS; c++) {
		if (c->key == key && c->full_us > now_us)
			return c;
		if (c->full_us < best->full_us)
			best = c;
	}
	*best = (struct client){key, now_us};
	return best;
}

static unsigned seconds(uint64_t us)
{
	return (unsigned)((us + SECOND_US - 1) / SECOND_US);
}

static struct rates_state state_of(const struct rates *r,
				   const struct client *c, uint64_t now_us)
{
	uint64_t used_us = c->full_us - now_us;

	return (struct rates_state){.left = (r->window_us - used_us) /
					    r->each_us,
				    .full_s = seconds(used_us)};
}

struct rates_state rates_take(struct rates *r, uint64_t client, uint64_t now_us)
{
	struct client *c = find(r, client, now_us);
	uint64_t full_us = c->full_us + r->each_us;
	struct rates_state state;

	if (full_us - now_us <= r->window_us) {
		c->full_us = full_us;
		return state_of(r, c, now_us);
	}
	state = state_of(r, c, now_us);
	state.refused = true;
	state.left = 0;
	state.retry_after_s = seconds(full_us - now_us - r->window_us);
	return state;
}

struct rates_state rates_charge(struct rates *r, uint64_t client, uint64_t more,
				uint64_t now_us)
{
	struct client *c = find(r, client, now_us);
	uint64_t left = (now_us + r->window_us - c->full_us) / r->each_us;

	c->full_us += (more < left ? more : left) * r->each_us;
	return state_of(r, c, now_us);
}
