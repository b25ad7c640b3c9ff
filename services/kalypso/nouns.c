/* Every noun, in the order of help. */
#include "services/kalypso/cli.h"

const struct cli_noun cli_nouns[] = {
	{"market", "open, list, look at and close markets",
	 cli_market_commands},
	{"request", "ask for proofs, and get them", cli_request_commands},
	{"generator", "stake, quote and leave as a generator",
	 cli_generator_commands},
	{"task", "what generators are working on", cli_task_commands},
	{"slash", "settle a missed deadline", cli_slash_commands},
	{"why", "why a request waits, why a generator lost", cli_why_commands},
	{"account", "balances, withdrawals, keys", cli_account_commands},
	{"admin", "engine keys, fees, settings and the pause; governance",
	 cli_admin_commands},
	{"deploy", "put the contracts on a chain", cli_deploy_commands},
	{"status", "the chain, the services, the book", cli_status_commands},
	{"quarantine", "what services could not read", cli_quarantine_commands},
	{"events", "what happened, as it happens", cli_events_commands},
	{"audit", "is what the engine decided what the rule gives?",
	 cli_audit_commands},
	{"replay", "the book as it was", cli_replay_commands},
	{"export", "logs into a file", cli_export_commands},
	{"import", "logs from a file", cli_import_commands},
	{"keys", "keys of a bus between machines", cli_keys_commands},
	{"redis", "users of Redis, and what they may do", cli_redis_commands},
	{"completion", "completion for a shell", cli_completion_commands},
	{0}};
