/* node - the chain, asked one question at a time.
 *
 * Over common/rpc.h: every call returns when it is answered. A node that fails
 * makes way for the next of --rpc; CLI_UNREACHABLE (told) when none answers. A
 * refusal is an answer. */
#ifndef SERVICES_KALYPSO_NODE_H
#define SERVICES_KALYPSO_NODE_H

#include "abi_market.h"
#include "common/evm.h"
#include "services/kalypso/session.h"

struct cli_question {
	const char *method;
	json_t *params; /* taken; NULL: none */

	/* The answer. */
	enum err err;	/* ERR_NONE or ERR_REFUSED */
	json_t *result; /* JSON null if it was refused */
	int64_t code;	/* of a refusal, as are these: */
	char message[200];
	struct buf data;	   /* what a call reverted with */
	struct cli_asking *asking; /* node.c's own */
};

/* Ask all of them at once. @questions are zero but for method and params, and
 * cli_questions_free() is due in any case. */
NODISCARD enum cli_exit cli_ask_many(struct cli *cli,
				     struct cli_question *questions,
				     size_t count);

/* The same without a word when no node answers: for who asks again. */
NODISCARD enum cli_exit cli_try_many(struct cli *cli,
				     struct cli_question *questions,
				     size_t count);
void cli_questions_free(struct cli_question *questions, size_t count);

/* A refusal as an error of ours: cli_fail() with a contract's reason if it
 * reverted, or the node's words. @what is what was tried. CLI_NOT_FOUND if the
 * reason is that there is no such thing, else CLI_FAILED. */
enum cli_exit cli_refused(struct cli *cli, const char *what,
			  const struct cli_question *answer);

/* "RequestExpired: the request's …" for revert data, appended to @out; the
 * name, static, or NULL if it is none of the contracts' errors. */
const char *cli_put_reason(struct buf *out, struct bytes revert);

/* Parameters of eth_call and eth_estimateGas. @from may be NULL; so may @to:
 * @data is then the initcode of a contract. */
json_t *cli_call_params(const struct address *from, const struct address *to,
			struct bytes data);

/* ---- logs --------------------------------------------------------------- */

/* @event and @log live for the call. */
typedef enum cli_exit cli_event_fn(void *arg, const struct abi_event *event,
				   const struct evm_log *log);

/* Call @each for the events of @contract with @topics (as eth_getLogs takes
 * them; taken) in blocks @from to @to, in their order, until it returns another
 * than CLI_OK. A range that the node finds too large is asked for in parts. */
NODISCARD enum cli_exit cli_each_event(struct cli *cli,
				       const struct address *contract,
				       json_t *topics, uint64_t from,
				       uint64_t to, cli_event_fn *each,
				       void *arg);

/* An event's topic, and an id as one. */
json_t *cli_event_topic(enum abi_event_id id);
/* A request's or market's id as a topic. */
json_t *cli_id_topic(uint64_t id);

#endif /* SERVICES_KALYPSO_NODE_H */
