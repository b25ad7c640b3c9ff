/* api_impl - what the files of the API share; nobody else includes it. */
#ifndef SERVICES_WEBHOOK_GATEWAY_API_IMPL_H
#define SERVICES_WEBHOOK_GATEWAY_API_IMPL_H

#include "services/webhook-gateway/api.h"
#include "services/webhook-gateway/doc.h"

struct api {
	struct api_config is;
	bool ready;
	uint64_t store_lost_us; /* when Redis last didn't answer; 0: it does */
	struct buf status;	/* what /v1/status answered, and when */
	uint64_t status_us;
};

/* A request being answered. */
struct call {
	struct api *api;
	const struct view *view;
	const struct api_request *request;
	struct api_answer *answer;
	struct doc doc;	     /* into the answer's body */
	const char *subject; /* what stands for * in the route's path */
};

/* ---- parameters: false if it was bad, and the answer says so ------------- */

/* The value of parameter @name; NULL if it isn't there. */
const char *call_arg(const struct call *c, const char *name);

/* A decimal number from @min to @max; @fallback if it isn't there. */
NODISCARD bool call_number(struct call *c, const char *name, uint64_t min,
			   uint64_t max, uint64_t fallback, uint64_t *out);

/* An address; *there says whether it was given. */
NODISCARD bool call_address(struct call *c, const char *name,
			    struct address *out, bool *there);

/* The subject of the path as an id; 404 if it is none. */
NODISCARD bool call_subject(struct call *c, uint64_t *id);
NODISCARD bool call_subject_address(struct call *c, struct address *out);

/* The request that the path names, from the view or, into @old, from Redis;
 * NULL: there is none, and the answer says so. */
const struct view_request *call_find_request(struct call *c,
					     struct view_request *old);

void call_not_found(struct call *c, const char *what);

/* ---- answers ------------------------------------------------------------ */

/* Begin the answer's object, with as_of. */
void call_begin(struct call *c);

/* The cursor of the next page as member `next`: @id, or null if it is 0. */
void call_next(struct call *c, uint64_t id);

/* End the object. */
void call_end(struct call *c);

/* Whether Redis may be asked: after a failure it is left alone for a moment, so
 * that callers don't queue up behind time-outs. call_store() lets the answer
 * say so if not. */
NODISCARD bool call_may_ask(const struct call *c);
NODISCARD bool call_store(struct call *c);

/* Redis didn't answer with @e. */
void call_store_failed(struct call *c, enum err e);

/* ---- how things look ---------------------------------------------------- */

void show_market(struct doc *d, const struct view *v,
		 const struct view_market *m);
void show_quote(struct doc *d, const struct view *v,
		const struct view_quote *q);
void show_generator(struct doc *d, const struct view *v,
		    const struct view_generator *g);

/* The members of a request that every list has. */
void show_request(struct doc *d, const struct view *v,
		  const struct view_request *r);
void show_task(struct doc *d, const struct view *v,
	       const struct view_request *r);

/* Single ones of these: the newest match, the task, how it ended. */
void show_match(struct doc *d, const struct msg_match_made *m);
void show_task_of(struct doc *d, const struct view *v,
		  const struct view_request *r);
void show_end(struct doc *d, const struct view_request *r);

/* Its proof: @bytes are those that the chain's log has, NULL if they aren't
 * known; @p NULL: nor is it known where they are. */
void show_proof(struct doc *d, const struct view_request *r,
		const struct view_proof *p, const struct bytes *bytes);

/* Those that only the request itself has: transactions and history. */
void show_trace(struct doc *d, const struct view *v, uint64_t request_id);
void show_request_details(struct doc *d, const struct view *v,
			  const struct view_request *r);

/* ---- routes ------------------------------------------------------------- */

void get_markets(struct call *c);
void get_market(struct call *c);
void get_book(struct call *c);
void get_generators(struct call *c);
void get_generator(struct call *c);
void get_requests(struct call *c);
void get_request(struct call *c);
void get_request_why(struct call *c);
void get_generator_why(struct call *c);
void get_tasks(struct call *c);
void get_stats(struct call *c);
void get_chain(struct call *c);
void get_events(struct call *c);
void get_status(struct call *c);

#endif /* SERVICES_WEBHOOK_GATEWAY_API_IMPL_H */
