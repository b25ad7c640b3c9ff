/* Copies of batches, and simulations of those that reverted. */
#include "services/task-publisher/retry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/evm.h"
#include "common/log.h"
#include "common/metric.h"

static struct metric dropped =
	METRIC(COUNTER, "task_dropped_total",
	       "matches given up because their batch reverted");

/* A batch that is on its way, or that reverted. */
struct kept {
	struct retry *retry;
	struct hash32 id;
	struct publish_batch batch; /* points at the two arrays */
	struct abi_assignment *assignments;
	struct publish_decision *decisions;
	bool reverted, asking;
	struct kept *next;
};

struct retry {
	struct retry_config config;
	struct kept *first;
};

/* ---- copies ------------------------------------------------------------- */

static void kept_free(struct kept *k)
{
	free(k->assignments);
	free(k->decisions);
	free(k);
}

/* The @count matches from @first on of @batch. */
static struct kept *kept_new(struct retry *r, const struct publish_batch *batch,
			     size_t first, size_t count)
{
	struct kept *k = calloc(1, sizeof *k);

	if (!k)
		return NULL;
	k->retry = r;
	k->assignments = malloc(count * sizeof *k->assignments);
	k->decisions = malloc(count * sizeof *k->decisions);
	if (!k->assignments || !k->decisions) {
		kept_free(k);
		return NULL;
	}
	memcpy(k->assignments, batch->assignments + first,
	       count * sizeof *k->assignments);
	memcpy(k->decisions, batch->decisions + first,
	       count * sizeof *k->decisions);
	k->batch = *batch;
	publish_batch_make(&k->batch, k->assignments, k->decisions, count);
	publish_batch_id(&k->id, &k->batch);
	return k;
}

static struct kept *find(const struct retry *r, const struct hash32 *id)
{
	struct kept *k = r->first;

	while (k && !hash32_eq(&k->id, id))
		k = k->next;
	return k;
}

static void push(struct retry *r, struct kept *k)
{
	k->next = r->first;
	r->first = k;
}

static void drop(struct retry *r, struct kept *k)
{
	struct kept **p = &r->first;

	while (*p != k)
		p = &(*p)->next;
	*p = k->next;
	kept_free(k);
}

/* ---- life --------------------------------------------------------------- */

enum err retry_new(struct retry **out, const struct retry_config *config)
{
	struct retry *r = calloc(1, sizeof *r);

	metric_register(&dropped);
	if (r)
		r->config = *config;
	*out = r;
	return r ? ERR_NONE : ERR_NO_MEMORY;
}

void retry_free(struct retry **retry)
{
	struct retry *r = *retry;

	if (!r)
		return;
	while (r->first)
		drop(r, r->first);
	free(r);
	*retry = NULL;
}

enum err retry_note(struct retry *r, const struct publish_batch *batch)
{
	struct hash32 id;
	struct kept *k;

	publish_batch_id(&id, batch);
	if (find(r, &id))
		return ERR_NONE;
	k = kept_new(r, batch, 0, batch->assignments_count);
	if (!k)
		return ERR_NO_MEMORY;
	push(r, k);
	return ERR_NONE;
}

/* ---- what a simulation says --------------------------------------------- */

static void give_up(struct retry *r, struct kept *k, const char *why)
{
	metric_add(&dropped, (int64_t)k->batch.assignments_count);
	log_error("batch.dropped",
		  "batch=%" PRIu64 " tasks=%zu first_request=%" PRIu64
		  " reason=\"%s\"",
		  k->batch.decision.batch, k->batch.assignments_count,
		  k->assignments[0].request_id.limb[0], why);
	for (size_t i = 0; i < k->batch.assignments_count; i++)
		log_warn("match.dropped", "request=%" PRIu64 " reason=\"%s\"",
			 k->assignments[i].request_id.limb[0], why);
	drop(r, k);
}

/* It would work: what would be left out has had its answer. */
static void plan_rest(struct retry *r, struct kept *k,
		      const struct abi_words *reasons)
{
	size_t left = 0;

	for (size_t i = 0; i < k->batch.assignments_count; i++) {
		struct selector reason = abi_word_selector(&reasons->data[i]);

		if (abi_error_of_selector(reason.bytes) == ABI_ERROR_UNKNOWN) {
			k->assignments[left] = k->assignments[i];
			k->decisions[left++] = k->decisions[i];
			continue;
		}
		metric_add(&dropped, 1);
		log_info("match.dropped", "request=%" PRIu64 " reason=%s",
			 k->assignments[i].request_id.limb[0],
			 abi_error_name(reason.bytes));
	}
	if (left) {
		k->batch.round++;
		publish_batch_make(&k->batch, k->assignments, k->decisions,
				   left);
		r->config.plan(r->config.arg, &k->batch);
	}
	drop(r, k);
}

