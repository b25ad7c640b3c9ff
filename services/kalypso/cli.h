/* cli - what every command of kalypso is made of.
 *
 * A command is a row: its words, its options, what it needs of a session, and
 * the function that does it. Help, completion and docs/cli.md come from the
 * rows. Each file of a noun ends with its table. */
#ifndef SERVICES_KALYPSO_CLI_H
#define SERVICES_KALYPSO_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/types.h"

struct cli;

/* How a command ended: the exit status of the process. Whoever returns another
 * than CLI_OK has told why, once, with cli_fail(). */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,	       /* refused, reverted, or ended otherwise */
	CLI_USAGE = 2,	       /* options, files or deployment must be mended */
	CLI_UNREACHABLE = 3,   /* node, gateway or Redis doesn't answer */
	CLI_NOT_FOUND = 4,     /* there is no such market, request, proof … */
	CLI_TIMEOUT = 5,       /* it didn't happen in time; it still may */
	CLI_INTERRUPTED = 130, /* by SIGINT or SIGTERM */
};

/* ---- options ------------------------------------------------------------ */

/* An option's value, as it stands in a command's struct of options. */
struct cli_number {
	bool given;
	uint64_t v;
};

struct cli_address {
	bool given;
	struct address v;
};

enum { CLI_TEXTS_MAX = 64 };
struct cli_texts {
	const char *v[CLI_TEXTS_MAX];
	size_t count;
};

enum cli_kind {
	CLI_FLAG,    /* bool */
	CLI_TEXT,    /* const char *; NULL if it isn't given */
	CLI_TEXTS,   /* struct cli_texts: may be given several times */
	CLI_NUMBER,  /* struct cli_number */
	CLI_SECONDS, /* struct cli_number; "90", "90s", "5m", "2h", "7d" */
	CLI_ADDRESS, /* struct cli_address */
};

struct cli_option {
	const char *name; /* with hyphens; NULL ends a table */
	enum cli_kind kind;
	size_t offset;	     /* of the member in the struct that is filled */
	const char *arg;     /* what help calls the value; NULL for a flag */
	const char *meaning; /* for help */
	const char *env;     /* the variable that stands for it, or NULL */
	bool required;
};

/* A row of a table: --@flag, of kind CLI_@sort, goes to @member of struct
 * @type; @must: it has to be given. */
#define CLI_OPTION(type, sort, member, flag, value, what, must)                \
	{                                                                      \
		.name = flag, .kind = CLI_##sort,                              \
		.offset = offsetof(struct type, member), .arg = value,         \
		.meaning = what, .required = must                              \
	}

/* The options that many commands take; see enum cli_needs. */
struct cli_common {
	const char *rpc, *contracts, *market_file, *gateway;
	const char *redis, *redis_password_file, *name;
	const char *keystore, *password_file, *from_env, *as;
	const char *max_fee, *tip;
	struct cli_address from;
	struct cli_number gas_limit, timeout;
	bool json, yes, dry_run, no_approve;
};

/* ---- commands ----------------------------------------------------------- */

/* What a command needs, and by that the common options that it takes. */
enum cli_needs {
	CLI_NEEDS_CHAIN = 1,	  /* a node and the contracts' addresses */
	CLI_NEEDS_ACCOUNT = 2,	  /* an address: its own, or --from */
	CLI_NEEDS_SEND = 4,	  /* a key, fees, a receipt */
	CLI_NEEDS_GATEWAY = 8,	  /* takes --gateway */
	CLI_NEEDS_REDIS = 16,	  /* takes --redis */
	CLI_NEEDS_PASSWORD = 32,  /* takes --password-file */
	CLI_NEEDS_ALLOWANCE = 64, /* pays in tokens: takes --no-approve */
	CLI_NEEDS_PATIENCE = 128, /* waits: takes --timeout */
	CLI_USES_CHAIN = 256,  /* the same as CLI_NEEDS_CHAIN, if it is given */
	CLI_TAKES_CHAIN = 512, /* takes its options; calls cli_open_chain() */
	CLI_NEEDS_NODE = 1024, /* a node of whatever chain; no contracts yet */
};

struct cli_command {
	const char *noun, *verb; /* verb NULL: the noun is all of it */
	const char *args;	 /* for help: "ID..."; "" for none */
	unsigned args_min, args_max;
	unsigned needs;	      /* enum cli_needs */
	const char *role;     /* of the market file's accounts; or NULL */
	const char *summary;  /* one line */
	const char *more;     /* paragraphs for help, or NULL */
	const char *examples; /* lines */
	const struct cli_option *options;
	size_t options_size; /* of the struct that run() gets */
	enum cli_exit (*run)(struct cli *cli, const void *options);
};

struct cli_noun {
	const char *name, *summary;
	const struct cli_command *commands; /* noun NULL ends it */
};

/* Every noun in the order of help; name NULL ends it. In nouns.c. */
extern const struct cli_noun cli_nouns[];

extern const struct cli_command cli_market_commands[];
extern const struct cli_command cli_request_commands[];
extern const struct cli_command cli_generator_commands[];
extern const struct cli_command cli_account_commands[];
extern const struct cli_command cli_admin_commands[];
extern const struct cli_command cli_task_commands[];
extern const struct cli_command cli_slash_commands[];
extern const struct cli_command cli_why_commands[];
extern const struct cli_command cli_status_commands[];
extern const struct cli_command cli_quarantine_commands[];
extern const struct cli_command cli_events_commands[];
extern const struct cli_command cli_export_commands[];
extern const struct cli_command cli_import_commands[];
extern const struct cli_command cli_audit_commands[];
extern const struct cli_command cli_replay_commands[];
extern const struct cli_command cli_keys_commands[];
extern const struct cli_command cli_deploy_commands[];
extern const struct cli_command cli_redis_commands[];
extern const struct cli_command cli_completion_commands[];

#endif /* SERVICES_KALYPSO_CLI_H */
