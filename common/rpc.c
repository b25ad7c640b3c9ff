/* The nodes: their names, their health, whether they are of our chain. */
#include "common/rpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/evm.h"
#include "common/log.h"
#include "common/rpc_impl.h"

enum { TICK_MS = 25, WATCH_MS = 2000 };

static const char *const fault_names[] = {
	[PROVIDER_SILENT] = "silent", [PROVIDER_LIMITED] = "limited",
	[PROVIDER_BROKEN] = "broken", [PROVIDER_CONTRADICTED] = "contradicted",
	[PROVIDER_LATE] = "late",     [PROVIDER_OTHER_CHAIN] = "other_chain",
};

static const struct metric fault_metric =
	METRIC(COUNTER, "rpc_node_fault_total",
	       "what a node did wrong: silent, limited, broken, contradicted, "
	       "late, other_chain");
static const struct metric usable_metric =
	METRIC(GAUGE, "rpc_node_usable", "1 while a node can be asked");
static const struct metric head_metric =
	METRIC(GAUGE, "rpc_node_head_block", "newest block of a node");

uint64_t rpc_now_ms(void)
{
	return metric_now_us() / 1000;
}

/* ---- names -------------------------------------------------------------- */

static void name_node(char out[RPC_NAME_ROOM], const char *url)
{
	const char *host = strstr(url, "://");
	const char *at;
	size_t size;

	host = host ? host + 3 : url;
	size = strcspn(host, "/?#");
	at = memrchr(host, '@', size); /* the last: a password may hold one */
	if (at) {
		size -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	snprintf(out, RPC_NAME_ROOM, "%.*s", (int)(size < 100 ? size : 100),
		 host);
	for (char *c = out; *c; c++) /* it stands in quotes */
		if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ')
			*c = '?';
}

/* Two of one provider differ in what isn't shown. */
static void tell_apart(struct rpc *r, unsigned i)
{
	char *name = r->nodes[i].name;
	unsigned same = 1;

	for (unsigned k = 0; k < i; k++)
		same += strncmp(r->nodes[k].name, name, strlen(name)) == 0 &&
			strchr("#", r->nodes[k].name[strlen(name)]);
	if (same > 1)
		snprintf(name + strlen(name), RPC_NAME_ROOM - strlen(name),
			 "#%u", same);
}

static void show(struct metric *out, const struct metric *what, char *labels,
		 size_t room, const char *node, const char *fault)
{
	*out = *what;
	snprintf(labels, room,
		 fault ? "node=\"%s\",fault=\"%s\"" : "node=\"%s\"", node,
		 fault);
	out->labels = labels;
	metric_register(out);
}

static void show_node(struct rpc_node *n)
{
	const size_t room = sizeof n->labels[0];
	char name[RPC_NAME_ROOM];

	memcpy(name, n->name, sizeof name);
	for (unsigned f = 0; f < PROVIDER_FAULTS; f++)
		show(&n->faults[f], &fault_metric, n->labels[f], room, name,
		     fault_names[f]);
	show(&n->usable, &usable_metric, n->labels[PROVIDER_FAULTS], room, name,
	     NULL);
	show(&n->head, &head_metric, n->labels[PROVIDER_FAULTS], room, name,
	     NULL);
	metric_set(&n->usable, 1);
}

static void forget_node(struct rpc_node *n)
{
	for (unsigned f = 0; f < PROVIDER_FAULTS; f++)
		metric_forget(&n->faults[f]);
	metric_forget(&n->usable);
	metric_forget(&n->head);
	free(n->url);
}

static enum err add_url(struct rpc *r, const char *url)
{
	unsigned i = r->providers.count;

	if (i == RPC_NODES_MAX || (strncmp(url, "http://", 7) != 0 &&
				   strncmp(url, "https://", 8) != 0)) {
		log_error("rpc.url",
			  "url=\"%s\" text=\"a node's URL begins with "
			  "http:// or https://; at most %d\"",
			  url, RPC_NODES_MAX);
		return ERR_CONFIG;
	}
	r->nodes[i].url = strdup(url);
	if (!r->nodes[i].url)
		return ERR_NO_MEMORY;
	name_node(r->nodes[i].name, url);
	tell_apart(r, i);
	show_node(&r->nodes[i]);
	r->nodes[i].probe = (struct rpc_probe){.rpc = r, .node = i};
	r->providers.count++;
	return ERR_NONE;
}

/* ---- life --------------------------------------------------------------- */

enum err rpc_new(struct rpc **out, const struct rpc_config *config)
{
	struct rpc *r = calloc(1, sizeof *r);
	char *list = strdup(config->urls), *rest = list, *url;
	enum err e = r && list ? ERR_NONE : ERR_NO_MEMORY;

	rpc_calls_register();
	if (!e)
		r->config = *config;
	while (!e && (url = strsep(&rest, ",")))
		e = add_url(r, url);
	free(list);
	if (e) {
		rpc_free(&r);
	} else {
		providers_init(&r->providers, r->providers.count, config->seed);
		if (!r->config.patience_ms)
			r->config.patience_ms = RPC_PATIENCE_MS;
		if (!r->config.answer_max)
			r->config.answer_max = RPC_ANSWER_MAX_BYTES;
	}
	*out = r;
	return e;
}

void rpc_free(struct rpc **rpc)
{
	struct rpc *r = *rpc;

	if (!r)
		return;
	rpc_calls_free(r);
	if (r->tick)
		loop_timer_cancel(r->config.loop, &r->tick);
	for (unsigned i = 0; i < r->providers.count; i++)
		forget_node(&r->nodes[i]);
	free(r);
	*rpc = NULL;
}

unsigned rpc_nodes(const struct rpc *rpc)
{
	return rpc->providers.count;
}

const char *rpc_node_name(const struct rpc *rpc, unsigned node)
{
	return rpc->nodes[node].name;
}

const char *rpc_node(const struct rpc *rpc)
{
	return rpc_node_name(rpc, rpc->providers.current);
}

const struct providers *rpc_providers(const struct rpc *rpc)
{
	return &rpc->providers;
}

bool rpc_answers(const struct rpc *rpc)
{
	return providers_answer(&rpc->providers, rpc_now_ms());
}

int rpc_choose(struct rpc *rpc, unsigned but)
{
	return providers_choose(&rpc->providers, rpc_now_ms(), but);
}

/* ---- health ------------------------------------------------------------- */

static void show_usable(struct rpc *r, unsigned node)
{
	const struct provider *p = &r->providers.list[node];

	metric_set(&r->nodes[node].usable, !p->excluded && !p->failures);
}

void rpc_blame(struct rpc *r, unsigned node, enum provider_fault fault,
	       uint64_t sent_ms, uint64_t rest_ms, const char *text)
{
	struct rpc_node *n = &r->nodes[node];

	metric_add(&n->faults[fault], 1);
	if (providers_failed(&r->providers, node, rpc_now_ms(), sent_ms, fault,
			     rest_ms)) {
		if (fault == PROVIDER_OTHER_CHAIN)
			log_error("node.excluded", "node=%s text=\"%s\"",
				  n->name, text);
		else
			log_warn("node.failing", "node=%s fault=%s text=\"%s\"",
				 n->name, fault_names[fault], text);
	}
	show_usable(r, node);
	rpc_tick_soon(r);
}

void rpc_complain(struct rpc *r, unsigned node, enum provider_fault fault,
		  const char *text)
{
	rpc_blame(r, node, fault, rpc_now_ms(), 0, text);
}

void rpc_praise(struct rpc *r, unsigned node, uint64_t latency_us)
{
	if (providers_answered(&r->providers, node, rpc_now_ms(), latency_us))
		log_info("node.recovered", "node=%s", r->nodes[node].name);
	show_usable(r, node);
}

void rpc_told_head(struct rpc *r, unsigned node, uint64_t number)
{
	providers_head(&r->providers, node, number);
	metric_set(&r->nodes[node].head, (int64_t)number);
}

void rpc_told_final(struct rpc *r, unsigned node, uint64_t number)
{
	providers_finalized(&r->providers, node, number);
}

/* ---- who they are ------------------------------------------------------- */

static void conclude_probe(struct rpc_probe *p)
{
	struct rpc *r = p->rpc;

	if (p->refused)
		rpc_complain(r, p->node, PROVIDER_BROKEN,
			     "it doesn't say which chain it is of");
	if (p->refused || p->failed)
		return; /* it will be asked again */
	if (p->differs) {
		rpc_complain(r, p->node, PROVIDER_OTHER_CHAIN,
			     "it is of another chain: not asked any more");
		return;
	}
	if (providers_proven(&r->providers, p->node))
		log_info("node.included",
			 "node=%s text=\"it is of our chain now\"",
			 r->nodes[p->node].name);
	show_usable(r, p->node);
}

static void count_answer(struct rpc_probe *p, const struct rpc_answer *a,
			 bool ok)
{
	p->failed |= a->err == ERR_UNREACHABLE;
	p->refused |= !ok && a->err != ERR_UNREACHABLE;
	if (--p->missing == 0)
		conclude_probe(p);
}

static void on_chain_id(void *arg, const struct rpc_answer *a)
{
	struct rpc_probe *p = arg;
	uint64_t id;
	bool ok = !a->err && !evm_u64_parse(&id, a->result);

	p->differs |= ok && id != p->rpc->chain_id;
	count_answer(p, a, ok);
}

static void on_genesis(void *arg, const struct rpc_answer *a)
{
	struct rpc_probe *p = arg;
	struct hash32 h;
	bool ok = !a->err &&
		  !evm_hash_parse(&h, json_object_get(a->result, "hash"));

	p->differs |= ok && !hash32_eq(&h, &p->rpc->genesis);
	/* Some nodes keep no block that old. */
	count_answer(p, a, ok || a->err != ERR_UNREACHABLE);
}

static void on_number(void *arg, const struct rpc_answer *a)
{
	struct rpc_probe *p = arg;
	uint64_t n;
	bool ok = !a->err && !evm_u64_parse(&n, a->result);

	if (ok)
		rpc_told_head(p->rpc, p->node, n);
	count_answer(p, a, ok);
}

static void probe(struct rpc *r, unsigned node)
{
	struct rpc_probe *p = &r->nodes[node].probe;
	bool proven = r->providers.list[node].proven;
	struct rpc_batch *b;

	if (p->missing)
		return;
	p->failed = p->refused = p->differs = false;
	p->missing = proven ? 2 : 3;
	b = rpc_batch_new_node(r, node);
	rpc_batch_add(b, "eth_chainId", NULL, on_chain_id, p);
	rpc_batch_add(b, "eth_blockNumber", NULL, on_number, p);
	if (!proven)
		rpc_batch_add(b, "eth_getBlockByNumber",
			      json_pack("[s,b]", "0x0", 0), on_genesis, p);
	rpc_batch_send(b);
}

void rpc_expect(struct rpc *r, uint64_t chain_id, const struct hash32 *genesis)
{
	r->expects = true;
	r->chain_id = chain_id;
	r->genesis = *genesis;
	providers_must_prove(&r->providers);
	rpc_tick_soon(r);
}

void rpc_proven(struct rpc *r, unsigned node)
{
	(void)providers_proven(&r->providers, node);
}

void rpc_prove_again(struct rpc *r)
{
	providers_prove_again(&r->providers);
	rpc_tick_soon(r);
}

/* ---- now and then ------------------------------------------------------- */

/* Whether there is something to be done later. */
static bool needs_tick(const struct rpc *r)
{
	if (rpc_calls_wait(r) ||
	    (r->providers.count > 1 && (r->batches || r->expects)))
		return true;
	for (unsigned i = 0; i < r->providers.count; i++)
		if (r->expects && !r->providers.list[i].proven)
			return true;
	return false;
}

static void on_tick(void *arg)
{
	struct rpc *r = arg;
	uint64_t now = rpc_now_ms();
	bool watch = r->expects && r->providers.count > 1 &&
		     now - r->watched_ms >= WATCH_MS;

	if (watch)
		r->watched_ms = now;
	for (unsigned i = 0; i < r->providers.count; i++)
		if (providers_to_prove(&r->providers, i, now) ||
		    (watch && providers_fit(&r->providers, i, now)))
			probe(r, i);
	rpc_calls_tick(r);
	if (!needs_tick(r))
		loop_timer_cancel(r->config.loop, &r->tick);
}

void rpc_tick_soon(struct rpc *r)
{
	if (!r->tick && r->config.loop && needs_tick(r))
		r->tick =
			loop_timer(r->config.loop, TICK_MS, false, on_tick, r);
}

/* ---- transactions ------------------------------------------------------- */

static bool says(const char *message, const char *words)
{
	return strcasestr(message, words) != NULL;
}

enum rpc_send_verdict rpc_send_verdict(const struct rpc_answer *a)
{
	const char *m = a->message ? a->message : "";

	if (!a->err)
		return RPC_SEND_ACCEPTED;
	if (a->err != ERR_REFUSED)
		return RPC_SEND_UNKNOWN;
	if (says(m, "already known") || says(m, "already imported") ||
	    says(m, "known transaction"))
		return RPC_SEND_KNOWN;
	if (says(m, "nonce too low") || says(m, "nonce is too low"))
		return RPC_SEND_NONCE_USED;
	if (says(m, "underpriced") || says(m, "fee cap less than") ||
	    says(m, "max fee per gas less than") || says(m, "fee too low"))
		return RPC_SEND_UNDERPRICED;
	if (says(m, "insufficient funds"))
		return RPC_SEND_POOR;
	return RPC_SEND_UNKNOWN;
}
