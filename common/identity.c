/* One batch of questions, asked again until there are answers. */
#include "common/identity.h"

#include <inttypes.h>

#include "common/log.h"

enum { AGAIN_MS = 1000 };

static void ask(void *arg);

static bool is_ours(const struct identity *c)
{
	if (c->chain_id != c->contracts->chain_id) {
		log_error("node.chain_id",
			  "node=%s is=%" PRIu64 " want=%" PRIu64
			  " text=\"the node is of another chain than the "
			  "contracts: mend --rpc or --contracts\"",
			  rpc_node(c->rpc), c->chain_id,
			  c->contracts->chain_id);
		return false;
	}
	if (c->wrong)
		log_error("node.contracts",
			  "node=%s text=\"no contract at an address of "
			  "--contracts: another chain with the same id, or "
			  "one that began anew; deploy, or mend --contracts\"",
			  rpc_node(c->rpc));
	return !c->wrong;
}

static void conclude(struct identity *c)
{
	if (c->unreachable) {
		frame_set_ready(c->frame, false, "waiting for the node");
		if (!c->complained)
			log_warn("node.waiting",
				 "node=%s text=\"it does not answer as a node "
				 "does: asking it every second\"",
				 rpc_node(c->rpc));
		c->complained = true;
		loop_timer(c->frame->loop, AGAIN_MS, true, ask, c);
		return;
	}
	if (!is_ours(c))
		frame_stop(c->frame, "node.other", ERR_CONFIG);
	else if (c->done)
		c->done(c->arg);
}

static void count_answer(struct identity *c, enum err e)
{
	c->unreachable |= e != ERR_NONE;
	if (--c->missing == 0)
		conclude(c);
}

static void on_chain_id(void *arg, const struct rpc_answer *a)
{
	struct identity *c = arg;

	count_answer(c,
		     a->err ? a->err : evm_u64_parse(&c->chain_id, a->result));
}

static void on_genesis(void *arg, const struct rpc_answer *a)
{
	struct identity *c = arg;

	count_answer(
		c, a->err ? a->err
			  : evm_hash_parse(&c->genesis,
					   json_object_get(a->result, "hash")));
}

static void on_head(void *arg, const struct rpc_answer *a)
{
	struct identity *c = arg;

	count_answer(c,
		     a->err ? a->err : evm_header_parse(&c->head, a->result));
}

static void on_code(void *arg, const struct rpc_answer *a)
{
	struct identity *c = arg;
	struct buf code = {0};
	enum err e = a->err ? a->err : evm_bytes_parse(&code, a->result);

	c->wrong |= !e && code.size == 0;
	buf_free(&code);
	count_answer(c, e);
}

static void ask(void *arg)
{
	struct identity *c = arg;
	const struct address *contracts[] = {&c->contracts->marketplace,
					     &c->contracts->registry,
					     &c->contracts->keys};
	const unsigned count = sizeof contracts / sizeof contracts[0];
	struct rpc_batch *b = rpc_batch_new(c->rpc);

	c->unreachable = c->wrong = false;
	c->missing = 3 + count;
	rpc_batch_add(b, "eth_chainId", NULL, on_chain_id, c);
	rpc_batch_add(b, "eth_getBlockByNumber", json_pack("[s,b]", "0x0", 0),
		      on_genesis, c);
	rpc_batch_add(b, "eth_getBlockByNumber",
		      json_pack("[s,b]", "latest", 0), on_head, c);
	for (unsigned i = 0; i < count; i++)
		rpc_batch_add(
			b, "eth_getCode",
			json_pack("[o,s]", evm_address(contracts[i]), "latest"),
			on_code, c);
	rpc_batch_send(b);
}

void identity_check(struct identity *id, struct frame *frame, struct rpc *rpc,
		    const struct deployment *contracts, identity_fn *done,
		    void *arg)
{
	*id = (struct identity){.frame = frame,
				.rpc = rpc,
				.contracts = contracts,
				.done = done,
				.arg = arg};
	ask(id);
}
