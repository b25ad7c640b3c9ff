/* A ring of pieces: one is being filled, the others wait or are being read. */
#include "services/kalypso/relay.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES = 4, PIECE_BYTES = 256 * 1024 };

struct relay {
	relay_fn *fn;
	void *arg;
	bool apart;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	struct buf pieces[PIECES];
	unsigned first, full; /* the full ones, in the ring */
	bool over;
	enum err err;

	struct buf *open; /* the writer's: behind the full ones */
};

/* In a piece: this, then the body, filled up to a multiple of 8 bytes. */
struct head {
	uint64_t chain_number, block;
	uint32_t size;
	uint16_t kind, type;
};

/* ---- the reader --------------------------------------------------------- */

static enum err read_piece(const struct relay *r, const struct buf *piece)
{
	const uint8_t *p = piece->data, *end = p + piece->size;
	enum err e = ERR_NONE;

	while (p < end && !e) {
		struct relay_record record;
		struct head h;

		memcpy(&h, p, sizeof h);
		p += sizeof h;
		record = (struct relay_record){.chain_number = h.chain_number,
					       .block = h.block,
					       .kind = h.kind,
					       .type = h.type,
					       .body = {p, h.size}};
		e = r->fn(r->arg, &record);
		p += (h.size + 7u) & ~7u;
	}
	return e;
}

static void *read_pieces(void *arg)
{
	struct relay *r = arg;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		enum err e = r->err;

		while (!r->full && !r->over)
			pthread_cond_wait(&r->changed, &r->lock);
		if (!r->full)
			break;
		pthread_mutex_unlock(&r->lock);
		if (!e)
			e = read_piece(r, &r->pieces[r->first]);
		pthread_mutex_lock(&r->lock);
		buf_clear(&r->pieces[r->first]);
		r->first = (r->first + 1) % PIECES;
		r->full--;
		r->err = e;
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* ---- the writer --------------------------------------------------------- */

/* Hand the open piece over, and have another one; what fn() has returned. */
static enum err hand_over(struct relay *r)
{
	enum err e;

	pthread_mutex_lock(&r->lock);
	r->full++;
	pthread_cond_broadcast(&r->changed);
	while (r->full == PIECES)
		pthread_cond_wait(&r->changed, &r->lock);
	r->open = &r->pieces[(r->first + r->full) % PIECES];
	e = r->err;
	pthread_mutex_unlock(&r->lock);
	return e;
}

enum err relay_put(struct relay *r, const struct relay_record *record)
{
	struct head h = {record->chain_number, record->block,
			 (uint32_t)record->body.size, record->kind,
			 record->type};
	struct buf *piece = r->open;

	if (!r->apart) {
		if (!r->err)
			r->err = r->fn(r->arg, record);
		return r->err;
	}
	buf_put(piece, &h, sizeof h);
	buf_put(piece, record->body.data, record->body.size);
	buf_put_zeros(piece, -record->body.size & 7u);
	if (buf_failed(piece))
		return buf_err(piece);
	return piece->size < PIECE_BYTES ? ERR_NONE : hand_over(r);
}

enum err relay_wait(struct relay *r)
{
	enum err e;

	if (!r->apart)
		return r->err;
	e = buf_err(r->open);
	if (!e && r->open->size)
		e = hand_over(r);
	pthread_mutex_lock(&r->lock);
	while (r->full)
		pthread_cond_wait(&r->changed, &r->lock);
	if (r->err)
		e = r->err;
	pthread_mutex_unlock(&r->lock);
	return e;
}

/* ---- both ends ---------------------------------------------------------- */

enum err relay_new(struct relay **out, relay_fn *fn, void *arg, bool apart)
{
	struct relay *r = calloc(1, sizeof *r);

	if (!r)
		return ERR_NO_MEMORY;
	r->fn = fn;
	r->arg = arg;
	r->open = &r->pieces[0];
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->apart = apart && !pthread_create(&r->thread, NULL, read_pieces, r);
	*out = r;
	return ERR_NONE;
}

void relay_free(struct relay **relay)
{
	struct relay *r = *relay;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->over = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	if (r->apart)
		pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	for (unsigned i = 0; i < PIECES; i++)
		buf_free(&r->pieces[i]);
	free(r);
	*relay = NULL;
}
