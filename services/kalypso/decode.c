/* By the descriptions of messages and of the contracts' events. */
#include "services/kalypso/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi_market.h"
#include "common/version.h"
#include "msg.h"
#include "services/kalypso/event.h"
#include "services/kalypso/out.h"

enum err cli_decode_entry(json_t **out, char why[CLI_WHY_ROOM], uint16_t type,
			  struct bytes body)
{
	const struct wire_message *d = msg_describe(type);
	struct buf text = {0};
	void *m;
	enum err e;

	if (!d) {
		snprintf(why, CLI_WHY_ROOM,
			 "this kalypso (" KALYPSO_VERSION
			 ") knows no message 0x%04x",
			 type);
		return ERR_UNKNOWN_TYPE;
	}
	m = cli_alloc(d->size);
	e = wire_decode(d, m, body);
	if (e)
		snprintf(why, CLI_WHY_ROOM, "as %s: %s", d->name, err_text(e));
	else
		wire_json(d, m, &text);
	if (!e)
		*out = json_loads(buf_text(&text), 0, NULL);
	buf_free(&text);
	free(m);
	return e;
}

enum err cli_decode_event(json_t **out, char why[CLI_WHY_ROOM],
			  const struct quarantine_item *item)
{
	struct abi_log log = {.topics_count = item->from.topics};
	struct bytes body = item->body;
	struct abi_event event;
	enum err e;

	if (log.topics_count > ABI_TOPICS_MAX ||
	    body.size < 32 * (size_t)log.topics_count) {
		snprintf(why, CLI_WHY_ROOM, "not the topics of an event");
		return ERR_MALFORMED;
	}
	for (unsigned i = 0; i < log.topics_count; i++)
		memcpy(log.topics[i].bytes, body.data + 32 * i, 32);
	log.data.data = body.data + 32 * log.topics_count;
	log.data.size = body.size - 32 * log.topics_count;
	e = abi_decode_event(&event, &log);
	if (e)
		snprintf(why, CLI_WHY_ROOM, "as an event: %s", err_text(e));
	else
		*out = cli_event_json(&event);
	return e;
}
