/* argp, fed from tables; the environment where a flag is missing. */
#include "services/kalypso/args.h"

#include <argp.h>
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "services/kalypso/text.h"

enum {
	KEY_FIRST = 0x1000, /* argp keys of rows; below are characters */
	ROWS_MAX = 64,
	GROUPS_MAX = 6,
	HELP_ROOM = 320,
};

#define COMMON(sort, member, flag, value, what, variable)                      \
	{                                                                      \
		.name = flag, .kind = CLI_##sort,                              \
		.offset = offsetof(struct cli_common, member), .arg = value,   \
		.meaning = what, .env = variable                               \
	}

/* clang-format off */
static const struct cli_option output_rows[] = {
	COMMON(FLAG, json, "json", NULL, "say it as one JSON document", NULL),
	{0}};

static const struct cli_option market_file_rows[] = {
	COMMON(TEXT, market_file, "market-file", "FILE", "a local market: node, contracts, gateway and development keys in one file", "KALYPSO_MARKET"),
	{0}};

static const struct cli_option node_rows[] = {
	COMMON(TEXT, rpc, "rpc", "URL[,URL]", "Ethereum node; the next one is asked when one fails", "KALYPSO_RPC"),
	{0}};

static const struct cli_option contracts_rows[] = {
	COMMON(TEXT, contracts, "contracts", "FILE", "addresses of the contracts, as `kalypso deploy` wrote them", "KALYPSO_CONTRACTS"),
	{0}};

static const struct cli_option gateway_rows[] = {
	COMMON(TEXT, gateway, "gateway", "URL", "webhook-gateway of the market", "KALYPSO_GATEWAY"),
	{0}};

static const struct cli_option redis_rows[] = {
	COMMON(TEXT, redis, "redis", "URL", "Redis of the market's services: redis://[USER@]HOST[:PORT] or unix:[USER@]PATH", "KALYPSO_REDIS"),
	COMMON(TEXT, redis_password_file, "redis-password-file", "FILE", "its password, if it wants one; else $KALYPSO_REDIS_PASSWORD is", "KALYPSO_REDIS_PASSWORD_FILE"),
	COMMON(TEXT, name, "name", "NAME", "the deployment's name there [local]", "KALYPSO_NAME"),
	{0}};

static const struct cli_option account_rows[] = {
	COMMON(TEXT, keystore, "keystore", "FILE", "key of the account, as a v3 keystore", NULL),
	COMMON(TEXT, password_file, "password-file", "FILE", "the keystore's password is its first line; else it is asked for", "KALYPSO_PASSWORD_FILE"),
	COMMON(TEXT, from_env, "from-env", "NAME", "key of the account from this environment variable", NULL),
	COMMON(TEXT, as, "as", "ROLE", "key of the account from the market file: requester, generator, generator:2 (the third) …", NULL),
	{0}};

static const struct cli_option password_rows[] = {
	COMMON(TEXT, password_file, "password-file", "FILE", "the password is its first line; else it is asked for", "KALYPSO_PASSWORD_FILE"),
	{0}};

static const struct cli_option send_rows[] = {
	COMMON(FLAG, dry_run, "dry-run", NULL, "simulate, and say what would be sent", NULL),
	COMMON(ADDRESS, from, "from", "ADDRESS", "with --dry-run: the account, instead of a key", NULL),
	COMMON(FLAG, yes, "yes", NULL, "ask nothing", NULL),
	COMMON(NUMBER, gas_limit, "gas-limit", "GAS", "instead of the node's estimate and a fifth", NULL),
	COMMON(TEXT, max_fee, "max-fee", "GWEI", "most to pay per gas [twice the base fee and the tip, at most 500]", "KALYPSO_MAX_FEE"),
	COMMON(TEXT, tip, "tip", "GWEI", "priority fee per gas [the node's advice, at most 10]", "KALYPSO_TIP"),
	{0}};

static const struct cli_option allowance_rows[] = {
	COMMON(FLAG, no_approve, "no-approve", NULL, "don't approve tokens when the allowance is short: fail", NULL),
	{0}};

static const struct cli_option patience_rows[] = {
	COMMON(SECONDS, timeout, "timeout", "TIME", "how long to wait [2m for a transaction]", "KALYPSO_TIMEOUT"),
	{0}};
/* clang-format on */

