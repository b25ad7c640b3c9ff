/* Snapshots: pieces first, the manifest last, the newest two kept. */
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

enum { MANIFEST_ROOM = 6 * NUMBER_ROOM };

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

static const char *piece_key(const struct store *s, char out[KEY_ROOM],
			     const char *service, uint64_t id, uint64_t i)
{
	char arg[96];

	snprintf(arg, sizeof arg, "%s:%" PRIu64 ":%" PRIu64, service, id, i);
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

static enum err write_pieces(struct store *s, const char *service,
			     const struct manifest *m, const uint8_t *data)
{
	for (uint64_t i = 0; i < pieces_of(m); i++) {
		uint64_t at = i * STORE_PIECE_BYTES;
		uint64_t size = m->size - at < STORE_PIECE_BYTES
					? m->size - at
					: STORE_PIECE_BYTES;
		struct command c = {.count = 0};
		char key[KEY_ROOM];
		enum err e;

		command_text(&c, "SET");
		command_text(&c, piece_key(s, key, service, m->id, i));
		command_bytes(&c, (struct bytes){data + at, size});
		e = simple(s, &c);
		if (e)
			return e;
	}
	return ERR_NONE;
}

static void delete_pieces(struct store *s, const char *service,
			  const struct manifest *m)
{
	for (uint64_t i = 0; i < pieces_of(m); i++) {
		struct command c = {.count = 0};
		char key[KEY_ROOM];

		command_text(&c, "DEL");
		command_text(&c, piece_key(s, key, service, m->id, i));
		if (simple(s, &c))
			return; /* left behind; it does no harm */
	}
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

static enum err write_manifests(struct store *s, const char *service,
				const struct manifest *fresh,
				const struct manifest *before)
{
	struct command c = {.count = 0};
	char key[KEY_ROOM], text[MANIFEST_ROOM], old[MANIFEST_ROOM];

	print_manifest(text, fresh);
	command_text(&c, "HSET");
	command_text(&c, store_key(s, key, "snapshot", service));
	command_text(&c, "new");
	command_text(&c, text);
	if (before) {
		print_manifest(old, before);
		command_text(&c, "old");
		command_text(&c, old);
	}
	return simple(s, &c);
}

enum err store_snapshot_write(struct store *s, const char *service,
			      const struct snapshot *snapshot)
{
	struct manifest fresh = {
		.epoch = snapshot->epoch,
		.input = snapshot->input,
		.output = snapshot->output,
		.size = snapshot->state.size,
		.crc = crc32c(0, snapshot->state.data, snapshot->state.size)};
	struct manifest kept[2];
	bool has[2];
	enum err e;

	if (getrandom(&fresh.id, sizeof fresh.id, 0) != sizeof fresh.id)
		return ERR_UNREACHABLE;
	e = write_pieces(s, service, &fresh, snapshot->state.data);
	if (!e)
		e = read_manifests(s, service, kept, has);
	if (!e)
		e = write_manifests(s, service, &fresh,
				    has[0] ? &kept[0] : NULL);
	if (!e && has[1])
		delete_pieces(s, service, &kept[1]);
	return e;
}

static enum err read_pieces(struct store *s, const char *service,
			    const struct manifest *m, struct buf *out)
{
	buf_clear(out);
	for (uint64_t i = 0; i < pieces_of(m); i++) {
		struct command c = {.count = 0};
		char key[KEY_ROOM];
		redisReply *r;

		command_text(&c, "GET");
		command_text(&c, piece_key(s, key, service, m->id, i));
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
