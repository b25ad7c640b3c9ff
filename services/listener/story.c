/* What is said goes into the journal, and is told: log lines, metrics. */
#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"
#include "common/metric.h"
#include "common/u256.h"
#include "services/listener/listener.h"

static struct metric taken =
	METRIC(COUNTER, "job_taken_total", "tasks that the chain gave us");
static struct metric proved =
	METRIC(COUNTER, "job_proved_total", "proofs that provers made");
static struct metric submitted =
	METRIC(COUNTER, "job_submitted_total", "proofs put into transactions");
static struct metric done =
	METRIC(COUNTER, "job_done_total", "tasks proven and paid for");
static struct metric suspended =
	METRIC(COUNTER, "job_suspended_total", "tasks whose block went away");
static struct metric skipped =
	METRIC(COUNTER, "job_skipped_total", "tasks that were not begun");
static struct metric proving_time = METRIC(
	SPANS, "proof_made_seconds", "time from asking a prover to its proof");
static struct metric prover_failed =
	METRIC(COUNTER, "prover_failed_total", "calls that gave no proof");
static struct metric waiting =
	METRIC(GAUGE, "job_waiting", "tasks that wait for a proof to begin");
static struct metric proving =
	METRIC(GAUGE, "job_proving", "proofs that are being made");
static struct metric submitting =
	METRIC(GAUGE, "job_submitting", "proofs that are on their way");
static struct metric compute_used =
	METRIC(GAUGE, "compute_used", "compute of the proofs being made");
static struct metric compute_declared =
	METRIC(GAUGE, "compute_declared", "compute that the registry has");

/* Tasks that were dropped, by reason. */
static struct metric dropped[JOB_REASON_COUNT] = {
	[JOB_REASON_MISSED] =
		METRIC(COUNTER, "job_missed_total",
		       "tasks whose deadline passed without a proof"),
	[JOB_REASON_SLASHED] = METRIC(COUNTER, "job_slashed_total",
				      "tasks slashed before we gave them up"),
	[JOB_REASON_INVALIDATED] =
		METRIC(COUNTER, "job_invalidated_total",
		       "tasks whose inputs were shown to have no proof"),
	[JOB_REASON_UNPROVABLE] =
		METRIC(COUNTER, "job_unprovable_total",
		       "tasks that the prover calls unprovable"),
	[JOB_REASON_TOO_LATE] =
		METRIC(COUNTER, "job_too_late_total",
		       "tasks not begun: no proof could be ready in time"),
	[JOB_REASON_REFUSED] = METRIC(COUNTER, "job_refused_total",
				      "tasks whose proofs no verifier took"),
	[JOB_REASON_REVERTED] =
		METRIC(COUNTER, "job_reverted_total",
		       "tasks whose transactions had no effect"),
};

/* ---- telling ------------------------------------------------------------ */

static void tell_taken(const struct msg_job_taken *m)
{
	char price[U256_DEC_ROOM];

	metric_add(&taken, 1);
	log_info("job.taken",
		 "request=%" PRIu64 " market=%" PRIu64 " block=%" PRIu64
		 " deadline=%" PRIu64 " compute=%" PRIu64 " price=%s",
		 m->request_id, m->market_id, m->block.number, m->deadline.v,
		 m->compute, u256_format_dec(price, &m->price.v));
}

static void tell_proof(const struct msg_job_proof *m)
{
	metric_add(&proved, 1);
	metric_observe_us(&proving_time, 1000 * m->took_ms);
	log_info("job.proved",
		 "request=%" PRIu64 " took_ms=%" PRIu64 " bytes=%zu",
		 m->request_id, m->took_ms, m->proof.size);
}

static void tell_inputs(const struct msg_job_inputs *m)
{
	log_info("job.inputs", "request=%" PRIu64 " bytes=%zu", m->request_id,
		 m->inputs.size);
}

static void tell_suspended(struct listener *self, uint64_t request_id)
{
	metric_add(&suspended, 1);
	log_info("job.suspended", "request=%" PRIu64, request_id);
	work_cancel(self, request_id);
}

static void tell_done(struct listener *self, const struct msg_job_done *m)
{
	char paid[U256_DEC_ROOM];

	metric_add(&done, 1);
	log_info("job.done", "request=%" PRIu64 " block=%" PRIu64 " paid=%s",
		 m->request_id, m->block.number,
		 u256_format_dec(paid, &m->paid.v));
	work_cancel(self, m->request_id);
}

