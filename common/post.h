/* post - POSTs to strangers, many at once, for a thread that has its own loop.
 *
 * libcurl's multi interface: connections are kept, no redirects, no proxy, no
 * cookies, http and https only, certificates are checked. The address of each
 * connection is judged by a guard when the connection is made, so a name whose
 * address changes after it was looked at gains nothing; plain http goes only to
 * addresses that were allowed by name. A name's addresses are asked for again
 * after four seconds: whoever moves is found by the first retry. What an answer
 * may take of memory and time is bounded. */
#ifndef COMMON_POST_H
#define COMMON_POST_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/guard.h"

struct post;

enum { POST_URL_MAX = 1024, POST_ADDRESS_ROOM = 64 };

/* Keep at most @connections open that aren't used. Borrows @guard.
 * ERR_NO_MEMORY */
NODISCARD enum err post_new(struct post **out, const struct guard *guard,
			    unsigned connections);
/* Calls under way are dropped without a word. */
void post_free(struct post **post);

/* NULL if @url can be posted to; else what is wrong with it, static. Says
 * nothing of its address. */
const char *post_url_problem(const char *url);

struct post_request {
	const char *url;
	const char *const *headers; /* "Name: value", for people's eyes */
	size_t headers_count;
	struct bytes body; /* JSON */
	unsigned timeout_ms;
	size_t answer_max; /* bytes */
};

struct post_answer {
	enum err err;		/* ERR_NONE: there is a status and a body
				 * ERR_UNREACHABLE: refused, timed out, cut off
				 * ERR_RANGE: larger than answer_max
				 * ERR_REFUSED: the guard refuses its address */
	unsigned status;	/* of HTTP */
	uint64_t retry_after_s; /* what the server asked for; 0: nothing */
	struct bytes body;	/* borrowed for the call */
	const char *text;	/* of an error, for people */
	unsigned took_ms;
	char address[POST_ADDRESS_ROOM]; /* "" if there was none */
};

typedef void post_done(void *arg, const struct post_answer *answer);

/* Send @request (copied); @done is called once, from post_turn(). ERR_NO_MEMORY
 */
NODISCARD enum err post_send(struct post *p, const struct post_request *request,
			     post_done *done, void *arg);

/* Go on with all of them; if nothing is to be done, wait for at most @wait_ms
 * until something is, or until post_wake(). */
void post_turn(struct post *p, unsigned wait_ms);

/* End a post_turn() that waits, or the next one. From any thread. */
void post_wake(struct post *p);

#endif /* COMMON_POST_H */
