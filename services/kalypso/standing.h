/* standing - everything that stood in the book at an entry of the book log.
 *
 * Made of the log's records alone: none of it is derived. What was rolled back
 * by then is left out before (branch.h), so that nothing has to be undone.
 * Memory that runs out ends the process. */
#ifndef SERVICES_KALYPSO_STANDING_H
#define SERVICES_KALYPSO_STANDING_H

#include <stdbool.h>
#include <uthash.h>

#include "common/logfile.h"
#include "msg.h"

struct standing_market {
	struct msg_market_set set;
	bool suspended;
	UT_hash_handle hh; /* by set.market_id */
};

struct standing_generator {
	struct msg_generator_set set;
	bool suspended;
	UT_hash_handle hh; /* by set.generator */
};

struct standing_key {
	uint64_t market_id;
	struct address generator;
	uint8_t zeros[4]; /* no bytes that nobody sets */
};

struct standing_quote {
	struct standing_key key;
	struct msg_quote_set set;
	UT_hash_handle hh; /* by key */
};

struct standing_request {
	struct msg_request_opened opened;
	bool suspended;
	bool is_task;
	struct msg_task_started task;
	/* The newest match, and whether it was refused since. */
	bool was_matched, refused;
	struct msg_match_made match;
	UT_hash_handle hh; /* by opened.request_id */
};

struct standing {
	struct msg_book_opened opened;
	struct block_ref block; /* the newest that was closed */
	bool half;		/* entries of the next one are there already */
	struct standing_market *markets;
	struct standing_generator *generators;
	struct standing_quote *quotes;
	struct standing_request *requests;
};

/* Deal with the next record of the book log, of the match log. Of a block those
 * of the book come first. ERR_MALFORMED: it doesn't decode */
NODISCARD enum err standing_book(struct standing *s, const struct entry *e);
NODISCARD enum err standing_match(struct standing *s, const struct entry *e);

/* What stood after entry @until of the book log, into an empty one, in order;
 * @match may be NULL. ERR_MALFORMED, ERR_NO_MEMORY */
NODISCARD enum err standing_fold(struct standing *s,
				 const struct logfile_log *book,
				 const struct logfile_log *match,
				 uint64_t until);

/* Put the rows in order: by id, by address, by arrival. */
void standing_sort(struct standing *s);

/* Whether @r has a match that reserves for it: it isn't a task yet, and the
 * match wasn't refused and didn't lapse. */
bool standing_in_hand(const struct standing *s,
		      const struct standing_request *r);

void standing_free(struct standing *s);

#endif /* SERVICES_KALYPSO_STANDING_H */
