/* listener - proves the tasks of one generator, in time.
 *
 * Runs on the generator's machine and trusts only the chain: no Redis, no bus.
 * Holds one key, which pays for gas; what is earned goes to the generator's
 * reward address whoever sends. Writes two journals: jobs.db (what is being
 * done, with finished proofs) and journal.db (transactions). It must never
 * begin a step that its journal doesn't know the way to, submit a proof that
 * the market's verifier doesn't accept, or submit at or after a deadline.
 *
 * What is done when is in job.h. hear.c reads the chain, work.c begins steps,
 * look.c and prover.c are two of them, submit.c makes transactions, story.c
 * tells of it all. */
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "common/log.h"
#include "common/metric.h"
#include "services/listener/listener.h"

enum {
	TICK_MS = 100, /* how exactly what is tried again is timed */
	PARALLEL_MAX = 256,
	PATH_ROOM = FRAME_PATH_ROOM + 16,
};

static const struct conf_row rows[] = {
#define OPT(kind, name, fallback, unit, meaning)                               \
	{#name,	   CONF_##kind, offsetof(struct options, name),                \
	 fallback, unit,	meaning},
#include "services/listener/config.def"
	{0}};

uint64_t listener_now_ms(void)
{
	return metric_now_us() / 1000;
}

/* ---- going on ----------------------------------------------------------- */

void listener_settle(struct listener *self, const char *what, enum err e)
{
	/* The core can't be used after an error: it is read from the journal
	 * again by the next process. */
	frame_stop(self->frame, what, e);
}

static void show_ready(struct listener *self)
{
	struct frame *f = self->frame;

	if (!hear_is_live(self))
		return; /* hear.c says why */
	if (!self->record.registered)
		frame_set_ready(f, false, "the generator is not registered");
	else if (!sender_is_ready(self->sender))
		frame_set_ready(f, false, "waiting for the account's nonce");
	else
		frame_set_ready(f, true, "");
}

static enum err begin_steps(struct listener *self)
{
	struct job_todo todo;
	enum err e;

	while (!(
		e = job_next(self->job, &self->sink, listener_now_ms(), &todo)))
		work_begin(self, &todo);
	return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

/* Each step begins after what leads to it is on disk. */
static enum err advance(struct listener *self)
{
	enum err e = journal_commit(self->journal);

	if (!e)
		e = begin_steps(self);
	if (!e)
		e = submit_ready(self);
	if (!e)
		e = journal_commit(self->journal);
	return e;
}

void listener_go_on(struct listener *self)
{
	enum err e;

	/* A step that ends at once comes back here from within. */
	if (self->going || !self->live || self->frame->fatal)
		return;
	self->going = true;
	e = advance(self);
	self->going = false;
	if (e) {
		listener_settle(self, "job.advance", e);
		return;
	}
	sender_flush(self->sender);
	show_ready(self);
	story_measure(self);
}

static void on_tick(void *arg)
{
	struct listener *self = arg;

	record_ask(self);
	listener_go_on(self);
}

/* ---- life --------------------------------------------------------------- */

static enum err check_options(const struct options *o)
{
	if (o->range >= 1 && o->poll >= 10 && o->prover_timeout >= 1 &&
	    o->prover_timeout <= 86400000 && o->parallel <= PARALLEL_MAX &&
	    o->batch_max >= 1 && o->batch_max <= JOB_BATCH_MAX &&
	    o->gather <= 60000 && o->block_delay <= 10000 &&
	    o->submit_gas >= 21000 && o->submit_gas <= 100000000 &&
	    o->fee_cap && o->final_depth >= 1 && o->final_depth <= 10000 &&
	    o->bump_after <= 10000 && o->depth >= 16 && o->depth <= 10000)
		return ERR_NONE;
	log_error("config.range",
		  "text=\"--range is at least 1, --poll 10; --prover-timeout "
		  "is 1 to 86400000, --parallel at most %d, --batch-max 1 to "
		  "%d, --gather at most 60000, --block-delay 10000, "
		  "--submit-gas 21000 to "
		  "100000000, --fee-cap not 0, --bump-after at most "
		  "10000, --final-depth 1 to 10000, "
		  "--depth 16 to 10000\"",
		  PARALLEL_MAX, JOB_BATCH_MAX);
	return ERR_CONFIG;
}

static enum err open_key(struct listener *self)
{
	const struct options *o = &self->options;
	enum err e = frame_key(&self->key, "generator_key", o->generator_key,
			       o->key_password);

