/* The view's life, and entries held back until their mark. */
#include "services/webhook-gateway/view.h"

#include <stdlib.h>
#include <string.h>

#include "common/scan.h"
#include "services/webhook-gateway/view_impl.h"

enum { HELD_KEPT_BYTES = 1 << 20 };

/* Where a shelf belongs, and what it holds. */
static const struct {
	enum view_reading reading;
	const struct view_shelf_kind *kind;
} shelves[SHELVES] = {
	[MARKETS] = {READING_BOOK, &view_book_kinds[MARKETS]},
	[GENERATORS] = {READING_BOOK, &view_book_kinds[GENERATORS]},
	[QUOTES] = {READING_BOOK, &view_book_kinds[QUOTES]},
	[REQUESTS] = {READING_BOOK, &view_book_kinds[REQUESTS]},
	[SAMPLES] = {READING_BOOK, &view_book_kinds[SAMPLES]},
	[TOTALS] = {READING_BOOK, &view_book_kinds[TOTALS]},
	[ORIGINS] = {READING_CHAIN, &view_origins_kind},
	[PROOFS] = {READING_CHAIN, &view_proofs_kind},
	[MATCHES] = {READING_MATCH, &view_matches_kind},
	[SENDS] = {READING_SENDS, &view_sends_kind},
	[SUBJECTS] = {READING_SENDS, &view_subjects_kind},
};

/* ---- life --------------------------------------------------------------- */

static enum err build(struct view *v, unsigned depth)
{
	enum err e = ERR_NONE;

	for (int r = 0; r < READINGS && !e; r++)
		e = undo_new(&v->undo[r], r == READING_SENDS ? 1 : depth);
	for (int s = 0; s < SHELVES && !e; s++)
		e = view_shelf_new(&v->shelves[s], (uint8_t)s, shelves[s].kind,
				   v->undo[shelves[s].reading]);
	return e;
}

enum err view_new(struct view **out, unsigned depth, size_t history)
{
	struct view *v = calloc(1, sizeof *v);
	struct view_totals none = {0};
	enum err e;

	if (!v)
		return ERR_NO_MEMORY;
	v->history = history;
	e = build(v, depth);
	if (!e) {
		v->totals = view_shelf_add(v->shelves[TOTALS], &none);
		e = v->totals ? undo_close(v->undo[READING_BOOK], 0)
			      : ERR_NO_MEMORY;
	}
	if (e)
		view_free(&v);
	*out = v;
	return e;
}

void view_free(struct view **view)
{
	struct view *v = *view;

	if (!v)
		return;
	for (int s = 0; s < SHELVES; s++)
		view_shelf_free(&v->shelves[s]);
	for (int r = 0; r < READINGS; r++)
		undo_free(&v->undo[r]);
	for (int l = 0; l < LOGS_COUNT; l++)
		buf_free(&v->held[l]);
	free(v);
	*view = NULL;
}

/* ---- entries ------------------------------------------------------------ */

/* Most of the chain log comes again in the book log, smaller. */
static bool is_wanted(uint16_t number)
{
	if (number >> 8 != LOGS_CHAIN + 1)
		return true;
	return number == MSG_CHAIN_OPENED || number == MSG_BLOCK_MARK ||
	       number == MSG_ROLLBACK || number == MSG_MARKET_CREATED ||
	       number == MSG_PROOF_SUBMITTED || number == MSG_EVENT_UNREADABLE;
}

static bool is_mark(enum logs log, uint16_t number)
{
	switch (log) {
	case LOGS_CHAIN:
		return number == MSG_BLOCK_MARK || number == MSG_ROLLBACK;
	case LOGS_BOOK:
		return number == MSG_BLOCK_CLOSED ||
		       number == MSG_BOOK_ROLLED_BACK;
	case LOGS_MATCH:
		return number == MSG_ROUND_CLOSED ||
		       number == MSG_ROUND_ROLLED_BACK;
	case LOGS_TASK:
	case LOGS_SLASH:
	case LOGS_COUNT:
		break;
	}
	return true;
}

