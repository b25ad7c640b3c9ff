/* Per channel: which rows an entry sets, changes in part, or takes away. */
#include "services/webhook-gateway/change.h"

#include "abi_market.h"
#include "msg.h"
#include "services/webhook-gateway/rows.h"

/* ---- tables ------------------------------------------------------------- */

static void begin_table(struct doc *d, const char *what, const char *table)
{
	doc_object(d, what);
	doc_array(d, table);
}

static void end_table(struct doc *d)
{
	doc_end_array(d);
	doc_end(d);
}

static void gone_id(struct doc *d, const char *table, uint64_t id)
{
	begin_table(d, "gone", table);
	doc_id(d, NULL, id);
	end_table(d);
}

static void gone_address(struct doc *d, const char *table,
			 const struct address *who)
{
	begin_table(d, "gone", table);
	doc_address(d, NULL, who);
	end_table(d);
}

/* ---- records of what messages say --------------------------------------- */

static struct msg_request_record started(const struct msg_task_started *m)
{
	return (struct msg_request_record){.request_id = m->request_id,
					   .market_id = m->market_id,
					   .generator = m->generator,
					   .price = m->price,
					   .deadline = m->deadline,
					   .assigned_at = m->at,
					   .assigned_time = m->time,
					   .assigned_tx = m->tx};
}

static struct msg_request_record ended(const struct msg_task_ended *m)
{
	return (struct msg_request_record){.request_id = m->request_id,
					   .market_id = m->market_id,
					   .generator = m->generator,
					   .refund = m->refund,
					   .ended_at = m->at,
					   .ended_time = m->time,
					   .ended_tx = m->tx};
}

/* ---- the book ----------------------------------------------------------- */

static void patch_tasks(struct doc *d, const struct address *generator,
			uint32_t tasks)
{
	begin_table(d, "patch", "quotes");
	doc_object(d, NULL);
	doc_address(d, "generator", generator);
	doc_count(d, "tasks", tasks);
	doc_end(d);
	end_table(d);
}

static void show_book(struct doc *d, const struct entry *entry)
{
	union {
		struct msg_quote_set quote_set;
		struct msg_quote_removed quote_removed;
		struct msg_request_opened request_opened;
		struct msg_request_closed request_closed;
		struct msg_task_started task_started;
		struct msg_task_ended task_ended;
	} m;
	struct msg_request_record r;

	switch (entry->type) {
	case MSG_QUOTE_SET:
		if (msg_quote_set_decode(&m.quote_set, entry->body))
			return;
		begin_table(d, "set", "quotes");
		row_quote(d, &m.quote_set);
		end_table(d);
		return;
	case MSG_QUOTE_REMOVED:
		if (msg_quote_removed_decode(&m.quote_removed, entry->body))
			return;
		gone_address(d, "quotes", &m.quote_removed.generator);
		return;
	case MSG_REQUEST_OPENED:
		if (msg_request_opened_decode(&m.request_opened, entry->body))
			return;
		r = view_record_of(&m.request_opened);
		begin_table(d, "set", "requests");
		row_order(d, &r);
		end_table(d);
		return;
	case MSG_REQUEST_CLOSED:
		if (msg_request_closed_decode(&m.request_closed, entry->body))
			return;
		gone_id(d, "requests", m.request_closed.request_id);
		return;
	case MSG_TASK_STARTED:
		if (msg_task_started_decode(&m.task_started, entry->body))
			return;
		patch_tasks(d, &m.task_started.generator, m.task_started.tasks);
		gone_id(d, "requests", m.task_started.request_id);
		return;
	case MSG_TASK_ENDED:
		if (msg_task_ended_decode(&m.task_ended, entry->body))
			return;
		patch_tasks(d, &m.task_ended.generator, m.task_ended.tasks);
		return;
	default:
		return;
	}
}

/* ---- requests and tasks ------------------------------------------------- */

/* What is said last of a row. */
static void begin_end(struct doc *d, const char *table, uint64_t id,
		      enum outcome outcome)
{
	begin_table(d, "patch", table);
	doc_object(d, NULL);
	doc_id(d, "request_id", id);
	doc_text(d, "state", view_state_name(view_state_of(outcome)));
}

static void end_end(struct doc *d, const char *table, uint64_t id)
{
	doc_end(d);
	end_table(d);
	gone_id(d, table, id);
}

static void show_task_ended(struct doc *d, const char *table,
			    const struct msg_task_ended *m)
{
	begin_end(d, table, m->request_id, m->outcome);
	doc_amount(d, "paid", &m->paid);
	doc_amount(d, "refund", &m->refund);
	row_event(d, "ended", m->at, m->time, &m->tx);
	end_end(d, table, m->request_id);
}

static void show_refused(struct doc *d, const struct msg_assignment_refused *m)
{
	begin_table(d, "patch", "requests");
	doc_object(d, NULL);
	doc_id(d, "request_id", m->request_id);
	doc_object(d, "refused");
	doc_address(d, "generator", &m->generator);
	doc_selector(d, "reason", &m->reason);
	doc_text(d, "reason_text", abi_error_text(m->reason.bytes));
	doc_id(d, "block", m->at.block);
	doc_end(d);
	doc_end(d);
	end_table(d);
}

