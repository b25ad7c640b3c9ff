/* An audit from end to end. rederive.h is what it does. */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "services/kalypso/audit.h"
#include "services/kalypso/logs.h"
#include "services/kalypso/terminal.h"

enum {
	DEPTH = 256,	       /* as the services' --depth */
	SHOWN_EVERY = 1 << 16, /* entries */
};

/* ---- from entry to entry ------------------------------------------------ */

/* The header says what the log is of; so does the log. */
static enum cli_exit check_opened(struct audit *a,
				  const struct logfile_log *log)
{
	const struct audit_source *s = &a->sources[0];
	struct logfile_place at = logfile_begin(log);
	struct logfile_origin says;
	struct msg_chain_opened m;
	struct entry e;

	if (log->first != 1 || !logfile_next(&at, &e) ||
	    e.type != MSG_CHAIN_OPENED || msg_chain_opened_decode(&m, e.body))
		return cli_fail(a->cli, CLI_USAGE,
				"the chain log of %s doesn't begin at its "
				"beginning",
				s->name);
	says = (struct logfile_origin){.chain_id = m.chain_id,
				       .genesis = m.genesis,
				       .start_block = m.start_block,
				       .marketplace = m.marketplace,
				       .registry = m.registry,
				       .keys = m.keys};
	if (logfile_same_chain(&says, &s->file.origin))
		return CLI_OK;
	return cli_fail(a->cli, CLI_USAGE,
			"%s: the header says another chain or other contracts "
			"than entry 1 of the chain log",
			s->name);
}

static enum cli_exit ended(struct audit *a, enum err e)
{
	const struct rederive *r = &a->rederive;

	if (!e || r->differs)
		return CLI_OK; /* told with the rest */
	if (e == ERR_FINALITY)
		return cli_fail(a->cli, CLI_USAGE,
				"entry %" PRIu64 " of the chain log rolls back "
				"more than %u blocks: give the services' "
				"--depth",
				r->chain_number, a->config.depth);
	return cli_fail(a->cli, CLI_FAILED,
			"entry %" PRIu64 " of the chain log (block %" PRIu64
			"): %s",
			r->chain_number, r->block,
			e == ERR_CONFLICT ? "it contradicts what came before"
					  : err_text(e));
}

static enum cli_exit feed(struct audit *a, struct branch *chain, uint64_t last)
{
	struct rederive *r = &a->rederive;
	enum cli_exit x = CLI_OK;
	enum err e = ERR_NONE;
	struct entry entry;
	uint64_t n = 0;

	while (!x && !e && branch_next(chain, &entry)) {
		e = rederive_entry(r, &entry);
		if (++n % SHOWN_EVERY)
			continue;
		x = cli_poll_interrupt(a->cli);
		cli_progress("audit: entry %" PRIu64 " of %" PRIu64
			     ", block %" PRIu64,
			     entry.number, last, r->tip.number);
	}
	cli_progress_clear();
	if (!x && !e)
		e = rederive_end(r);
	return x ? x : ended(a, e);
}

static enum cli_exit cant_cut(struct audit *a, enum err e)
{
	return cli_fail(a->cli, e == ERR_MALFORMED ? CLI_USAGE : CLI_FAILED,
			"a log can't be read as blocks and roll-backs: %s",
			err_text(e));
}

static enum cli_exit run(struct audit *a)
{
	const struct logfile_log *log =
		logfile_find(&a->sources[0].file, "chain");
	struct branch chain = {.cuts = NULL};
	enum cli_exit x;
	enum err e;

	if (!log)
		return cli_fail(a->cli, CLI_USAGE, "%s has no chain log",
				a->sources[0].name);
	x = check_opened(a, log);
	if (x)
		return x;
	e = rederive_new(&a->rederive, &a->config);
	if (!e)
		e = branch_open(&chain, log, UINT64_MAX, a->config.counts_only);
	x = e ? cant_cut(a, e) : feed(a, &chain, log->last);
	branch_free(&chain);
	return x;
}

/* ---- checksums, meanwhile, on another processor ------------------------- */

struct hashing {
	const struct logfile *files[AUDIT_SOURCES_MAX];
	const char *names[AUDIT_SOURCES_MAX];
	unsigned count;
	const char *bad; /* the name of one that was altered */
	struct logfile_flaw flaw;
};

static void *hash_files(void *arg)
{
	struct hashing *h = arg;

	for (unsigned i = 0; i < h->count && !h->bad; i++)
		if (logfile_check(h->files[i], &h->flaw))
			h->bad = h->names[i];
	return NULL;
}

