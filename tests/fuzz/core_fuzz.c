/* Any sequence of well-formed messages into every core that folds a log: it
 * goes on or returns an error, and what it saves is what it was.
 *
 * Input: a byte for the core, then messages: a byte that names one, a few for
 * each field. Values are small, so that they meet each other. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/outbox.h"
#include "common/scan.h"
#include "common/u256.h"
#include "services/chain-indexer/index.h"
#include "services/listener/job.h"
#include "services/matcher/match.h"
#include "services/orderbook/book.h"
#include "services/slasher-watcher/watch.h"
#include "services/task-publisher/publish.h"
#include "services/webhook-gateway/view.h"

enum { DEPTH = 16 };

union any {
	uint8_t bytes[4096];
	max_align_t align;
};

/* ---- messages from bytes ------------------------------------------------ */

static const uint8_t filler[64] = {1, 2, 3, 4, 5, 6, 7, 8};

static uint64_t draw_number(struct scan *in)
{
	uint8_t v = scan_u8(in);

	/* Now and then an absurd one. */
	return v < 250 ? v & 15 : UINT64_MAX >> (v - 250);
}

static void draw_field(struct scan *in, const struct wire_field *f, void *at)
{
	switch (f->type) {
	case WIRE_U8:
		*(uint8_t *)at = scan_u8(in);
		break;
	case WIRE_U16:
		*(uint16_t *)at = (uint16_t)draw_number(in);
		break;
	case WIRE_U32:
		*(uint32_t *)at = (uint32_t)draw_number(in);
		break;
	case WIRE_ENUM:
		*(uint32_t *)at = scan_u8(in) % f->values_count;
		break;
	case WIRE_U64:
	case WIRE_UNIX_S:
		*(uint64_t *)at = draw_number(in);
		break;
	case WIRE_BOOL:
		*(bool *)at = scan_u8(in) & 1;
		break;
	case WIRE_AMOUNT: {
		uint64_t v = draw_number(in);

		*(struct u256 *)at =
			v == UINT64_MAX ? U256_MAX : u256_from_u64(v);
		break;
	}
	case WIRE_ADDRESS:
		memset(at, scan_u8(in) & 3, sizeof(struct address));
		break;
	case WIRE_HASH32:
		memset(at, scan_u8(in) & 7, sizeof(struct hash32));
		break;
	case WIRE_SELECTOR:
		memset(at, scan_u8(in), sizeof(struct selector));
		break;
	case WIRE_BYTES:
	case WIRE_TEXT:
		*(struct bytes *)at = (struct bytes){filler, scan_u8(in) & 63};
		break;
	case WIRE_HASH32S:
		*(struct hash32s *)at =
			(struct hash32s){filler, scan_u8(in) & 1};
		break;
	case WIRE_U64S:
		*(struct u64s *)at = (struct u64s){filler, scan_u8(in) & 3};
		break;
	case WIRE_PLACE:
		*(struct place *)at =
			(struct place){draw_number(in), scan_u8(in)};
		break;
	case WIRE_BLOCK_REF: {
		uint64_t number = draw_number(in);
		struct block_ref b = {number, {{0}}, {10 * (number & 255)}};

		memset(b.hash.bytes, scan_u8(in) & 1, sizeof b.hash.bytes);
		memcpy(b.hash.bytes, &number, sizeof number);
		*(struct block_ref *)at = b;
		break;
	}
	}
}

/* The matcher counts its decisions, and nothing else does. */
static void number_decision(union any *m)
{
	static uint64_t decision;

	((struct msg_match_made *)m)->decision = ++decision;
}

static uint16_t draw_message(struct scan *in, struct buf *out)
{
	const struct wire_message *d = msg_all[scan_u8(in) % msg_all_count];
	union any m = {{0}};

	for (unsigned i = 0; i < d->fields_count; i++)
		draw_field(in, &d->fields[i], m.bytes + d->fields[i].offset);
	if (d->number == MSG_MATCH_MADE)
		number_decision(&m);
	buf_clear(out);
	wire_encode(d, &m, out);
	return d->number;
}

/* ---- a sink that reads what it is told ---------------------------------- */

static enum err put(struct sink *sink, uint16_t number, struct bytes body)
{
	const struct wire_message *d = msg_describe(number);
	union any m;

	(void)sink;
	fuzz_check(d && !wire_decode(d, &m, body));
	return ERR_NONE;
}

static enum err keep(struct sink *sink, const char *key, struct bytes value)
{
	(void)sink;
	fuzz_check(*key && (value.data || !value.size));
	return ERR_NONE;
}

/* ---- the cores ---------------------------------------------------------- */

typedef enum err receive_fn(void *self, struct sink *out, uint16_t number,
			    struct bytes body);

static bool run(struct scan *in, void *self, receive_fn *receive,
		bool (*is_mark)(uint16_t number))
{
	struct sink sink = {.put = put, .keep = keep};
	struct buf body = {0};
	enum err e = ERR_NONE;
	bool marked = false;

	while (in->at < in->end && !e) {
		uint16_t number = draw_message(in, &body);

		e = receive(self, &sink, number, buf_bytes(&body));
		marked = is_mark && is_mark(number);
	}
	buf_free(&body);
	buf_free(&sink.scratch);
	return !e && marked; /* between blocks: it can be saved */
}

