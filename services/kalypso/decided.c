/* A stack, and chains through it that are cut as the stack is. */
#include "services/kalypso/decided.h"

#include <stdlib.h>

enum { ROOM_MIN = 1024 };

/* Ids count up; an odd factor spreads whatever else somebody thinks of. */
static uint64_t *slot_of(const struct decided *d, uint64_t request_id)
{
	uint64_t h = request_id * 0x9e3779b97f4a7c15u;

	return &d->slots[(h ^ h >> 32) & (d->slots_count - 1)];
}

static void chain_up(struct decided *d, uint64_t number)
{
	struct decision *x = &d->items[number - 1];
	uint64_t *slot = slot_of(d, x->request_id);

	x->older = *slot;
	*slot = number;
}

static enum err grow(struct decided *d)
{
	uint64_t room = d->room ? 2 * d->room : ROOM_MIN;
	struct decision *items = realloc(d->items, room * sizeof *items);
	uint64_t *slots;

	if (!items)
		return ERR_NO_MEMORY;
	d->items = items;
	slots = calloc(room, sizeof *slots);
	if (!slots)
		return ERR_NO_MEMORY;
	free(d->slots);
	d->slots = slots;
	d->slots_count = d->room = room;
	for (uint64_t n = 1; n <= d->count; n++)
		chain_up(d, n);
	return ERR_NONE;
}

enum err decided_add(struct decided *d, const struct msg_match_made *m)
{
	u128 price;
	enum err e = u256_to_u128(&price, &m->price.v);

	if (e || m->decision != d->count + 1)
		return ERR_RANGE;
	if (d->count == d->room)
		e = grow(d);
	if (e)
		return e;
	d->items[d->count++] =
		(struct decision){.request_id = m->request_id,
				  .block = m->block.number,
				  .valid_until = m->valid_until.v,
				  .price = price,
				  .generator = m->generator,
				  .response_time = m->response_time,
				  .root = m->root};
	chain_up(d, d->count);
	return ERR_NONE;
}

void decided_free(struct decided *d)
{
	free(d->items);
	free(d->slots);
	*d = (struct decided){.items = NULL};
}

/* The newest of all is the newest in its slot. */
void decided_cut(struct decided *d, uint64_t count)
{
	while (d->count > count) {
		const struct decision *x = &d->items[--d->count];

		*slot_of(d, x->request_id) = x->older;
	}
}

const struct decision *decided_at(const struct decided *d, uint64_t number)
{
	return number && number <= d->count ? &d->items[number - 1] : NULL;
}

const struct decision *decided_of(const struct decided *d, uint64_t request_id)
{
	const struct decision *x;

	if (!d->slots_count)
		return NULL;
	x = decided_at(d, *slot_of(d, request_id));
	while (x && x->request_id != request_id)
		x = decided_at(d, x->older);
	return x;
}

uint64_t decided_number(const struct decided *d, const struct decision *of)
{
	return (uint64_t)(of - d->items) + 1;
}
