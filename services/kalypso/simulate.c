/* What would happen: eth_call for one call, eth_simulateV1 for several. */
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "services/kalypso/node.h"
#include "services/kalypso/send.h"
#include "services/kalypso/send_impl.h"
#include "services/kalypso/signer.h"

/* ---- one ---------------------------------------------------------------- */

static enum cli_exit no_contract(struct cli *cli, const struct cli_call *call)
{
	char at[ADDRESS_ROOM];

	return cli_fail(cli, CLI_USAGE,
			"there is no contract at %s (%s) on the node %s: "
			"deploy, or mend --contracts or --rpc",
			address_format(at, &call->to), call->contract,
			rpc_node(cli->rpc));
}

enum cli_exit cli_call_simulate(struct cli *cli, struct cli_call *call)
{
	struct cli_question q[] = {
		{.method = "eth_call",
		 .params = cli_call_params(&cli->account, &call->to,
					   buf_bytes(&call->data))},
		{.method = "eth_getCode",
		 .params =
			 json_pack("[o,s]", evm_address(&call->to), "latest")},
	};
	struct buf code = {0};
	enum cli_exit x = cli_ask_many(cli, q, 2);

	if (!x && !q[1].err && !evm_bytes_parse(&code, q[1].result) &&
	    code.size == 0)
		x = no_contract(cli, call);
	if (!x && q[0].err)
		x = cli_refused(cli, call->what, &q[0]);
	buf_clear(&call->answer);
	if (!x && evm_bytes_parse(&call->answer, q[0].result))
		x = cli_fail(cli, CLI_UNREACHABLE,
			     "the node %s doesn't answer eth_call like an "
			     "Ethereum node: mend --rpc",
			     rpc_node(cli->rpc));
	buf_free(&code);
	cli_questions_free(q, 2);
	return x;
}

/* ---- several ------------------------------------------------------------ */

/* The next block, now: some nodes would simulate in 1970 otherwise. */
static json_t *plan_params(const struct cli *cli, const struct cli_plan *plan)
{
	json_t *calls = json_array();

	for (size_t i = 0; i < plan->count; i++) {
		const struct cli_call *c = &plan->calls[i];

		json_array_append_new(
			calls, json_pack("{s:o, s:o, s:o}", "from",
					 evm_address(&cli->account), "to",
					 evm_address(&c->to), "data",
					 evm_data(buf_bytes(&c->data))));
	}
	return json_pack(
		"[{s:[{s:{s:o, s:o}, s:o}]}, s]", "blockStateCalls",
		"blockOverrides", "number", evm_quantity(cli->head + 1), "time",
		evm_quantity(cli->now.v + 1), "calls", calls, "latest");
}

/* One call's part of the answer. */
static enum cli_exit take_simulated(struct cli *cli, struct cli_call *call,
				    const json_t *said)
{
	const json_t *error = json_object_get(said, "error");
	struct cli_question q = {.err = ERR_REFUSED, .code = 3};
	uint64_t status = 0, gas = 0;
	enum cli_exit x;

	buf_clear(&call->answer);
	if (evm_u64_parse(&status, json_object_get(said, "status")) ||
	    evm_bytes_parse(&call->answer, json_object_get(said, "returnData")))
		return CLI_OK; /* not as specified: as if it hadn't answered */
	if (!evm_u64_parse(&gas, json_object_get(said, "gasUsed")))
		call->gas = gas + gas / 5;
	if (status == 1)
		return CLI_OK;
	q.data = call->answer;
	if (!q.data.size &&
	    evm_bytes_parse(&q.data, json_object_get(error, "data")))
		buf_clear(&q.data);
	x = cli_refused(cli, call->what, &q);
	call->answer = q.data;
	return x;
}

enum cli_exit cli_plan_simulate(struct cli *cli, struct cli_plan *plan)
{
	struct cli_question q = {.method = "eth_simulateV1"};
	const json_t *calls;
	enum cli_exit x = cli_signer_load(cli);

	if (!x)
		x = cli_call_simulate(cli, &plan->calls[0]);
	if (x || plan->count == 1)
		return x;
	q.params = plan_params(cli, plan);
	x = cli_ask_many(cli, &q, 1);
	calls = json_object_get(json_array_get(q.result, 0), "calls");
	/* Not every node has this method; then each is simulated in its turn.
	 */
	for (size_t i = 0; i < plan->count && !x && !q.err; i++)
		x = take_simulated(cli, &plan->calls[i],
				   json_array_get(calls, i));
	cli_questions_free(&q, 1);
	return x;
}