static void simulate(struct retry *r, struct kept *k);

static void split(struct retry *r, struct kept *k)
{
	size_t count = k->batch.assignments_count, half = count / 2;
	struct kept *parts[2];

	k->batch.round++;
	parts[0] = kept_new(r, &k->batch, 0, half);
	parts[1] = kept_new(r, &k->batch, half, count - half);
	log_info("batch.split", "batch=%" PRIu64 " tasks=%zu",
		 k->batch.decision.batch, count);
	drop(r, k);
	for (int i = 0; i < 2; i++) {
		if (!parts[i])
			continue;
		push(r, parts[i]);
		parts[i]->reverted = true;
		simulate(r, parts[i]);
	}
}

/* Nodes put the data of a revert as it is, or wrapped in an object. */
static bool read_reason(const struct rpc_answer *a, struct buf *out)
{
	const json_t *data = json_is_object(a->data)
				     ? json_object_get(a->data, "data")
				     : a->data;

	return json_is_string(data) && !evm_bytes_parse(out, data) &&
	       out->size >= 4 &&
	       abi_error_of_selector(out->data) != ABI_ERROR_UNKNOWN;
}

static bool ran(const struct rpc_answer *a)
{
	return a->code == 3 || a->data || strcasestr(a->message, "revert") ||
	       strcasestr(a->message, "gas");
}

/* About the whole: a retry is no use. That it was published already is known
 * after a restart, when what became of a part counts for all: what is missing
 * of it is decided on anew. */
static void take_reason(struct retry *r, struct kept *k,
			const uint8_t selector[4])
{
	if (abi_error_of_selector(selector) == ABI_ERROR_BATCH_ALREADY_USED)
		drop(r, k);
	else
		give_up(r, k, abi_error_name(selector));
}

static void take_refusal(struct retry *r, struct kept *k,
			 const struct rpc_answer *a)
{
	struct buf data = {0};

	if (!ran(a))
		; /* asked again at the next block */
	else if (read_reason(a, &data))
		take_reason(r, k, data.data);
	else if (k->batch.assignments_count == 1)
		give_up(r, k, a->message);
	else
		split(r, k);
	buf_free(&data);
}

static void on_simulated(void *arg, const struct rpc_answer *a)
{
	struct kept *k = arg;
	struct retry *r = k->retry;
	struct abi_words reasons;
	struct buf bytes = {0};

	k->asking = false;
	if (a->err == ERR_REFUSED)
		take_refusal(r, k, a);
	else if (!a->err && !evm_bytes_parse(&bytes, a->result) &&
		 !abi_result_assign_tasks(&reasons, buf_bytes(&bytes)) &&
		 reasons.count == k->batch.assignments_count)
		plan_rest(r, k, &reasons);
	buf_free(&bytes);
}

static void simulate(struct retry *r, struct kept *k)
{
	struct buf call = {0};

	if (k->asking || r->config.encode(r->config.arg, &k->batch, &call)) {
		buf_free(&call);
		return;
	}
	k->asking = true;
	rpc_call(
		r->config.rpc, "eth_call",
		json_pack("[{s:o,s:o,s:o,s:o},s]", "from",
			  evm_address(&r->config.from), "to",
			  evm_address(&r->config.to), "gas",
			  evm_quantity(r->config.gas(r->config.arg, &k->batch)),
			  "data", evm_data(buf_bytes(&call)), "latest"),
		on_simulated, k);
	buf_free(&call);
}

void retry_reverted(struct retry *r, const struct hash32 *id)
{
	struct kept *k = find(r, id);

	if (!k || k->reverted)
		return;
	k->reverted = true;
	simulate(r, k);
}

void retry_block(struct retry *r, struct unix_s now)
{
	struct kept *next;

	for (struct kept *k = r->first; k; k = next) {
		next = k->next;
		if (k->asking)
			continue; /* its answer comes to it */
		if (k->batch.decision.valid_until <= now.v)
			drop(r, k);
		else if (k->reverted)
			simulate(r, k);
	}
}
