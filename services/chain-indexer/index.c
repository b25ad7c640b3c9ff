/* From logs to messages; the block's mark comes last. */
#include "services/chain-indexer/index.h"

#include <stdlib.h>

#include "common/scan.h"
#include "common/sha256.h"
#include "translate.h"

enum { STATE_VERSION = 2 };

struct index {
	struct index_config config;
	struct msg_chain_opened opened;
	struct fork *fork;
	struct block_ref final;
	uint64_t events, unreadable;
};

enum err index_new(struct index **out, const struct index_config *config)
{
	struct index *ix = calloc(1, sizeof *ix);
	enum err e;

	if (!ix)
		return ERR_NO_MEMORY;
	ix->config = *config;
	e = fork_new(&ix->fork, config->depth, config->start_block);
	if (e)
		index_free(&ix);
	*out = ix;
	return e;
}

void index_free(struct index **index)
{
	if (!*index)
		return;
	fork_free(&(*index)->fork);
	free(*index);
	*index = NULL;
}

struct fork *index_fork(struct index *ix)
{
	return ix->fork;
}

const struct msg_chain_opened *index_opened(const struct index *ix)
{
	return &ix->opened;
}

void index_set_final(struct index *ix, const struct block_ref *block)
{
	ix->final = *block;
}

const struct block_ref *index_final(const struct index *ix)
{
	return &ix->final;
}

uint64_t index_events(const struct index *ix)
{
	return ix->events;
}

uint64_t index_unreadable(const struct index *ix)
{
	return ix->unreadable;
}

/* ---- saying ------------------------------------------------------------- */

static int same_chain(const struct msg_chain_opened *a,
		      const struct msg_chain_opened *b)
{
	return a->chain_id == b->chain_id &&
	       hash32_eq(&a->genesis, &b->genesis) &&
	       a->start_block == b->start_block &&
	       address_eq(&a->marketplace, &b->marketplace) &&
	       address_eq(&a->registry, &b->registry) &&
	       address_eq(&a->keys, &b->keys);
}

enum err index_open(struct index *ix, struct sink *out,
		    const struct msg_chain_opened *wanted)
{
	if (ix->opened.chain_id)
		return same_chain(&ix->opened, wanted) ? ERR_NONE
						       : ERR_CONFLICT;
	ix->opened = *wanted;
	return index_send_chain_opened(out, &ix->opened);
}

static bool emitted_by_its_contract(const struct index *ix,
				    const struct abi_log *log)
{
	const struct msg_chain_opened *o = &ix->opened;
	const struct {
		const struct address *address;
		enum abi_contract contract;
	} ours[] = {{&o->marketplace, ABI_CONTRACT_PROOF_MARKETPLACE},
		    {&o->registry, ABI_CONTRACT_GENERATOR_REGISTRY},
		    {&o->keys, ABI_CONTRACT_ENTITY_KEY_REGISTRY}};
	enum abi_event_id id = abi_event_of_topic(&log->topics[0]);

	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (id != ABI_EVENT_UNKNOWN &&
		    address_eq(&log->address, ours[i].address) &&
		    abi_event_is_of(id, ours[i].contract))
			return true;
	return false;
}

static enum err say_unreadable(struct index *ix, struct sink *out,
			       const struct evm_log *l,
			       const struct event_source *from, enum err why)
{
	struct msg_event_unreadable m = {.at = from->at,
					 .time = from->time,
					 .tx = from->tx,
					 .contract = l->log.address};
	struct sha256 sha;

	if (l->log.topics_count)
		m.topic = l->log.topics[0];
	sha256_init(&sha);
	for (unsigned i = 0; i < l->log.topics_count; i++)
		sha256_update(&sha, l->log.topics[i].bytes, 32);
	sha256_update(&sha, l->log.data.data, l->log.data.size);
	sha256_final(&sha, &m.digest);
	ix->unreadable++;
	if (ix->config.unreadable)
		ix->config.unreadable(ix->config.arg, l, why);
	return index_send_event_unreadable(out, &m);
}

/* *said grows by what was said. */
static enum err say_event(struct index *ix, struct sink *out,
			  const struct evm_log *l, struct unix_s time,
			  uint32_t *said)
{
	struct event_source from = {{l->block, l->index}, time, l->tx};
	enum err e = ERR_UNKNOWN_TYPE;

	if (l->log.topics_count && translate_is_housekeeping(&l->log.topics[0]))
		return ERR_NONE;
	if (l->log.topics_count && emitted_by_its_contract(ix, &l->log))
		e = translate_event(out, &l->log, &from);
	if (e == ERR_UNKNOWN_TYPE || e == ERR_MALFORMED || e == ERR_RANGE)
		e = say_unreadable(ix, out, l, &from, e);
	else
		ix->events += e == ERR_NONE;
	*said += e == ERR_NONE;
	return e;
}