static void tell_dropped(struct listener *self, const struct msg_job_dropped *m)
{
	const struct job_task *t = job_find(self->job, m->request_id);
	const char *event = "job.abandoned";

	metric_add(&dropped[m->reason], 1);
	work_cancel(self, m->request_id);
	switch (m->reason) {
	case JOB_REASON_TOO_LATE:
		if (t)
			story_skipped(t, "too_late");
		return;
	case JOB_REASON_MISSED:
	case JOB_REASON_SLASHED:
	case JOB_REASON_INVALIDATED:
		event = "job.lost";
		break;
	case JOB_REASON_UNPROVABLE:
		event = "job.unprovable";
		break;
	case JOB_REASON_REFUSED:
	case JOB_REASON_REVERTED:
	case JOB_REASON_COUNT:
		break;
	}
	log_warn(event,
		 "request=%" PRIu64 " market=%" PRIu64
		 " reason=%s was=%s block=%" PRIu64 " time=%" PRIu64,
		 m->request_id, t ? t->market_id : 0,
		 job_reason_name(m->reason), t ? job_state_name(t->state) : "",
		 m->block.number, m->block.time.v);
}

/* What was said decodes: it was encoded a moment ago. */
static void tell(struct listener *self, uint16_t number, struct bytes body)
{
	union {
		struct msg_job_taken taken;
		struct msg_job_inputs inputs;
		struct msg_job_proof proof;
		struct msg_job_done done;
		struct msg_job_dropped dropped;
		struct msg_job_suspended suspended;
		struct msg_job_resumed resumed;
	} m;

	switch (number) {
	case MSG_JOB_TAKEN:
		if (!msg_job_taken_decode(&m.taken, body))
			tell_taken(&m.taken);
		break;
	case MSG_JOB_INPUTS:
		if (!msg_job_inputs_decode(&m.inputs, body))
			tell_inputs(&m.inputs);
		break;
	case MSG_JOB_PROOF:
		if (!msg_job_proof_decode(&m.proof, body))
			tell_proof(&m.proof);
		break;
	case MSG_JOB_DONE:
		if (!msg_job_done_decode(&m.done, body))
			tell_done(self, &m.done);
		break;
	case MSG_JOB_DROPPED:
		if (!msg_job_dropped_decode(&m.dropped, body))
			tell_dropped(self, &m.dropped);
		break;
	case MSG_JOB_SUSPENDED:
		if (!msg_job_suspended_decode(&m.suspended, body))
			tell_suspended(self, m.suspended.request_id);
		break;
	case MSG_JOB_RESUMED:
		if (!msg_job_resumed_decode(&m.resumed, body))
			log_info("job.resumed", "request=%" PRIu64,
				 m.resumed.request_id);
		break;
	}
}

static enum err sink_put(struct sink *sink, uint16_t number, struct bytes body)
{
	struct listener *self =
		(struct listener *)((char *)sink -
				    offsetof(struct listener, sink));
	enum err e = journal_put(self->journal, number, body);

	if (!e)
		tell(self, number, body);
	return e;
}

void story_open(struct listener *self)
{
	struct metric *all[] = {
		&taken,		  &proved,  &submitted,	 &done,
		&suspended,	  &skipped, &waiting,	 &proving_time,
		&prover_failed,	  &proving, &submitting, &compute_used,
		&compute_declared};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		metric_register(all[i]);
	for (size_t i = 0; i < JOB_REASON_COUNT; i++)
		metric_register(&dropped[i]);
	self->sink.put = sink_put;
}

void story_skipped(const struct job_task *t, const char *reason)
{
	metric_add(&skipped, 1);
	log_warn("job.skipped",
		 "request=%" PRIu64 " market=%" PRIu64
		 " reason=%s deadline=%" PRIu64,
		 t->request_id, t->market_id, reason, t->deadline.v);
}

void story_submitted(const struct job_batch *b)
{
	metric_add(&submitted, (int64_t)b->count);
	for (size_t i = 0; i < b->count; i++)
		log_info("job.submitted",
			 "request=%" PRIu64 " market=%" PRIu64
			 " together=%zu gas=%" PRIu64 " deadline=%" PRIu64,
			 b->tasks[i]->request_id, b->market_id, b->count,
			 b->gas_limit, b->tasks[i]->deadline.v);
}

void story_prover_failed(void)
{
	metric_add(&prover_failed, 1);
}

void story_measure(const struct listener *self)
{
	struct job_sizes s = job_sizes(self->job);

	metric_set(&waiting,
		   (int64_t)(s.states[JOB_TAKEN] + s.states[JOB_INPUTS]));
	metric_set(&proving, (int64_t)s.states[JOB_PROVING]);
	metric_set(&submitting,
		   (int64_t)(s.states[JOB_PROVED] + s.states[JOB_CHECKED] +
			     s.states[JOB_SUBMITTING]));
	metric_set(&compute_used, (int64_t)s.compute_used);
	metric_set(&compute_declared, (int64_t)s.compute);
}
