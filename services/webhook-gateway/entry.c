/* wire_json(), with a few bytes withheld. */
#include "services/webhook-gateway/entry.h"

#include <inttypes.h>

#include "msg.h"

/* One more member for the object that @out ends with. */
static void add_size(struct buf *out, const char *name, size_t size)
{
	out->size--; /* its brace */
	buf_printf(out, ",\"%s_size\":%zu}", name, size);
}

static enum err request_json(struct buf *out, struct bytes body)
{
	static const struct bytes nothing;
	struct msg_request_created m;
	size_t private_size, acl_size;
	enum err e = msg_request_created_decode(&m, body);

	if (e)
		return e;
	private_size = m.private_inputs.size;
	acl_size = m.acl.size;
	m.private_inputs = m.acl = nothing;
	wire_json(&msg_request_created_wire, &m, out);
	if (buf_failed(out))
		return buf_err(out);
	add_size(out, "private_inputs", private_size);
	add_size(out, "acl", acl_size);
	return buf_err(out);
}

static enum err signed_json(struct buf *out, struct bytes body)
{
	static const struct bytes nothing;
	struct msg_tx_signed m;
	size_t raw_size;
	enum err e = msg_tx_signed_decode(&m, body);

	if (e)
		return e;
	raw_size = m.raw.size;
	m.raw = nothing;
	wire_json(&msg_tx_signed_wire, &m, out);
	if (buf_failed(out))
		return buf_err(out);
	add_size(out, "raw", raw_size);
	return buf_err(out);
}

static enum err message_json(struct buf *out, const struct entry *entry)
{
	switch (entry->type) {
	case MSG_REQUEST_CREATED:
		return request_json(out, entry->body);
	case MSG_TX_SIGNED:
		return signed_json(out, entry->body);
	default:
		return msg_json(out, entry->type, entry->body);
	}
}

void entry_json(struct buf *out, enum logs log, const struct entry *entry)
{
	buf_printf(out, "{\"log\":\"%s\",\"seq\":%" PRIu64 ",\"entry\":",
		   logs_name(log), entry->number);
	if (message_json(out, entry) && !buf_failed(out))
		buf_printf(out, "{\"type\":\"unknown\",\"number\":%u}",
			   entry->type);
	buf_put_u8(out, '}');
}
