/* hiredis's pipelining, and answers made flat. */
#include "common/store_ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/store_impl.h"

void store_add_functions(struct store *s, const char *library)
{
	s->library = library;
}

/* ---- making ------------------------------------------------------------- */

void ask_bytes(struct store_ask *a, struct bytes b)
{
	if (a->count == STORE_ASK_ARGS)
		abort(); /* the caller's mistake, never its input's */
	a->argv[a->count] = b.data ? (const char *)b.data : "";
	a->sizes[a->count++] = b.size;
}

void ask_text(struct store_ask *a, const char *text)
{
	ask_bytes(a, (struct bytes){(const uint8_t *)text, strlen(text)});
}

void ask_number(struct store_ask *a, uint64_t v)
{
	char *text = a->numbers[a->numbers_count++];

	snprintf(text, sizeof a->numbers[0], "%" PRIu64, v);
	ask_text(a, text);
}

void ask_begin(struct store_ask *a, const char *command)
{
	a->count = a->numbers_count = a->keys_count = 0;
	ask_text(a, command);
}

void ask_begin_call(struct store_ask *a, const char *function, unsigned keys)
{
	ask_begin(a, "FCALL");
	ask_text(a, function);
	ask_number(a, keys);
}

void ask_key(struct store_ask *a, const struct store *s, const char *kind,
	     const char *arg)
{
	_Static_assert(sizeof a->keys[0] == KEY_ROOM, "room for a key");

	ask_text(a, store_key(s, a->keys[a->keys_count++], kind, arg));
}

/* ---- asking ------------------------------------------------------------- */

enum err store_ask_send(struct store *s, const struct store_ask *a)
{
	if (!s->asked && store_connect(s))
		return ERR_UNREACHABLE;
	if (s->asked && !s->redis)
		return ERR_UNREACHABLE; /* it broke after the first ones */
	if (!s->asked)
		store_read_early(s);
	if (!s->redis ||
	    redisAppendCommandArgv(s->redis, (int)a->count,
				   (const char **)(uintptr_t)a->argv,
				   a->sizes) != REDIS_OK) {
		store_drop(s);
		return ERR_UNREACHABLE;
	}
	s->asked++;
	return ERR_NONE;
}

/* ---- answers ------------------------------------------------------------ */

struct flat {
	struct bytes items[STORE_ASK_ITEMS];
	char numbers[64][NUMBER_ROOM];
	size_t count, numbers_count;
};

static void add_item(struct flat *f, const void *data, size_t size)
{
	if (f->count < STORE_ASK_ITEMS)
		f->items[f->count++] = (struct bytes){data, size};
}

static void flatten(struct flat *f, const redisReply *r)
{
	char *text;

	switch (r->type) {
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
		add_item(f, r->str, (size_t)r->len);
		break;
	case REDIS_REPLY_INTEGER:
		if (f->numbers_count ==
		    sizeof f->numbers / sizeof f->numbers[0])
			break;
		text = f->numbers[f->numbers_count++];
		snprintf(text, NUMBER_ROOM, "%lld", r->integer);
		add_item(f, text, strlen(text));
		break;
	case REDIS_REPLY_ARRAY:
		for (size_t i = 0; i < r->elements; i++)
			flatten(f, r->element[i]);
		break;
	default:
		add_item(f, NULL, 0);
	}
}

static enum err read_one(struct store *s, struct flat *f, size_t index,
			 store_told *told, void *arg)
{
	void *answer = NULL;
	const redisReply *r;

	if (redisGetReply(s->redis, &answer) != REDIS_OK) {
		log_warn("store.lost", "text=\"%s\"", s->redis->errstr);
		return ERR_UNREACHABLE;
	}
	r = answer;
	if (r->type == REDIS_REPLY_ERROR) {
		log_warn("store.answer", "reply=\"%s\"", r->str);
		freeReplyObject(answer);
		return ERR_UNREACHABLE;
	}
	f->count = f->numbers_count = 0;
	flatten(f, r);
	told(arg, index, f->items, f->count);
	freeReplyObject(answer);
	return ERR_NONE;
}

enum err store_ask_wait(struct store *s, store_told *told, void *arg)
{
	unsigned asked = s->asked;
	struct flat *f = asked ? malloc(sizeof *f) : NULL;
	enum err e = ERR_NONE;

	s->asked = 0;
	if (!asked)
		return ERR_NONE;
	if (!f || !s->redis)
		e = ERR_UNREACHABLE;
	for (unsigned i = 0; i < asked && !e; i++)
		e = read_one(s, f, i, told, arg);
	free(f);
	if (e)
		store_drop(s);
	return e;
}

uint64_t told_number(const struct bytes *item)
{
	char text[NUMBER_ROOM];

	return strtoull(told_text(text, sizeof text, item), NULL, 10);
}

const char *told_text(char *out, size_t room, const struct bytes *item)
{
	size_t size = item->data && item->size < room ? item->size : 0;

	if (size)
		memcpy(out, item->data, size);
	out[size] = 0;
	return out;
}

bool told_is(const struct bytes *item, const char *word)
{
	return item->data && item->size == strlen(word) &&
	       memcmp(item->data, word, item->size) == 0;
}
