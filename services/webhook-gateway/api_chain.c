/* The chain, the logs' entries, and what the services say of themselves. */
#include <string.h>

#include "common/quarantine.h"
#include "services/webhook-gateway/api_impl.h"
#include "services/webhook-gateway/entry.h"

enum {
	EVENTS = 100,
	EVENTS_MAX = 1000,
	EVENTS_CHUNK = 32,	/* an entry may have a megabyte */
	EVENTS_BYTES = 1 << 20, /* a page ends when it has so many */
	STATUS_AGE_US = 1000 * 1000,
	INSTANCE_ROOM = 64,
};

/* Those that say how they are: who writes a log, and we. */
static const char *const services[] = {
#define SERVICE(folder, noun)
#define LINK(name, number, writer, meaning) writer,
#include "protocol/messages/links.def"
	"webhook-gateway",
};

enum { SERVICES = sizeof services / sizeof services[0] };

/* ---- chain -------------------------------------------------------------- */

static void show_contracts(struct doc *d, const struct msg_chain_opened *o)
{
	doc_object(d, "contracts");
	doc_address(d, "marketplace", &o->marketplace);
	doc_address(d, "registry", &o->registry);
	doc_address(d, "keys", &o->keys);
	doc_end(d);
}

static void show_tip(struct doc *d, const struct view *v)
{
	const struct view_log *chain = view_log(v, LOGS_CHAIN);

	if (chain->seq)
		doc_block(d, "tip", &chain->block);
	else
		doc_null(d, "tip");
}

static void show_logs(struct doc *d, const struct view *v)
{
	doc_object(d, "logs");
	for (int log = 0; log < LOGS_COUNT; log++) {
		const struct view_log *l = view_log(v, log);

		doc_object(d, logs_name(log));
		doc_count(d, "newest", l->taken);
		doc_count(d, "seq", l->seq);
		if (l->seq && log <= LOGS_MATCH)
			doc_block(d, "block", &l->block);
		else
			doc_null(d, "block");
		doc_end(d);
	}
	doc_end(d);
}

static uint64_t blocks_behind(uint64_t at, uint64_t tip)
{
	return tip > at ? tip - at : 0;
}

/* Blocks by which each of the logs that follow the chain's is behind it: the
 * engine is at work, or stands still. */
static void show_lags(struct doc *d, const struct view *v)
{
	uint64_t tip = view_log(v, LOGS_CHAIN)->block.number;

	doc_object(d, "lag");
	for (int log = LOGS_BOOK; log <= LOGS_MATCH; log++) {
		doc_count(d, logs_name(log),
			  blocks_behind(view_log(v, log)->block.number, tip));
	}
	doc_end(d);
}

static void show_rollbacks(struct doc *d, const struct view_chain *chain)
{
	doc_object(d, "rollbacks");
	doc_count(d, "count", chain->rollbacks);
	if (chain->rollbacks) {
		doc_object(d, "last");
		doc_count(d, "seq", chain->rollback_seq);
		doc_block(d, "from", &chain->rollback_from);
		doc_block(d, "to", &chain->rollback_to);
		doc_count(d, "depth",
			  blocks_behind(chain->rollback_to.number,
					chain->rollback_from.number));
		doc_end(d);
	} else {
		doc_null(d, "last");
	}
	doc_end(d);
}

static void show_rule(struct doc *d, const struct msg_rule_set *r)
{
	if (!r->version) {
		doc_null(d, "rule");
		return;
	}
	doc_object(d, "rule");
	doc_count(d, "version", r->version);
	doc_count(d, "match_lifetime", r->match_lifetime);
	doc_count(d, "task_limit", r->task_limit);
	doc_count(d, "spread_members", r->spread_members);
	doc_count(d, "cooling_max", r->cooling_max);
	doc_end(d);
}

static void show_token(struct doc *d, const char *key,
		       const struct api_token *t)
{
	doc_object(d, key);
	doc_count(d, "decimals", t->decimals);
	doc_text(d, "symbol", t->symbol);
	doc_end(d);
}

void get_chain(struct call *c)
{
	const struct view_chain *chain = view_chain(c->view);
	struct doc *d = &c->doc;

	call_begin(c);
	doc_id(d, "chain_id", chain->opened.chain_id);
	doc_id(d, "epoch", c->api->is.epoch);
	doc_hash(d, "genesis", &chain->opened.genesis);
	doc_id(d, "start_block", chain->opened.start_block);
	show_contracts(d, &chain->opened);
	doc_object(d, "tokens");
	show_token(d, "payment", &c->api->is.payment);
	show_token(d, "stake", &c->api->is.stake);
	doc_end(d);
	show_tip(d, c->view);
	doc_amount(d, "base_fee", &chain->base_fee);
	show_logs(d, c->view);
	show_lags(d, c->view);
	show_rollbacks(d, chain);
	doc_count(d, "unreadable_events", chain->unreadable);
	show_rule(d, &chain->rule);
	call_end(c);
}

/* ---- events ------------------------------------------------------------- */

struct events {
	struct call *call;
	enum logs log;
};

static enum err add_event(void *arg, const struct entry *entry)
{
	struct events *e = arg;
	struct doc *d = &e->call->doc;

	doc_name(d, NULL);
	entry_json(d->out, e->log, entry);
	d->more = true;
	return ERR_NONE;
}

static bool read_log(struct call *c, enum logs *log)
{
	const char *name = call_arg(c, "log");

	*log = name ? logs_find(name) : LOGS_COUNT;
	if (*log < LOGS_COUNT)
		return true;
	api_problem(c->answer, 400, "Bad parameter",
		    "%.96s: log is one of chain, book, match, task, slash",
		    c->request->path);
	return false;
}

