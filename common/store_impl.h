/* store_impl - what the files of the store and quarantine.c share; nobody else
 * includes it. */
#ifndef COMMON_STORE_IMPL_H
#define COMMON_STORE_IMPL_H

#include <hiredis/hiredis.h>

#include "common/store.h"

enum {
	KEY_ROOM = 192,
	NUMBER_ROOM = 24,
	ARGS_MAX = 2 * STORE_ENTRIES_MAX + 64
};

struct store {
	redisContext *redis; /* NULL while not connected */
	char *host, *path, *user, *password;
	int port;
	char name[33];
	unsigned timeout_ms;
	unsigned pending; /* appends sent whose answers were not read yet */
	/* Answers that had to be read because something else was asked. */
	enum err early[STORE_UNDER_WAY_MAX];
	unsigned early_first, early_count;
	uint64_t reads, connections;
	const char *library; /* of functions, besides ours; or NULL */
	unsigned asked;	     /* store_ask.c: sent, and not waited for */
};

/* A command in the making. Texts are borrowed until it is sent. */
struct command {
	const char *argv[ARGS_MAX];
	size_t sizes[ARGS_MAX];
	int count;
	char numbers[32][NUMBER_ROOM]; /* for those that are made here */
	int numbers_count;
};

void command_text(struct command *c, const char *text);
void command_bytes(struct command *c, struct bytes b);
void command_number(struct command *c, uint64_t v);

/* "log", "chain" to "kalypso:{NAME}:log:chain", as redis.def has it. */
const char *store_key(const struct store *s, char out[KEY_ROOM],
		      const char *kind, const char *arg);

/* INSTANCE:TOKEN, the value of a lease. Returns @out. */
const char *store_held(char out[KEY_ROOM], const char *instance,
		       uint64_t token);

/* Connect unless we are; see store_check(). */
NODISCARD enum err store_connect(struct store *s);

/* Forget the connection: after any error hiredis can't go on. */
void store_drop(struct store *s);

/* Read the answers of appends under way, so that the next one is another's. */
void store_read_early(struct store *s);

/* Send @c and wait. NULL after ERR_UNREACHABLE; the caller frees the reply.
 * Error replies of a server that will recover count as unreachable. */
redisReply *store_call(struct store *s, const struct command *c);

/* What the key @kind of @of holds; as store_call(). */
redisReply *store_get(struct store *s, const char *kind, const char *of);

/* Send @c, a call of a function that answers with a word. */
NODISCARD enum err store_do(struct store *s, const struct command *c);

/* What a function of store.lua answered. */
NODISCARD enum err store_verdict(struct store *s, const redisReply *r);

#endif /* COMMON_STORE_IMPL_H */