static const struct {
	unsigned needs; /* 0: every command has it */
	const char *title;
	const struct cli_option *rows;
} groups[] = {
	{CLI_NEEDS_ACCOUNT, "Account:", account_rows},
	{CLI_NEEDS_PASSWORD, "Account:", password_rows},
	{CLI_NEEDS_SEND, "Transaction:", send_rows},
	{CLI_NEEDS_ALLOWANCE, "Transaction:", allowance_rows},
	{CLI_NEEDS_PATIENCE, "Transaction:", patience_rows},
	{CLI_NEEDS_CHAIN | CLI_USES_CHAIN | CLI_TAKES_CHAIN | CLI_NEEDS_NODE,
	 "Where:", node_rows},
	{CLI_NEEDS_CHAIN | CLI_USES_CHAIN | CLI_TAKES_CHAIN,
	 "Where:", contracts_rows},
	{CLI_NEEDS_GATEWAY, "Where:", gateway_rows},
	{CLI_NEEDS_REDIS, "Where:", redis_rows},
	{CLI_NEEDS_CHAIN | CLI_USES_CHAIN | CLI_TAKES_CHAIN | CLI_NEEDS_NODE |
		 CLI_NEEDS_GATEWAY | CLI_NEEDS_REDIS,
	 "Where:", market_file_rows},
	{0, "Output:", output_rows},
};

enum { GROUPS = sizeof groups / sizeof groups[0] };

/* One row, and where its value goes. */
struct slot {
	const struct cli_option *row;
	void *value;
	const char *title;
	bool given;
};

struct reader {
	const struct cli_command *command;
	struct slot slots[ROWS_MAX];
	size_t count;
	struct cli_args *args;
};

static void gather_rows(struct reader *r, const struct cli_option *rows,
			void *values, const char *title)
{
	for (; rows && rows->name; rows++) {
		assert(r->count < ROWS_MAX);
		r->slots[r->count++] = (struct slot){
			.row = rows,
			.value = values ? (char *)values + rows->offset : NULL,
			.title = title};
	}
}

static void gather(struct reader *r, const struct cli_command *command,
		   struct cli_common *common, void *options)
{
	r->command = command;
	gather_rows(r, command->options, options, NULL);
	for (size_t i = 0; i < GROUPS; i++)
		if (!groups[i].needs || groups[i].needs & command->needs)
			gather_rows(r, groups[i].rows, common, groups[i].title);
}

void cli_args_each(const struct cli_command *command,
		   void (*each)(void *arg, const struct cli_option *option),
		   void *arg)
{
	struct reader r = {.count = 0};

	gather(&r, command, NULL, NULL);
	for (size_t i = 0; i < r.count; i++)
		each(arg, r.slots[i].row);
}

void cli_args_groups(unsigned needs,
		     void (*each)(void *arg, const char *title,
				  const struct cli_option *rows),
		     void *arg)
{
	for (size_t i = 0; i < GROUPS; i++)
		if (!groups[i].needs || groups[i].needs & needs)
			each(arg, groups[i].title, groups[i].rows);
}

char *cli_command_name(char out[CLI_COMMAND_ROOM], const struct cli_command *c)
{
	snprintf(out, CLI_COMMAND_ROOM, "%s%s%s", c->noun, c->verb ? " " : "",
		 c->verb ? c->verb : "");
	return out;
}

/* ---- values ------------------------------------------------------------- */

/* NULL, or what is wrong with @text. */
static const char *set_number(struct cli_number *out, const char *text,
			      enum cli_kind kind)
{
	enum err e = kind == CLI_SECONDS ? cli_parse_seconds(&out->v, text)
					 : cli_parse_u64(&out->v, text);

	out->given = !e;
	if (e == ERR_RANGE)
		return "is too large";
	if (!e)
		return NULL;
	return kind == CLI_SECONDS
		       ? "is no time: give seconds, or 90s, 5m, 2h, 7d"
		       : "is no whole number";
}

