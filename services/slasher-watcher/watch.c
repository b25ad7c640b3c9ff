/* Two tables in the order of time. */
#include "services/slasher-watcher/watch.h"

#include <stdlib.h>

#include "common/map.h"
#include "common/scan.h"
#include "common/state.h"

enum table_index { GLOBALS, OPEN, TASKS, TABLES_END };
enum { STATE_VERSION = 3 };

struct globals {
	struct block_ref block;
	struct amount base_fee;
};

/* A request that is open until its expiry, or a task until its deadline. */
struct timed {
	uint64_t request_id;
	struct unix_s until;
};

struct watch {
	struct state *state;
	row_id globals;
};

bool watch_is_mark(uint16_t number)
{
	return number == MSG_BLOCK_MARK || number == MSG_ROLLBACK;
}

/* ---- rows --------------------------------------------------------------- */

static uint64_t hash_timed(const void *row)
{
	return map_hash_u64(((const struct timed *)row)->request_id);
}

static bool is_timed(const void *row, const void *key)
{
	return ((const struct timed *)row)->request_id ==
	       *(const uint64_t *)key;
}

static int compare_timed(const void *a, const void *b)
{
	const struct timed *x = a, *y = b;

	if (x->until.v != y->until.v)
		return x->until.v < y->until.v ? -1 : 1;
	return x->request_id < y->request_id ? -1
					     : x->request_id > y->request_id;
}

static const struct state_table tables[TABLES_END] = {
	[GLOBALS] = {STATE_ROWS(struct globals), NULL, NULL, NULL},
	[OPEN] = {STATE_ROWS(struct timed), hash_timed, is_timed,
		  compare_timed},
	[TASKS] = {STATE_ROWS(struct timed), hash_timed, is_timed,
		   compare_timed},
};

/* Before the first block, and after it was undone, there is no row. */
static struct globals globals(const struct watch *w)
{
	static const struct globals none;

	return w->globals ? *(const struct globals *)state_row(
				    w->state, GLOBALS, w->globals)
			  : none;
}

/* Adds the row if there is none; NULL if memory ran out. */
static struct globals *globals_edit(struct watch *w)
{
	static const struct globals fresh;

	if (!w->globals)
		w->globals = state_add(w->state, GLOBALS, &fresh);
	return w->globals ? state_edit(w->state, GLOBALS, w->globals) : NULL;
}

static row_id find(const struct watch *w, unsigned table, uint64_t id)
{
	return state_find(w->state, table, map_hash_u64(id), &id);
}

/* What contradicts itself is orderbook's to say: here it only isn't there. */
static enum err add(struct watch *w, unsigned table, uint64_t id,
		    struct unix_s until)
{
	struct timed row = {id, until};

	if (find(w, table, id))
		return ERR_NONE;
	return state_add(w->state, table, &row) ? ERR_NONE : ERR_NO_MEMORY;
}

static enum err drop(struct watch *w, unsigned table, uint64_t id)
{
	row_id row = find(w, table, id);

	return row ? state_remove(w->state, table, row) : ERR_NONE;
}

/* ---- life --------------------------------------------------------------- */

enum err watch_new(struct watch **out, unsigned depth)
{
	struct watch *w = calloc(1, sizeof *w);
	enum err e;

	if (!w)
		return ERR_NO_MEMORY;
	e = state_new(&w->state, tables, TABLES_END, depth);
	if (e)
		watch_free(&w);
	*out = w;
	return e;
}

void watch_free(struct watch **watch)
{
	if (!*watch)
		return;
	state_free(&(*watch)->state);
	free(*watch);
	*watch = NULL;
}

struct watch_sizes watch_sizes(const struct watch *w)
{
	struct globals g = globals(w);

	return (struct watch_sizes){.open = state_count(w->state, OPEN),
				    .tasks = state_count(w->state, TASKS),
				    .block = g.block,
				    .base_fee = g.base_fee};
}

static unsigned table_of(enum watch_kind kind)
{
	return kind == WATCH_OVERDUE ? TASKS : OPEN;
}

void watch_each_between(const struct watch *w, enum watch_kind kind,
			struct unix_s from, struct unix_s before, watch_fn *fn,
			void *arg)
{
	unsigned table = table_of(kind);
	const struct order *order = state_order(w->state, table);
	struct timed probe = {0, from}; /* no request has the id 0 */
	row_id row;

	while ((row = order_after(order, &probe))) {
		probe = *(const struct timed *)state_row(w->state, table, row);
		if (probe.until.v >= before.v ||
		    !fn(arg, probe.request_id, probe.until))
			return;
	}
}

