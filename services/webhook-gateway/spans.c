/* From a request's block to its task's, and to the one that ended it. */
#include "services/webhook-gateway/spans.h"

#include "common/metric.h"

static struct metric assigned =
	METRIC(SPANS, "request_assigned_seconds",
	       "time from a request's block to its task's");
static struct metric ended =
	METRIC(SPANS, "request_ended_seconds",
	       "time from a request's block to the proof's, or whatever else "
	       "ended its task");

#define ENDED(outcome)                                                         \
	METRIC_LABELLED(COUNTER, "request_ended_total",                        \
			"outcome=\"" outcome "\"",                             \
			"requests that ended, by outcome")
static struct metric outcomes[OUTCOME_COUNT] = {
	[OUTCOME_FULFILLED] = ENDED("fulfilled"),
	[OUTCOME_INVALID] = ENDED("invalid"),
	[OUTCOME_SLASHED] = ENDED("slashed"),
	[OUTCOME_CANCELLED] = ENDED("cancelled"),
	[OUTCOME_REJECTED] = ENDED("rejected"),
};

void spans_register(void)
{
	metric_register(&assigned);
	metric_register(&ended);
	for (int i = 0; i < OUTCOME_COUNT; i++)
		metric_register(&outcomes[i]);
}

static void observe(struct metric *m, const struct view *view, uint64_t id,
		    struct unix_s then)
{
	const struct view_request *r = view_request(view, id);

	if (r && then.v >= r->record.time.v)
		metric_observe_us(m, (then.v - r->record.time.v) * 1000000);
}

void spans_note(const struct view *view, const struct entry *entry)
{
	union {
		struct msg_task_started started;
		struct msg_task_ended ended;
		struct msg_request_closed closed;
	} m;

	switch (entry->type) {
	case MSG_TASK_STARTED:
		if (!msg_task_started_decode(&m.started, entry->body))
			observe(&assigned, view, m.started.request_id,
				m.started.time);
		break;
	case MSG_TASK_ENDED:
		if (msg_task_ended_decode(&m.ended, entry->body))
			break;
		observe(&ended, view, m.ended.request_id, m.ended.time);
		metric_add(&outcomes[m.ended.outcome], 1);
		break;
	case MSG_REQUEST_CLOSED:
		if (!msg_request_closed_decode(&m.closed, entry->body))
			metric_add(&outcomes[m.closed.outcome], 1);
		break;
	}
}