static enum err hold(struct buf *held, const struct entry *entry)
{
	buf_put_be64(held, entry->number);
	buf_put_be16(held, entry->type);
	buf_put_be32(held, (uint32_t)entry->body.size);
	buf_put(held, entry->body.data, entry->body.size);
	return buf_err(held);
}

static enum err release(struct view *v, enum logs log)
{
	struct buf *held = &v->held[log];
	struct scan in = scan_begin(buf_bytes(held));
	enum err e = ERR_NONE;

	v->log = log;
	while (!e && in.at != in.end) {
		struct bytes body;
		uint16_t type;

		v->number = scan_be64(&in);
		type = scan_be16(&in);
		body.size = scan_be32(&in);
		body.data = scan_take(&in, body.size);
		e = view_receive(v, NULL, type, body);
	}
	if (held->room > HELD_KEPT_BYTES)
		buf_free(held);
	else
		buf_clear(held);
	return e;
}

enum err view_take(struct view *v, enum logs log, const struct entry *entry)
{
	enum err e;

	v->logs[log].taken = entry->number;
	if (is_wanted(entry->type)) {
		e = hold(&v->held[log], entry);
		if (e)
			return e;
	}
	if (!is_mark(log, entry->type))
		return ERR_NONE;
	e = release(v, log);
	v->logs[log].seq = entry->number;
	return e;
}

/* ---- what was before the logs begin ------------------------------------- */

enum err view_base_take(struct view *v, uint64_t number, uint16_t type,
			struct bytes body)
{
	v->log = type == MSG_CHAIN_OPENED ? LOGS_CHAIN : LOGS_BOOK;
	v->number = number;
	return view_receive(v, NULL, type, body);
}

enum err view_base_end(struct view *v, unsigned depth,
		       const struct block_ref *block)
{
	struct view_log *book = &v->logs[LOGS_BOOK];
	enum err e = ERR_NONE;

	/* So many blocks later it is beyond undoing. */
	for (unsigned i = 0; i <= depth && !e; i++)
		e = undo_close(v->undo[READING_BOOK], block->number);
	book->taken = book->seq = v->number;
	book->block = *block;
	v->contradictions = 0; /* a task may outlive its quote */
	return e;
}

/* ---- blocks ------------------------------------------------------------- */

enum err view_close(struct view *v, enum view_reading reading,
		    const struct block_ref *block)
{
	v->logs[v->log].block = *block;
	return undo_close(v->undo[reading], block->number);
}

static void undo_one(void *arg, const struct undo_record *r, const void *bytes)
{
	struct view *v = arg;

	view_shelf_undo(v->shelves[r->table], r, bytes);
}

enum err view_roll_back(struct view *v, enum view_reading reading,
			const struct block_ref *to)
{
	v->logs[v->log].block = *to;
	return undo_to(v->undo[reading], to->number, undo_one, v);
}

const struct view_log *view_log(const struct view *v, enum logs log)
{
	return &v->logs[log];
}

const struct view_chain *view_chain(const struct view *v)
{
	return &v->chain;
}

struct view_sizes view_sizes(const struct view *v)
{
	return (struct view_sizes){
		.markets = view_shelf_count(v->shelves[MARKETS], MARKETS_BY_ID),
		.generators = view_shelf_count(v->shelves[GENERATORS],
					       GENERATORS_BY_ADDRESS),
		.quotes = view_shelf_count(v->shelves[QUOTES], QUOTES_BY_PRICE),
		.requests =
			view_shelf_count(v->shelves[REQUESTS], REQUESTS_BY_ID),
		.matches = view_shelf_count(v->shelves[MATCHES],
					    MATCHES_BY_REQUEST),
		.sends = view_shelf_count(v->shelves[SENDS], SENDS_BY_ID),
		.contradictions = v->contradictions,
	};
}
