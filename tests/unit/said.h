/* said - a sink that remembers what a core says, and values to say to it.
 *
 * TELL() in the fixture of a core hands it a message; SAID() takes the oldest
 * message that the core said and wasn't asked for yet, and compares every
 * field. */
#ifndef TESTS_UNIT_SAID_H
#define TESTS_UNIT_SAID_H

#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "common/u256.h"
#include "msg.h"

struct said {
	struct sink sink; /* first */
	struct buf bytes; /* of each message: number 2, size 4, body */
	size_t at;	  /* of the message that is asked for next */
	char key[32];	  /* of the newest keep() */
	struct buf kept;
	unsigned keeps;
	enum err fails;	 /* what put() returns from now on */
	size_t body_max; /* 0: any; larger ones are ERR_RANGE, as in a log */
};

static inline enum err said_put(struct sink *sink, uint16_t number,
				struct bytes body)
{
	struct said *s = (struct said *)sink;

	if (s->fails)
		return s->fails;
	if (s->body_max && body.size > s->body_max)
		return ERR_RANGE;
	buf_put_be16(&s->bytes, number);
	buf_put_be32(&s->bytes, (uint32_t)body.size);
	buf_put(&s->bytes, body.data, body.size);
	return buf_err(&s->bytes);
}

static inline enum err said_keep(struct sink *sink, const char *key,
				 struct bytes value)
{
	struct said *s = (struct said *)sink;

	snprintf(s->key, sizeof s->key, "%s", key);
	buf_clear(&s->kept);
	buf_put(&s->kept, value.data, value.size);
	s->keeps++;
	return buf_err(&s->kept);
}

static inline void said_begin(struct said *s)
{
	*s = (struct said){.sink = {.put = said_put, .keep = said_keep}};
}

static inline void said_end(struct said *s)
{
	buf_free(&s->sink.scratch);
	buf_free(&s->bytes);
	buf_free(&s->kept);
}

/* What was said so far is not asked for. */
static inline void said_forget(struct said *s)
{
	s->at = s->bytes.size;
}

/* The next message; body.data is NULL if nothing more was said. */
static inline struct bytes said_next(struct said *s, uint16_t *number)
{
	const uint8_t *p = s->bytes.data + s->at;
	struct bytes body = {NULL, 0};

	if (s->at == s->bytes.size)
		return body;
	*number = (uint16_t)(p[0] << 8 | p[1]);
	body.size = (size_t)p[2] << 24 | (size_t)p[3] << 16 |
		    (size_t)p[4] << 8 | p[5];
	body.data = p + 6;
	s->at += 6 + body.size;
	return body;
}

static inline void said_json(struct buf *out, uint16_t number,
			     struct bytes body)
{
	const struct wire_message *d = msg_describe(number);
	union {
		uint8_t bytes[2048];
		max_align_t align;
	} m;

	assert_non_null(d);
	assert_true(d->size <= sizeof m);
	assert_err(wire_decode(d, &m, body), ERR_NONE);
	wire_json(d, &m, out);
}

/* The next message is @want, a struct of @d, in every field. */
static inline void assert_said(struct said *s, const struct wire_message *d,
			       const void *want)
{
	struct buf a = {0}, b = {0};
	uint16_t number = 0;
	struct bytes body = said_next(s, &number);

	if (body.data)
		said_json(&a, number, body);
	wire_json(d, want, &b);
	assert_string_equal(buf_text(&a), buf_text(&b));
	buf_free(&a);
	buf_free(&b);
}

#define SAID(s, name, ...)                                                     \
	assert_said((s), &msg_##name##_wire, &(struct msg_##name)__VA_ARGS__)

static inline void assert_said_nothing(struct said *s)
{
	struct buf a = {0};
	uint16_t number = 0;
	struct bytes body = said_next(s, &number);

	if (body.data)
		said_json(&a, number, body);
	assert_string_equal(buf_text(&a), "");
	buf_free(&a);
}

/* ---- values ------------------------------------------------------------- */

static inline struct amount units(uint64_t v)
{
	return (struct amount){u256_from_u64(v)};
}

static inline struct address address_of(uint8_t v)
{
	struct address a;

	memset(a.bytes, v, sizeof a.bytes);
	return a;
}

static inline struct hash32 hash_of(uint8_t v)
{
	struct hash32 h;

	memset(h.bytes, v, sizeof h.bytes);
	return h;
}

static inline struct bytes bytes_of(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* Block @number of branch @branch; ten seconds apart. */
static inline struct block_ref block_of(uint64_t number, uint8_t branch)
{
	struct block_ref b = {number, hash_of(branch), {1000 + 10 * number}};

	memcpy(b.hash.bytes, &number, sizeof number);
	return b;
}

/* NOUN_receive() of wire_NOUN.h. */
typedef enum err receive_fn(void *core, struct sink *out, uint16_t number,
			    struct bytes body);

/* Give the core a message, as it gets it from its log. */
static inline enum err tell(receive_fn *receive, void *core, struct sink *out,
			    const struct wire_message *d, const void *m)
{
	struct buf bytes = {0};
	enum err e;

	wire_encode(d, m, &bytes);
	e = receive(core, out, d->number, buf_bytes(&bytes));
	buf_free(&bytes); /* what was told may be gone */
	return e;
}

#endif /* TESTS_UNIT_SAID_H */
