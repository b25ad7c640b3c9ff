/* From a request's block to its task's, and to the one that ended it; and the
 * money that waits meanwhile. */
#include "services/webhook-gateway/spans.h"

#include <stdlib.h>

#include "common/metric.h"
#include "common/u256.h"

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

#define ESCROW(state)                                                          \
	METRIC_LABELLED(REAL, "request_escrow_tokens", "state=\"" state "\"",  \
			"payment tokens in escrow, by state of their request")
static struct metric escrow[] = {
	[VIEW_OPEN] = ESCROW("open"),
	[VIEW_ASSIGNED] = ESCROW("assigned"),
};

void spans_register(void)
{
	metric_register(&escrow[VIEW_OPEN]);
	metric_register(&escrow[VIEW_ASSIGNED]);
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

void spans_hold(const struct view *view, unsigned decimals)
{
	char text[AMOUNT_TEXT_ROOM];

	for (enum view_state s = VIEW_OPEN; s <= VIEW_ASSIGNED; s++) {
		amount_format(text, view_escrow(view, s), decimals);
		metric_set_real(&escrow[s], strtod(text, NULL));
	}
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
