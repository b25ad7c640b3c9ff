/* market_impl - what the files of the market share; nobody else includes it. */
#ifndef TESTS_SIM_MARKET_IMPL_H
#define TESTS_SIM_MARKET_IMPL_H

#include "tests/sim/market.h"

/* NULL: there is none of that number. */
struct m_request *market_find(struct market_state *s, uint64_t id);
void market_hash_inputs(struct hash32 *out, const struct m_request *r,
			uint64_t id);
/* GENERATORS: it is nobody's. */
unsigned market_generator_of(const struct address *a);

/* An event of the marketplace; then its indexed values, then its data. */
struct m_log *market_say(struct making *m, enum abi_event_id id);
void market_topic(struct m_log *l, uint64_t v);
void market_topic_address(struct m_log *l, const struct address *a);
void market_topic_generator(struct m_log *l, unsigned i);
void market_put(struct abi_writer *w, uint64_t v);
void market_say_skipped(struct making *m, enum abi_event_id id,
			uint64_t request, const unsigned *generator,
			const char *why);

/* Each item of a batch. NULL, or the name of the error that it meets. */
const char *market_cancel(struct making *m, uint64_t id, bool requester);
const char *market_assign(struct making *m, uint64_t id, unsigned generator,
			  uint64_t price, uint32_t time);
const char *market_prove(struct making *m, uint64_t id, struct bytes inputs,
			 struct bytes proof);
const char *market_slash(struct making *m, uint64_t id, unsigned from);

/* DEED_ASSIGN; DEED_PROVE and DEED_INVALIDATE. */
void market_act_assign(struct making *m, const struct act *a);
void market_act_prove(struct making *m, const struct act *a);

#endif /* TESTS_SIM_MARKET_IMPL_H */
