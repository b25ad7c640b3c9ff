/* What an audit reads: files, Redis, the node; what it compares with what. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "services/kalypso/audit.h"
#include "services/kalypso/chainlog.h"
#include "services/kalypso/logs.h"

enum { STALL_S = 60 };

/* ---- where the logs come from ------------------------------------------- */

static enum cli_exit open_source(struct audit *a, const char *path)
{
	struct audit_source *s = &a->sources[a->count];

	s->name = path;
	s->named = true;
	a->count++;
	return cli_open_file(a->cli, &s->file, path);
}

static enum cli_exit open_made(struct audit *a, struct audit_source *s)
{
	struct logfile_flaw flaw;

	return logfile_reopen(&s->file, s->writer, &flaw)
		       ? cli_flawed(a->cli, s->name, &flaw)
		       : CLI_OK;
}

/* The logs of a Redis are read at once: what is compared is one moment. */
static enum cli_exit open_live(struct audit *a)
{
	struct audit_source *s = &a->sources[a->count++];
	struct store *store;
	enum cli_exit x = cli_open_store(a->cli, &store);

	s->name = "Redis";
	if (!x)
		x = cli_fetch_logs(a->cli, store, rederive_names, REDERIVE_LOGS,
				   NULL, &s->writer);
	store_close(&store);
	return x ? x : open_made(a, s);
}

static enum cli_exit read_node(struct audit *a)
{
	const struct audit_options *o = a->options;
	struct cli *cli = a->cli;
	struct audit_source *s = &a->sources[0];
	struct chainlog_config config = {.path = o->keep,
					 .depth = a->config.depth};
	enum cli_exit x = cli_open_chain(cli);

	if (x)
		return x;
	s->name = "the node";
	config.until = o->until.given ? o->until.v : cli->head;
	config.stall_ms =
		(unsigned)(cli->common.timeout.given ? cli->common.timeout.v
						     : STALL_S) *
		1000;
	if (config.until > cli->head ||
	    config.until < cli->contracts.start_block)
		return cli_fail(cli, CLI_USAGE,
				"--until-block: the contracts' first block is "
				"%" PRIu64 ", the newest one %" PRIu64,
				cli->contracts.start_block, cli->head);
	x = cli_read_chain(cli, &config, &s->writer);
	return x ? x : open_made(a, s);
}

/* What is compared with is read first, so that the chain has all of it. */
static enum cli_exit open_sources(struct audit *a)
{
	const struct audit_options *o = a->options;
	enum cli_exit x = CLI_OK;

	a->count = 1;
	if (o->from) {
		a->count = 0;
		x = open_source(a, o->from);
	}
	if (!x && o->live)
		x = open_live(a);
	for (size_t i = 0; !x && i < o->with.count; i++)
		x = open_source(a, o->with.v[i]);
	return x || o->from ? x : read_node(a);
}

static enum cli_exit check_sources(struct audit *a)
{
	const struct audit_source *chain = &a->sources[0];
	enum cli_exit x =
		cli_check_origin(a->cli, &chain->file.origin, chain->name);

	for (unsigned i = 1; !x && i < a->count; i++)
		if (!logfile_same_chain(&chain->file.origin,
					&a->sources[i].file.origin))
			x = cli_fail(a->cli, CLI_USAGE,
				     "the logs of %s are of another chain, of "
				     "other contracts or of another first "
				     "block than those of %s",
				     a->sources[i].name, chain->name);
	return x;
}

/* ---- what is compared with what ----------------------------------------- */

/* The first that has it; the chain log isn't compared with itself. */
static void choose_given(struct audit *a)
{
	for (unsigned k = 0; k < REDERIVE_LOGS; k++) {
		for (unsigned i = 0; i < a->count; i++) {
			/* --live and --with count before --from. */
			const struct audit_source *s =
				&a->sources[(i + 1) % a->count];
			const struct logfile_log *l =
				logfile_find(&s->file, rederive_names[k]);

			if (!l || l->first != 1 ||
			    (k == REDERIVE_CHAIN && s == &a->sources[0]))
				continue;
			a->given[k] = s;
			a->config.given[k] = l;
			break;
		}
	}
	a->config.counts_only = a->options->canonical || !a->options->from;
	a->config.closed = !a->config.counts_only;
	for (unsigned k = 0; k < REDERIVE_LOGS; k++)
		if (a->given[k] && a->given[k] != &a->sources[0])
			a->config.closed = false;
}

static void set(uint32_t *member, const struct cli_number *option)
{
	if (option->given)
		*member = option->v > UINT32_MAX ? UINT32_MAX
						 : (uint32_t)option->v;
}

/* The rule is the match log's own, as far as the options don't say what it
 * should be. */
static enum cli_exit choose_rule(struct audit *a)
{
	const struct logfile_log *log = a->config.given[REDERIVE_MATCH];
	const struct audit_options *o = a->options;
	struct match_rule *rule = &a->config.rule;
	struct logfile_place at;
	struct msg_rule_set m;
	struct entry e;

	*rule = MATCH_RULE_DEFAULT;
	if (log && log->last) {
		at = logfile_begin(log);
		if (!logfile_next(&at, &e) || e.type != MSG_RULE_SET ||
		    msg_rule_set_decode(&m, e.body))
			return cli_fail(a->cli, CLI_USAGE,
					"the match log of %s doesn't begin "
					"with a rule",
					a->given[REDERIVE_MATCH]->name);
		if (m.version != MATCH_RULE_VERSION)
			return cli_fail(a->cli, CLI_USAGE,
					"the match log of %s follows version "
					"%" PRIu32 " of the rule, this "
					"program version %d: audit it with "
					"the release that made it",
					a->given[REDERIVE_MATCH]->name,
					m.version, MATCH_RULE_VERSION);
		*rule = (struct match_rule){m.match_lifetime, m.task_limit,
					    m.spread_members, m.cooling_max};
	}
	set(&rule->lifetime_s, &o->lifetime);
	set(&rule->task_limit, &o->task_limit);
	set(&rule->spread_members, &o->spread_members);
	set(&rule->cooling_max, &o->cooling_max);
	return CLI_OK;
}

/* ---- both ends ---------------------------------------------------------- */

enum cli_exit audit_open(struct audit *a)
{
	enum cli_exit x = open_sources(a);

	if (!x)
		x = check_sources(a);
	if (x)
		return x;
	choose_given(a);
	return choose_rule(a);
}

void audit_close(struct audit *a)
{
	for (unsigned i = 0; i < AUDIT_SOURCES_MAX; i++) {
		logfile_close(&a->sources[i].file);
		logfile_writer_free(&a->sources[i].writer);
	}
}
