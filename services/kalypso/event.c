/* A walk over the rows of one event. */
#include "services/kalypso/event.h"

#include <string.h>

#include "common/evm.h"
#include "common/hex.h"
#include "services/kalypso/text.h"

enum kind {
	KIND_ID,
	KIND_UNITS,
	KIND_ADDRESS,
	KIND_BYTES,
	KIND_NAME, /* of a setting, in a bytes32 */
	KIND_REASON,
	KIND_TIME,
	KIND_U64,
	KIND_U32,
	KIND_BOOL,
};

static const struct row {
	enum abi_event_id id;
	size_t offset; /* in struct abi_event */
	const char *key;
	enum kind kind;
} rows[] = {
#define EVENT(id, event, member, key, kind)                                    \
	{ABI_EVENT_##id, offsetof(struct abi_event, event.member), key,        \
	 KIND_##kind},
#include "services/kalypso/event.def"
};

static json_t *number(const struct u256 *v)
{
	char text[U256_DEC_ROOM];

	return json_string(u256_format_dec(text, v));
}

static json_t *address(const struct address *a)
{
	char text[ADDRESS_ROOM];

	return json_string(address_format(text, a));
}

static json_t *moment(uint64_t time)
{
	char text[CLI_TIME_ROOM];

	if (!time)
		return json_null();
	return json_string(cli_format_time(text, (struct unix_s){time}));
}

static json_t *name(const struct hash32 *word)
{
	char text[sizeof word->bytes + 1] = "";
	struct buf clean = {0};
	json_t *json;

	memcpy(text, word->bytes, sizeof word->bytes);
	cli_put_clean(&clean, (struct bytes){(uint8_t *)text, strlen(text)});
	json = json_string(buf_text(&clean));
	buf_free(&clean);
	return json;
}

static json_t *value(const struct row *row, const struct abi_event *event)
{
	const void *at = (const char *)event + row->offset;
	struct u256 wide;

	switch (row->kind) {
	case KIND_ID:
	case KIND_UNITS:
		return number(at);
	case KIND_ADDRESS:
		return address(at);
	case KIND_BYTES:
		return evm_data(*(const struct bytes *)at);
	case KIND_NAME:
		return name(at);
	case KIND_REASON:
		return json_string(
			abi_error_name(((const struct selector *)at)->bytes));
	case KIND_TIME:
		return moment(*(const uint64_t *)at);
	case KIND_U64:
		wide = u256_from_u64(*(const uint64_t *)at);
		return number(&wide);
	case KIND_U32:
		return json_integer(*(const uint32_t *)at);
	case KIND_BOOL:
		return json_boolean(*(const bool *)at);
	}
	return json_null();
}

json_t *cli_event_json(const struct abi_event *event)
{
	json_t *o = json_pack("{s:s}", "event", abi_event_name(event->id));

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].id == event->id)
			json_object_set_new(o, rows[i].key,
					    value(&rows[i], event));
	return o;
}
