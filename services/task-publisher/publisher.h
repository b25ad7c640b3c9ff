/* publisher - what the shell of task-publisher is made of. */
#ifndef SERVICES_TASK_PUBLISHER_PUBLISHER_H
#define SERVICES_TASK_PUBLISHER_PUBLISHER_H

#include "common/frame.h"
#include "common/identity.h"
#include "common/sender.h"
#include "protocol/deployment.h"
#include "services/task-publisher/publish.h"
#include "services/task-publisher/retry.h"

struct options {
#define OPT(kind, name, fallback, unit, meaning) CONF_TYPE_##kind name;
#include "services/task-publisher/config.def"
};

struct publisher {
	struct options options;
	struct frame *frame;
	struct deployment contracts;
	struct identity identity;
	struct secret_key *engine, *relayer;
	struct hash32 domain;
	struct http *http;
	struct rpc *rpc;
	struct sender *sender;
	struct publish *publish;
	struct retry *retry;
	struct follow *chain, *match;
	struct block_ref block; /* newest seen in the chain log */
	struct u256 base_fee;	/* of it */
	bool block_is_news;	/* what waits for blocks wasn't told of it */
	/* The engine's key, as the chain has it. */
	bool key_asked, key_valid, key_complained;
};

/* ---- batch.c: what was decided becomes transactions --------------------- */

void batch_register(void);
/* As in publish.h. */
enum err batch_decided(void *self, const struct publish_batch *batch);
/* As in sender.h. */
void batch_mined(void *self, const struct hash32 *id, enum outbox_fate fate);
/* As in retry.h. */
enum err batch_encode(void *self, const struct publish_batch *batch,
		      struct buf *call);
uint64_t batch_gas(void *self, const struct publish_batch *batch);
void batch_rest(void *self, const struct publish_batch *batch);

#endif /* SERVICES_TASK_PUBLISHER_PUBLISHER_H */
