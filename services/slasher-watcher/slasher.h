/* slasher - what the shell of slasher-watcher is made of. */
#ifndef SERVICES_SLASHER_WATCHER_SLASHER_H
#define SERVICES_SLASHER_WATCHER_SLASHER_H

#include "common/fold.h"
#include "common/fork.h"
#include "common/identity.h"
#include "common/sender.h"
#include "protocol/deployment.h"
#include "services/slasher-watcher/notes.h"
#include "services/slasher-watcher/verdict.h"
#include "services/slasher-watcher/watch.h"

/* In tx_signed. */
enum kind { KIND_SLASH = 2, KIND_CANCEL = 3 };

struct options {
#define OPT(kind, name, fallback, unit, meaning) CONF_TYPE_##kind name;
#include "services/slasher-watcher/config.def"
};

/* One of the two that are asked about and sent independently. */
struct lane {
	struct slasher *slasher;
	enum kind kind;
	struct verdict_asker *asker;
};

struct slasher {
	struct options options;
	struct frame *frame;
	unsigned depth;
	bool only_profit; /* --slash-policy */
	struct deployment contracts;
	struct identity identity;
	struct secret_key *key;
	struct http *http;
	struct rpc *rpc;
	struct sender *sender;
	struct watch *watch;
	struct fork *blocks; /* the newest, to look back by slash_depth */
	struct notes *notes;
	struct lane slashes, refunds;
	struct fold *fold;
	bool block_is_news; /* the sender wasn't told of the newest */
};

/* ---- due.c: what is due becomes transactions, or says so ---------------- */

void due_register(void);
/* Once the newest of the chain is known: warn, ask, plan. */
void due_look(struct slasher *self);
/* An entry of the journal, from before the start. */
NODISCARD enum err due_said(void *self, uint16_t number, struct bytes body);
/* As in sender.h. */
void due_mined(void *self, const struct hash32 *id, enum outbox_fate fate);

#endif /* SERVICES_SLASHER_WATCHER_SLASHER_H */