#define FOLD(core, make)                                                       \
	static void try_##core(struct scan *in)                                \
	{                                                                      \
		struct core *a, *b;                                            \
		struct buf first = {0}, second = {0};                          \
		struct hash32 was, is;                                         \
                                                                               \
		fuzz_check(!make(&a));                                         \
		b = NULL;                                                      \
		if (run(in, a, core##_receive, core##_is_mark)) {              \
			fuzz_check(!make(&b));                                 \
			core##_hash(a, &was);                                  \
			fuzz_check(!core##_save(a, &first));                   \
			fuzz_check(!core##_load(b, buf_bytes(&first)));        \
			core##_hash(b, &is);                                   \
			fuzz_check(hash32_eq(&was, &is));                      \
			fuzz_check(!core##_save(b, &second));                  \
			fuzz_check(first.size == second.size &&                \
				   memcmp(first.data, second.data,             \
					  first.size) == 0);                   \
		}                                                              \
		buf_free(&first);                                              \
		buf_free(&second);                                             \
		core##_free(&a);                                               \
		core##_free(&b);                                               \
	}

static enum err make_book(struct book **out)
{
	return book_new(out, DEPTH);
}

static enum err make_match(struct match **out)
{
	return match_new(out, &MATCH_RULE_DEFAULT, DEPTH);
}

static enum err make_watch(struct watch **out)
{
	return watch_new(out, DEPTH);
}

FOLD(book, make_book)
FOLD(match, make_match)
FOLD(watch, make_watch)

static void try_index(struct scan *in)
{
	struct index_config config = {.start_block = 1, .depth = DEPTH};
	struct index *index;

	fuzz_check(!index_new(&index, &config));
	run(in, index, index_receive, NULL);
	index_free(&index);
}

static enum err on_batch(void *arg, const struct publish_batch *batch)
{
	struct hash32 id;

	(void)arg;
	fuzz_check(batch->assignments_count > 0);
	publish_batch_id(&id, batch);
	return ERR_NONE;
}

static enum err on_opened(void *arg, const struct msg_chain_opened *m)
{
	(void)arg;
	(void)m;
	return ERR_NONE;
}

static enum err on_block(void *arg, const struct msg_block_mark *m)
{
	(void)arg;
	(void)m;
	return ERR_NONE;
}

static enum err on_rolled_back(void *arg, const struct block_ref *to)
{
	(void)arg;
	(void)to;
	return ERR_NONE;
}

static enum err on_key(void *arg, const struct msg_engine_key_set *m)
{
	(void)arg;
	(void)m;
	return ERR_NONE;
}

static void try_publish(struct scan *in)
{
	struct publish_handlers handlers = {on_batch,	    on_opened, on_block,
					    on_rolled_back, on_key,    NULL};
	struct publish *publish;

	fuzz_check(!publish_new(&publish, 3, &handlers));
	run(in, publish, publish_receive, NULL);
	publish_free(&publish);
}

static enum err job_take(void *self, struct sink *out, uint16_t number,
			 struct bytes body)
{
	return job_receive(self, out, number, body);
}

static void try_job(struct scan *in)
{
	struct job_config config = {2, 4, 100, DEPTH, 100000};
	struct job *job;

	fuzz_check(!job_new(&job, &config));
	run(in, job, job_take, NULL);
	job_free(&job);
}

static enum err outbox_take(void *self, struct sink *out, uint16_t number,
			    struct bytes body)
{
	(void)out;
	return outbox_receive(self, number, body);
}

static void try_outbox(struct scan *in)
{
	static const uint8_t secret[SECRET_SIZE] = {[31] = 1};
	static struct secret_key *key;
	struct outbox_config config = {.chain_id = 1,
				       .in_flight_max = 8,
				       .final_depth = DEPTH,
				       .resend_after = 3};
	struct outbox *outbox;

	if (!key)
		fuzz_check(!secret_key_new(&key, secret));
	config.key = key;
	fuzz_check(!outbox_new(&outbox, &config));
	run(in, outbox, outbox_take, NULL);
	outbox_free(&outbox);
}

/* All logs, in turn. */
struct viewer {
	struct view *view;
	uint64_t numbers[LOGS_COUNT];
	enum logs log;
};

static enum err view_entry(void *self, struct sink *out, uint16_t number,
			   struct bytes body)
{
	struct viewer *v = self;
	struct entry entry = {0, number, body};

	(void)out;
	v->log = number >> 8 ? (enum logs)((number >> 8) - 1) : LOGS_CHAIN;
	if (v->log >= LOGS_COUNT)
		return ERR_NONE;
	entry.number = ++v->numbers[v->log];
	return view_take(v->view, v->log, &entry);
}

static void try_view(struct scan *in)
{
	struct viewer v = {.log = LOGS_CHAIN};
	const struct view_request *found[8];
	struct view_filter filter = {.tasks = true};
	uint64_t next;

	fuzz_check(!view_new(&v.view, DEPTH, 3));
	run(in, &v, view_entry, NULL);
	(void)view_requests(v.view, &filter, found, 8, &next);
	view_free(&v.view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const cores[])(struct scan *) = {
		try_book,    try_match, try_watch,  try_index,
		try_publish, try_job,	try_outbox, try_view};
	struct scan in;

	if (size == 0)
		return 0;
	in = scan_begin((struct bytes){data + 1, size - 1});
	cores[data[0] % (sizeof cores / sizeof cores[0])](&in);
	return 0;
}
