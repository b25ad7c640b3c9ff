/* view_impl - what the files of the view share; nobody else includes it. */
#ifndef SERVICES_WEBHOOK_GATEWAY_VIEW_IMPL_H
#define SERVICES_WEBHOOK_GATEWAY_VIEW_IMPL_H

#include "services/webhook-gateway/view.h"
#include "services/webhook-gateway/view_shelf.h"

/* A reading: what is undone together. */
enum view_reading {
	READING_BOOK,
	READING_CHAIN,
	READING_MATCH,
	READING_SENDS, /* of both logs of transactions; nothing is undone */
	READINGS,
};

enum view_table {
	/* of the book */
	MARKETS,
	GENERATORS,
	QUOTES,
	REQUESTS,
	SAMPLES,
	TOTALS, /* one row */
	/* of the chain */
	ORIGINS,
	PROOFS,
	/* of the matches */
	MATCHES,
	/* of the transactions */
	SENDS,
	SUBJECTS,
	SHELVES,
};

/* ---- orders of each shelf ----------------------------------------------- */

enum { MARKETS_BY_ID };
enum { GENERATORS_BY_ADDRESS };
enum { QUOTES_BY_GENERATOR, QUOTES_BY_PRICE };
enum {
	REQUESTS_BY_ID,
	REQUESTS_BY_REQUESTER,
	REQUESTS_BY_MARKET,
	REQUESTS_BY_STATE,
	REQUESTS_OPEN, /* by market */
	REQUESTS_TASKS,
	REQUESTS_BY_GENERATOR,
	REQUESTS_BY_END,
	REQUESTS_DUE, /* running tasks of a generator, by deadline */
};
enum { SAMPLES_BY_MARKET };
enum { ORIGINS_BY_MARKET };
enum { PROOFS_BY_REQUEST, PROOFS_BY_AGE };
enum { MATCHES_BY_REQUEST, MATCHES_BY_DECISION };
enum { SENDS_BY_ID, SENDS_BY_AGE };
enum { SUBJECTS_BY_REQUEST, SUBJECTS_BY_SEND };

struct view_totals {
	uint64_t requests_end;
	struct amount escrow[VIEW_ASSIGNED + 1];
};

/* A request that a transaction is about. */
struct view_subject {
	uint64_t request_id, first_seq;
	row_id send;
};

struct view {
	size_t history;
	struct undo *undo[READINGS];
	struct view_shelf *shelves[SHELVES];
	row_id totals;
	struct view_log logs[LOGS_COUNT];
	struct buf held[LOGS_COUNT]; /* entries that wait for their mark */
	struct view_chain chain;
	uint64_t contradictions;
	uint64_t sends_closed; /* counts what can't be undone */

	/* The entry that is being dealt with. */
	enum logs log;
	uint64_t number;
};

extern const struct view_shelf_kind view_book_kinds[TOTALS + 1];
extern const struct view_shelf_kind view_origins_kind, view_proofs_kind;
extern const struct view_shelf_kind view_matches_kind;
extern const struct view_shelf_kind view_sends_kind, view_subjects_kind;

static inline int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static inline int compare_address(const struct address *a,
				  const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* Something that can't be: counted, and nothing else changes. */
static inline enum err view_contradicted(struct view *v)
{
	v->contradictions++;
	return ERR_NONE;
}

/* The entry being dealt with is a mark: everything up to it counts, and the
 * reading's block is complete. */
NODISCARD enum err view_close(struct view *v, enum view_reading reading,
			      const struct block_ref *block);
NODISCARD enum err view_roll_back(struct view *v, enum view_reading reading,
				  const struct block_ref *to);

/* ---- between files of the book ------------------------------------------ */

/* A request went from one state (VIEW_STATES: none) to another. */
NODISCARD enum err view_count_request(struct view *v,
				      const struct msg_request_record *r,
				      enum view_state from, enum view_state to);

/* The generator runs @tasks in that market now. */
NODISCARD enum err view_count_task(struct view *v,
				   const struct address *generator,
				   uint64_t market_id, uint32_t tasks);

NODISCARD enum err view_suspend_request(struct view *v, uint64_t id);

/* One more of its market's samples; the oldest makes room. */
NODISCARD enum err view_add_sample(struct view *v,
				   const struct view_request *ended);

/* The market's row, to be changed; NULL if there is none or memory ran out. */
struct view_market *view_edit_market(struct view *v, uint64_t id);

/* 0 if there is none. */
row_id view_find_generator(const struct view *v, const struct address *who);

#endif /* SERVICES_WEBHOOK_GATEWAY_VIEW_IMPL_H */
