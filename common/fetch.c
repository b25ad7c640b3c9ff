/* Two requests, and whether their answers fit. */
#include "common/fetch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metric.h"
#include "common/refusal.h"
#include "common/sha256.h"

enum { DOUBTS = 2 };

static struct metric refetched =
	METRIC(COUNTER, "chain_refetched_total",
	       "answers asked for again: they did not fit together");

struct fetch *fetch_new(struct rpc *rpc, unsigned node,
			const struct fetch_filter *filter, fetch_done *done,
			void *arg)
{
	struct fetch *f = calloc(1, sizeof *f);

	metric_register(&refetched);
	if (!f)
		return NULL;
	f->rpc = rpc;
	f->node = node;
	f->filter = filter;
	f->done = done;
	f->arg = arg;
	return f;
}

void fetch_drop(struct fetch *f)
{
	if (f->missing)
		rpc_forget(f->rpc, f);
	f->missing = 0;
}

void fetch_free(struct fetch **fetch)
{
	struct fetch *f = *fetch;

	if (!f)
		return;
	fetch_drop(f);
	free(f->headers);
	evm_logs_free(&f->logs);
	free(f);
	*fetch = NULL;
}

bool fetch_bloom_promises(const struct fetch_filter *filter,
			  const struct evm_header *h)
{
	for (size_t i = 0; i < filter->contracts_count; i++)
		if (evm_bloom_may_hold(h->bloom, &filter->contracts[i]))
			return true;
	return false;
}

/* ---- do the answers fit? ------------------------------------------------ */

static bool headers_fit(const struct fetch *f)
{
	size_t count = f->question.to - f->question.from + 1;

	for (size_t i = 1; i < count; i++)
		if (!hash32_eq(&f->headers[i].parent,
			       &f->headers[i - 1].block.hash))
			return false;
	return true;
}

static bool is_ours(const struct fetch_filter *filter, const struct address *a)
{
	for (size_t i = 0; i < filter->contracts_count; i++)
		if (address_eq(a, &filter->contracts[i]))
			return true;
	return false;
}

/* Of the same few contracts and events all the time: their bits are kept. */
static const struct evm_bloom_bits *bits_of(struct fetch *f, const void *data,
					    size_t size)
{
	const uint8_t *bytes = data;
	struct fetch_bits *kept =
		&f->kept[(bytes[0] ^ bytes[size - 1]) % FETCH_BITS_KEPT];

	if (kept->size != size || memcmp(kept->data, data, size) != 0) {
		kept->size = size;
		memcpy(kept->data, data, size);
		kept->bits = evm_bloom_bits(data, size);
	}
	return &kept->bits;
}

/* By its contract and its event; what else it says would cost a hash each. */
static bool bloom_allows(struct fetch *f, const struct evm_header *h,
			 const struct abi_log *log)
{
	return evm_bloom_has(h->bloom, bits_of(f, log->address.bytes,
					       sizeof log->address.bytes)) &&
	       (!log->topics_count ||
		evm_bloom_has(h->bloom, bits_of(f, log->topics[0].bytes,
						sizeof log->topics[0].bytes)));
}

/* What is wrong with the logs; NULL: nothing. */
static const char *logs_misfit(struct fetch *f)
{
	const struct fetch_question *q = &f->question;
	const struct evm_log *before = NULL;

	for (size_t i = 0; i < f->logs.count; i++) {
		const struct evm_log *l = &f->logs.items[i];
		const struct evm_header *h;

		if (l->block < q->from || l->block > q->to ||
		    !is_ours(f->filter, &l->log.address))
			return "a log that was not asked for";
		h = &f->headers[l->block - q->from];
		if (!hash32_eq(&h->block.hash, &l->block_hash))
			return "a log of another block than its header";
		if (before &&
		    (before->block > l->block ||
		     (before->block == l->block && before->index >= l->index)))
			return "logs out of order";
		if (!bloom_allows(f, h, &l->log))
			return "a log that the block's bloom filter excludes";
		before = l;
	}
	return NULL;
}

/* Whether a block has no logs although its bloom allows for some. It may well
 * be so: other contracts set the same bits. With a filter on topics the bloom
 * says nothing. */
static bool is_doubtful(const struct fetch *f)
{
	const struct fetch_question *q = &f->question;
	size_t at = 0;

	if (f->filter->topics || q->headers_only)
		return false;
	for (uint64_t n = q->from; n <= q->to; n++) {
		size_t first = at;

		while (at < f->logs.count && f->logs.items[at].block == n)
			at++;
		if (at == first &&
		    fetch_bloom_promises(f->filter, &f->headers[n - q->from]))
			return true;
	}
	return false;
}

