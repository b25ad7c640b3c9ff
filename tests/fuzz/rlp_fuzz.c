/* Any bytes as RLP: what is accepted is written back to the same bytes. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/rlp.h"

enum { DEPTH = 16 };

static void copy_items(struct buf *out, struct rlp *r, int depth)
{
	while (!rlp_is_end(r)) {
		struct rlp list;
		size_t begin;

		if (r->data[r->at] < 0xc0 || depth == 0) {
			rlp_put_bytes(out, rlp_get_bytes(r));
			continue;
		}
		list = rlp_get_list(r);
		begin = rlp_list_begin(out);
		copy_items(out, &list, depth - 1);
		rlp_list_end(out, begin);
		rlp_get_close(r, &list);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	struct rlp r = rlp_read(in);
	struct buf out = {0};

	copy_items(&out, &r, DEPTH);
	if (!rlp_read_end(&r)) {
		fuzz_check(out.size == size);
		fuzz_check(size == 0 || memcmp(out.data, data, size) == 0);
	}
	r = rlp_read(in);
	(void)rlp_get_uint(&r);
	r = rlp_read(in);
	(void)rlp_get_u256(&r);
	buf_free(&out);
	return 0;
}
