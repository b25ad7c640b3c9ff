/* job_impl - what the parts of the core share. */
#ifndef SERVICES_LISTENER_JOB_IMPL_H
#define SERVICES_LISTENER_JOB_IMPL_H

#include "services/listener/job.h"

enum { SAMPLES = 32 };

/* What is known of a market: how long its last proofs took. */
struct market {
	uint64_t id;
	uint64_t samples[SAMPLES]; /* milliseconds, the newest first */
	unsigned count;
	struct market *next;
};

struct row {
	struct job_task task; /* its bytes are views of these */
	struct buf inputs, proof;
	bool has_inputs;
	struct block_ref ended;
	/* Of this process. */
	uint64_t turn; /* whose step is under way; 0: none is */
	bool begin_heard, end_heard;
	bool held, alone;
	unsigned tries, refusals, reverts;
	uint64_t again_ms; /* not before */
	uint64_t since_ms; /* CHECKED */
	struct row *next;  /* of a later deadline */
};

struct job {
	struct job_config config;
	struct msg_job_opened opened;
	struct row *first;
	struct market *markets;
	struct block_ref block; /* the newest */
	uint64_t interval_s;	/* between the two newest blocks */
	uint64_t compute;
	bool has_compute;
	bool restored;	/* the journal was read */
	bool begun;	/* work has */
	uint64_t turns; /* given so far */
};

struct row *job_row(const struct job *j, uint64_t request_id);

/* The row whose step @turn is; NULL if it is over. */
struct row *job_row_of_turn(const struct job *j, uint64_t turn);

/* Not ended, and not suspended. */
bool job_is_live(const struct row *r);

/* Say it, then do it. */
NODISCARD enum err job_say_dropped(struct job *j, struct sink *out,
				   const struct row *r, enum job_reason reason,
				   const struct block_ref *block);

/* The market's record, made if need be; NULL if memory ran out. */
struct market *job_market(struct job *j, uint64_t id);

#endif /* SERVICES_LISTENER_JOB_IMPL_H */
