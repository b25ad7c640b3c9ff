/* Calls as bytes: what transactions do, and what views answer. */
#include "tests/sim/market_impl.h"

#include <assert.h>
#include <stdlib.h>

#include "common/eip712.h"
#include "common/u256.h"

/* ---- calls with bytes --------------------------------------------------- */

/* A word of the arguments as a number; those that we get are small. */
static uint64_t word(struct bytes b, uint64_t at)
{
	struct u256 wide;
	uint64_t v;

	if (at + 32 > b.size)
		return UINT64_MAX;
	wide = u256_from_be32(b.data + at);
	return u256_to_u64(&v, &wide) ? UINT64_MAX : v;
}

static struct bytes tail(struct bytes b, uint64_t at)
{
	uint64_t size = word(b, at);

	if (size > b.size || at + 32 + size > b.size)
		return (struct bytes){0};
	return (struct bytes){b.data + at + 32, size};
}

static bool is(struct bytes data, struct buf *call)
{
	bool same = data.size >= 4 && memcmp(data.data, call->data, 4) == 0;

	buf_free(call);
	return same;
}

#define IS(data, call, ...)                                                    \
	({                                                                     \
		struct buf b_ = {0};                                           \
		enum err e_ = call(&b_, ##__VA_ARGS__);                        \
		(void)e_;                                                      \
		is(data, &b_);                                                 \
	})

static bool spent(struct market_state *s, uint64_t batch)
{
	assert(batch < BATCHES);
	return s->batches[batch / 8] >> batch % 8 & 1;
}

static const char *check_decision(const struct making *m,
				  const struct abi_assignment *a, size_t count,
				  const struct abi_decision *d,
				  struct bytes signature)
{
	struct hash32 hash, digest;
	struct signature s;
	struct address engine;

	if (m->time > d->valid_until)
		return "SignatureExpired";
	if (spent(m->state, d->batch))
		return "BatchAlreadyUsed";
	if (m->checks_branch &&
	    (d->block_number >= m->number ||
	     d->block_number + 256 < m->number ||
	     !hash32_eq(&m->hashes[d->block_number], &d->block_hash)))
		return "BranchGone";
	if (eip712_hash_assignments(&hash, a, count, d) ||
	    signature_from_bytes(&s, signature))
		return "SignatureInvalid";
	eip712_digest(&digest, &market_world.domain, &hash);
	if (secp_recover(&engine, &digest, &s))
		return "SignatureInvalid";
	return address_eq(&engine, &market_world.engine) ? NULL : "NotEngine";
}

static const char *assign_tasks(struct making *m, struct bytes in)
{
	uint64_t at = word(in, 0), count = word(in, at), skipped = 0;
	struct abi_decision d = {.batch = word(in, 32),
				 .block_number = word(in, 64),
				 .valid_until = word(in, 128)};
	struct abi_assignment a[64];
	const char *why;
	struct m_log *l;
	struct abi_writer w;

	assert(count <= 64 && in.size >= 7 * 32);
	memcpy(d.block_hash.bytes, in.data + 96, 32);
	memcpy(d.match_root.bytes, in.data + 160, 32);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t item = at + 32 + word(in, at + 32 + 32 * i);

		a[i] = (struct abi_assignment){
			.request_id = u256_from_be32(in.data + item),
			.price = u256_from_be32(in.data + item + 64),
			.response_time = (uint32_t)word(in, item + 96),
			.acl = tail(in, item + word(in, item + 128))};
		memcpy(a[i].generator.bytes, in.data + item + 32 + 12, 20);
	}
	why = check_decision(m, a, count, &d, tail(in, word(in, 192)));
	if (why)
		return why;
	m->state->batches[d.batch / 8] |= (uint8_t)(1 << d.batch % 8);
	for (uint64_t i = 0; i < count; i++) {
		unsigned generator = market_generator_of(&a[i].generator);
		uint64_t id = a[i].request_id.limb[0];

		why = market_assign(m, id, generator, a[i].price.limb[0],
				    a[i].response_time);
		if (!why)
			continue;
		skipped++;
		market_say_skipped(m, ABI_EVENT_ASSIGNMENT_SKIPPED, id,
				   &generator, why);
	}
	l = market_say(m, ABI_EVENT_MATCH_ROOT_PUBLISHED);
	w = abi_write(&l->data, 6);
	market_topic(l, d.batch);
	market_topic_address(l, &market_world.engine);
	abi_put_hash32(&w, &d.match_root);
	market_put(&w, d.block_number);
	abi_put_hash32(&w, &d.block_hash);
	market_put(&w, d.valid_until);
	market_put(&w, count - skipped);
	market_put(&w, skipped);
	return NULL;
}

static void slash_many(struct making *m, struct bytes in, unsigned from,
		       bool cancels)
{
	uint64_t at = word(in, 0), count = word(in, at);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t id = word(in, at + 32 + 32 * i);
		const char *why = cancels ? market_cancel(m, id, false)
					  : market_slash(m, id, from);

		if (why)
			market_say_skipped(m,
					   cancels ? ABI_EVENT_CANCEL_SKIPPED
						   : ABI_EVENT_SLASH_SKIPPED,
					   id, NULL, why);
	}
}

static void submit_proofs(struct making *m, struct bytes in)
{
	uint64_t ids = word(in, 0), inputs = word(in, 32),
		 proofs = word(in, 64), count = word(in, ids);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t id = word(in, ids + 32 + 32 * i);
		const char *why = market_prove(
			m, id,
			tail(in, inputs + 32 + word(in, inputs + 32 + 32 * i)),
			tail(in, proofs + 32 + word(in, proofs + 32 + 32 * i)));

		if (why)
			market_say_skipped(m, ABI_EVENT_PROOF_SKIPPED, id, NULL,
					   why);
	}
}

