/* Which entries are events, and their texts. */
#include "services/webhook-gateway/hook_event.h"

#include "common/map.h"
#include "msg.h"

/* Subjects are told apart by their kind. */
enum subject { OF_REQUEST = 1, OF_MARKET, OF_GENERATOR };

static uint64_t subject_of(enum subject kind, const void *key, size_t size)
{
	uint64_t hash = map_hash_bytes(key, size) * 4 + kind;

	return hash ? hash : 1;
}

static bool of_request(struct hook_event *e, enum hook_type type, uint64_t id,
		       uint64_t market_id)
{
	e->type = type;
	e->request_id = id;
	e->market_id = market_id;
	e->subject = subject_of(OF_REQUEST, &id, sizeof id);
	return true;
}

static bool of_generator(struct hook_event *e, enum hook_type type,
			 const struct address *who, uint64_t market_id)
{
	e->type = type;
	e->has_generator = true;
	e->generator = *who;
	e->market_id = market_id;
	e->subject = subject_of(OF_GENERATOR, who, sizeof *who);
	return true;
}

static bool read_opened(struct hook_event *e, struct bytes body)
{
	struct msg_request_opened m;

	if (msg_request_opened_decode(&m, body))
		return false;
	e->has_requester = true;
	e->requester = m.requester;
	return of_request(e, HOOK_REQUEST_OPENED, m.request_id, m.market_id);
}

static bool read_closed(struct hook_event *e, struct bytes body)
{
	struct msg_request_closed m;

	return !msg_request_closed_decode(&m, body) &&
	       of_request(e,
			  m.outcome == OUTCOME_REJECTED
				  ? HOOK_REQUEST_REJECTED
				  : HOOK_REQUEST_CANCELLED,
			  m.request_id, m.market_id);
}

static bool read_started(struct hook_event *e, struct bytes body)
{
	struct msg_task_started m;

	if (msg_task_started_decode(&m, body))
		return false;
	e->has_generator = true;
	e->generator = m.generator;
	return of_request(e, HOOK_TASK_ASSIGNED, m.request_id, m.market_id);
}

static bool read_ended(struct hook_event *e, struct bytes body)
{
	struct msg_task_ended m;

	if (msg_task_ended_decode(&m, body))
		return false;
	e->has_generator = true;
	e->generator = m.generator;
	return of_request(e,
			  m.outcome == OUTCOME_FULFILLED ? HOOK_TASK_FULFILLED
			  : m.outcome == OUTCOME_INVALID ? HOOK_TASK_INVALID
							 : HOOK_TASK_SLASHED,
			  m.request_id, m.market_id);
}

static bool read_market(struct hook_event *e, struct bytes body)
{
	struct msg_market_set m;

	if (msg_market_set_decode(&m, body))
		return false;
	e->type = HOOK_MARKET_UPDATED;
	e->market_id = m.market_id;
	e->subject = subject_of(OF_MARKET, &m.market_id, sizeof m.market_id);
	return true;
}

static bool read_quote(struct hook_event *e, const struct entry *entry)
{
	struct msg_quote_set set;
	struct msg_quote_removed removed;

	if (entry->type == MSG_QUOTE_SET)
		return !msg_quote_set_decode(&set, entry->body) &&
		       of_generator(e, HOOK_QUOTE_UPDATED, &set.generator,
				    set.market_id);
	return !msg_quote_removed_decode(&removed, entry->body) &&
	       of_generator(e, HOOK_QUOTE_REMOVED, &removed.generator,
			    removed.market_id);
}

static bool read_generator(struct hook_event *e, const struct entry *entry)
{
	struct msg_generator_set set;
	struct msg_generator_removed removed;

	if (entry->type == MSG_GENERATOR_SET)
		return !msg_generator_set_decode(&set, entry->body) &&
		       of_generator(e, HOOK_GENERATOR_UPDATED, &set.generator,
				    0);
	return !msg_generator_removed_decode(&removed, entry->body) &&
	       of_generator(e, HOOK_GENERATOR_REMOVED, &removed.generator, 0);
}

