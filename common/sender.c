/* Journal, log and nodes, in that order. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/rejoin.h"
#include "common/sender_impl.h"
#include "common/u256.h"

enum {
	IN_FLIGHT_MAX = 8,
	RESEND_BLOCKS = 2, /* sooner than a bump: the node may have lost it */
	ASK_RECEIPTS_MS = 100, /* after a block: first what has to be sent */
	PATH_ROOM = FRAME_PATH_ROOM + 16,
};

static struct metric in_flight =
	METRIC(GAUGE, "tx_in_flight", "transactions signed and not mined");
static struct metric planned =
	METRIC(GAUGE, "tx_planned", "transactions that wait for a nonce");
static struct metric bumped =
	METRIC(COUNTER, "tx_bumped_total", "attempts that offered more");
static struct metric cancelled = METRIC(COUNTER, "tx_cancelled_total",
					"nonces filled with nothing, because "
					"it was too late for what they had");
static struct metric held =
	METRIC(GAUGE, "tx_held", "1 while something holds new transactions");
static struct metric stopped =
	METRIC(GAUGE, "tx_stopped",
	       "1 while stopped: somebody else sends from the account");

/* ---- saying ------------------------------------------------------------- */

static void tell_again(const struct msg_tx_signed *m)
{
	char hash[HASH32_ROOM], fee[U256_DEC_ROOM];

	metric_add(m->cancel ? &cancelled : &bumped, 1);
	log_info(m->cancel ? "tx.cancelled" : "tx.bumped",
		 "tx=%s nonce=%" PRIu64 " attempt=%" PRIu32 " max_fee=%s",
		 hash32_format(hash, &m->hash), m->nonce, m->attempt,
		 u256_format_dec(fee, &m->max_fee.v));
}

/* For each request that it is about. */
static void tell_signed(const struct msg_tx_signed *m)
{
	char hash[HASH32_ROOM];

	hash32_format(hash, &m->hash);
	for (size_t i = 0; i < m->subjects.count; i++)
		log_info("tx.signed",
			 "request=%" PRIu64 " tx=%s nonce=%" PRIu64
			 " attempt=%" PRIu32,
			 u64s_at(m->subjects, i), hash, m->nonce, m->attempt);
}

static enum err sink_put(struct sink *sink, uint16_t number, struct bytes body)
{
	struct sender *s = (struct sender *)sink;
	struct writer *log = s->config.frame->writer;
	struct msg_tx_signed m;
	enum err e = journal_put(s->journal, number, body);

	if (number == MSG_TX_SIGNED && !msg_tx_signed_decode(&m, body)) {
		tell_signed(&m);
		if (m.attempt > 1)
			tell_again(&m);
	}
	return e || !log ? e : writer_put(log, number, body, NULL);
}

enum err sender_say(struct sender *s, const struct wire_message *kind,
		    const void *message)
{
	return wire_send(&s->sink, kind, message);
}

/* ---- the journal and the log to the same end ---------------------------- */

/* What the journal has, into the outbox; the writer drops what the log has. */
static enum err take_entry(void *arg, const struct entry *entry)
{
	struct sender *s = arg;
	struct writer *log = s->config.frame->writer;
	enum err e = outbox_receive(s->outbox, entry->type, entry->body);

	if (!e && s->config.said)
		e = s->config.said(s->config.arg, entry->type, entry->body);
	return e || !log ? e : writer_put(log, entry->type, entry->body, NULL);
}

static enum err restore(struct sender *s)
{
	struct frame *f = s->config.frame;
	char folder[FRAME_PATH_ROOM], path[PATH_ROOM];
	enum err e;