static const char *set_value(const struct slot *s, const char *text)
{
	struct cli_texts *texts = s->value;
	struct cli_address *address = s->value;

	switch (s->row->kind) {
	case CLI_FLAG:
		*(bool *)s->value = true;
		return NULL;
	case CLI_TEXT:
		*(const char **)s->value = text;
		return NULL;
	case CLI_TEXTS:
		if (texts->count == CLI_TEXTS_MAX)
			return "is one too many: 64 at most";
		texts->v[texts->count++] = text;
		return NULL;
	case CLI_NUMBER:
	case CLI_SECONDS:
		return set_number(s->value, text, s->row->kind);
	case CLI_ADDRESS:
		address->given = !address_parse(&address->v, text);
		return address->given ? NULL
				      : "is no address: 0x and 40 hex digits, "
					"mixed case only with the right "
					"checksum";
	}
	return NULL;
}

static void read_environment(const struct reader *r, struct argp_state *state)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct slot *s = &r->slots[i];
		const char *text = s->row->env ? getenv(s->row->env) : NULL;
		const char *wrong;

		if (s->given || !text || !*text)
			continue;
		wrong = set_value(s, text);
		if (wrong)
			argp_error(state, "%s: '%s' %s", s->row->env, text,
				   wrong);
	}
}

static void check_all(const struct reader *r, struct argp_state *state)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->slots[i].row->required && !r->slots[i].given)
			argp_error(state, "--%s is missing: %s",
				   r->slots[i].row->name,
				   r->slots[i].row->meaning);
	if (r->args->count < r->command->args_min)
		argp_error(state, "%s is missing", r->command->args);
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct reader *r = state->input;
	size_t i = (size_t)(key - KEY_FIRST);
	const char *wrong;

	if (key >= KEY_FIRST && i < r->count) {
		r->slots[i].given = true;
		wrong = set_value(&r->slots[i], arg);
		if (wrong)
			argp_error(state, "--%s: '%s' %s",
				   r->slots[i].row->name, arg, wrong);
	} else if (key == ARGP_KEY_ARG) {
		if (r->args->count == r->command->args_max)
			argp_error(state, "what is '%s'? %s", arg,
				   r->command->args_max ? "it is one too many"
							: "options begin "
							  "with --");
		r->args->v[r->args->count++] = arg;
	} else if (key == ARGP_KEY_END) {
		read_environment(r, state);
		check_all(r, state);
	} else {
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* ---- argp's own tables -------------------------------------------------- */

static const char *row_help(char *out, const struct cli_option *row)
{
	snprintf(out, HELP_ROOM, "%s%s%s%s%s", row->meaning,
		 row->required ? " (required)" : "", row->env ? " [$" : "",
		 row->env ? row->env : "", row->env ? "]" : "");
	return out;
}

static void make_options(const struct reader *r, struct argp_option *o,
			 char helps[][HELP_ROOM])
{
	const char *title = NULL;
	int group = 1;

	for (size_t i = 0; i < r->count; i++) {
		const struct slot *s = &r->slots[i];

		if (s->title && (!title || strcmp(s->title, title) != 0)) {
			title = s->title;
			*o++ = (struct argp_option){.doc = title,
						    .group = ++group};
		}
		*o++ = (struct argp_option){.name = s->row->name,
					    .key = KEY_FIRST + (int)i,
					    .arg = s->row->arg,
					    .doc = row_help(helps[i], s->row),
					    .group = group};
	}
}

void cli_args_read(const struct cli_command *command, int words, int argc,
		   char **argv, struct cli_common *common, void *options,
		   struct cli_args *args)
{
	static struct argp_option table[ROWS_MAX + GROUPS_MAX + 1];
	static char helps[ROWS_MAX][HELP_ROOM];
	static char name[CLI_COMMAND_ROOM + 16], doc[4096];
	char words_text[CLI_COMMAND_ROOM];
	struct reader r = {.args = args};
	struct argp argp = {table, on_option, command->args, doc,
			    NULL,  NULL,      NULL};

	gather(&r, command, common, options);
	make_options(&r, table, helps);
	args->v = calloc((size_t)argc + 1, sizeof *args->v);
	snprintf(name, sizeof name, "kalypso %s",
		 cli_command_name(words_text, command));
	snprintf(doc, sizeof doc, "%c%s.%s%s\vExamples:\n%s",
		 toupper((unsigned char)command->summary[0]),
		 command->summary + 1, command->more ? "\n\n" : "",
		 command->more ? command->more : "", command->examples);
	argp_err_exit_status = CLI_USAGE;
	argv[words - 1] = name;
	argp_parse(&argp, argc - words + 1, argv + words - 1, 0, NULL, &r);
}