/* ---- what it comes to --------------------------------------------------- */

static void digest_header(struct sha256 *s, const struct evm_header *h)
{
	sha256_update(s, h->block.hash.bytes, sizeof h->block.hash.bytes);
	sha256_update(s, &h->block.number, sizeof h->block.number);
	sha256_update(s, &h->block.time.v, sizeof h->block.time.v);
	sha256_update(s, h->parent.bytes, sizeof h->parent.bytes);
	sha256_update(s, h->bloom, sizeof h->bloom);
	sha256_update(s, &h->gas_limit, sizeof h->gas_limit);
	sha256_update(s, &h->base_fee, sizeof h->base_fee);
}

static void digest_log(struct sha256 *s, const struct evm_log *l)
{
	const uint64_t fixed[] = {l->block, l->index, l->log.topics_count,
				  l->log.data.size};

	sha256_update(s, fixed, sizeof fixed);
	sha256_update(s, l->block_hash.bytes, sizeof l->block_hash.bytes);
	sha256_update(s, l->tx.bytes, sizeof l->tx.bytes);
	sha256_update(s, l->log.address.bytes, sizeof l->log.address.bytes);
	for (unsigned i = 0; i < l->log.topics_count; i++)
		sha256_update(s, l->log.topics[i].bytes, 32);
	sha256_update(s, l->log.data.data, l->log.data.size);
}

/* Of what nodes must agree on: all that is passed on. */
static void take_digest(struct fetch *f)
{
	struct sha256 s;

	sha256_init(&s);
	for (uint64_t n = f->question.from; n <= f->question.to; n++)
		digest_header(&s, &f->headers[n - f->question.from]);
	for (size_t i = 0; i < f->logs.count; i++)
		digest_log(&s, &f->logs.items[i]);
	sha256_final(&s, &f->digest);
}

static void ask_logs(struct fetch *f);

/* It is of another branch than what was told of: that is its answer, whatever
 * it says of logs. */
static bool is_of_another_branch(const struct fetch *f)
{
	return f->question.told && !hash32_eq(&f->headers[0].block.hash,
					      &f->question.header.block.hash);
}

static enum fetch_verdict judge(struct fetch *f)
{
	const char *misfit = NULL;

	if (f->failed || f->lacks)
		return f->failed ? FETCH_FAILED : FETCH_LACKS;
	if (is_of_another_branch(f)) {
		f->logs.count = 0;
		return FETCH_SAID;
	}
	if (f->too_much)
		return FETCH_TOO_MUCH;
	if (f->no_logs)
		return FETCH_LACKS;
	if (!headers_fit(f))
		misfit = "headers that do not follow each other";
	else
		misfit = logs_misfit(f);
	if (!misfit)
		return FETCH_SAID;
	metric_add(&refetched, 1);
	rpc_complain(f->rpc, f->node, PROVIDER_CONTRADICTED, misfit);
	return FETCH_FAILED;
}

static void conclude(struct fetch *f)
{
	enum fetch_verdict v = judge(f);

	if (v == FETCH_SAID && f->doubts < DOUBTS && !is_of_another_branch(f) &&
	    is_doubtful(f)) {
		f->doubts++;
		metric_add(&refetched, 1);
		ask_logs(f);
		return;
	}
	if (v == FETCH_SAID && rpc_nodes(f->rpc) > 1)
		take_digest(f);
	f->done(f->arg, f, v);
}

static void count_answer(struct fetch *f)
{
	if (--f->missing == 0)
		conclude(f);
}

/* ---- asking ------------------------------------------------------------- */

static void take_refusal(struct fetch *f)
{
	switch (refusal_of(f->logs.code, f->logs.message, &f->most)) {
	case REFUSAL_LIMITED:
		rpc_complain(f->rpc, f->node, PROVIDER_LIMITED,
			     f->logs.message);
		f->failed = true;
		break;
	case REFUSAL_UNKNOWN:
		f->no_logs = true;
		break;
	case REFUSAL_TOO_MUCH:
		f->too_much = true;
		break;
	case REFUSAL_OTHER: /* a wording that isn't known yet */
		if (f->question.to > f->question.from)
			f->too_much = true;
		else
			f->failed = true;
		break;
	}
	log_info("chain.range_refused",
		 "node=%s blocks=%" PRIu64 " code=%" PRId64 " text=\"%s\"",
		 rpc_node_name(f->rpc, f->node),
		 f->question.to - f->question.from + 1, f->logs.code,
		 f->logs.message);
}