enum err index_block(struct index *ix, struct sink *out,
		     const struct evm_header *header,
		     const struct evm_log *logs, size_t logs_count)
{
	struct msg_block_mark mark = {.block = header->block,
				      .parent = header->parent,
				      .base_fee = {header->base_fee},
				      .gas_limit = header->gas_limit};

	for (size_t i = 0; i < logs_count; i++) {
		enum err e = say_event(ix, out, &logs[i], header->block.time,
				       &mark.events);

		if (e)
			return e;
	}
	return index_send_block_mark(out, &mark);
}

enum err index_roll_back(struct index *ix, struct sink *out,
			 const struct block_ref *to,
			 const struct block_ref *from)
{
	struct msg_rollback m = {.to = *to, .from = *from};

	(void)ix;
	return index_send_rollback(out, &m);
}

enum err index_drop_half(struct index *ix, struct sink *out)
{
	const struct block_ref *tip = fork_tip(ix->fork);
	struct block_ref before = {.number = fork_next(ix->fork) - 1};

	return index_roll_back(ix, out, tip ? tip : &before,
			       tip ? tip : &before);
}

/* ---- reading what was said ---------------------------------------------- */

enum err index_on_chain_opened(struct index *ix, struct sink *out,
			       const struct msg_chain_opened *m)
{
	(void)out;
	ix->opened = *m;
	return ERR_NONE;
}

enum err index_on_block_mark(struct index *ix, struct sink *out,
			     const struct msg_block_mark *m)
{
	(void)out;
	if (fork_count(ix->fork) && m->block.number != fork_next(ix->fork))
		return ERR_CONFLICT;
	fork_push(ix->fork, &m->block);
	return ERR_NONE;
}

enum err index_on_rollback(struct index *ix, struct sink *out,
			   const struct msg_rollback *m)
{
	(void)out;
	if (!fork_count(ix->fork))
		return ERR_NONE; /* only half a first block was there */
	if (!fork_at(ix->fork, m->to.number))
		return ERR_CONFLICT;
	fork_pop_to(ix->fork, m->to.number);
	return ERR_NONE;
}

/* ---- snapshots ---------------------------------------------------------- */

static void put_block(struct buf *out, const struct block_ref *b)
{
	buf_put_be64(out, b->number);
	buf_put(out, b->hash.bytes, sizeof b->hash.bytes);
	buf_put_be64(out, b->time.v);
}

enum err index_save(struct index *ix, struct buf *out)
{
	struct buf opened = {0};
	unsigned count = fork_count(ix->fork);

	wire_encode(&msg_chain_opened_wire, &ix->opened, &opened);
	buf_put_be32(out, STATE_VERSION);
	buf_put_be32(out, (uint32_t)opened.size);
	buf_put(out, opened.data, opened.size);
	buf_free(&opened);
	buf_put_be64(out, ix->events);
	buf_put_be64(out, ix->unreadable);
	put_block(out, &ix->final);
	buf_put_be32(out, count);
	for (uint64_t n = fork_next(ix->fork) - count; n < fork_next(ix->fork);
	     n++)
		put_block(out, fork_at(ix->fork, n));
	return buf_err(out);
}

static struct block_ref take_block(struct scan *s)
{
	struct block_ref b = {.number = scan_be64(s)};

	scan_bytes(s, b.hash.bytes, sizeof b.hash.bytes);
	b.time.v = scan_be64(s);
	return b;
}

static void take_next(struct scan *s, struct fork *fork)
{
	struct block_ref b = take_block(s);

	if (fork_count(fork) && b.number != fork_next(fork))
		s->bad = true;
	if (!s->bad)
		fork_push(fork, &b);
}

enum err index_load(struct index *ix, struct bytes state)
{
	struct scan s = scan_begin(state);
	struct msg_chain_opened opened;
	struct bytes body;
	uint64_t events, unreadable;
	struct block_ref final;
	struct fork *fork;
	uint32_t count;
	enum err e;

	if (scan_be32(&s) != STATE_VERSION)
		return ERR_MALFORMED;
	body.size = scan_be32(&s);
	body.data = scan_take(&s, body.size);
	if (!body.data || msg_chain_opened_decode(&opened, body))
		return ERR_MALFORMED;
	e = fork_new(&fork, ix->config.depth, opened.start_block);
	if (e)
		return e;
	events = scan_be64(&s);
	unreadable = scan_be64(&s);
	final = take_block(&s);
	count = scan_be32(&s);
	while (count-- && !s.bad)
		take_next(&s, fork);
	e = scan_done(&s);
	if (e) {
		fork_free(&fork);
		return e;
	}
	fork_free(&ix->fork);
	ix->fork = fork;
	ix->opened = opened;
	ix->final = final;
	ix->events = events;
	ix->unreadable = unreadable;
	return ERR_NONE;
}
