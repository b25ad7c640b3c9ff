/* hook_api_impl - what the files of the webhooks' API share; nobody else
 * includes it. */
#ifndef SERVICES_WEBHOOK_GATEWAY_HOOK_API_IMPL_H
#define SERVICES_WEBHOOK_GATEWAY_HOOK_API_IMPL_H

#include "common/store_ask.h"
#include "services/webhook-gateway/hook_api.h"

/* A call being answered. */
struct call {
	const struct hook_api_config *api;
	const struct api_request *request;
	struct api_answer *answer;
	char id[64];	   /* of the path; "" if it has none */
	const char *token; /* of the request; "": none */
	struct hook hook;  /* the one of the path */
	struct buf record; /* and its record as it was */
};

/* ---- hook_api.c: what every call needs --------------------------------- */

/* What Redis answered: its first items. */
struct hook_told {
	char word[24];
	uint64_t number;
	size_t count;
	struct buf text; /* the first item */
};

/* A store_told for a struct hook_told. */
void hook_call_told(void *arg, size_t index, const struct bytes *items,
		    size_t count);

/* Ask Redis, and hear what it answers; false: it doesn't, and that is the
 * answer of the call. */
bool hook_call_ask(struct call *c, const struct store_ask *ask,
		   store_told *told, void *arg);
void hook_call_no_store(struct call *c);

/* Load the hook of the path; whoever asks has to have its token, or, if
 * @operator_may, the operator's. False: the call is answered with a problem. */
bool hook_call_load(struct call *c, bool operator_may);

bool hook_call_is_operator(const struct call *c);
/* Say that the token is missing: @whose. */
void hook_call_refuse(struct call *c, const char *whose);

/* Begin an answer: an open object. */
struct doc hook_call_begin(struct call *c, unsigned status);

/* ---- hook_api_show.c ---------------------------------------------------- */

/* The row's fields that its owner sees. */
struct hook_row {
	char state[16], why[HOOK_WHY_ROOM], holder[64];
	uint64_t next, sequence, delivered, failed, dropped, streak, ok_ms;
	uint64_t turned_ms, due_ms, waiting;
};

/* Those of c->hook. False: Redis doesn't answer. */
bool hook_call_read_row(struct call *c, struct hook_row *row);

/* The webhook as a member of @d. */
void hook_call_show(struct call *c, struct doc *d, const struct hook_row *row);

/* ---- routes ------------------------------------------------------------- */

void get_webhooks(struct call *c);
void get_webhook(struct call *c);
void get_attempts(struct call *c);
void get_dead_letters(struct call *c);

void post_webhooks(struct call *c);
void patch_webhook(struct call *c);
void delete_webhook(struct call *c);
void post_rotate(struct call *c);
void post_test(struct call *c);
void post_enable(struct call *c);
void post_replay(struct call *c);

#endif /* SERVICES_WEBHOOK_GATEWAY_HOOK_API_IMPL_H */
