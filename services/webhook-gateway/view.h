/* view - what the gateway knows: read from all logs, shown to whoever asks.
 *
 * Four readings side by side, each a function of its own log and of nothing
 * else; they are put together when somebody asks, never before:
 *
 *	book log	markets, generators, quotes, requests and their tasks,
 *			and of each market a sample of the newest that
 *			ended
 *	chain log	what a market's creator said of it; proofs; tip,
 *			roll-backs
 *	match log	the newest match of a request
 *	task, slash	transactions: signed, mined, taken out of the
 *			chain again
 *
 * Readers act on marks: entries of the chain, book and match logs are held
 * back until the block or round they belong to is complete, so nobody sees
 * half of one. A roll-back puts each reading back to what it was at the end of
 * that block. A request's life here:
 *
 *	open ──► assigned ──► fulfilled, invalid, slashed
 *	   └───────────────► cancelled, rejected
 *
 * Requests that ended stay until `history` newer ones have ended; of older
 * ones Redis has a record. Matches, proofs and transactions: the newest
 * `history`.
 * Generators stay for ever, with their record.
 *
 * Pure: no I/O, no clock. Not thread-safe. The rows that it gives are borrowed
 * until the next view_take(). */
#ifndef SERVICES_WEBHOOK_GATEWAY_VIEW_H
#define SERVICES_WEBHOOK_GATEWAY_VIEW_H

#include "common/store.h"
#include "services/webhook-gateway/logs.h"
#include "wire_view.h"

struct view;

/* An empty view that can undo @depth blocks. ERR_NO_MEMORY */
NODISCARD enum err view_new(struct view **out, unsigned depth, size_t history);
void view_free(struct view **view);

/* Take the next entry of @log. After an error the view must not be used:
 * ERR_MALFORMED	it doesn't decode
 * ERR_FINALITY		a roll-back deeper than is remembered
 * ERR_NO_MEMORY */
NODISCARD enum err view_take(struct view *v, enum logs log,
			     const struct entry *entry);

/* Before anything was taken: what the logs said before they were trimmed.
 * view_base_take() takes @opened and whatever else leads to where the book log
 * was after entry @number; view_base_end() says that this was the end of
 * @block. What came before can't be undone: a roll-back further than that is
 * ERR_FINALITY. Requests that had ended, matches, proofs and transactions of
 * that time are not known, nor are markets' origins and what generators earned.
 */
NODISCARD enum err view_base_take(struct view *v, uint64_t number,
				  uint16_t type, struct bytes body);
NODISCARD enum err view_base_end(struct view *v, unsigned depth,
				 const struct block_ref *block);

/* ---- where it is -------------------------------------------------------- */

struct view_log {
	uint64_t taken; /* newest entry taken */
	uint64_t seq;	/* newest entry that counts: up to the newest mark */
	struct block_ref block; /* of that mark; number, hash and time 0 before
				   the first, and always for task and slash */
};
const struct view_log *view_log(const struct view *v, enum logs log);

/* What the chain log says of the chain as a whole. */
struct view_chain {
	struct msg_chain_opened opened; /* chain_id 0: nothing is known yet */
	struct amount base_fee;
	uint64_t rollbacks; /* since the log began */
	uint64_t rollback_seq;
	struct block_ref rollback_from, rollback_to; /* of the newest one */
	uint64_t unreadable; /* events that could not be read */
	struct msg_rule_set rule;
};
const struct view_chain *view_chain(const struct view *v);

/* ---- what there is ------------------------------------------------------ */

enum view_state {
	VIEW_OPEN,
	VIEW_ASSIGNED,
	VIEW_FULFILLED,
	VIEW_INVALID,
	VIEW_SLASHED,
	VIEW_CANCELLED,
	VIEW_REJECTED,
	VIEW_STATES,
};

/* "open" and so on. Static; VIEW_STATES if there is no state @name. */
const char *view_state_name(enum view_state state);
enum view_state view_state_find(const char *name);

/* How a request is that ended so. */
enum view_state view_state_of(enum outcome outcome);

struct view_market {
	struct msg_market_set set;
	bool suspended;
	uint64_t quotes;	      /* standing now */
	uint64_t states[VIEW_STATES]; /* requests in each */
	uint64_t samples;	      /* at most VIEW_SAMPLES_MAX */
};

struct view_generator {
	struct msg_generator_set set;
	bool registered; /* false: its record ended */
	bool suspended;
	uint64_t running; /* tasks */
	uint64_t fulfilled, invalid, slashed;
	uint64_t proving_s;   /* of all fulfilled, from assignment to proof */
	struct amount earned; /* at most 2^256 - 1 */
};

struct view_quote {
	struct msg_quote_set set;
};

struct view_request {
	struct msg_request_record record; /* as far as it has lived */
	enum view_state state;
	bool suspended;
	uint64_t ended_seq; /* entry of the book log that ended it */

	uint32_t refusals; /* by the chain, of pairs; the newest: */
	struct address refused_generator;
	struct selector refused_reason;
	struct place refused_at;
};

/* What the chain log adds to a market. */
enum { VIEW_METADATA_MAX = 4096 };
struct view_origin {
	uint64_t market_id;
	uint32_t max_input_bytes;
	struct amount fee;
	struct place at;
	struct unix_s time;
	struct hash32 tx;
	uint32_t metadata_size; /* more than the maximum: it isn't kept */
	uint8_t metadata[VIEW_METADATA_MAX];
};

