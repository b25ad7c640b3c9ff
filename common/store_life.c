/* Who may write, which life of the logs this is, and what of them is kept. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/store_impl.h"

/* ---- folds and logs, from links.def ------------------------------------- */

static const struct store_fold folds[] = {
#define FOLD(service, reads, writes) {service, reads, writes},
#include "protocol/messages/links.def"
};

static const struct {
	const char *name, *writer;
} logs[] = {
#define LINK(name, number, writer, meaning) {#name, writer},
#include "protocol/messages/links.def"
};

enum {
	FOLDS = sizeof folds / sizeof folds[0],
	LOGS = sizeof logs / sizeof logs[0],
	FOLD_KEYS = 5, /* of each, for kalypso_begin */
};

const struct store_fold *store_fold(const char *service)
{
	for (size_t i = 0; i < FOLDS; i++)
		if (strcmp(folds[i].service, service) == 0)
			return &folds[i];
	return NULL;
}

/* ---- epoch -------------------------------------------------------------- */

enum err store_epoch(struct store *s, uint64_t *epoch)
{
	redisReply *r = store_get(s, "epoch", "");

	if (!r)
		return ERR_UNREACHABLE;
	*epoch = r->type == REDIS_REPLY_STRING ? strtoull(r->str, NULL, 10) : 0;
	freeReplyObject(r);
	return ERR_NONE;
}

/* Texts that the command borrows while it is being sent. */
struct begin_texts {
	char epoch[KEY_ROOM], folds[FOLDS][FOLD_KEYS][KEY_ROOM];
	char logs[LOGS][KEY_ROOM], services[FOLDS][64];
};

static void add_fold(struct store *s, struct command *c,
		     char keys[FOLD_KEYS][KEY_ROOM], const struct store_fold *f)
{
	const char *writes = f->writes ? f->writes : f->reads;

	command_text(c, store_key(s, keys[0], "snapshot", f->service));
	command_text(c, store_key(s, keys[1], "log", f->reads));
	command_text(c, store_key(s, keys[2], "log", writes));
	command_text(c, store_key(s, keys[3], "cursor", f->service));
	command_text(c, store_key(s, keys[4], "readers", f->reads));
}

static redisReply *call_begin(struct store *s, uint64_t epoch)
{
	struct command c = {.count = 0};
	struct begin_texts t;

	command_text(&c, "FCALL");
	command_text(&c, "kalypso_begin");
	command_number(&c, 1 + FOLD_KEYS * FOLDS + LOGS);
	command_text(&c, store_key(s, t.epoch, "epoch", ""));
	for (size_t i = 0; i < FOLDS; i++)
		add_fold(s, &c, t.folds[i], &folds[i]);
	for (size_t i = 0; i < LOGS; i++)
		command_text(&c, store_key(s, t.logs[i], "log", logs[i].name));
	command_number(&c, epoch);
	command_number(&c, FOLDS);
	for (size_t i = 0; i < FOLDS; i++) {
		snprintf(t.services[i], sizeof t.services[i], "%s%s",
			 folds[i].writes ? "" : "-", folds[i].service);
		command_text(&c, t.services[i]);
	}
	return store_call(s, &c);
}

enum err store_epoch_begin(struct store *s, uint64_t *epoch)
{
	uint64_t fresh = 0;
	redisReply *r;
	enum err e = ERR_NONE;

	while (fresh == 0)
		if (getrandom(&fresh, sizeof fresh, 0) != sizeof fresh)
			return ERR_UNREACHABLE;
	r = call_begin(s, fresh);
	if (r && r->type == REDIS_REPLY_STRING)
		*epoch = strtoull(r->str, NULL, 10);
	else
		e = r ? store_verdict(s, r) : ERR_UNREACHABLE;
	freeReplyObject(r);
	return e;
}

enum err store_epoch_end(struct store *s, uint64_t epoch)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM];

	command_text(&c, "FCALL");
	command_text(&c, "kalypso_finish");
	command_text(&c, "1");
	command_text(&c, store_key(s, key, "epoch", ""));
	command_number(&c, epoch);
	return store_do(s, &c);
}