static void on_logs(void *arg, const struct rpc_answer *a)
{
	struct fetch *f = arg;

	if (a->err) {
		f->too_much |= a->too_much;
		f->failed |= !a->too_much;
	} else if (evm_logs_parse(&f->logs, a->raw) ||
		   (f->logs.id != a->id && !f->logs.refused)) {
		rpc_complain(f->rpc, f->node, PROVIDER_BROKEN,
			     "not an answer to eth_getLogs");
		f->failed = true;
	} else if (f->logs.refused) {
		take_refusal(f);
	}
	count_answer(f);
}

/* Whether @h is a header of the range that isn't there yet. */
static bool is_wanted(const struct fetch *f, const struct evm_header *h)
{
	static const struct hash32 none;
	uint64_t n = h->block.number;

	return n >= f->question.from && n <= f->question.to &&
	       hash32_eq(&f->headers[n - f->question.from].block.hash, &none);
}

/* One that came twice came in place of another. */
static void on_header(void *arg, const struct rpc_answer *a)
{
	struct fetch *f = arg;
	struct evm_header h;

	if (a->err) {
		f->failed = true;
	} else if (json_is_null(a->result)) {
		f->lacks = true;
	} else if (evm_header_parse(&h, a->result) || !is_wanted(f, &h)) {
		rpc_complain(f->rpc, f->node, PROVIDER_BROKEN,
			     "not the header that was asked for");
		f->failed = true;
	} else {
		f->headers[h.block.number - f->question.from] = h;
	}
	count_answer(f);
}

static json_t *filter_of(const struct fetch *f)
{
	const struct fetch_question *q = &f->question;
	json_t *out = json_object(), *addresses = json_array();

	for (size_t i = 0; i < f->filter->contracts_count; i++)
		json_array_append_new(addresses,
				      evm_address(&f->filter->contracts[i]));
	json_object_set_new(out, "address", addresses);
	if (q->told) {
		json_object_set_new(out, "blockHash",
				    evm_hash(&q->header.block.hash));
	} else {
		json_object_set_new(out, "fromBlock", evm_quantity(q->from));
		json_object_set_new(out, "toBlock", evm_quantity(q->to));
	}
	if (f->filter->topics)
		json_object_set(out, "topics", f->filter->topics);
	return json_pack("[o]", out);
}

static void ask_logs(struct fetch *f)
{
	f->missing++;
	rpc_call_raw_node(f->rpc, f->node, "eth_getLogs", filter_of(f), on_logs,
			  f);
}

static void ask_headers(struct fetch *f)
{
	const struct fetch_question *q = &f->question;
	struct rpc_batch *b = rpc_batch_new_node(f->rpc, f->node);

	f->missing += (unsigned)(q->to - q->from + 1);
	memset(f->headers, 0, (q->to - q->from + 1) * sizeof *f->headers);
	for (uint64_t n = q->from; n <= q->to; n++)
		rpc_batch_add(b, "eth_getBlockByNumber",
			      json_pack("[o,b]", evm_quantity(n), 0), on_header,
			      f);
	rpc_batch_send(b);
}

static bool make_room(struct fetch *f, size_t blocks)
{
	struct evm_header *grown;

	if (blocks <= f->headers_room)
		return true;
	grown = realloc(f->headers, blocks * sizeof *grown);
	if (!grown)
		return false;
	f->headers = grown;
	f->headers_room = blocks;
	return true;
}

void fetch_begin(struct fetch *f, const struct fetch_question *q)
{
	bool logs = !q->headers_only &&
		    (!q->told || fetch_bloom_promises(f->filter, &q->header));

	f->question = *q;
	f->logs.count = 0;
	f->most = 0;
	f->doubts = 0;
	f->failed = f->lacks = f->too_much = f->no_logs = false;
	if (!make_room(f, q->to - q->from + 1)) {
		f->done(f->arg, f, FETCH_FAILED);
		return;
	}
	/* One more, so that it doesn't end before all is asked. */
	f->missing = 1;
	if (logs)
		ask_logs(f);
	if (q->heard)
		f->headers[0] = q->header;
	else
		ask_headers(f);
	count_answer(f);
}
