/* What an audit has to say: what was looked at, and the first difference. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "services/kalypso/audit.h"

static const char *const kinds[] = {[FINDING_NONE] = "none",
				    [FINDING_RECORD] = "record",
				    [FINDING_EXTRA] = "extra",
				    [FINDING_ROOT] = "root",
				    [FINDING_TASK] = "task"};

/* ---- records as JSON ---------------------------------------------------- */

/* NULL, which is null, for a record that isn't there. */
static json_t *record_json(uint16_t type, const struct buf *body)
{
	struct buf text = {0};
	json_t *v;

	if (!type)
		return NULL;
	if (msg_json(&text, type, buf_bytes(body))) {
		buf_clear(&text);
		buf_printf(&text,
			   "{\"type\":\"unreadable\",\"number\":%u,"
			   "\"bytes\":\"",
			   type);
		buf_put_hex(&text, body->data, body->size);
		buf_put_text(&text, "\"}");
	}
	v = json_loadb((const char *)text.data, text.size, 0, NULL);
	buf_free(&text);
	return v;
}

static json_t *id_json(uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, v);
	return json_string(text);
}

static json_t *decided_json(const struct finding *f)
{
	struct u256 price = u256_from_u128(f->decided.price);
	char generator[ADDRESS_ROOM], root[HASH32_ROOM], units[U256_DEC_ROOM];

	if (!f->decision)
		return NULL;
	return json_pack("{so so ss ss sI so ss}", "decision",
			 id_json(f->decision), "request_id",
			 id_json(f->decided.request_id), "generator",
			 address_format(generator, &f->decided.generator),
			 "price", u256_format_dec(units, &price),
			 "response_time", (json_int_t)f->decided.response_time,
			 "valid_until", id_json(f->decided.valid_until), "root",
			 hash32_format(root, &f->decided.root));
}

static json_t *derived_json(const struct finding *f)
{
	if (f->kind == FINDING_ROOT || f->kind == FINDING_TASK)
		return decided_json(f);
	return record_json(f->derived_type, &f->derived);
}

/* ---- the first difference ----------------------------------------------- */

static const char *finding_text(const struct finding *f)
{
	switch (f->kind) {
	case FINDING_NONE:
		return "nothing";
	case FINDING_RECORD:
		return "the record isn't what the chain gives";
	case FINDING_EXTRA:
		return "the chain gives no such record";
	case FINDING_ROOT:
		return f->decision ? "a batch published a root that isn't the "
				     "rule's"
				   : "a batch published a root for decisions "
				     "that the rule didn't make";
	case FINDING_TASK:
		return f->decision ? "a task was given out otherwise than the "
				     "rule decided, or too late"
				   : "a task was given out that the rule "
				     "didn't decide on";
	}
	return "";
}

static void say_record(struct cli_out *o, const char *who, json_t *record)
{
	char *text = record ? json_dumps(record, JSON_INDENT(2)) : NULL;

	cli_say(o, "%s: %s", who, text ? text : "nothing");
	free(text);
}

static void put_finding(struct audit *a, const struct finding *f)
{
	json_t *derived = derived_json(f);
	json_t *given = record_json(f->given_type, &f->given);
	struct cli_out *o = a->cli->out;

	cli_say(o, "%s", "");
	cli_say(o, "The first difference, in block %" PRIu64 ":", f->block);
	say_record(o, "what should be", derived);
	say_record(o, "what is", given);
	cli_put_json(o, "difference",
		     json_pack("{ss ss ss so so so so so}", "kind",
			       kinds[f->kind], "what", finding_text(f), "log",
			       rederive_names[f->log], "number",
			       id_json(f->number), "block", id_json(f->block),
			       "chain_number", id_json(f->chain_number),
			       "derived", derived ? derived : json_null(),
			       "recorded", given ? given : json_null()));
}

/* ---- the rest ----------------------------------------------------------- */

