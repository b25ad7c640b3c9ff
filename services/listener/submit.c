/* Proofs that are ready, as transactions; each is planned once (outbox.h). */
#include <inttypes.h>

#include "abi_market.h"
#include "common/log.h"
#include "common/sha256.h"
#include "common/u256.h"
#include "services/listener/listener.h"

enum { GAS_MAX = 15000000 }; /* of a transaction, while no block is known */

/* ---- planning ----------------------------------------------------------- */

static enum err encode(const struct job_batch *b, struct buf *call,
		       struct buf *subjects)
{
	struct u256 ids[JOB_BATCH_MAX];
	struct bytes inputs[JOB_BATCH_MAX], proofs[JOB_BATCH_MAX];

	for (size_t i = 0; i < b->count; i++) {
		ids[i] = u256_from_u64(b->tasks[i]->request_id);
		inputs[i] = b->tasks[i]->inputs;
		proofs[i] = b->tasks[i]->proof;
		buf_put_be64(subjects, b->tasks[i]->request_id);
	}
	if (buf_failed(subjects))
		return buf_err(subjects);
	return b->count == 1
		       ? abi_call_submit_proof(call, &ids[0], inputs[0],
					       proofs[0])
		       : abi_call_submit_proofs(call, ids, b->count, inputs,
						b->count, proofs, b->count);
}

/* The same proofs, ready at the same block, are the same intent. */
static void intent_id(struct hash32 *out, struct bytes subjects,
		      const struct block_ref *block)
{
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, "prove", 5);
	sha256_update(&sha, subjects.data, subjects.size);
	sha256_update(&sha, block->hash.bytes, sizeof block->hash.bytes);
	sha256_final(&sha, out);
}

static enum err plan(struct listener *self, const struct job_batch *b)
{
	struct buf call = {0}, subjects = {0};
	struct outbox_intent intent = {
		.kind = KIND_PROVE,
		.to = self->contracts.marketplace,
		.gas_limit = b->gas_limit,
		.decided_on = job_sizes(self->job).block,
		.valid_until = b->valid_until,
	};
	enum err e = encode(b, &call, &subjects);

	if (!e) {
		intent_id(&intent.id, buf_bytes(&subjects), &intent.decided_on);
		intent.data = buf_bytes(&call);
		intent.subjects = (struct u64s){subjects.data, b->count};
		e = sender_plan(self->sender, &intent);
	}
	buf_free(&call);
	buf_free(&subjects);
	return e;
}

/* What is on its way already, since before a restart, isn't sent twice. */
static void leave_out_known(const struct listener *self, struct job_batch *b)
{
	size_t kept = 0;

	b->gas_limit = 0;
	for (size_t i = 0; i < b->count; i++) {
		const struct job_task *t = b->tasks[i];

		if (sender_is_about(self->sender, KIND_PROVE, t->request_id)) {
			log_info("job.on_its_way", "request=%" PRIu64,
				 t->request_id);
			continue;
		}
		b->tasks[kept++] = t;
		b->gas_limit += t->gas_limit;
	}
	b->count = kept;
}

enum err submit_ready(struct listener *self)
{
	uint64_t gas_max = self->block_gas ? self->block_gas / 2 : GAS_MAX;
	struct job_batch b;
	enum err e;

	while (!(e = job_next_batch(self->job, listener_now_ms(), gas_max,
				    &b))) {
		leave_out_known(self, &b);
		e = b.count ? plan(self, &b) : ERR_EXISTS;
		if (!e)
			story_submitted(&b);
		else if (e != ERR_EXISTS && e != ERR_EXPIRED)
			return e;
	}
	return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

/* ---- looking after ------------------------------------------------------ */

struct sent {
	const struct listener *self;
	uint64_t ids[JOB_BATCH_MAX];
	size_t count;
};

static void gather_unsent(void *arg, const struct job_task *t)
{
	struct sent *x = arg;

	if (t->state == JOB_SUBMITTING && x->count < JOB_BATCH_MAX &&
	    !sender_is_about(x->self->sender, KIND_PROVE, t->request_id))
		x->ids[x->count++] = t->request_id;
}

enum err submit_look(struct listener *self)
{
	struct sent x = {.self = self};
	enum err e = ERR_NONE;

	job_each(self->job, gather_unsent, &x);
	for (size_t i = 0; i < x.count && !e; i++) {
		log_warn("job.without_effect",
			 "request=%" PRIu64 " text=\"the transaction did not "
			 "settle the task: checked again\"",
			 x.ids[i]);
		e = job_unsent(self->job, &self->sink, x.ids[i]);
	}
	return e;
}
