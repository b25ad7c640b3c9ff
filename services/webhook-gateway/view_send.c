/* From the task and slash logs: transactions and the requests they are about.
 *
 * Their senders say themselves when a roll-back took one out of the chain, so
 * nothing here is undone. */
#include "services/webhook-gateway/view_impl.h"

/* ---- rows --------------------------------------------------------------- */

static int send_by_id(const void *a, const void *b)
{
	const struct view_send *x = a, *y = b;

	return memcmp(x->id.bytes, y->id.bytes, sizeof x->id.bytes);
}

/* Numbers of two logs: they may be the same. */
static int send_by_age(const void *a, const void *b)
{
	const struct view_send *x = a, *y = b;
	int c = compare_u64(x->first_seq, y->first_seq);

	return c ? c : send_by_id(a, b);
}

static int subject_by_request(const void *a, const void *b)
{
	const struct view_subject *x = a, *y = b;
	int c = compare_u64(x->request_id, y->request_id);

	if (!c)
		c = compare_u64(x->first_seq, y->first_seq);
	return c ? c : compare_u64(x->send, y->send);
}

static int subject_by_send(const void *a, const void *b)
{
	const struct view_subject *x = a, *y = b;
	int c = compare_u64(x->send, y->send);

	return c ? c : compare_u64(x->request_id, y->request_id);
}

const struct view_shelf_kind view_sends_kind = {
	sizeof(struct view_send),
	2,
	{[SENDS_BY_ID] = {send_by_id, NULL, false},
	 [SENDS_BY_AGE] = {send_by_age, NULL, false}}};

const struct view_shelf_kind view_subjects_kind = {
	sizeof(struct view_subject),
	2,
	{[SUBJECTS_BY_REQUEST] = {subject_by_request, NULL, false},
	 [SUBJECTS_BY_SEND] = {subject_by_send, NULL, false}}};

static row_id find_send(const struct view *v, const struct hash32 *id)
{
	struct view_send probe = {.id = *id};

	return view_shelf_find(v->shelves[SENDS], SENDS_BY_ID, &probe);
}

const struct view_send *view_send(const struct view *v, uint64_t request_id,
				  const struct view_send *before)
{
	struct view_subject probe = {.request_id = request_id,
				     .first_seq = UINT64_MAX,
				     .send = UINT32_MAX};
	const struct view_subject *s;

	if (before) {
		probe.first_seq = before->first_seq;
		probe.send = find_send(v, &before->id);
	}
	s = view_shelf_before(v->shelves[SUBJECTS], SUBJECTS_BY_REQUEST,
			      &probe);
	if (!s || s->request_id != request_id)
		return NULL;
	return view_shelf_row(v->shelves[SENDS], s->send);
}

/* ---- signed ------------------------------------------------------------- */

static enum err remove_send(struct view *v, row_id send)
{
	struct view_shelf *subjects = v->shelves[SUBJECTS];
	struct view_subject probe = {.send = send};
	const struct view_subject *s;
	enum err e = ERR_NONE;

	while (!e &&
	       (s = view_shelf_after(subjects, SUBJECTS_BY_SEND, &probe)) &&
	       s->send == send)
		e = view_shelf_remove(
			subjects,
			view_shelf_find(subjects, SUBJECTS_BY_SEND, s));
	return e ? e : view_shelf_remove(v->shelves[SENDS], send);
}

static enum err forget_old(struct view *v)
{
	static const struct view_send first;
	const struct view_send *oldest;

	if (view_shelf_count(v->shelves[SENDS], SENDS_BY_ID) <= v->history)
		return ERR_NONE;
	oldest = view_shelf_after(v->shelves[SENDS], SENDS_BY_AGE, &first);
	return remove_send(v, find_send(v, &oldest->id));
}

/* In one transaction a request counts once, whatever its log says. */
static enum err add_subjects(struct view *v, row_id send, struct u64s ids)
{
	struct view_shelf *subjects = v->shelves[SUBJECTS];
	struct view_subject s = {.first_seq = v->number, .send = send};

	for (size_t i = 0; i < ids.count; i++) {
		s.request_id = u64s_at(ids, i);
		if (view_shelf_find(subjects, SUBJECTS_BY_SEND, &s))
			continue;
		if (!s.request_id)
			continue; /* not an id; and 0 begins a search */
		if (!view_shelf_add(subjects, &s))
			return ERR_NO_MEMORY;
	}
	return ERR_NONE;
}

static void fill(struct view_send *s, const struct msg_tx_signed *m)
{
	s->kind = m->kind;
	s->sender = m->sender;
	s->nonce = m->nonce;
	s->attempt = m->attempt;
	s->hash = m->hash;
	s->decided_on = m->decided_on;
	s->valid_until = m->valid_until;
	s->max_fee = m->max_fee;
	s->tip = m->tip;
}

/* Nothing is ever undone: the undo records of this reading go at once. */
static enum err done(struct view *v, enum err e)
{
	return e ? e : undo_close(v->undo[READING_SENDS], ++v->sends_closed);
}

enum err view_on_tx_signed(struct view *v, struct sink *out,
			   const struct msg_tx_signed *m)
{
	struct view_send fresh = {
		.id = m->id, .first_seq = v->number, .log = v->log};
	row_id row = find_send(v, &m->id);
	struct view_send *s;
	enum err e;

	(void)out;
	if (row) {
		s = view_shelf_edit(v->shelves[SENDS], row);
		if (!s)
			return ERR_NO_MEMORY;
		fill(s, m);
		return done(v, ERR_NONE);
	}
	fill(&fresh, m);
	row = view_shelf_add(v->shelves[SENDS], &fresh);
	if (!row)
		return ERR_NO_MEMORY;
	e = add_subjects(v, row, m->subjects);
	return done(v, e ? e : forget_old(v));
}

/* ---- what became of it -------------------------------------------------- */

enum err view_on_tx_mined(struct view *v, struct sink *out,
			  const struct msg_tx_mined *m)
{
	row_id row = find_send(v, &m->id);
	struct view_send *s;

	(void)out;
	if (!row)
		return ERR_NONE; /* forgotten */
	s = view_shelf_edit(v->shelves[SENDS], row);
	if (!s)
		return ERR_NO_MEMORY;
	s->state = m->cancel	? VIEW_SEND_CANCELLED
		   : m->success ? VIEW_MINED
				: VIEW_REVERTED;
	s->hash = m->hash;
	s->block = m->block;
	s->gas_used = m->gas_used;
	s->fee_paid = m->fee_paid;
	return done(v, ERR_NONE);
}

enum err view_on_tx_unmined(struct view *v, struct sink *out,
			    const struct msg_tx_unmined *m)
{
	row_id row = find_send(v, &m->id);
	struct view_send *s;

	(void)out;
	if (!row)
		return ERR_NONE; /* forgotten */
	s = view_shelf_edit(v->shelves[SENDS], row);
	if (!s)
		return ERR_NO_MEMORY;
	s->state = VIEW_SIGNED;
	s->block = (struct block_ref){.number = 0};
	s->gas_used = 0;
	s->fee_paid = (struct amount){0};
	return done(v, ERR_NONE);
}
