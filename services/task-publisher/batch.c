/* Batches on their way: signed as the engine, planned as the relayer. */
#include <inttypes.h>

#include "common/eip712.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/metric.h"
#include "services/task-publisher/publisher.h"

enum { KIND_ASSIGN = 1 }; /* in tx_signed */

static struct metric published =
	METRIC(COUNTER, "task_published_total", "matches put into batches");
static struct metric too_late =
	METRIC(COUNTER, "task_too_late_total",
	       "matches that were void before they could be sent");

void batch_register(void)
{
	metric_register(&published);
	metric_register(&too_late);
}

static enum err sign_batch(struct publisher *self,
			   const struct publish_batch *batch,
			   uint8_t out[SIGNATURE_SIZE])
{
	struct hash32 hash, digest;
	struct signature signature;
	enum err e = eip712_hash_assignments(&hash, batch->assignments,
					     batch->assignments_count,
					     &batch->decision);

	if (e)
		return e;
	eip712_digest(&digest, &self->domain, &hash);
	secp_sign(&signature, &digest, self->engine);
	signature_to_bytes(out, &signature);
	return ERR_NONE;
}

enum err batch_encode(void *arg, const struct publish_batch *batch,
		      struct buf *call)
{
	uint8_t signature[SIGNATURE_SIZE];
	enum err e = sign_batch(arg, batch, signature);

	return e ? e
		 : abi_call_assign_tasks(
			   call, batch->assignments, batch->assignments_count,
			   &batch->decision,
			   (struct bytes){signature, sizeof signature});
}

uint64_t batch_gas(void *arg, const struct publish_batch *batch)
{
	const struct options *o = &((struct publisher *)arg)->options;

	return o->gas_base + o->gas_per_task * batch->assignments_count;
}

static enum err plan_intent(struct publisher *self,
			    const struct publish_batch *batch, struct buf *call,
			    struct buf *ids)
{
	struct outbox_intent intent = {
		.kind = KIND_ASSIGN,
		.to = self->contracts.marketplace,
		.gas_limit = batch_gas(self, batch),
		.decided_on = batch->block,
		.valid_until = {batch->decision.valid_until},
	};
	enum err e = batch_encode(self, batch, call);

	for (size_t i = 0; i < batch->assignments_count; i++)
		buf_put_be64(ids, batch->assignments[i].request_id.limb[0]);
	if (!e)
		e = buf_err(ids);
	if (e)
		return e;
	intent.data = buf_bytes(call);
	intent.subjects = (struct u64s){ids->data, ids->size / 8};
	publish_batch_id(&intent.id, batch);
	e = sender_plan(self->sender, &intent);
	if (e && e != ERR_EXISTS)
		return e;
	/* One that a journal knows may have reverted before a restart. */
	if (retry_note(self->retry, batch))
		return ERR_NO_MEMORY;
	if (sender_fate(self->sender, &intent.id) == OUTBOX_REVERTED)
		retry_reverted(self->retry, &intent.id);
	return e;
}

static void tell_planned(const struct publish_batch *batch)
{
	char generator[ADDRESS_ROOM];

	log_info("batch.planned",
		 "batch=%" PRIu64 " tasks=%zu block=%" PRIu64 " round=%u",
		 batch->decision.batch, batch->assignments_count,
		 batch->block.number, batch->round);
	for (size_t i = 0; i < batch->assignments_count; i++) {
		const struct abi_assignment *a = &batch->assignments[i];

		log_info("task.planned",
			 "request=%" PRIu64 " generator=%s batch=%" PRIu64,
			 a->request_id.limb[0],
			 address_format(generator, &a->generator),
			 batch->decision.batch);
	}
}

static enum err plan_batch(struct publisher *self,
			   const struct publish_batch *batch)
{
	struct buf call = {0}, ids = {0};
	enum err e = plan_intent(self, batch, &call, &ids);

	buf_free(&call);
	buf_free(&ids);
	if (!e)
		tell_planned(batch);
	return e;
}

enum err batch_decided(void *arg, const struct publish_batch *batch)
{
	struct publisher *self = arg;
	enum err e = plan_batch(self, batch);

	if (e == ERR_EXPIRED)
		metric_add(&too_late, (int64_t)batch->assignments_count);
	if (!e)
		metric_add(&published, (int64_t)batch->assignments_count);
	return e == ERR_EXPIRED || e == ERR_EXISTS ? ERR_NONE : e;
}

/* What is left of a batch that reverted. */
void batch_rest(void *arg, const struct publish_batch *batch)
{
	struct publisher *self = arg;
	enum err e = plan_batch(self, batch);

	if (!e)
		sender_flush(self->sender);
	else if (e != ERR_EXPIRED && e != ERR_EXISTS)
		frame_stop(self->frame, "batch.rest", e);
}

void batch_mined(void *arg, const struct hash32 *id, enum outbox_fate fate)
{
	struct publisher *self = arg;

	if (fate == OUTBOX_REVERTED)
		retry_reverted(self->retry, id);
}