	if (e)
		return e;
	if (!*o->generator) {
		secret_key_address(&self->generator, self->key);
		return ERR_NONE;
	}
	if (!address_parse(&self->generator, o->generator))
		return ERR_NONE;
	log_error("config.generator",
		  "generator=\"%s\" text=\"not an address: mend --generator\"",
		  o->generator);
	return ERR_CONFIG;
}

static enum err make_core(struct listener *self)
{
	const struct options *o = &self->options;
	struct job_config config = {
		.parallel_max =
			o->parallel ? (unsigned)o->parallel : PARALLEL_MAX,
		.batch_max = (unsigned)o->batch_max,
		.gather_ms = (unsigned)o->gather,
		.final_depth = (unsigned)o->final_depth,
		.submit_gas = o->submit_gas,
	};

	return job_new(&self->job, &config);
}

static enum err on_entry(void *arg, const struct entry *entry)
{
	struct listener *self = arg;

	return job_receive(self->job, NULL, entry->type, entry->body);
}

/* Back to where the last process was. */
static enum err restore(struct listener *self)
{
	char folder[FRAME_PATH_ROOM], path[PATH_ROOM];
	enum err e;

	snprintf(path, sizeof path, "%s/jobs.db",
		 frame_folder(self->frame, folder));
	e = journal_open(&self->journal, path);
	if (!e)
		e = journal_read(self->journal, 1, on_entry, self);
	if (e && e != ERR_NO_MEMORY)
		log_error("journal.unusable",
			  "path=%s err=%s text=\"move it away to begin anew: "
			  "finished proofs in it are then made again\"",
			  path, err_name(e));
	return e;
}

static enum err open_nodes(struct listener *self)
{
	struct rpc_config config = {
		.loop = self->frame->loop,
		.urls = self->options.rpc,
		.timeout_ms = (unsigned)self->options.rpc_timeout};
	enum err e = http_new(&self->http, self->frame->loop);

	if (!e)
		e = http_new(&self->prover_http, self->frame->loop);
	if (e)
		return e;
	http_set_connections(self->prover_http, PARALLEL_MAX);
	config.http = self->http;
	return rpc_new(&self->rpc, &config);
}

static void stop(void *arg);

/* Everything that needs nobody's answer. */
static enum err open_all(struct listener *self)
{
	enum err e = check_options(&self->options);

	story_open(self);
	if (!e)
		e = deployment_read(&self->contracts, self->options.contracts);
	if (!e)
		e = open_key(self);
	if (!e)
		e = provers_new(&self->provers, self->options.prover);
	if (!e)
		e = make_core(self);
	if (!e)
		e = restore(self);
	return e ? e : open_nodes(self);
}

static enum err start(struct frame *frame, void *arg)
{
	struct listener *self = arg;
	enum err e;

	sender_watch_register();
	self->frame = frame;
	e = open_all(self);
	if (!e)
		e = hear_begin(self);
	if (e) {
		stop(self); /* the frame doesn't, for what never began */
		return e;
	}
	self->tick = loop_timer(frame->loop, TICK_MS, false, on_tick, self);
	return ERR_NONE;
}

static void watch(void *arg)
{
	struct listener *self = arg;
	const struct block_ref *tip = self->live ? fork_tip(self->fork) : NULL;

	if (tip)
		sender_watch(self->sender, tip->number,
			     self->options.alarm_mined);
}

static void stop(void *arg)
{
	struct listener *self = arg;

	loop_timer_cancel(self->frame->loop, &self->tick);
	hear_end(self);
	rpc_free(&self->rpc);
	http_free(&self->http);
	http_free(&self->prover_http);
	work_end(self);
	sender_free(&self->sender);
	journal_close(&self->journal);
	job_free(&self->job);
	provers_free(&self->provers);
	secret_key_free(&self->key);
	buf_free(&self->sink.scratch);
}

int main(int argc, char **argv)
{
	static struct listener self;
	static const struct service listener = {
		.name = "listener",
		.summary = "Proves a generator's tasks: takes them from the "
			   "chain, asks the prover, submits in time.",
		.options = rows,
		.options_offset = offsetof(struct listener, options),
		.keeps = true,
		.start = start,
		.watch = watch,
		.stop = stop,
	};

	return service_main(&listener, &self, argc, argv);
}