static void show_requests(struct doc *d, const struct entry *entry)
{
	union {
		struct msg_request_opened request_opened;
		struct msg_request_closed request_closed;
		struct msg_task_started task_started;
		struct msg_task_ended task_ended;
		struct msg_assignment_refused refused;
	} m;
	struct msg_request_record r;

	switch (entry->type) {
	case MSG_REQUEST_OPENED:
		if (msg_request_opened_decode(&m.request_opened, entry->body))
			return;
		r = view_record_of(&m.request_opened);
		begin_table(d, "set", "requests");
		row_request(d, &r, VIEW_OPEN);
		end_table(d);
		return;
	case MSG_REQUEST_CLOSED:
		if (msg_request_closed_decode(&m.request_closed, entry->body))
			return;
		begin_end(d, "requests", m.request_closed.request_id,
			  m.request_closed.outcome);
		row_event(d, "ended", m.request_closed.at,
			  m.request_closed.time, &m.request_closed.tx);
		end_end(d, "requests", m.request_closed.request_id);
		return;
	case MSG_ASSIGNMENT_REFUSED:
		if (!msg_assignment_refused_decode(&m.refused, entry->body))
			show_refused(d, &m.refused);
		return;
	case MSG_TASK_STARTED:
		if (msg_task_started_decode(&m.task_started, entry->body))
			return;
		r = started(&m.task_started);
		begin_table(d, "patch", "requests");
		doc_object(d, NULL);
		doc_id(d, "request_id", r.request_id);
		doc_text(d, "state", view_state_name(VIEW_ASSIGNED));
		doc_object(d, "task");
		row_assignment(d, &r);
		doc_end(d);
		doc_end(d);
		end_table(d);
		return;
	case MSG_TASK_ENDED:
		if (!msg_task_ended_decode(&m.task_ended, entry->body))
			show_task_ended(d, "requests", &m.task_ended);
		return;
	default:
		return;
	}
}

static void show_tasks(struct doc *d, const struct entry *entry)
{
	union {
		struct msg_task_started task_started;
		struct msg_task_ended task_ended;
	} m;
	struct msg_request_record r;

	if (entry->type == MSG_TASK_STARTED &&
	    !msg_task_started_decode(&m.task_started, entry->body)) {
		r = started(&m.task_started);
		begin_table(d, "set", "tasks");
		row_task(d, &r);
		end_table(d);
	} else if (entry->type == MSG_TASK_ENDED &&
		   !msg_task_ended_decode(&m.task_ended, entry->body)) {
		show_task_ended(d, "tasks", &m.task_ended);
	}
}

/* ---- the others --------------------------------------------------------- */

static void show_blocks(struct doc *d, const struct entry *entry)
{
	struct msg_block_mark m;

	if (msg_block_mark_decode(&m, entry->body))
		return;
	doc_hash(d, "parent", &m.parent);
	doc_amount(d, "base_fee", &m.base_fee);
	doc_id(d, "gas_limit", m.gas_limit);
	doc_count(d, "events", m.events);
	begin_table(d, "set", "blocks");
	row_block(d, &m.block);
	end_table(d);
}

static void show_markets(struct doc *d, const struct entry *entry)
{
	struct msg_market_set m;

	if (msg_market_set_decode(&m, entry->body))
		return;
	begin_table(d, "set", "markets");
	row_market(d, &m);
	end_table(d);
}

static void show_slashes(struct doc *d, const struct entry *entry)
{
	struct msg_request_record r;
	struct msg_task_ended m;

	if (msg_task_ended_decode(&m, entry->body))
		return;
	r = ended(&m);
	begin_table(d, "set", "slashes");
	row_slash(d, &r);
	end_table(d);
}

static void show_rows(struct doc *d, enum channel channel,
		      const struct tail_item *item)
{
	switch (channel) {
	case CHANNEL_BLOCKS:
		show_blocks(d, &item->entry);
		break;
	case CHANNEL_MARKETS:
		show_markets(d, &item->entry);
		break;
	case CHANNEL_BOOK:
		show_book(d, &item->entry);
		break;
	case CHANNEL_REQUESTS:
		show_requests(d, &item->entry);
		break;
	case CHANNEL_TASKS:
		show_tasks(d, &item->entry);
		break;
	case CHANNEL_GENERATORS:
		begin_table(d, "set", "generators");
		row_generator(d, &item->rows->generator);
		end_table(d);
		break;
	case CHANNEL_SLASHES:
		show_slashes(d, &item->entry);
		break;
	case CHANNEL_STATS:
		begin_table(d, "set", "stats");
		row_stats(d, &item->rows->market);
		end_table(d);
		break;
	case CHANNELS:
		break;
	}
}

void change_json(struct buf *out, enum channel channel,
		 const struct tail_item *item)
{
	struct doc d = {out, false};

	doc_object(&d, NULL);
	doc_text(&d, "channel", channel_name(channel));
	doc_count(&d, "seq", item->entry.number);
	doc_id(&d, "block", item->block);
	doc_text(&d, "event", msg_name(item->entry.type));
	show_rows(&d, channel, item);
	doc_end(&d);
}