static void put_chain(struct audit *a)
{
	const struct audit_source *s = &a->sources[0];
	const struct rederive *r = &a->rederive;
	struct cli_out *o = a->cli->out;

	cli_put_bool(o, "agrees", "Agrees", !r->first.kind);
	cli_put_text(o, "source", "Chain log", s->name);
	cli_put_id(o, "chain_id", "Chain", s->file.origin.chain_id);
	cli_put_address(o, "marketplace", "Marketplace",
			&s->file.origin.marketplace);
	cli_put_id(o, "first_block", "From block", s->file.origin.start_block);
	cli_put_id(o, "last_block", "To block", r->tip.number);
	cli_put_hash(o, "last_hash", "Its hash", &r->tip.hash);
	cli_put_id(o, "entries", "Entries", r->chain_number);
	cli_put_id(o, "passed_over", r->passed_over ? "Unreadable" : NULL,
		   r->passed_over);
}

static void put_rule(struct audit *a)
{
	const struct match_rule *rule = &a->config.rule;
	struct cli_out *o = a->cli->out;

	cli_say(o, "%s", "");
	cli_begin(o, "rule");
	cli_put_number(o, "version", "Rule", MATCH_RULE_VERSION);
	cli_put_seconds(o, "match_lifetime", "Match lifetime",
			rule->lifetime_s);
	cli_put_number(o, "task_limit", "Task limit", rule->task_limit);
	cli_put_number(o, "spread_members", "Spread members",
		       rule->spread_members);
	cli_put_number(o, "cooling_max", "Cooling, at most", rule->cooling_max);
	cli_end(o);
}

static void put_logs(struct audit *a)
{
	struct cli_out *o = a->cli->out;

	cli_say(o, "%s", "");
	cli_begin_list(o, "logs", "");
	for (unsigned i = 0; i < REDERIVE_LOGS; i++) {
		const struct rederive_count c = rederive_count(&a->rederive, i);
		const struct audit_source *s = a->given[i];

		cli_begin(o, NULL);
		cli_put_text(o, "log", "Log", rederive_names[i]);
		cli_put_id(o, "derived", "Derived", c.derived);
		cli_put_id(o, "compared", "Compared", c.compared);
		cli_put_id(o, "beyond", "Beyond", c.beyond);
		cli_put_json(o, "with", s ? json_string(s->name) : NULL);
		cli_put_text(o, NULL, "With", s ? s->name : "-");
		cli_end(o);
	}
	cli_end(o);
}

static void put_acts(struct audit *a)
{
	const struct judge *r = &a->rederive.judge;
	struct cli_out *o = a->cli->out;

	cli_say(o, "%s", "");
	cli_put_id(o, "decisions", "Decisions", r->decided.count);
	cli_put_id(o, "roots", "Roots published", r->roots);
	cli_put_id(o, "roots_wrong", "Wrong ones", r->bad_roots);
	cli_put_id(o, "tasks", "Tasks given out", r->tasks);
	cli_put_id(o, "tasks_wrong", "Against the rule", r->bad_tasks);
}

/* Entries that are newer than the chain that was read are no difference, but
 * were not looked at either. */
static void note_beyond(const struct audit *a)
{
	for (unsigned i = 0; i < REDERIVE_LOGS; i++) {
		uint64_t beyond = rederive_count(&a->rederive, i).beyond;

		if (beyond)
			cli_note("%" PRIu64 " entries of the %s log of %s are "
				 "beyond the chain that was read, and were "
				 "not looked at",
				 beyond, rederive_names[i], a->given[i]->name);
	}
}

enum cli_exit audit_say(struct audit *a)
{
	const struct finding *f = &a->rederive.first;

	put_chain(a);
	put_rule(a);
	put_logs(a);
	put_acts(a);
	if (!f->kind) {
		cli_put_json(a->cli->out, "difference", NULL);
		note_beyond(a);
		return CLI_OK;
	}
	put_finding(a, f);
	return cli_fail(a->cli, CLI_FAILED,
			"%s log, entry %" PRIu64 " (block %" PRIu64 "): %s",
			rederive_names[f->log], f->number, f->block,
			finding_text(f));
}
