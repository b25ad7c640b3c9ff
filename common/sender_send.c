/* Bytes on their way to nodes, and what these say. */
#include <stdlib.h>

#include "common/evm.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/sender_impl.h"

enum { SEND_AGAIN_MS = 100 };

static struct metric sent =
	METRIC(COUNTER, "tx_sent_total", "transactions handed to nodes");
static struct metric refused =
	METRIC(COUNTER, "tx_refused_total", "transactions that a node refused");

void sender_send_register(void)
{
	metric_register(&sent);
	metric_register(&refused);
}

/* One transaction on its way to one node. */
struct sending {
	struct sender *sender;
	struct hash32 hash;
	struct sending *next, **link;
};

static struct sending *sending_new(struct sender *s, const struct hash32 *hash)
{
	struct sending *x = malloc(sizeof *x);

	if (!x)
		return NULL;
	*x = (struct sending){s, *hash, s->sendings, &s->sendings};
	if (x->next)
		x->next->link = &x->next;
	s->sendings = x;
	return x;
}

static void sending_free(struct sending *x)
{
	*x->link = x->next;
	if (x->next)
		x->next->link = x->link;
	free(x);
}

void sender_send_free(struct sender *s)
{
	while (s->sendings)
		sending_free(s->sendings);
}

static void on_sent(void *arg, const struct rpc_answer *a)
{
	struct sending *x = arg;
	char hash[HASH32_ROOM];

	hash32_format(hash, &x->hash);
	switch (rpc_send_verdict(a)) {
	case RPC_SEND_ACCEPTED:
	case RPC_SEND_KNOWN:
		log_debug("tx.accepted", "tx=%s", hash);
		break;
	case RPC_SEND_NONCE_USED: /* a receipt will tell by what */
		log_info("tx.nonce_used", "tx=%s", hash);
		break;
	case RPC_SEND_UNDERPRICED:
		metric_add(&refused, 1);
		log_warn("tx.underpriced", "tx=%s text=\"%s\"", hash,
			 a->message);
		outbox_outbid(x->sender->outbox, &x->hash);
		break;
	case RPC_SEND_UNKNOWN: /* it may have been taken all the same */
		metric_add(&refused, 1);
		log_warn("tx.refused", "tx=%s text=\"%s\"", hash, a->message);
		break;
	case RPC_SEND_POOR:
		metric_add(&refused, 1);
		log_error("tx.poor",
			  "tx=%s text=\"the account can't pay for gas: send "
			  "it some\"",
			  hash);
		break;
	}
	sending_free(x);
}

static bool send_one(void *arg, const struct hash32 *id,
		     const struct hash32 *hash, struct bytes raw)
{
	struct sender *s = arg;

	(void)id;
	/* Every node answers on its own. */
	for (unsigned i = 0; i < rpc_nodes(s->config.rpc); i++) {
		struct sending *x = sending_new(s, hash);

		if (!x)
			return false;
		rpc_call_node(s->config.rpc, i, "eth_sendRawTransaction",
			      json_pack("[o]", evm_data(raw)), on_sent, x);
	}
	metric_add(&sent, 1);
	return true;
}

static void on_again(void *arg)
{
	struct sender *s = arg;

	s->again = NULL;
	sender_send_ready(s);
}

void sender_send_ready(struct sender *s)
{
	struct writer *log = s->config.frame->writer;

	if (!s->ready)
		return;
	if (log && writer_waiting(log)) { /* frame_flush() tries again */
		if (!s->again)
			s->again = loop_timer(s->config.frame->loop,
					      SEND_AGAIN_MS, true, on_again, s);
		return;
	}
	outbox_each_to_send(s->outbox, send_one, s);
}