void watch_each_due(const struct watch *w, enum watch_kind kind, watch_fn *fn,
		    void *arg)
{
	watch_each_between(w, kind, (struct unix_s){0}, globals(w).block.time,
			   fn, arg);
}

bool watch_has(const struct watch *w, enum watch_kind kind, uint64_t request_id,
	       struct unix_s since)
{
	unsigned table = table_of(kind);
	row_id row = find(w, table, request_id);
	const struct timed *t = row ? state_row(w->state, table, row) : NULL;

	return t && t->until.v == since.v;
}

/* ---- blocks ------------------------------------------------------------- */

enum err watch_on_chain_opened(struct watch *w, struct sink *out,
			       const struct msg_chain_opened *m)
{
	(void)w;
	(void)out;
	(void)m;
	return ERR_NONE;
}

enum err watch_on_block_mark(struct watch *w, struct sink *out,
			     const struct msg_block_mark *m)
{
	struct globals *g = globals_edit(w);

	(void)out;
	if (!g)
		return ERR_NO_MEMORY;
	g->block = m->block;
	g->base_fee = m->base_fee;
	return state_close(w->state, m->block.number);
}

enum err watch_on_rollback(struct watch *w, struct sink *out,
			   const struct msg_rollback *m)
{
	enum err e = state_roll_back(w->state, m->to.number);

	(void)out;
	/* Undone to before the first block: the row of globals went, too. */
	if (!e && !state_count(w->state, GLOBALS))
		w->globals = 0;
	return e;
}

/* ---- requests and tasks ------------------------------------------------- */

enum err watch_on_request_created(struct watch *w, struct sink *out,
				  const struct msg_request_created *m)
{
	(void)out;
	return add(w, OPEN, m->request_id, m->expiry);
}

enum err watch_on_request_cancelled(struct watch *w, struct sink *out,
				    const struct msg_request_cancelled *m)
{
	(void)out;
	return drop(w, OPEN, m->request_id);
}

enum err watch_on_request_rejected(struct watch *w, struct sink *out,
				   const struct msg_request_rejected *m)
{
	(void)out;
	return drop(w, OPEN, m->request_id);
}

enum err watch_on_task_created(struct watch *w, struct sink *out,
			       const struct msg_task_created *m)
{
	enum err e = drop(w, OPEN, m->request_id);

	(void)out;
	return e ? e : add(w, TASKS, m->request_id, m->deadline);
}

enum err watch_on_proof_submitted(struct watch *w, struct sink *out,
				  const struct msg_proof_submitted *m)
{
	(void)out;
	return drop(w, TASKS, m->request_id);
}

enum err watch_on_inputs_invalidated(struct watch *w, struct sink *out,
				     const struct msg_inputs_invalidated *m)
{
	(void)out;
	return drop(w, TASKS, m->request_id);
}

enum err watch_on_task_slashed(struct watch *w, struct sink *out,
			       const struct msg_task_slashed *m)
{
	(void)out;
	return drop(w, TASKS, m->request_id);
}

/* ---- hash and snapshots ------------------------------------------------- */

static void describe(const struct timed *t, struct buf *out)
{
	buf_put_be64(out, t->request_id);
	buf_put_be64(out, t->until.v);
}

static void describe_open(const void *core, row_id row, struct buf *out)
{
	describe(state_row(((const struct watch *)core)->state, OPEN, row),
		 out);
}

static void describe_task(const void *core, row_id row, struct buf *out)
{
	describe(state_row(((const struct watch *)core)->state, TASKS, row),
		 out);
}

void watch_hash(const struct watch *w, struct hash32 *out)
{
	static state_describe *const rows[TABLES_END] = {
		[OPEN] = describe_open, [TASKS] = describe_task};

	state_hash(w->state, rows, w, out);
}

enum err watch_save(struct watch *w, struct buf *out)
{
	buf_put_be32(out, STATE_VERSION);
	state_save(w->state, out);
	return buf_err(out);
}

enum err watch_load(struct watch *w, struct bytes bytes)
{
	struct scan in = scan_begin(bytes);
	enum err e;

	if (scan_be32(&in) != STATE_VERSION)
		return ERR_MALFORMED;
	e = state_load(w->state, &in);
	if (!e)
		w->globals = state_next(w->state, GLOBALS, 0);
	return e ? e : scan_done(&in);
}