	snprintf(path, sizeof path, "%s/journal.db", frame_folder(f, folder));
	e = journal_open(&s->journal, path);
	if (!e && f->service->writes) {
		e = rejoin(s->journal, f->store, f->service->writes);
		if (!e)
			e = frame_open_log(f, 0);
	}
	if (!e)
		e = journal_read(s->journal, 1, take_entry, s);
	if (e == ERR_CONFLICT)
		log_error("journal.conflict",
			  "path=%s text=\"the journal is not of this account, "
			  "or not of this log\"",
			  path);
	if (!e && f->writer)
		frame_flush(f);
	return e;
}

/* ---- what holds it ------------------------------------------------------ */

const char *sender_held(const struct sender *s)
{
	switch (outbox_hold(s->outbox)) {
	case OUTBOX_FREE:
		return "";
	case OUTBOX_HELD_OUTSIDER:
		return "somebody else sends from the account";
	case OUTBOX_HELD_POOR:
		return "the account is below --min-balance";
	case OUTBOX_HELD_FEE:
		return "the base fee is above --fee-cap";
	}
	return "";
}

static void tell_hold(const struct sender *s, enum outbox_hold hold)
{
	char account[ADDRESS_ROOM], wei[U256_DEC_ROOM];

	address_format(account, outbox_sender(s->outbox));
	switch (hold) {
	case OUTBOX_FREE:
		log_info("tx.resumed", "account=%s", account);
		break;
	case OUTBOX_HELD_OUTSIDER:
		log_error("tx.outsider",
			  "account=%s account_nonce=%" PRIu64
			  " text=\"somebody else sends from this account: "
			  "nothing is sent until you have looked, and start "
			  "with --adopt-nonce=%" PRIu64 "\"",
			  account, outbox_stopped_at(s->outbox),
			  outbox_stopped_at(s->outbox));
		break;
	case OUTBOX_HELD_POOR:
		log_error("tx.poor",
			  "account=%s balance=%s min_balance=%" PRIu64
			  " text=\"send it ether: nothing is signed before\"",
			  account, u256_format_dec(wei, &s->balance),
			  s->config.min_balance_wei);
		break;
	case OUTBOX_HELD_FEE:
		log_error("tx.fee_above_cap",
			  "account=%s fee_cap=%" PRIu64
			  " text=\"the base fee is more than may be offered: "
			  "waiting for it to fall\"",
			  account, s->config.fee_cap_wei);
		break;
	}
}

static void look_at_hold(struct sender *s)
{
	enum outbox_hold hold = outbox_hold(s->outbox);

	if (s->hold == hold)
		return;
	s->hold = hold;
	metric_set(&held, hold != OUTBOX_FREE);
	metric_set(&stopped, hold == OUTBOX_HELD_OUTSIDER);
	tell_hold(s, hold);
	if (s->config.held)
		s->config.held(s->config.arg);
}

/* ---- durable, then sent ------------------------------------------------- */

static void show_sizes(const struct sender *s)
{
	struct outbox_sizes sizes = outbox_sizes(s->outbox);

	metric_set(&in_flight, (int64_t)sizes.in_flight);
	metric_set(&planned, (int64_t)sizes.planned);
}

void sender_commit(struct sender *s, enum err e)
{
	struct frame *f = s->config.frame;

	if (!e && f->writer)
		frame_push(f);
	if (!e)
		e = journal_commit(s->journal);
	if (e) {
		frame_stop(f, "journal.commit", e);
		return;
	}
	if (f->writer)
		frame_flush(f);
	sender_send_ready(s);
	show_sizes(s);
	/* What the log doesn't take isn't so: another copy may send. */
	if (!f->writer || !writer_waiting(f->writer))
		look_at_hold(s);
}

void sender_begin(struct sender *s)
{
	struct outbox_sizes sizes;

	s->ready = true;
	sizes = outbox_sizes(s->outbox);
	log_info("sender.ready", "next_nonce=%" PRIu64 " in_flight=%" PRIu64,
		 sizes.next_nonce, sizes.in_flight);
	if (s->config.ready)
		s->config.ready(s->config.arg);
	sender_flush(s);
}