static const struct u256 zero;

bool market_call(struct making *m, unsigned from, struct bytes data,
		 const char **why)
{
	struct bytes in = {data.data + 4, data.size < 4 ? 0 : data.size - 4};
	static const struct bytes none;

	*why = NULL;
	if (data.size < 4)
		return true; /* a cancel: it pays nobody */
	if (IS(data, abi_call_assign_tasks, NULL, 0, &(struct abi_decision){0},
	       none))
		*why = assign_tasks(m, in);
	else if (IS(data, abi_call_slash_many, NULL, 0))
		slash_many(m, in, from, false);
	else if (IS(data, abi_call_cancel_requests, NULL, 0))
		slash_many(m, in, from, true);
	else if (IS(data, abi_call_submit_proof, &zero, none, none))
		*why = market_prove(m, word(in, 0), tail(in, word(in, 32)),
				    tail(in, word(in, 64)));
	else if (IS(data, abi_call_submit_proofs, NULL, 0, NULL, 0, NULL, 0))
		submit_proofs(m, in);
	else
		*why = "an unknown function";
	return !*why;
}

/* ---- views -------------------------------------------------------------- */

static void view_request(struct buf *out, const struct market_state *s,
			 uint64_t id)
{
	static const struct m_request nothing;
	const struct m_request *r =
		id && id <= s->requests_count ? &s->requests[id - 1] : &nothing;
	bool task = r->state > ABI_REQUEST_STATE_OPEN &&
		    r->state < ABI_REQUEST_STATE_CANCELLED;
	struct address requester = market_requester(r->requester);
	struct address generator = market_generator(r->generator);
	static const struct address nobody;
	struct abi_writer w = abi_write(out, 12);
	struct hash32 hash;

	market_hash_inputs(&hash, r, id);
	abi_put_enum(&w, ABI_REQUEST_STATE_COUNT, r->state);
	market_put(&w, r->market + 1u);
	abi_put_address(&w, &requester);
	abi_put_address(&w, &requester);
	abi_put_address(&w, task ? &generator : &nobody);
	market_put(&w, r->max_price);
	market_put(&w, r->price);
	market_put(&w, task ? 0 : r->expiry);
	market_put(&w, r->deadline);
	market_put(&w, r->compute);
	market_put(&w, 0);
	abi_put_hash32(&w, &hash);
}

static void view_market(struct buf *out, const struct market_state *s,
			uint64_t id)
{
	static const struct address owner = {{0xee}};
	struct abi_writer w = abi_write(out, 10);
	unsigned i = (unsigned)(id - 1) % MARKETS;

	abi_put_address(&w, &owner);
	abi_put_address(&w, &market_world.verifier);
	market_put(&w, market_penalties[i]);
	market_put(&w, 32768);
	abi_put_enum(&w, 2, 0);
	market_put(&w, 0);
	market_put(&w, 0);
	abi_put_bool(&w, s->closed[i]);
	abi_put_bool(&w, i == MARKETS - 1);
	abi_put_bool(&w, false);
}

static void view_generator(struct buf *out, const struct market_state *s,
			   struct bytes in)
{
	static const struct m_generator nothing;
	static const struct address reward = {{0xbb}}, nobody;
	struct address a;
	unsigned i;
	const struct m_generator *g;
	struct abi_writer w = abi_write(out, 6);

	memcpy(a.bytes, in.data + 12, 20);
	i = market_generator_of(&a);
	g = i < GENERATORS ? &s->generators[i] : &nothing;
	abi_put_address(&w, g->registered ? &reward : &nobody);
	market_put(&w, g->stake);
	market_put(&w, g->locked);
	market_put(&w, g->unstaking);
	market_put(&w, g->compute);
	market_put(&w, g->used);
}

static bool verifies(struct bytes in)
{
	struct bytes inputs = tail(in, word(in, 0)),
		     proof = tail(in, word(in, 32));
	struct buf right = {0};
	bool valid;

	market_proof(&right, inputs);
	valid = right.size == proof.size &&
		memcmp(right.data, proof.data, proof.size) == 0;
	buf_free(&right);
	return valid;
}

bool market_view(struct buf *out, const struct market_state *s, uint64_t time,
		 struct bytes data, const char **why)
{
	static const struct bytes none;
	static const struct address nobody;
	struct bytes in = {data.data + 4, data.size - 4};
	struct abi_writer w;

	*why = NULL;
	if (IS(data, abi_call_is_engine, &nobody)) {
		w = abi_write(out, 1);
		abi_put_bool(&w, memcmp(in.data + 12, market_world.engine.bytes,
					20) == 0);
	} else if (IS(data, abi_call_request_of, &zero)) {
		view_request(out, s, word(in, 0));
	} else if (IS(data, abi_call_market_of, &zero)) {
		view_market(out, s, word(in, 0));
	} else if (IS(data, abi_call_generator_of, &nobody)) {
		view_generator(out, s, in);
	} else if (IS(data, abi_call_verify, none, none)) {
		w = abi_write(out, 1);
		abi_put_bool(&w, verifies(in));
	} else { /* what a transaction would do */
		struct making m = {.state = malloc(sizeof *s), .time = time};

		assert(m.state);
		market_copy(m.state, s);
		market_call(&m, SLASHER, data, why);
		market_free_logs(m.logs, m.logs_count);
		free(m.state);
	}
	return !*why;
}