bool hook_event_read(struct hook_event *out, const struct entry *entry)
{
	*out = (struct hook_event){.seq = entry->number};
	switch (entry->type) {
	case MSG_REQUEST_OPENED:
		return read_opened(out, entry->body);
	case MSG_REQUEST_CLOSED:
		return read_closed(out, entry->body);
	case MSG_TASK_STARTED:
		return read_started(out, entry->body);
	case MSG_TASK_ENDED:
		return read_ended(out, entry->body);
	case MSG_MARKET_SET:
		return read_market(out, entry->body);
	case MSG_QUOTE_SET:
	case MSG_QUOTE_REMOVED:
		return read_quote(out, entry);
	case MSG_GENERATOR_SET:
	case MSG_GENERATOR_REMOVED:
		return read_generator(out, entry);
	case MSG_BOOK_ROLLED_BACK:
		out->type = HOOK_CHAIN_ROLLED_BACK;
		return true; /* subject 0 */
	default:
		return false;
	}
}

bool hook_event_mark(const struct entry *entry, uint64_t *block, uint64_t *time)
{
	struct msg_block_closed closed;
	struct msg_book_rolled_back back;

	if (entry->type == MSG_BLOCK_CLOSED &&
	    !msg_block_closed_decode(&closed, entry->body)) {
		*block = closed.block.number;
		*time = closed.block.time.v;
		return true;
	}
	if (entry->type == MSG_BOOK_ROLLED_BACK &&
	    !msg_book_rolled_back_decode(&back, entry->body)) {
		*block = back.to.number;
		*time = back.to.time.v;
		return true;
	}
	return false;
}

bool hook_wants(const struct hook *h, const struct hook_event *e)
{
	/* Whoever hears of anything has to hear that it is undone. */
	if (e->type == HOOK_CHAIN_ROLLED_BACK)
		return true;
	if (!(h->types >> e->type & 1) ||
	    (h->market_id && h->market_id != e->market_id))
		return false;
	if (h->has_requester &&
	    (!e->has_requester || !address_eq(&h->requester, &e->requester)))
		return false;
	return !h->has_generator ||
	       (e->has_generator && address_eq(&h->generator, &e->generator));
}

/* ---- texts -------------------------------------------------------------- */

/* What generateProof of the prover API takes
 * (protocol/http/prover.openapi.yaml). Sealed inputs are not passed on. */
static void add_payload(struct doc *d, const struct entry *created)
{
	struct msg_request_created m;

	if (!created || created->type != MSG_REQUEST_CREATED ||
	    msg_request_created_decode(&m, created->body)) {
		doc_null(d, "payload");
		return;
	}
	if (m.private_inputs.size) {
		doc_null(d, "payload");
		return;
	}
	doc_object(d, "payload");
	doc_name(d, "public");
	buf_put_u8(d->out, '"');
	buf_put_hex(d->out, m.inputs.data, m.inputs.size);
	buf_put_u8(d->out, '"');
	d->more = true;
	doc_null(d, "secrets");
	doc_end(d);
}

static void add_proof(struct doc *d, const struct entry *ended)
{
	struct msg_proof_submitted m;

	if (!ended || ended->type != MSG_PROOF_SUBMITTED ||
	    msg_proof_submitted_decode(&m, ended->body)) {
		doc_null(d, "proof");
		return;
	}
	doc_name(d, "proof");
	buf_put_u8(d->out, '"');
	buf_put_hex(d->out, m.proof.data, m.proof.size);
	buf_put_u8(d->out, '"');
	d->more = true;
}

void hook_event_text(struct buf *out, enum hook_type type,
		     const struct entry *entry, const struct entry *created,
		     const struct entry *ended)
{
	struct doc d = {out, true};

	buf_printf(out, "\"type\":\"%s\",\"data\":", hook_type_name(type));
	if (msg_json(out, entry->type, entry->body) || buf_failed(out)) {
		buf_fail(out, ERR_MALFORMED);
		return;
	}
	out->size--; /* its brace */
	if (type == HOOK_TASK_ASSIGNED)
		add_payload(&d, created);
	if (type == HOOK_TASK_FULFILLED)
		add_proof(&d, ended);
	buf_put_u8(out, '}');
}