/* NULL if there is none. The _after() functions give the first one after a
 * key, in order of id or address; 0 and NULL begin. */
const struct view_market *view_market(const struct view *v, uint64_t id);
const struct view_market *view_market_after(const struct view *v, uint64_t id);
const struct view_origin *view_origin(const struct view *v, uint64_t market_id);
const struct view_generator *view_generator(const struct view *v,
					    const struct address *who);
const struct view_generator *view_generator_after(const struct view *v,
						  const struct address *who);

/* A market's quotes, cheapest first, and a generator's, by market; NULL
 * begins. */
const struct view_quote *view_market_quote(const struct view *v,
					   uint64_t market_id,
					   const struct view_quote *after);
const struct view_quote *view_generator_quote(const struct view *v,
					      const struct address *who,
					      const struct view_quote *after);

/* Whether the generator could take another request by what the chain has:
 * matches that aren't there yet don't count. */
bool view_is_available(const struct view *v, const struct view_quote *q);

/* NULL: it was never there, or ended too long ago. */
const struct view_request *view_request(const struct view *v, uint64_t id);

/* What is known of a request when it is placed. */
struct msg_request_record view_record_of(const struct msg_request_opened *m);

/* The highest id of a request so far. */
uint64_t view_requests_end(const struct view *v);

/* The caps of all requests in @state, VIEW_OPEN or VIEW_ASSIGNED: what the
 * marketplace holds for them. */
const struct amount *view_escrow(const struct view *v, enum view_state state);

/* A market's open requests, oldest first; NULL begins. */
const struct view_request *view_open_request(const struct view *v,
					     uint64_t market_id,
					     const struct view_request *after);

/* Which requests are wanted; what is 0 or NULL doesn't matter. */
struct view_filter {
	const struct address *requester, *generator;
	uint64_t market_id;
	unsigned states;    /* a bit for each */
	bool tasks;	    /* only those that are or were tasks */
	bool overdue;	    /* only tasks that run past their deadline */
	uint64_t before_id; /* only those with lower ids */
};

/* The newest @max of them by id, newest first; how many. It looks at no more
 * than a bounded number: *next is the before_id to go on with, 0 at the end. */
size_t view_requests(const struct view *v, const struct view_filter *filter,
		     const struct view_request **out, size_t max,
		     uint64_t *next);

/* Whether a running task's deadline has passed in the newest block, and how
 * many of a generator's are. */
bool view_is_overdue(const struct view *v, const struct view_request *r);
uint64_t view_overdue(const struct view *v, const struct address *generator);

/* ---- what statistics are made of ---------------------------------------- */

/* Of each market the newest requests that ended: their own rows may be gone,
 * for other markets' take their place. */
enum { VIEW_SAMPLES_MAX = 256 };
struct view_sample {
	uint64_t market_id, request_id;
	uint64_t ended_seq;
	enum view_state state;
	struct amount paid;
	uint64_t arrived_block;
	struct unix_s arrived, assigned, ended; /* assigned 0: it never was */
};

/* A market's, newest first; NULL begins. */
const struct view_sample *view_sample_before(const struct view *v,
					     uint64_t market_id,
					     const struct view_sample *after);

/* ---- matches and transactions ------------------------------------------- */

/* The newest match of a request; NULL if there is none. */
const struct msg_match_made *view_match(const struct view *v, uint64_t id);

/* The newest match with a decision before @decision; 0 begins. */
const struct msg_match_made *view_match_before(const struct view *v,
					       uint64_t decision);

/* A proof that the chain accepted. Small ones are kept here; of others the log
 * has the bytes. */
enum { VIEW_PROOF_MAX = 512 };
struct view_proof {
	uint64_t request_id;
	uint64_t seq; /* entry of the chain log that has it */
	struct hash32 tx;
	uint32_t size; /* more than the maximum: it isn't kept */
	uint8_t bytes[VIEW_PROOF_MAX];
};

/* NULL: there is none, or it is too old. */
const struct view_proof *view_proof(const struct view *v, uint64_t request_id);

enum view_send_state {
	VIEW_SIGNED,
	VIEW_MINED,
	VIEW_REVERTED,
	VIEW_SEND_CANCELLED, /* its nonce was filled with nothing */
};

struct view_send {
	struct hash32 id; /* of the intent */
	uint64_t first_seq;
	enum logs log; /* who sent it: the task or the slash log */
	uint8_t kind;
	struct address sender;
	uint64_t nonce;
	uint32_t attempt;
	struct hash32 hash; /* of the attempt that was mined, or the newest */
	struct block_ref decided_on;
	struct unix_s valid_until;
	struct amount max_fee, tip;
	enum view_send_state state;
	struct block_ref block; /* if mined */
	uint64_t gas_used;
	struct amount fee_paid;
};

/* The transactions that are about a request, newest first; NULL begins. */
const struct view_send *view_send(const struct view *v, uint64_t request_id,
				  const struct view_send *before);

struct view_sizes {
	uint64_t markets, generators, quotes, requests, matches, sends;
	uint64_t contradictions; /* of the book log with itself; 0 is right */
};
struct view_sizes view_sizes(const struct view *v);

#endif /* SERVICES_WEBHOOK_GATEWAY_VIEW_H */