void get_events(struct call *c)
{
	struct events e = {.call = c};
	uint64_t from, limit, next;
	enum err err = ERR_NONE;

	if (!read_log(c, &e.log) ||
	    !call_number(c, "from", 1, UINT64_MAX, 1, &from) ||
	    !call_number(c, "limit", 1, EVENTS_MAX, EVENTS, &limit) ||
	    !call_store(c))
		return;
	call_begin(c);
	doc_text(&c->doc, "log", logs_name(e.log));
	doc_id(&c->doc, "epoch", c->api->is.epoch);
	doc_array(&c->doc, "events");
	for (next = from; limit && c->answer->body.size < EVENTS_BYTES;) {
		unsigned chunk =
			limit < EVENTS_CHUNK ? (unsigned)limit : EVENTS_CHUNK;
		uint64_t at = next;

		err = store_read(c->api->is.store, logs_name(e.log), at, chunk,
				 &next, add_event, &e);
		if (err || next - at < chunk)
			break;
		limit -= chunk;
	}
	if (err) {
		call_store_failed(c, err);
		return;
	}
	doc_end_array(&c->doc);
	doc_count(&c->doc, "next", next);
	doc_end(&c->doc);
}

/* ---- status ------------------------------------------------------------- */

struct told {
	struct call *call;
	const char *service, *instance;
	bool there;
};

static const char *pair(const char *const *pairs, size_t count,
			const char *name)
{
	for (size_t i = 0; i + 1 < count; i += 2)
		if (strcmp(pairs[i], name) == 0)
			return pairs[i + 1];
	return "";
}

/* Blocks that it is behind the newest of the chain log. */
static void show_lag(struct doc *d, const struct view *v, const char *block)
{
	uint64_t tip = view_log(v, LOGS_CHAIN)->block.number, at = 0;

	if (!*block) {
		doc_null(d, "block");
		doc_null(d, "lag");
		return;
	}
	for (const char *p = block; *p >= '0' && *p <= '9'; p++)
		at = 10 * at + (uint64_t)(*p - '0');
	doc_id(d, "block", at);
	doc_count(d, "lag", blocks_behind(at, tip));
}

/* Where its process is, and what has members of its own. */
static bool is_shown_elsewhere(const char *name)
{
	static const char *const names[] = {"pid", "admin_port", "ready",
					    "why", "version",	 "block",
					    "up_s"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void show_service(void *arg, const char *who, const char *const *pairs,
			 size_t count)
{
	struct told *t = arg;
	struct doc *d = &t->call->doc;

	(void)who;
	t->there = true;
	doc_object(d, NULL);
	doc_text(d, "service", t->service);
	doc_text(d, "instance", t->instance);
	doc_bool(d, "ready", strcmp(pair(pairs, count, "ready"), "true") == 0);
	doc_text(d, "why", pair(pairs, count, "why"));
	doc_text(d, "version", pair(pairs, count, "version"));
	doc_text(d, "up_s", pair(pairs, count, "up_s"));
	show_lag(d, t->call->view, pair(pairs, count, "block"));
	doc_object(d, "details");
	for (size_t i = 0; i + 1 < count; i += 2)
		if (!is_shown_elsewhere(pairs[i]))
			doc_text(d, pairs[i], pairs[i + 1]);
	doc_end(d);
	doc_end(d);
}

/* The instances of one service that are alive; *any: there is one. */
static enum err show_instances(struct call *c, const char *service, bool *any)
{
	const char *p = c->api->is.instances;
	enum err e = ERR_NONE;

	*any = false;
	while (!e && *p) {
		char instance[INSTANCE_ROOM] = "";
		size_t size = strcspn(p, ",");
		struct told t = {c, service, instance, false};

		if (size < sizeof instance) {
			memcpy(instance, p, size);
			e = store_status_of(c->api->is.store, service, instance,
					    show_service, &t);
		}
		*any = *any || t.there;
		p += size + (p[size] == ',');
	}
	return e;
}

static enum err show_quarantine(struct call *c)
{
	enum err e = ERR_NONE;

	doc_object(&c->doc, "quarantine");
	for (int i = 0; i < SERVICES && !e; i++) {
		uint64_t count = 0;

		e = quarantine_count(c->api->is.store, services[i], &count);
		doc_count(&c->doc, services[i], count);
	}
	doc_end(&c->doc);
	return e;
}

static enum err show_status(struct call *c)
{
	bool there[SERVICES];
	enum err e = ERR_NONE;

	call_begin(c);
	show_tip(&c->doc, c->view);
	doc_array(&c->doc, "services");
	for (int i = 0; i < SERVICES && !e; i++)
		e = show_instances(c, services[i], &there[i]);
	doc_end_array(&c->doc);
	doc_array(&c->doc, "absent");
	for (int i = 0; i < SERVICES && !e; i++)
		if (!there[i])
			doc_text(&c->doc, NULL, services[i]);
	doc_end_array(&c->doc);
	if (!e)
		e = show_quarantine(c);
	doc_end(&c->doc);
	return e;
}

void get_status(struct call *c)
{
	struct api *a = c->api;
	struct buf *body = &c->answer->body;
	enum err e;

	c->answer->cache_control = "no-store";
	if (!a->status.size ||
	    c->request->now_us - a->status_us > STATUS_AGE_US) {
		if (!call_store(c))
			return;
		buf_clear(&a->status);
		e = show_status(c);
		if (e) {
			call_store_failed(c, e);
			return;
		}
		a->status_us = c->request->now_us;
		buf_put(&a->status, body->data, body->size);
		return;
	}
	buf_put(body, a->status.data, a->status.size);
}
