/* market - the logs of a market that lives at random, in files: what an audit
 * reads. */
#ifndef TESTS_PROPERTY_MARKET_H
#define TESTS_PROPERTY_MARKET_H

#include "common/logfile.h"
#include "services/matcher/match.h"

enum { MARKET_DEPTH = 64 };
#define MARKET_RULE ((struct match_rule){6, 4, 3, 8})

struct market {
	struct logfile logs[3]; /* chain, book and match log, each in a file */
	struct logfile_writer *writers[3];
	uint64_t matches, rollbacks;
};

/* Live until the chain log has @events entries. Whatever fails ends the
 * process. market_end() releases it. */
void market_live(struct market *m, uint64_t seed, uint64_t events);
void market_end(struct market *m);

/* The only log of the @i-th file. */
const struct logfile_log *market_log(const struct market *m, unsigned i);

#endif /* TESTS_PROPERTY_MARKET_H */