/* ---- lease -------------------------------------------------------------- */

static redisReply *lease_call(struct store *s, const char *function,
			      const char *service, const char *instance,
			      uint64_t token, unsigned ttl_ms)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM];

	command_text(&c, "FCALL");
	command_text(&c, function);
	command_text(&c, "1");
	command_text(&c, store_key(s, key, "lease", service));
	command_text(&c, instance);
	command_number(&c, token);
	command_number(&c, ttl_ms);
	return store_call(s, &c);
}

enum err store_lease_take(struct store *s, const char *service,
			  const char *instance, uint64_t token, unsigned ttl_ms)
{
	redisReply *r =
		lease_call(s, "kalypso_take", service, instance, token, ttl_ms);
	enum err e = r && r->type == REDIS_REPLY_STRING ? ERR_HELD
							: store_verdict(s, r);

	freeReplyObject(r);
	return e;
}

enum err store_lease_renew(struct store *s, const char *service,
			   const char *instance, uint64_t token,
			   unsigned ttl_ms)
{
	redisReply *r = lease_call(s, "kalypso_renew", service, instance, token,
				   ttl_ms);
	enum err e = store_verdict(s, r);

	freeReplyObject(r);
	return e;
}

enum err store_lease_holder(struct store *s, const char *service,
			    char out[STORE_INSTANCE_ROOM])
{
	redisReply *r = store_get(s, "lease", service);

	if (!r)
		return ERR_UNREACHABLE;
	*out = 0;
	if (r->type == REDIS_REPLY_STRING) /* INSTANCE:TOKEN */
		snprintf(out, STORE_INSTANCE_ROOM, "%.*s",
			 (int)strcspn(r->str, ":"), r->str);
	freeReplyObject(r);
	return ERR_NONE;
}

/* ---- trimming ----------------------------------------------------------- */

/* [first, reader struck off …] */
static enum err take_trimmed(const redisReply *r, uint64_t *first,
			     store_struck_fn *struck, void *arg)
{
	for (size_t i = 0; i < r->elements; i++)
		if (r->element[i]->type != REDIS_REPLY_STRING)
			return ERR_CONFLICT;
	if (!r->elements)
		return ERR_CONFLICT;
	*first = strtoull(r->element[0]->str, NULL, 10);
	for (size_t i = 1; i < r->elements; i++)
		struck(arg, r->element[i]->str);
	return ERR_NONE;
}

enum err store_trim(struct store *s, const struct store_writer *w,
		    const char *log, uint64_t keep, uint64_t *first,
		    store_struck_fn *struck, void *arg)
{
	struct command c = {.count = 0};
	char lease[KEY_ROOM], epoch[KEY_ROOM], key[KEY_ROOM], readers[KEY_ROOM];
	char held[KEY_ROOM];
	redisReply *r;
	enum err e;

	command_text(&c, "FCALL");
	command_text(&c, "kalypso_trim");
	command_text(&c, "4");
	command_text(&c, store_key(s, lease, "lease", w->service));
	command_text(&c, store_key(s, epoch, "epoch", ""));
	command_text(&c, store_key(s, key, "log", log));
	command_text(&c, store_key(s, readers, "readers", log));
	command_text(&c, store_held(held, w->instance, w->token));
	command_number(&c, w->epoch);
	command_number(&c, keep);
	command_text(&c, w->service);
	r = store_call(s, &c);
	if (r && r->type == REDIS_REPLY_ARRAY)
		e = take_trimmed(r, first, struck, arg);
	else
		e = store_verdict(s, r);
	freeReplyObject(r);
	return e;
}

enum err store_register(struct store *s, const char *log, const char *service,
			uint64_t at)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM];
	redisReply *r;

	command_text(&c, "HSETNX");
	command_text(&c, store_key(s, key, "readers", log));
	command_text(&c, service);
	command_number(&c, at);
	r = store_call(s, &c);
	if (!r)
		return ERR_UNREACHABLE;
	freeReplyObject(r);
	return ERR_NONE;
}
