/* work - one step of one job while it is under way. */
#ifndef SERVICES_LISTENER_WORK_H
#define SERVICES_LISTENER_WORK_H

#include "services/listener/listener.h"

struct step {
	struct listener *self;
	enum job_step what;
	uint64_t turn, request_id, market_id, began_ms;
	struct unix_s deadline;
	/* JOB_FIND: blocks that are being looked through, newest first. */
	uint64_t from, to;
	/* JOB_PROVE */
	struct http_call *call;
	/* JOB_CHECK */
	struct buf inputs, proof;
	unsigned missing; /* answers */
	bool unknown;	  /* an answer that says nothing */
	bool refused;	  /* the verifier says no */
	bool stale;	  /* the contract doesn't wait for this proof */
	struct address verifier;
	uint64_t gas;
	char why[200];
	/* JOB_FIND, JOB_CHECK */
	struct hash32 inputs_hash;
	struct step *next, **link;
};

/* look.c: what only the chain can tell. */
void look_find(struct step *s, uint64_t task_block);
void look_check(struct step *s);

/* The step ended; each frees it. @why is for people. */
void step_found(struct step *s, struct bytes inputs);
void step_accepted(struct step *s);
void step_refused(struct step *s, const char *why);
void step_retry(struct step *s, uint64_t after_ms, const char *why);
void step_skip(struct step *s, const char *reason);

#endif /* SERVICES_LISTENER_WORK_H */
