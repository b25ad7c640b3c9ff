/* A ring of blocks. */
#include "common/fork.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

struct fork {
	uint64_t next; /* number of the block after the tip */
	unsigned count, depth;
	bool parted; /* a block above didn't fit: looking for the ancestor */
	struct block_ref ring[]; /* block n is at n % depth */
};

enum err fork_new(struct fork **out, unsigned depth, uint64_t start)
{
	struct fork *f = calloc(1, sizeof *f + depth * sizeof f->ring[0]);

	if (!f)
		return ERR_NO_MEMORY;
	f->depth = depth;
	f->next = start;
	*out = f;
	return ERR_NONE;
}

void fork_free(struct fork **fork)
{
	free(*fork);
	*fork = NULL;
}

const struct block_ref *fork_at(const struct fork *f, uint64_t number)
{
	if (number >= f->next || f->next - number > f->count)
		return NULL;
	return &f->ring[number % f->depth];
}

const struct block_ref *fork_tip(const struct fork *f)
{
	return f->count ? fork_at(f, f->next - 1) : NULL;
}

uint64_t fork_next(const struct fork *f)
{
	return f->next;
}

unsigned fork_count(const struct fork *f)
{
	return f->count;
}

static enum fork_verdict ask(uint64_t n, uint64_t *number)
{
	*number = n;
	return FORK_ASK;
}

/* @block isn't on our branch: is the one below it? */
static enum fork_verdict below(struct fork *f, const struct block_ref *block,
			       uint64_t *number)
{
	f->parted = true;
	if (block->number == 0 || !fork_at(f, block->number - 1)) {
		f->parted = false;
		return FORK_LOST;
	}
	return ask(block->number - 1, number);
}

enum fork_verdict fork_offer(struct fork *f, const struct block_ref *block,
			     const struct hash32 *parent, uint64_t *number)
{
	const struct block_ref *ours = fork_at(f, block->number);
	const struct block_ref *tip = fork_tip(f);

	if (block->number > f->next)
		return ask(f->next, number);
	if (block->number == f->next) {
		if (tip && !hash32_eq(&tip->hash, parent))
			return below(f, block, number);
		f->parted = false;
		return FORK_EXTENDS;
	}
	if (!ours) /* older than what is remembered: a node that lags */
		return f->parted ? FORK_LOST : FORK_NOTHING;
	if (!hash32_eq(&ours->hash, &block->hash))
		return below(f, block, number);
	if (!f->parted)
		return FORK_NOTHING;
	f->parted = false;
	if (block->number + 1 == f->next)
		return FORK_NOTHING; /* back on our branch */
	*number = block->number;
	return FORK_ROLL_BACK;
}

void fork_push(struct fork *f, const struct block_ref *block)
{
	assert(f->count == 0 || block->number == f->next);
	f->ring[block->number % f->depth] = *block;
	f->next = block->number + 1;
	if (f->count < f->depth)
		f->count++;
}

void fork_pop_to(struct fork *f, uint64_t number)
{
	assert(fork_at(f, number));
	f->count -= (unsigned)(f->next - 1 - number);
	f->next = number + 1;
}
