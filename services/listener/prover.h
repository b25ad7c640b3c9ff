/* prover - where a market's prover is, what it is asked, what its answer means.
 *
 * The prover HTTP API, version 1: protocol/http/prover.openapi.yaml. Only a 422
 * with "invalid_inputs" says that inputs can't be proven; whatever else is no
 * proof means that something is wrong with the prover. Pure: main.c and work.c
 * do the talking. */
#ifndef SERVICES_LISTENER_PROVER_H
#define SERVICES_LISTENER_PROVER_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/http.h"

struct provers;

enum {
	/* What may be read of an answer, and what of it is looked at: a proof
	 * has to fit into one transaction with its inputs (nodes take 128 KiB),
	 * and JSON needs a few characters for each byte. */
	PROVER_ANSWER_MAX_BYTES = 16 * 1024 * 1024,
	PROVER_LOOKED_AT_BYTES = 2 * 1024 * 1024,
	PROVER_PROOF_MAX_BYTES = 96 * 1024,
	PROVER_WHY_ROOM = 200,
};

/* Read "MARKET=URL,MARKET=URL", or one URL for every market. The caller owns
 * *out. ERR_CONFIG: it isn't that, which was logged; ERR_NO_MEMORY */
NODISCARD enum err provers_new(struct provers **out, const char *text);
void provers_free(struct provers **provers);

/* The URL of a call for @market_id, borrowed; NULL: it has no prover. */
const char *provers_url(const struct provers *p, uint64_t market_id);

/* Append the body that generateProof takes. */
void prover_question(struct buf *out, struct bytes inputs);

enum prover_verdict {
	PROVER_PROOF,	   /* *proof has it */
	PROVER_UNPROVABLE, /* nobody can prove these inputs */
	PROVER_FAILED,	   /* no answer that is one */
};

/* What @answer to generateProof means. @proof is empty; @why gets one line for
 * people unless it is a proof. */
enum prover_verdict prover_read(struct buf *proof, char why[PROVER_WHY_ROOM],
				const struct http_answer *answer);

#endif /* SERVICES_LISTENER_PROVER_H */