/* A file that was altered is refused, whatever was found in it. */
static enum cli_exit run_and_hash(struct audit *a)
{
	struct hashing h = {.count = 0};
	bool apart;
	pthread_t thread;
	enum cli_exit x;

	for (unsigned i = 0; i < a->count; i++) {
		if (!a->sources[i].named)
			continue;
		h.files[h.count] = &a->sources[i].file;
		h.names[h.count++] = a->sources[i].name;
	}
	apart = h.count && !pthread_create(&thread, NULL, hash_files, &h);
	x = run(a);
	if (apart)
		pthread_join(thread, NULL);
	else
		hash_files(&h);
	return x || !h.bad ? x : cli_flawed(a->cli, h.bad, &h.flaw);
}

/* ---- the command -------------------------------------------------------- */

static enum cli_exit check_options(struct cli *cli,
				   const struct audit_options *o)
{
	if (o->from && (o->keep || o->until.given))
		return cli_fail(cli, CLI_USAGE,
				"--keep and --until-block are for a chain log "
				"that comes from the node, not with --from");
	if (o->depth.given && (o->depth.v < 1 || o->depth.v > UINT16_MAX))
		return cli_fail(cli, CLI_USAGE, "--depth is 1 to 65535");
	return CLI_OK;
}

static enum cli_exit audit(struct cli *cli, const void *options)
{
	const struct audit_options *o = options;
	struct audit *a = cli_alloc(sizeof *a);
	enum cli_exit x = check_options(cli, o);

	a->cli = cli;
	a->options = o;
	a->config.apart = true;
	a->config.depth = o->depth.given ? (unsigned)o->depth.v : DEPTH;
	if (!x)
		x = audit_open(a);
	if (!x)
		x = run_and_hash(a);
	if (!x)
		x = audit_say(a);
	rederive_free(&a->rederive);
	audit_close(a);
	free(a);
	return x;
}

/* ---- the table ---------------------------------------------------------- */

/* clang-format off */
static const struct cli_option audit_rows[] = {
	CLI_OPTION(audit_options, TEXT, from, "from", "FILE", "the chain log is in this file [it is read from the node]; book and match log in it are compared with", false),
	CLI_OPTION(audit_options, TEXTS, with, "with", "FILE", "compare with the logs in this file; may be given several times", false),
	CLI_OPTION(audit_options, FLAG, live, "live", NULL, "compare with the logs in Redis (--redis, --name)", false),
	CLI_OPTION(audit_options, FLAG, canonical, "canonical", NULL, "leave out what was rolled back, so that logs of different engines can be compared [with a chain log from the node: always]", false),
	CLI_OPTION(audit_options, TEXT, keep, "keep", "FILE", "keep the chain log that the node gave, for --from", false),
	CLI_OPTION(audit_options, NUMBER, until, "until-block", "N", "up to this block [the newest]", false),
	CLI_OPTION(audit_options, NUMBER, depth, "depth", "N", "blocks that a roll-back may take back [256]", false),
	CLI_OPTION(audit_options, SECONDS, lifetime, "match-lifetime", "TIME", "the rule's parameter, as it should be [what the match log says, or 30s]", false),
	CLI_OPTION(audit_options, NUMBER, task_limit, "task-limit", "N", "likewise [or 100]", false),
	CLI_OPTION(audit_options, NUMBER, spread_members, "spread-members", "N", "likewise [or 8]", false),
	CLI_OPTION(audit_options, NUMBER, cooling_max, "cooling-max", "BLOCKS", "likewise [or 256]", false),
	{0}};

const struct cli_command cli_audit_commands[] = {
	{.noun = "audit", .args = "",
	 .needs = CLI_TAKES_CHAIN | CLI_NEEDS_REDIS | CLI_NEEDS_PATIENCE,
	 .summary = "derive book and match log again, and compare",
	 .more = "Reads what the chain said, from a node or an exported file, lets the same cores as the services decide again, and compares: each record with the logs that are given (--from, --with, --live), each root that a batch published on chain, each task that was given out. Redis isn't needed but for --live. docs/audit.md says what that proves.\n\nStatus 0: all of it agrees. 1: something differs; the first difference is shown. 2: a file is cut off, altered, of another chain or of another version; the place in it is named.",
	 .examples = "  kalypso audit\n  kalypso audit --live\n  kalypso audit --with=market.logs --until-block=19000000\n  kalypso audit --from=market.logs --json\n",
	 .options = audit_rows, .options_size = sizeof(struct audit_options), .run = audit},
	{0}};
/* clang-format on */
