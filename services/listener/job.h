/* job - what becomes of each task of a generator, from the chain to the chain.
 *
 * Hears what the chain says of the generator's tasks and how each step ended,
 * and says what to do next. What must outlive the process it says as messages
 * (protocol/messages/job.msg): these are its journal, and given back through
 * job_receive() they lead to where it was. A job's life:
 *
 *	 job_taken    job_inputs               job_proof
 *	TAKEN ──────► INPUTS ──► PROVING ────► PROVED ──► CHECKED ──► SUBMITTING
 *	                 ▲          │ failed    │  ▲                   │   │
 *	                 └──────────┴───────────┘  └───────────────────┘   ▼
 *	                                refused        without effect     DONE
 *
 *	LOST		the chain ended it otherwise, or its deadline is past
 *	UNPROVABLE	the prover says that its inputs can't be proven
 *	ABANDONED	we don't go on with it
 *	SUSPENDED	its block is gone; the proof is kept in case it comes
 *			again
 *
 * PROVING, CHECKED and SUBMITTING are not in the journal: after a restart such
 * a job is INPUTS or PROVED. A proof that is PROVED is never made again.
 *
 * Deadlines are judged by the time of the newest block. The other clock,
 * @now_ms, is any that never goes back; it only paces what is tried again.
 * Pure: no I/O.
 *
 * Errors: what the sink returns, and ERR_NO_MEMORY; after these the core must
 * not be used. ERR_NOT_FOUND: the turn is over, or there is nothing of that
 * kind; nothing changed. */
#ifndef SERVICES_LISTENER_JOB_H
#define SERVICES_LISTENER_JOB_H

#include "wire_job.h"

struct job;

enum { JOB_BATCH_MAX = 64 };

struct job_config {
	unsigned parallel_max; /* proofs made at once, whatever the compute */
	unsigned batch_max;    /* proofs in one transaction */
	unsigned gather_ms;    /* that a proof waits for others, if it can */
	unsigned final_depth;  /* blocks after which an end is forgotten */
	uint64_t submit_gas;   /* gas for a proof that nobody estimated */
};

enum job_state {
	JOB_TAKEN,
	JOB_INPUTS,
	JOB_PROVING,
	JOB_PROVED,
	JOB_CHECKED,
	JOB_SUBMITTING,
	JOB_DONE,
	JOB_LOST,
	JOB_UNPROVABLE,
	JOB_ABANDONED,
	JOB_SUSPENDED,
};

enum { JOB_STATES = JOB_SUSPENDED + 1 };

/* "taken" and so on. Static. */
const char *job_state_name(enum job_state s);

struct job_task {
	uint64_t request_id, market_id;
	struct block_ref block; /* that it began in */
	struct unix_s deadline;
	uint64_t compute;
	struct amount price;
	enum job_state state;
	enum job_reason reason;	    /* of LOST, UNPROVABLE, ABANDONED */
	struct bytes inputs, proof; /* empty: not there */
	uint64_t gas_limit;	    /* of its part of a transaction */
};

/* ---- life --------------------------------------------------------------- */

/* ERR_NO_MEMORY */
NODISCARD enum err job_new(struct job **out, const struct job_config *config);
void job_free(struct job **job);

/* The journal is of @wanted: says so if it is empty.
 * ERR_CONFLICT: it is of something else, see job_opened(). */
NODISCARD enum err job_open(struct job *j, struct sink *out,
			    const struct msg_job_opened *wanted);
const struct msg_job_opened *job_opened(const struct job *j);

/* Compute that the generator declares. Before it is known nothing is proven. */
void job_set_compute(struct job *j, uint64_t compute);

/* ---- what the chain says ------------------------------------------------ */

/* TaskCreated in @task->block; the fields down to price count. Known already:
 * nothing changes. Whose deadline is past is passed over. */
NODISCARD enum err job_begun(struct job *j, struct sink *out,
			     const struct job_task *task);

/* ProofSubmitted, TaskSlashed, InputsInvalidated. Of tasks that aren't known
 * nothing is said. */
NODISCARD enum err job_proven(struct job *j, struct sink *out,
			      uint64_t request_id,
			      const struct block_ref *block,
			      const struct amount *paid);
NODISCARD enum err job_ended(struct job *j, struct sink *out,
			     uint64_t request_id, enum job_reason reason,
			     const struct block_ref *block);

