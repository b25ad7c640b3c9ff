/* Any bytes as a frame of the bus: an entry with the right checksum, or none.
 *
 * Input: one byte, odd to have the checksum put right; then the frame. The
 * reader is static: this file is bus.c and more. */
#include "common/bus.c"

#include "tests/fuzz/fuzz.h"

struct heard {
	struct bytes frame;
	unsigned count;
};

static void hear(void *arg, uint64_t epoch, const struct entry *entry)
{
	struct heard *h = arg;

	h->count++;
	fuzz_check(epoch == be64_at(h->frame.data));
	fuzz_check(entry->number == be64_at(h->frame.data + 8));
	if (be16_at(h->frame.data + 22) > protocol_ours) {
		fuzz_check(entry->type == 0 && entry->body.size == 0);
		return; /* told as a beat: the log says more */
	}
	fuzz_check(entry->type == be16_at(h->frame.data + 20));
	fuzz_check(entry->body.size + HEADER_BYTES == h->frame.size);
	fuzz_check(memcmp(entry->body.data, h->frame.data + HEADER_BYTES,
			  entry->body.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard heard = {.count = 0};
	struct bus_in in = {.fn = hear, .arg = &heard};
	zmq_msg_t msg;
	uint8_t *p;

	if (size == 0 || zmq_msg_init_size(&msg, size - 1))
		return 0;
	p = zmq_msg_data(&msg);
	memcpy(p, data + 1, size - 1);
	if (data[0] & 1 && size > HEADER_BYTES)
		be32_put(p + 16, checksum(p, size - 1));
	heard.frame = (struct bytes){p, size - 1};
	take_frame(&in, &msg);
	fuzz_check(heard.count == 1 || !(data[0] & 1 && size > HEADER_BYTES));
	zmq_msg_close(&msg);
	return 0;
}
