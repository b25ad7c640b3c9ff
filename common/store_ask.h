/* store_ask - any commands and functions, many in one round trip.
 *
 * For a service that keeps rows of its own in Redis: make an ask, send it with
 * store_ask_send(), as many as there are, then read all answers with
 * store_ask_wait(). Nothing else may be asked of the store in between. What was
 * sent and not answered may or may not have happened: every function has to
 * bear being called again. */
#ifndef COMMON_STORE_ASK_H
#define COMMON_STORE_ASK_H

#include "common/store.h"

enum { STORE_ASK_ARGS = 48, STORE_ASK_ITEMS = 4096 };

/* A command in the making. Texts and bytes are borrowed until it is sent. */
struct store_ask {
	const char *argv[STORE_ASK_ARGS];
	size_t sizes[STORE_ASK_ARGS];
	unsigned count, numbers_count, keys_count;
	char numbers[16][24];
	char keys[8][192];
};

/* Have @library, the text of a library of functions in Lua, loaded with every
 * connection. Borrowed while the store lives. */
void store_add_functions(struct store *s, const char *library);

void ask_begin(struct store_ask *a, const char *command);
/* Of a function that takes so many keys. */
void ask_begin_call(struct store_ask *a, const char *function, unsigned keys);
/* The key of @kind (redis.def) for @arg. */
void ask_key(struct store_ask *a, const struct store *s, const char *kind,
	     const char *arg);
void ask_text(struct store_ask *a, const char *text);
void ask_bytes(struct store_ask *a, struct bytes b);
void ask_number(struct store_ask *a, uint64_t v);

/* ERR_UNREACHABLE: nothing of what was sent before will be answered */
NODISCARD enum err store_ask_send(struct store *s, const struct store_ask *a);

/* What was answered to ask number @index: a text, a number, or a list of them,
 * lists in it one after the other; items that aren't there have no data. */
typedef void store_told(void *arg, size_t index, const struct bytes *items,
			size_t count);

/* Call @told for each answer, in the order of asking, and forget what was sent.
 * ERR_UNREACHABLE	those that @told wasn't called for are unknown */
NODISCARD enum err store_ask_wait(struct store *s, store_told *told, void *arg);

/* Items as a number, or text: 0 and "" if it isn't one or doesn't fit. */
uint64_t told_number(const struct bytes *item);
const char *told_text(char *out, size_t room, const struct bytes *item);
bool told_is(const struct bytes *item, const char *word);

#endif /* COMMON_STORE_ASK_H */