/* A block is complete and is the newest. Drops what it is too late for. */
NODISCARD enum err job_block(struct job *j, struct sink *out,
			     const struct block_ref *block);

/* Blocks above @to are gone: suspends what began there, resumes what ended. */
NODISCARD enum err job_roll_back(struct job *j, struct sink *out,
				 const struct block_ref *to);

/* Everything that the chain said from block @from on has been heard since the
 * process began. What the journal knows from there and the chain did not say
 * is of a branch that is gone: suspended, or resumed. Work begins. */
NODISCARD enum err job_caught_up(struct job *j, struct sink *out,
				 uint64_t from);

/* ---- what to do --------------------------------------------------------- */

enum job_step {
	JOB_FIND,  /* its inputs, in the chain's log */
	JOB_PROVE, /* ask the prover */
	JOB_CHECK, /* ask the market's verifier */
};

/* A step of one job. Whoever got it reports once how it ended, by its turn. */
struct job_todo {
	enum job_step step;
	uint64_t turn;
	const struct job_task *task; /* until the next call of the core */
};

/* The next step that should be begun now, the most urgent job's first.
 * Proofs are begun while the declared compute, and parallel_max, have room;
 * one that can't be ready by its deadline, as proofs of its market go, is
 * dropped instead (too_late). ERR_NOT_FOUND: none. */
NODISCARD enum err job_next(struct job *j, struct sink *out, uint64_t now_ms,
			    struct job_todo *todo);

/* How the step ended: */
NODISCARD enum err job_found(struct job *j, struct sink *out, uint64_t turn,
			     struct bytes inputs);
NODISCARD enum err job_made(struct job *j, struct sink *out, uint64_t turn,
			    uint64_t took_ms, struct bytes proof);
/* The verifier accepts the proof. @gas is what submitting it takes; 0: nobody
 * knows. */
NODISCARD enum err job_accepted(struct job *j, uint64_t turn, uint64_t now_ms,
				uint64_t gas);
/* The proof is none: it is thrown away, and made again a few times. */
NODISCARD enum err job_refused(struct job *j, struct sink *out, uint64_t turn,
			       uint64_t now_ms);
/* Not now: it is tried again, not before @after_ms have passed. *wait_ms gets
 * the time until then. */
NODISCARD enum err job_failed(struct job *j, uint64_t turn, uint64_t now_ms,
			      uint64_t after_ms, uint64_t *wait_ms);
/* Never: the job ends. */
NODISCARD enum err job_drop(struct job *j, struct sink *out, uint64_t turn,
			    enum job_reason reason);
/* Not by this process: no step of the job is given again. */
NODISCARD enum err job_hold(struct job *j, uint64_t turn);

/* Proofs of one market for one transaction; they are SUBMITTING from here. */
struct job_batch {
	uint64_t market_id;
	struct unix_s valid_until; /* the first deadline */
	uint64_t gas_limit;
	const struct job_task *tasks[JOB_BATCH_MAX]; /* as in job_todo */
	size_t count;
};

/* The next transaction that should be made now; at most @gas_max gas.
 * ERR_NOT_FOUND: none. */
NODISCARD enum err job_next_batch(struct job *j, uint64_t now_ms,
				  uint64_t gas_max, struct job_batch *batch);

/* What was sent for a SUBMITTING job had no effect: it is checked again, and
 * submitted again, alone, a few times. */
NODISCARD enum err job_unsent(struct job *j, struct sink *out,
			      uint64_t request_id);

/* ---- looking ------------------------------------------------------------ */

/* NULL: there is none. */
const struct job_task *job_find(const struct job *j, uint64_t request_id);

/* Every job, by deadline. */
typedef void job_fn(void *arg, const struct job_task *task);
void job_each(const struct job *j, job_fn *fn, void *arg);

struct job_sizes {
	uint64_t states[JOB_STATES];
	uint64_t compute, compute_used; /* declared; by what is PROVING */
	struct block_ref block;		/* the newest */
};
struct job_sizes job_sizes(const struct job *j);

/* Time within which nine of ten proofs of the market were made, of the last
 * 32. ERR_NOT_FOUND: none was. */
NODISCARD enum err job_expected_ms(const struct job *j, uint64_t market_id,
				   uint64_t *ms);

#endif /* SERVICES_LISTENER_JOB_H */
