/* Snapshots: pieces first, the manifest last, the newest two kept. What nobody
 * has put a manifest to goes by itself. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/crc32c.h"
#include "common/log.h"
#include "common/store_impl.h"

struct manifest {
	uint64_t id; /* random: names the pieces */
	uint64_t epoch, input, output, size;
	uint32_t crc;
};

/* Numbers of these in a manifest, as store.lua counts. */
#define FIELD_INPUT  "3"
#define FIELD_OUTPUT "4"

enum { MANIFEST_ROOM = 6 * NUMBER_ROOM, UNFINISHED_S = 600 };

static uint64_t pieces_of(const struct manifest *m)
{
	return (m->size + STORE_PIECE_BYTES - 1) / STORE_PIECE_BYTES;
}

static void print_manifest(char out[MANIFEST_ROOM], const struct manifest *m)
{
	snprintf(out, MANIFEST_ROOM,
		 "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
		 " %" PRIu32,
		 m->id, m->epoch, m->input, m->output, m->size, m->crc);
}

static bool parse_manifest(const char *text, struct manifest *m)
{
	return text && sscanf(text,
			      "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			      " %" SCNu64 " %" SCNu32,
			      &m->id, &m->epoch, &m->input, &m->output,
			      &m->size, &m->crc) == 6;
}

static const char *pieces_key(const struct store *s, char out[KEY_ROOM],
			      const char *service, uint64_t id)
{
	char arg[96];

	snprintf(arg, sizeof arg, "%s:%" PRIu64, service, id);
	return store_key(s, out, "piece", arg);
}

static enum err simple(struct store *s, const struct command *c)
{
	redisReply *r = store_call(s, c);
	enum err e = !r				    ? ERR_UNREACHABLE
		     : r->type == REDIS_REPLY_ERROR ? ERR_UNREACHABLE
						    : ERR_NONE;

	freeReplyObject(r);
	return e;
}

static enum err write_piece(struct store *s, const char *key, uint64_t i,
			    struct bytes piece)
{
	struct command put = {.count = 0}, expire = {.count = 0};
	enum err e;

	command_text(&put, "HSET");
	command_text(&put, key);
	command_number(&put, i);
	command_bytes(&put, piece);
	command_text(&expire, "EXPIRE");
	command_text(&expire, key);
	command_number(&expire, UNFINISHED_S);
	e = simple(s, &put);
	return e ? e : simple(s, &expire);
}

static enum err write_pieces(struct store *s, const char *key,
			     const struct manifest *m, const uint8_t *data)
{
	enum err e = ERR_NONE;

	for (uint64_t i = 0; !e && i < pieces_of(m); i++) {
		uint64_t at = i * STORE_PIECE_BYTES;
		uint64_t size = m->size - at < STORE_PIECE_BYTES
					? m->size - at
					: STORE_PIECE_BYTES;

		e = write_piece(s, key, i, (struct bytes){data + at, size});
	}
	return e;
}

/* The manifests under "new" and "old"; has[i] says whether there is one. */
static enum err read_manifests(struct store *s, const char *service,
			       struct manifest m[2], bool has[2])
{
	struct command c = {.count = 0};
	char key[KEY_ROOM];
	redisReply *r;

	command_text(&c, "HMGET");
	command_text(&c, store_key(s, key, "snapshot", service));
	command_text(&c, "new");
	command_text(&c, "old");
	r = store_call(s, &c);
	if (!r)
		return ERR_UNREACHABLE;
	for (unsigned i = 0; i < 2; i++)
		has[i] = r->elements == 2 &&
			 parse_manifest(r->element[i]->str, &m[i]);
	freeReplyObject(r);
	return ERR_NONE;
}

