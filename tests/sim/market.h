/* market - what the contracts do, as far as anybody of ours can see it.
 *
 * One flat struct is the state after a block; a block is made by copying its
 * parent's and applying transactions. Rules and the order of checks are those
 * of protocol/contracts/src; what they emit is encoded as Solidity does. */
#ifndef TESTS_SIM_MARKET_H
#define TESTS_SIM_MARKET_H

#include <stddef.h>
#include <string.h>

#include "abi_market.h"
#include "common/buf.h"
#include "common/secp.h"

enum {
	MARKETS = 3, /* the last is confidential */
	GENERATORS = 8,
	REQUESTS = 640,
	BATCHES = 4096,
	ACCOUNTS = 3, /* that send transactions with nonces */
	PROVER = 0,   /* the generator that the listener works for */
	RESCUER = GENERATORS - 1, /* comes at the end, and can do anything */
};

enum account { RELAYER, SLASHER, PROVER_ACCOUNT };

struct terms {
	uint64_t price, compute;
	uint32_t time;
};

struct m_quote {
	struct terms now, old;
	uint64_t old_until;
	uint32_t tasks;
	bool active, key;
};

struct m_generator {
	bool registered, leaving;
	uint64_t compute, old_compute, compute_from, used;
	uint64_t stake, locked, unstaking;
	struct m_quote quotes[MARKETS];
};

struct m_request {
	uint8_t state; /* enum abi_request_state */
	uint8_t market, requester, generator;
	bool spread;
	uint32_t max_time;
	uint64_t max_price, price, expiry, deadline, compute, salt;
};

struct market_state {
	struct m_generator generators[GENERATORS];
	uint64_t requests_count;
	bool open[MARKETS], closed[MARKETS];
	uint8_t batches[BATCHES / 8];
	uint64_t nonces[ACCOUNTS];
	struct m_request requests[REQUESTS]; /* last: see market_copy() */
};

/* Most of the room for requests is never used: it isn't touched. */
static inline void market_copy(struct market_state *to,
			       const struct market_state *from)
{
	memcpy(to, from,
	       offsetof(struct market_state, requests) +
		       from->requests_count * sizeof from->requests[0]);
}

/* What somebody of no interest to us does. */
enum deed {
	DEED_ENGINE_KEY,
	DEED_MARKET,
	DEED_CLOSE,
	DEED_REGISTER,
	DEED_STAKE,
	DEED_UNSTAKE,
	DEED_NOTICE,
	DEED_COMPUTE,
	DEED_DEREGISTER,
	DEED_QUOTE,
	DEED_LEAVE,
	DEED_KEY,
	DEED_REQUEST,
	DEED_CANCEL,
	DEED_PROVE,
	DEED_INVALIDATE,
	DEED_ASSIGN, /* another engine */
};

struct act {
	enum deed deed;
	unsigned who, market;
	uint64_t a, b, c, d;
};

/* One log. */
struct m_log {
	struct abi_log log; /* data is data */
	struct buf data;
	struct hash32 tx;
	char *json; /* made when asked for; the chain's */
};

/* The block that is being made. */
struct making {
	struct market_state *state;
	uint64_t number, time;
	const struct hash32 *hashes; /* of blocks 0 to number - 1 */
	struct hash32 tx;	     /* that is being carried out */
	struct m_log *logs;
	size_t logs_count, logs_room;
	bool checks_branch;
};

/* Where everything is, and whose it is. */
struct market_world {
	uint64_t chain_id, start_block;
	struct address marketplace, registry, keys, verifier;
	struct address engine, accounts[ACCOUNTS];
	struct hash32 domain;
};
extern struct market_world market_world;

extern const uint64_t market_penalties[MARKETS];

struct address market_generator(unsigned i);
struct address market_requester(unsigned i);

/* The public inputs of a request, and what proves them. */
void market_inputs(struct buf *out, const struct m_request *r, uint64_t id);
void market_proof(struct buf *out, struct bytes inputs);

/* Carry out an act, if the contracts allow it. */
void market_act(struct making *m, const struct act *act);

/* Carry out a call of @from to a contract. False: it reverts, *why says with
 * which error; the state is as it was. */
bool market_call(struct making *m, unsigned from, struct bytes data,
		 const char **why);

/* The answer to an eth_call at @state, @time; false: it reverts with *why. */
bool market_view(struct buf *out, const struct market_state *state,
		 uint64_t time, struct bytes data, const char **why);

/* What the contract would say to this pair, by name; NULL: it would do. */
const char *market_lock_error(const struct market_state *state, uint64_t time,
			      const struct m_request *r, unsigned generator,
			      uint64_t price, uint32_t response_time,
			      uint64_t *compute);

/* First bytes of keccak256("NAME()"). */
struct selector market_error(const char *name);

void market_free_logs(struct m_log *logs, size_t count);

#endif /* TESTS_SIM_MARKET_H */
