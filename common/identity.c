/* One batch of questions for each node, asked again until there are answers. */
#include "common/identity.h"

#include <inttypes.h>

#include "common/log.h"

enum { AGAIN_MS = 1000, PATIENCE_MS = 1000, CONTRACTS = 3 };

static void ask_all(void *arg);

/* ---- what it comes to --------------------------------------------------- */

static void say_other(const struct identity *c, const struct identity_node *n)
{
	if (n->verdict == IDENTITY_OTHER_CHAIN)
		log_error("node.chain_id",
			  "node=%s is=%" PRIu64 " want=%" PRIu64
			  " text=\"the node is of another chain than the "
			  "contracts: mend --rpc or --contracts\"",
			  rpc_node_name(c->rpc, n->node), n->chain_id,
			  c->contracts->chain_id);
	if (n->verdict == IDENTITY_NO_CONTRACTS)
		log_error("node.contracts",
			  "node=%s text=\"no contract at an address of "
			  "--contracts: another chain with the same id, or "
			  "one that began anew; deploy, or mend --contracts\"",
			  rpc_node_name(c->rpc, n->node));
}

/* How many nodes have the same genesis block as @node. */
static unsigned support(const struct identity *c, unsigned node)
{
	unsigned same = 0;

	for (unsigned i = 0; i < rpc_nodes(c->rpc); i++)
		same += c->nodes[i].verdict == IDENTITY_OURS &&
			hash32_eq(&c->nodes[i].genesis,
				  &c->nodes[node].genesis);
	return same;
}

/* The node to believe; -1: none is ours. */
static int leader(const struct identity *c)
{
	int best = -1;

	for (unsigned i = 0; i < rpc_nodes(c->rpc); i++)
		if (c->nodes[i].verdict == IDENTITY_OURS &&
		    (best < 0 || support(c, i) > support(c, (unsigned)best)))
			best = (int)i;
	return best;
}

/* Nodes that are not proven are asked by the rpc itself from now on. */
static void begin(struct identity *c, const struct identity_node *ours)
{
	c->concluded = true;
	c->genesis = ours->genesis;
	c->head = ours->head;
	for (unsigned i = 0; i < rpc_nodes(c->rpc); i++) {
		struct identity_node *n = &c->nodes[i];

		say_other(c, n);
		if (n->verdict == IDENTITY_OURS &&
		    hash32_eq(&n->genesis, &c->genesis)) {
			rpc_proven(c->rpc, i);
			rpc_told_head(c->rpc, i, n->head.block.number);
		} else if (n->verdict != IDENTITY_UNKNOWN) {
			rpc_complain(c->rpc, i, PROVIDER_OTHER_CHAIN,
				     "it is of another chain than others: not "
				     "asked any more");
		}
	}
	rpc_expect(c->rpc, c->contracts->chain_id, &c->genesis);
	if (c->done)
		c->done(c->arg);
}

static void wait(struct identity *c)
{
	frame_set_ready(c->frame, false, "waiting for the node");
	if (!c->complained)
		log_warn("node.waiting",
			 "node=%s text=\"it does not answer as a node "
			 "does: asking it every second\"",
			 rpc_node(c->rpc));
	c->complained = true;
	loop_timer(c->frame->loop, AGAIN_MS, true, ask_all, c);
}

static void conclude(struct identity *c)
{
	int best = leader(c);
	bool unknown = false;

	if (best >= 0) {
		begin(c, &c->nodes[best]);
		return;
	}
	for (unsigned i = 0; i < rpc_nodes(c->rpc); i++)
		unknown |= c->nodes[i].verdict == IDENTITY_UNKNOWN;
	if (unknown) {
		wait(c);
		return;
	}
	for (unsigned i = 0; i < rpc_nodes(c->rpc); i++)
		say_other(c, &c->nodes[i]);
	frame_stop(c->frame, "node.other", ERR_CONFIG);
}

static bool all_answered(const struct identity *c)
{
	for (unsigned i = 0; i < rpc_nodes(c->rpc); i++)
		if (c->nodes[i].missing)
			return false;
	return true;
}

static void on_hurry(void *arg)
{
	struct identity *c = arg;

	c->hurry = NULL;
	if (!c->concluded && leader(c) >= 0)
		conclude(c);
}

/* ---- one node ----------------------------------------------------------- */

static void judge(struct identity_node *n)
{
	const struct deployment *d = n->identity->contracts;

	n->verdict = n->unreachable		  ? IDENTITY_UNKNOWN
		     : n->chain_id != d->chain_id ? IDENTITY_OTHER_CHAIN
		     : n->no_code		  ? IDENTITY_NO_CONTRACTS
						  : IDENTITY_OURS;
}

static void count_answer(struct identity_node *n, enum err e)
{
	struct identity *c = n->identity;

	n->unreachable |= e != ERR_NONE;
	if (--n->missing || c->concluded)
		return;
	judge(n);
	if (all_answered(c)) {
		loop_timer_cancel(c->frame->loop, &c->hurry);
		conclude(c);
	} else if (n->verdict == IDENTITY_OURS && !c->hurry) {
		c->hurry = loop_timer(c->frame->loop, PATIENCE_MS, true,
				      on_hurry, c);
	}
}

static void on_chain_id(void *arg, const struct rpc_answer *a)
{
	struct identity_node *n = arg;

	count_answer(n,
		     a->err ? a->err : evm_u64_parse(&n->chain_id, a->result));
}

static void on_genesis(void *arg, const struct rpc_answer *a)
{
	struct identity_node *n = arg;

	count_answer(
		n, a->err ? a->err
			  : evm_hash_parse(&n->genesis,
					   json_object_get(a->result, "hash")));
}

static void on_head(void *arg, const struct rpc_answer *a)
{
	struct identity_node *n = arg;

	count_answer(n,
		     a->err ? a->err : evm_header_parse(&n->head, a->result));
}

static void on_code(void *arg, const struct rpc_answer *a)
{
	struct identity_node *n = arg;
	struct buf code = {0};
	enum err e = a->err ? a->err : evm_bytes_parse(&code, a->result);

	n->no_code |= !e && code.size == 0;
	buf_free(&code);
	count_answer(n, e);
}

static void ask(struct identity_node *n)
{
	struct identity *c = n->identity;
	const struct address *contracts[CONTRACTS] = {
		&c->contracts->marketplace, &c->contracts->registry,
		&c->contracts->keys};
	struct rpc_batch *b = rpc_batch_new_node(c->rpc, n->node);

	rpc_batch_add(b, "eth_chainId", NULL, on_chain_id, n);
	rpc_batch_add(b, "eth_getBlockByNumber", json_pack("[s,b]", "0x0", 0),
		      on_genesis, n);
	rpc_batch_add(b, "eth_getBlockByNumber",
		      json_pack("[s,b]", "latest", 0), on_head, n);
	for (unsigned i = 0; i < CONTRACTS; i++)
		rpc_batch_add(
			b, "eth_getCode",
			json_pack("[o,s]", evm_address(contracts[i]), "latest"),
			on_code, n);
	rpc_batch_send(b);
}

static void ask_all(void *arg)
{
	struct identity *c = arg;
	unsigned count = rpc_nodes(c->rpc);

	for (unsigned i = 0; i < count; i++)
		c->nodes[i] = (struct identity_node){
			.identity = c, .node = i, .missing = 3 + CONTRACTS};
	for (unsigned i = 0; i < count; i++)
		ask(&c->nodes[i]);
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
	ask_all(id);
}
