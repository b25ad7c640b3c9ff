/* What a Redis says that isn't ours: entries and manifests, or an error.
 *
 * Input: a reply as RESP has it. The readers are static: this file is the two
 * that hold them, and more. */
#include "common/store_log.c"
#include "common/store_snapshot.c"

#include "tests/fuzz/fuzz.h"

static void read_reply(const redisReply *r)
{
	struct entry entry;
	struct manifest m, again;
	char text[MANIFEST_ROOM];

	if (!parse_entry(r, &entry))
		fuzz_check(entry.body.size == 0 || entry.body.data);
	if (r->type == REDIS_REPLY_STRING && parse_manifest(r->str, &m)) {
		print_manifest(text, &m);
		fuzz_check(parse_manifest(text, &again));
		fuzz_check(again.id == m.id && again.size == m.size &&
			   again.crc == m.crc);
	}
	for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++)
		read_reply(r->element[i]);
}

/* hiredis 0.14 makes room for as many members as it is told of. What can be
 * told over our connection to Redis is Redis's, so that is not looked at. */
static bool asks_for_much(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 5 < size; i++)
		if (data[i] == '*' && memchr(data + i, '\r', 5) == NULL)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;

	if (asks_for_much(data, size)) {
		redisReaderFree(reader);
		return 0;
	}
	redisReaderFeed(reader, (const char *)data, size);
	if (redisReaderGetReply(reader, &reply) == REDIS_OK && reply)
		read_reply(reply);
	freeReplyObject(reply);
	redisReaderFree(reader);
	return 0;
}