void sender_flush(struct sender *s)
{
	if (s->ready)
		sender_commit(s, outbox_sign(s->outbox, &s->sink));
}

enum err sender_plan(struct sender *s, const struct outbox_intent *intent)
{
	return outbox_plan(s->outbox, intent);
}

enum outbox_fate sender_fate(const struct sender *s, const struct hash32 *id)
{
	return outbox_fate(s->outbox, id);
}

bool sender_intent_of(const struct sender *s, const struct hash32 *id,
		      uint8_t *kind, struct u64s *subjects)
{
	return outbox_intent_of(s->outbox, id, kind, subjects);
}

bool sender_is_about(const struct sender *s, uint8_t kind, uint64_t subject)
{
	return outbox_is_about(s->outbox, kind, subject);
}

/* ---- blocks ------------------------------------------------------------- */

static void ask_later(void *arg)
{
	struct sender *s = arg;

	s->receipts = NULL;
	sender_ask(s, s->doubts);
}

void sender_on_old_block(struct sender *s, const struct block_ref *block)
{
	if (!fork_count(s->blocks) || block->number == fork_next(s->blocks))
		fork_push(s->blocks, block);
}

void sender_on_block(struct sender *s, const struct block_ref *block,
		     const struct u256 *base_fee)
{
	outbox_set_block(s->outbox, block, base_fee);
	sender_on_old_block(s, block);
	if (s->ready && !s->receipts)
		s->receipts = loop_timer(s->config.frame->loop, ASK_RECEIPTS_MS,
					 true, ask_later, s);
	sender_flush(s);
}

void sender_on_rollback(struct sender *s, uint64_t number)
{
	if (fork_at(s->blocks, number))
		fork_pop_to(s->blocks, number);
	sender_commit(s, outbox_roll_back(s->outbox, &s->sink, number));
}

/* ---- starting ----------------------------------------------------------- */

enum err sender_new(struct sender **out, const struct sender_config *config)
{
	struct outbox_config outbox = {
		.chain_id = config->chain_id,
		.key = config->key,
		.in_flight_max = IN_FLIGHT_MAX,
		.tip = u256_from_u64(config->tip_wei),
		.fee_cap = u256_from_u64(config->fee_cap_wei),
		.final_depth = config->final_depth,
		.resend_after = RESEND_BLOCKS,
		.bump_after = config->bump_after,
		.min_balance = u256_from_u64(config->min_balance_wei),
		.outsiders = config->outsiders,
		.adopt_nonce = config->adopt_nonce};
	struct metric *metrics[] = {&in_flight, &planned, &bumped,
				    &cancelled, &held,	  &stopped};
	struct sender *s = calloc(1, sizeof *s);
	enum err e;

	if (!s)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
		metric_register(metrics[i]);
	sender_send_register();
	sender_ask_register();
	s->sink.put = sink_put;
	s->config = *config;
	e = fork_new(&s->blocks, config->final_depth + 1, 0);
	if (!e)
		e = outbox_new(&s->outbox, &outbox);
	if (!e)
		e = restore(s);
	if (e)
		sender_free(&s);
	else
		sender_ask(s, true);
	*out = s;
	return e;
}

void sender_free(struct sender **sender)
{
	struct sender *s = *sender;

	if (!s)
		return;
	loop_timer_cancel(s->config.frame->loop, &s->again);
	loop_timer_cancel(s->config.frame->loop, &s->receipts);
	sender_send_free(s);
	free(s->questions);
	journal_close(&s->journal);
	outbox_free(&s->outbox);
	fork_free(&s->blocks);
	buf_free(&s->sink.scratch);
	free(s);
	*sender = NULL;
}

const struct address *sender_address(const struct sender *s)
{
	return outbox_sender(s->outbox);
}

struct outbox_sizes sender_sizes(const struct sender *s)
{
	return outbox_sizes(s->outbox);
}

bool sender_is_ready(const struct sender *s)
{
	return s->ready;
}
