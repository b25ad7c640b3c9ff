/* listener - what the parts of the shell share. Read main.c first. */
#ifndef SERVICES_LISTENER_LISTENER_H
#define SERVICES_LISTENER_LISTENER_H

#include "common/chain.h"
#include "common/frame.h"
#include "common/identity.h"
#include "common/journal.h"
#include "common/sender.h"
#include "protocol/deployment.h"
#include "services/listener/job.h"
#include "services/listener/prover.h"

struct options {
#define OPT(kind, name, fallback, unit, meaning) CONF_TYPE_##kind name;
#include "services/listener/config.def"
};

enum {
	KIND_PROVE = 5, /* in tx_signed */
	GENERATOR_TOPICS = 4,
};

struct step;

struct listener {
	struct options options;
	struct sink sink; /* into the journal, and told: story.c */
	struct frame *frame;
	struct deployment contracts;
	struct secret_key *key;
	struct address generator;
	struct provers *provers;
	struct http *http;	  /* to nodes */
	struct http *prover_http; /* to provers */
	struct rpc *rpc;
	struct journal *journal;
	struct job *job;
	struct sender *sender;
	json_t *topics; /* of the events that tell of our tasks */
	struct backlog *backlog;
	struct fork *fork;
	struct chain *chain;
	uint64_t from;	    /* first block whose events were read */
	bool live;	    /* all that there is was heard once */
	bool going;	    /* within listener_go_on() */
	uint64_t block_gas; /* limit of the newest block */
	struct step *steps; /* under way: work.c */
	struct loop_timer *tick;

	struct identity identity;

	/* The generator, as the registry has it. */
	struct {
		bool asking, registered, complained;
		uint64_t asked_ms; /* 0: never */
	} record;
};

/* Milliseconds of a clock that never goes back. */
uint64_t listener_now_ms(void);

/* Something may have changed: put on disk what was said, then begin what can
 * be begun. To be called at the end of whatever handles an event. */
void listener_go_on(struct listener *self);

/* The core or the journal failed with @e: settle it. */
void listener_settle(struct listener *self, const char *what, enum err e);

/* ---- hear.c ------------------------------------------------------------- */

/* Make sure of the node, then read what it says of our tasks, for good. */
NODISCARD enum err hear_begin(struct listener *self);
void hear_end(struct listener *self);

/* Whether everything that the node has was heard. */
bool hear_is_live(const struct listener *self);

/* ---- record.c ----------------------------------------------------------- */

/* Ask the registry about the generator, if it is time to. */
void record_ask(struct listener *self);

/* ---- story.c ------------------------------------------------------------ */

/* The sink: each message goes into the journal, the log and the metrics. */
void story_open(struct listener *self);

/* A job is left alone, for @reason; its market may be why. */
void story_skipped(const struct job_task *task, const char *reason);

/* Proofs were put into a transaction. */
void story_submitted(const struct job_batch *batch);

/* A prover gave no proof. */
void story_prover_failed(void);

/* Gauges, from what the core holds. */
void story_measure(const struct listener *self);

/* ---- work.c ------------------------------------------------------------- */

/* Begin the step; it reports to the core by itself. */
void work_begin(struct listener *self, const struct job_todo *todo);

/* Nobody waits for what is under way for this request: give it up. */
void work_cancel(struct listener *self, uint64_t request_id);

/* Give up everything. */
void work_end(struct listener *self);

/* ---- submit.c ----------------------------------------------------------- */

/* Plan a transaction for what is ready. */
NODISCARD enum err submit_ready(struct listener *self);

/* After a block: what was sent without effect goes back to the core. */
NODISCARD enum err submit_look(struct listener *self);

#endif /* SERVICES_LISTENER_LISTENER_H */
