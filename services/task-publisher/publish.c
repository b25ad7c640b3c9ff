/* A round's matches, cut into batches. */
#include "services/task-publisher/publish.h"

#include <stdlib.h>

#include "common/sha256.h"
#include "common/u256.h"

struct publish {
	size_t batch_max;
	struct publish_handlers handlers;
	/* Of the round that is open. */
	struct block_ref block;
	struct unix_s valid_until;
	struct abi_assignment *assignments;
	struct publish_decision *decisions;
	size_t count, room;
	struct block_ref newest; /* round that is closed */
	bool whole;		 /* we have read from its beginning */
};

enum err publish_new(struct publish **out, size_t batch_max,
		     const struct publish_handlers *handlers)
{
	struct publish *p = calloc(1, sizeof *p);

	if (!p)
		return ERR_NO_MEMORY;
	p->batch_max = batch_max;
	p->handlers = *handlers;
	*out = p;
	return ERR_NONE;
}

void publish_free(struct publish **publish)
{
	if (!*publish)
		return;
	free((*publish)->assignments);
	free((*publish)->decisions);
	free(*publish);
	*publish = NULL;
}

static enum err make_room(struct publish *p)
{
	size_t room = p->room ? 2 * p->room : 64;
	struct abi_assignment *assignments;
	struct publish_decision *decisions;

	if (p->count < p->room)
		return ERR_NONE;
	assignments = realloc(p->assignments, room * sizeof *assignments);
	if (!assignments)
		return ERR_NO_MEMORY;
	p->assignments = assignments;
	decisions = realloc(p->decisions, room * sizeof *decisions);
	if (!decisions)
		return ERR_NO_MEMORY;
	p->decisions = decisions;
	p->room = room;
	return ERR_NONE;
}

/* Whether the matches gathered so far were made in @block. */
static bool is_of(const struct publish *p, const struct block_ref *block)
{
	return p->block.number == block->number &&
	       hash32_eq(&p->block.hash, &block->hash);
}

enum err publish_on_match_made(struct publish *p, struct sink *out,
			       const struct msg_match_made *m)
{
	enum err e = make_room(p);

	(void)out;
	if (!e && p->count && !is_of(p, &m->block))
		e = ERR_CONFLICT;
	if (e)
		return e;
	p->block = m->block;
	p->valid_until = m->valid_until;
	p->assignments[p->count] = (struct abi_assignment){
		.request_id = u256_from_u64(m->request_id),
		.generator = m->generator,
		.price = m->price.v,
		.response_time = m->response_time,
	};
	p->decisions[p->count++] =
		(struct publish_decision){m->decision, m->root};
	return ERR_NONE;
}

void publish_batch_make(struct publish_batch *batch,
			const struct abi_assignment *assignments,
			const struct publish_decision *decisions, size_t count)
{
	const struct publish_decision *newest = &decisions[count - 1];

	batch->decision.batch = newest->number;
	batch->decision.match_root = newest->root;
	batch->decision.block_number = batch->block.number;
	batch->decision.block_hash = batch->block.hash;
	batch->assignments = assignments;
	batch->decisions = decisions;
	batch->assignments_count = count;
}

static enum err give(struct publish *p, size_t first, size_t count)
{
	struct publish_batch batch = {.decision.valid_until = p->valid_until.v,
				      .block = p->block};

	publish_batch_make(&batch, p->assignments + first, p->decisions + first,
			   count);
	return p->handlers.batch(p->handlers.arg, &batch);
}

static void begin_round(struct publish *p, const struct block_ref *after)
{
	p->newest = *after;
	p->count = 0;
	p->whole = true;
}

enum err publish_on_round_closed(struct publish *p, struct sink *out,
				 const struct msg_round_closed *m)
{
	size_t count = p->count;
	bool all = count == m->matches;
	enum err e = ERR_NONE;

	(void)out;
	/* We may have begun to read in the middle of a round. */
	if ((count && !is_of(p, &m->block)) || (p->whole && !all))
		return ERR_CONFLICT;
	for (size_t first = 0; all && first < count && !e;
	     first += p->batch_max) {
		size_t left = count - first;

		e = give(p, first, left < p->batch_max ? left : p->batch_max);
	}
	begin_round(p, &m->block);
	return e;
}

enum err publish_on_round_rolled_back(struct publish *p, struct sink *out,
				      const struct msg_round_rolled_back *m)
{
	(void)out;
	begin_round(p, &m->to);
	return ERR_NONE;
}

struct block_ref publish_round(const struct publish *p)
{
	return p->newest;
}

void publish_batch_id(struct hash32 *out, const struct publish_batch *batch)
{
	struct buf bytes = {0};

	buf_put_text(&bytes, "assign");
	buf_put_be64(&bytes, batch->decision.batch);
	buf_put(&bytes, batch->block.hash.bytes,
		sizeof batch->block.hash.bytes);
	if (batch->round)
		buf_put_be32(&bytes, batch->round);
	sha256_of(out, bytes.data, bytes.size);
	buf_free(&bytes);
}

/* ---- the chain log, handed on ------------------------------------------- */

enum err publish_on_chain_opened(struct publish *p, struct sink *out,
				 const struct msg_chain_opened *m)
{
	(void)out;
	return p->handlers.opened(p->handlers.arg, m);
}

enum err publish_on_block_mark(struct publish *p, struct sink *out,
			       const struct msg_block_mark *m)
{
	(void)out;
	return p->handlers.block(p->handlers.arg, m);
}

enum err publish_on_rollback(struct publish *p, struct sink *out,
			     const struct msg_rollback *m)
{
	(void)out;
	return p->handlers.rolled_back(p->handlers.arg, &m->to);
}

enum err publish_on_engine_key_set(struct publish *p, struct sink *out,
				   const struct msg_engine_key_set *m)
{
	(void)out;
	return p->handlers.engine_key(p->handlers.arg, m);
}
