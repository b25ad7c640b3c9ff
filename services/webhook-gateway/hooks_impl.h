/* hooks_impl - what the files of the hooks' thread share; nobody else includes
 * it. */
#ifndef SERVICES_WEBHOOK_GATEWAY_HOOKS_IMPL_H
#define SERVICES_WEBHOOK_GATEWAY_HOOKS_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/metric.h"
#include "common/store_ask.h"
#include "services/webhook-gateway/hook_news.h"
#include "services/webhook-gateway/hooks.h"

enum {
	ITEMS_ROOM = HOOKS_WAITING_MAX + 64, /* tests come on top */
	RECORDS_MAX = HOOKS_ONE_MAX + 8,     /* of attempts, in one step */
	HOLDER_ROOM = 64,
	GATEWAYS_MAX = 64,
	CHALLENGE_SIZE = 24,
	CHALLENGE_ROOM = 2 * CHALLENGE_SIZE + 1,
	BEAT_US = 1000 * 1000,
	BEAT_TTL_MS = 5000,
};

enum hook_state { STATE_UNVERIFIED, STATE_ACTIVE, STATE_DISABLED };

/* What waits for a hook, as in its queue. */
struct waiting {
	uint64_t sequence, seq, block, subject, time;
	uint64_t attempts, due_ms;
	bool busy; /* on its way */
};

/* A hook, and what this gateway knows and does about it. */
struct target {
	struct hook is;
	bool listed; /* in the newest list of hooks */
	bool held;   /* we deliver */
	bool stale;  /* what is below has to be read again */
	uint64_t claimed_us;
	/* As in its row (hook.lua). */
	enum hook_state state;
	uint64_t version, next, block, floor, streak, tries, due_ms, ok_ms;
	struct waiting items[ITEMS_ROOM]; /* by sequence */
	unsigned count;

	uint64_t seen; /* looked at up to here, and that block */
	uint64_t seen_block;
	struct waiting fresh[HOOKS_WAITING_MAX]; /* no sequence yet */
	unsigned fresh_count;

	unsigned window, sending;
	bool asking;	   /* a challenge is on its way */
	uint64_t quiet_ms; /* nothing is due before */

	/* For the next step. */
	struct buf done, again, dead;
	struct buf records[RECORDS_MAX];
	unsigned records_count;
	uint64_t stepped_us;
	bool turns; /* into turn_to */
	enum hook_state turn_to;
	char why[HOOK_WHY_ROOM];
	struct target *after;
};

/* A message on its way. */
struct sent {
	struct hooks *hooks;
	struct target *target;
	enum hook_type type;
	struct waiting item; /* as it was; sequence 0: it isn't of the queue */
	uint64_t at;	     /* unix s */
	size_t size;
	char challenge[CHALLENGE_ROOM];
	struct sent *next, **link; /* all that are on their way */
};

struct hooks {
	struct hooks_config is;
	struct store *store;
	struct guard *guard;
	struct post *post;
	struct hook_news *news;
	struct target *targets;
	size_t targets_count;
	bool not_all; /* had their turn: somebody else is first next time */
	char holder[HOLDER_ROOM];
	char gateways[GATEWAYS_MAX][HOLDER_ROOM];
	unsigned gateways_count;
	uint64_t version;		 /* of the list of hooks */
	uint64_t beat_us, beat_ok_us;	 /* tried, succeeded */
	uint64_t store_lost_us, news_us; /* not answered; read */
	unsigned sending;
	size_t sending_bytes;
	struct sent *sent;  /* what is on its way */
	struct buf scratch; /* of the ask being made */
	pthread_t thread;
	bool started;
	atomic_bool stopping, news_due, changed;
	_Atomic uint64_t n_hooks, n_held, n_waiting, n_sending;
};

extern struct metric hooks_delivered, hooks_failed, hooks_dropped;
extern struct metric hooks_disabled, hooks_took;

/* ---- hook_queue.c: what is known of one hook --------------------------- */

/* Whether @t may look for more. */
bool target_has_room(const struct target *t);

/* Read on for @t as far as there is room. ERR_UNREACHABLE */
NODISCARD enum err target_look(struct hooks *w, struct target *t);

/* Whether there is something to be stepped. */
bool target_is_dirty(const struct target *t, uint64_t now_us);

/* What a claim answered; false: it isn't ours. */
bool target_take_row(struct target *t, const struct bytes *items, size_t count);

/* The arguments of a step, and what it answered. */
void target_ask_step(struct hooks *w, struct target *t, struct store_ask *ask);
void target_stepped(struct hooks *w, struct target *t,
		    const struct bytes *items, size_t count);

/* The next that may be sent now; NULL if none, t->quiet_ms says until when. */
struct waiting *target_pick(struct target *t, uint64_t now_ms);

/* What waits was delivered, is to be tried again at @due_ms, or is given up. */
void target_delivered(struct target *t, struct waiting *i, uint64_t now_ms);
void target_failed(struct target *t, struct waiting *i, uint64_t due_ms);
void target_given_up(struct target *t, struct waiting *i);

struct waiting *target_find(struct target *t, uint64_t sequence);

/* Let it be somebody else's. */
void target_forget(struct target *t);
void target_free(struct target *t);

/* Turn it into another state with the next step. */
void target_turn(struct target *t, enum hook_state to, const char *why);

/* ---- hook_round.c ------------------------------------------------------ */

/* Tell Redis what was done, and take over or let go what isn't as it should be.
 */
void hooks_settle(struct hooks *w);

/* ---- hooks.c ----------------------------------------------------------- */

/* Redis didn't answer: it is left alone for a moment. */
void hooks_store_lost(struct hooks *w);

/* ---- hook_send.c: messages on their way -------------------------------- */

/* Send what is due, fairly. */
void hooks_send(struct hooks *w);

/* Forget what is on its way: nobody will answer it. */
void hooks_forget_sent(struct hooks *w);

/* Tell the owner of @t that it is disabled, once, if the receiver still
 * listens. */
void hooks_send_farewell(struct hooks *w, struct target *t, const char *why);

/* It isn't on its way any more. */
void sent_drop(struct sent *s);

/* ---- hook_answer.c: what became of them -------------------------------- */

/* The post_done of a message; @arg is its struct sent, which goes. */
void sent_answered(void *arg, const struct post_answer *a);

/* Note an attempt with the next step. @a NULL: there was none; @due_ms 0: there
 * won't be another. */
void target_note(struct target *t, const struct sent *s,
		 const struct post_answer *a, const char *outcome,
		 const char *error, uint64_t due_ms);

#endif /* SERVICES_WEBHOOK_GATEWAY_HOOKS_IMPL_H */