static enum err write_manifest(struct store *s, const struct store_writer *w,
			       const char *pieces, const struct manifest *m)
{
	const struct store_fold *f = store_fold(w->service);
	bool itself = f && f->writes && strcmp(f->reads, f->writes) == 0;
	struct command c = {.count = 0};
	char lease[KEY_ROOM], epoch[KEY_ROOM], manifests[KEY_ROOM];
	char read[KEY_ROOM], written[KEY_ROOM], held[KEY_ROOM];
	char text[MANIFEST_ROOM];

	print_manifest(text, m);
	command_text(&c, "FCALL");
	command_text(&c, "kalypso_snapshot");
	command_number(&c, 4u + (f && !itself) + (f && f->writes));
	command_text(&c, store_key(s, lease, "lease", w->service));
	command_text(&c, store_key(s, epoch, "epoch", ""));
	command_text(&c, store_key(s, manifests, "snapshot", w->service));
	command_text(&c, pieces);
	if (f && !itself)
		command_text(&c, store_key(s, read, "readers", f->reads));
	if (f && f->writes)
		command_text(&c, store_key(s, written, "readers", f->writes));
	command_text(&c, store_held(held, w->instance, w->token));
	command_number(&c, w->epoch);
	command_text(&c, text);
	command_number(&c, pieces_of(m));
	command_text(&c, w->service);
	if (f && !itself)
		command_text(&c, FIELD_INPUT);
	if (f && f->writes)
		command_text(&c, FIELD_OUTPUT);
	return store_do(s, &c);
}

enum err store_snapshot_write(struct store *s, const struct store_writer *w,
			      const struct snapshot *snapshot)
{
	struct manifest m = {
		.epoch = w->epoch,
		.input = snapshot->input,
		.output = snapshot->output,
		.size = snapshot->state.size,
		.crc = crc32c(0, snapshot->state.data, snapshot->state.size)};
	char key[KEY_ROOM];
	enum err e;

	if (getrandom(&m.id, sizeof m.id, 0) != sizeof m.id)
		return ERR_UNREACHABLE;
	pieces_key(s, key, w->service, m.id);
	e = write_pieces(s, key, &m, snapshot->state.data);
	return e ? e : write_manifest(s, w, key, &m);
}

enum err store_snapshot_places(struct store *s, const char *service,
			       uint64_t epoch, struct snapshot *newest,
			       struct snapshot *oldest)
{
	struct manifest m[2];
	bool has[2];
	enum err e = read_manifests(s, service, m, has);

	*newest = *oldest = (struct snapshot){.epoch = epoch};
	for (unsigned i = 0; !e && i < 2; i++)
		if (has[i] && m[i].epoch == epoch)
			*(i ? oldest : newest) = (struct snapshot){
				epoch, m[i].input, m[i].output, .state = {0}};
	return e;
}

static enum err read_pieces(struct store *s, const char *service,
			    const struct manifest *m, struct buf *out)
{
	char key[KEY_ROOM];

	buf_clear(out);
	pieces_key(s, key, service, m->id);
	for (uint64_t i = 0; i < pieces_of(m); i++) {
		struct command c = {.count = 0};
		redisReply *r;

		command_text(&c, "HGET");
		command_text(&c, key);
		command_number(&c, i);
		r = store_call(s, &c);
		if (!r)
			return ERR_UNREACHABLE;
		if (r->type == REDIS_REPLY_STRING)
			buf_put(out, r->str, (size_t)r->len);
		freeReplyObject(r);
	}
	if (out->size != m->size || crc32c(0, out->data, out->size) != m->crc)
		return ERR_NOT_FOUND;
	return buf_err(out);
}

enum err store_snapshot_read(struct store *s, const char *service,
			     uint64_t epoch, struct snapshot *out)
{
	struct manifest m[2];
	bool has[2];
	enum err e = read_manifests(s, service, m, has);

	*out = (struct snapshot){.epoch = epoch};
	for (unsigned i = 0; !e && i < 2; i++) {
		if (!has[i] || m[i].epoch != epoch)
			continue;
		e = read_pieces(s, service, &m[i], &out->state);
		if (!e) {
			out->input = m[i].input;
			out->output = m[i].output;
			return ERR_NONE;
		}
		if (e == ERR_NOT_FOUND) {
			log_warn("snapshot.torn", "input=%" PRIu64, m[i].input);
			e = ERR_NONE;
		}
	}
	buf_free(&out->state);
	return e ? e : ERR_NOT_FOUND;
}
