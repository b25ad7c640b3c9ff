/* Any bytes as what a node says of four blocks: what is passed on fits.
 *
 * Input: four JSON headers and a body with logs, each with its length (2 bytes,
 * big-endian) before it. Who hears answers is static: this file is fetch.c and
 * more. */
#include "common/fetch.c"

#include "common/rpc_impl.h"
#include "tests/fuzz/fuzz.h"

enum { FROM = 7, BLOCKS = 4 };

static struct bytes take(const uint8_t **data, size_t *size)
{
	struct bytes b = {*data, 0};

	if (*size < 2)
		return b;
	b = (struct bytes){*data + 2, (size_t)((*data)[0] << 8 | (*data)[1])};
	if (b.size > *size - 2)
		b.size = *size - 2;
	*data += 2 + b.size;
	*size -= 2 + b.size;
	return b;
}

static void on_done(void *arg, struct fetch *f, enum fetch_verdict v)
{
	++*(unsigned *)arg;
	if (v != FETCH_SAID)
		return;
	for (unsigned i = 0; i < BLOCKS; i++)
		fuzz_check(f->headers[i].block.number == FROM + i);
	for (unsigned i = 1; i < BLOCKS; i++)
		fuzz_check(hash32_eq(&f->headers[i].parent,
				     &f->headers[i - 1].block.hash));
	for (size_t i = 0; i < f->logs.count; i++) {
		const struct evm_log *l = &f->logs.items[i];
		const struct evm_header *h = &f->headers[l->block - FROM];

		fuzz_check(l->block >= FROM && l->block < FROM + BLOCKS);
		fuzz_check(hash32_eq(&l->block_hash, &h->block.hash));
		fuzz_check(evm_bloom_may_hold(h->bloom, &l->log.address));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct address contract = {
		{0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22,
		 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22}};
	static const struct fetch_filter filter = {.contracts = &contract,
						   .contracts_count = 1};
	struct rpc rpc = {.config = {.timeout_ms = 1000}};
	unsigned times = 0;
	struct fetch *f;
	struct rpc_answer answer = {.id = 1};

	log_open("fuzz", LEVEL_ERROR + 1, false);
	providers_init(&rpc.providers, 2, 1);
	f = fetch_new(&rpc, 0, &filter, on_done, &times);
	f->question =
		(struct fetch_question){.from = FROM, .to = FROM + BLOCKS - 1};
	f->doubts = DOUBTS; /* there is nobody to ask again */
	if (!make_room(f, BLOCKS))
		return 0;
	memset(f->headers, 0, BLOCKS * sizeof *f->headers);
	f->missing = BLOCKS + 1;
	for (unsigned i = 0; i < BLOCKS; i++) {
		struct bytes b = take(&data, &size);

		answer.result = json_loadb((const char *)b.data, b.size,
					   JSON_DECODE_ANY, NULL);
		on_header(f, &answer);
		json_decref(answer.result);
	}
	answer.result = NULL;
	answer.raw = take(&data, &size);
	on_logs(f, &answer);
	fuzz_check(times == 1);
	fetch_free(&f);
	return 0;
}
