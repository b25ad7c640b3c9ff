/* Governance: engine keys, settings and what stands for some of them, pause. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "abi_market.h"
#include "common/hex.h"
#include "services/kalypso/input.h"
#include "services/kalypso/send.h"
#include "services/kalypso/setting.h"
#include "services/kalypso/signer.h"
#include "services/kalypso/text.h"
#include "services/kalypso/views.h"

/* ---- me-key ------------------------------------------------------------- */

struct key_options {
	struct cli_number starts_in, lasts;
	const char *encryption_key;
	bool revoke;
};

static void put_encryption_key(struct cli_out *o, const char *label,
			       struct bytes key)
{
	cli_put_bytes(o, "encryption_key", key.size ? label : NULL, key);
	if (!key.size)
		cli_put_text(o, NULL, label, "none");
}

static enum cli_exit show_key(struct cli *cli, const struct address *signer)
{
	struct cli_view v[] = {
		{.to = &cli->contracts.keys, .contract = "EntityKeyRegistry"},
		{.to = &cli->contracts.keys, .contract = "EntityKeyRegistry"}};
	struct bytes encryption = {NULL, 0};
	bool valid = false;
	enum cli_exit x = CLI_OK;

	if (abi_call_is_engine(&v[0].call, signer) ||
	    abi_call_encryption_key(&v[1].call))
		x = cli_fail(cli, CLI_FAILED, "out of memory");
	if (!x)
		x = cli_views(cli, v, 2);
	if (!x)
		x = cli_decoded(
			cli, &v[0],
			abi_result_is_engine(&valid, buf_bytes(&v[0].answer)));
	if (!x)
		x = cli_decoded(cli, &v[1],
				abi_result_encryption_key(
					&encryption, buf_bytes(&v[1].answer)));
	if (!x) {
		cli_put_address(cli->out, "signer", "Engine key", signer);
		cli_put_bool(cli->out, "valid", "Valid now", valid);
		put_encryption_key(cli->out, "Requests are sealed to",
				   encryption);
	}
	cli_views_free(v, 2);
	return x;
}

static void say_key(struct cli *cli, const struct cli_plan *plan)
{
	struct cli_out *o = cli->out;
	struct abi_event e;
	size_t at = 0;

	while (cli_next_event(cli, &plan->calls[0], &at, &e)) {
		const struct abi_engine_key_set *k = &e.engine_key_set;

		if (e.id != ABI_EVENT_ENGINE_KEY_SET)
			continue;
		cli_put_address(o, "signer", "Engine key", &k->signer);
		cli_put_time(o, "from", "From", k->from, cli->now.v);
		cli_put_time(o, "until", "Until", k->until, cli->now.v);
		put_encryption_key(o, "Encryption key", k->encryption_key);
	}
}

static enum cli_exit read_validity(struct cli *cli, const struct key_options *o,
				   uint64_t *from, uint64_t *until)
{
	const uint64_t most = UINT32_MAX;

	if (o->revoke == o->lasts.given)
		return cli_fail(cli, CLI_USAGE, "give --for TIME, or --revoke");
	if (o->starts_in.v > most || o->lasts.v > most)
		return cli_fail(cli, CLI_USAGE,
				"--starts-in and --for are at most %" PRIu64
				" s",
				most);
	*from = cli->now.v + o->starts_in.v;
	*until = *from + o->lasts.v;
	/* The chain's clock may be behind ours: from now means from now. */
	if (!o->starts_in.given)
		*from = 0;
	if (o->revoke)
		*from = *until = 0;
	return CLI_OK;
}

static enum cli_exit me_key(struct cli *cli, const void *options)
{
	const struct key_options *o = options;
	struct cli_plan plan = {.count = 0};
	struct buf encryption = {0};
	struct address signer;
	struct cli_call *call;
	uint64_t from = 0, until = 0;
	enum cli_exit x = cli_whose(cli, &signer, 0);

	if (x)
		return x;
	if (!o->revoke && !o->lasts.given && !o->starts_in.given &&
	    !o->encryption_key)
		return show_key(cli, &signer);
	x = read_validity(cli, o, &from, &until);
	if (!x && o->encryption_key)
		x = cli_read_hex(cli, &encryption, "--encryption-key",
				 o->encryption_key);
	if (!x) {
		call = cli_plan_add(&plan, "setEngineKey", "EntityKeyRegistry",
				    &cli->contracts.keys);
		x = cli_made(cli, call,
			     abi_call_set_engine_key(&call->data, &signer,
						     buf_bytes(&encryption),
						     from, until));
	}
	buf_free(&encryption);
	return cli_plan_finish(cli, &plan, x, say_key);
}

/* ---- pause -------------------------------------------------------------- */

static enum cli_exit is_paused(struct cli *cli, bool *out)
{
	struct cli_view v = {.to = &cli->contracts.marketplace,
			     .contract = "ProofMarketplace"};
	enum cli_exit x = abi_call_paused(&v.call)
				  ? cli_fail(cli, CLI_FAILED, "out of memory")
				  : cli_views(cli, &v, 1);

	if (!x)
		x = cli_decoded(cli, &v,
				abi_result_paused(out, buf_bytes(&v.answer)));
	cli_views_free(&v, 1);
	return x;
}

static enum cli_exit set_paused(struct cli *cli, bool pause)
{
	struct cli_plan plan = {.count = 0};
	struct cli_call *call =
		cli_plan_add(&plan, pause ? "pause" : "unpause",
			     "ProofMarketplace", &cli->contracts.marketplace);
	bool paused;
	enum cli_exit x = cli_made(cli, call,
				   pause ? abi_call_pause(&call->data)
					 : abi_call_unpause(&call->data));

	if (!x)
		x = cli_plan_run(cli, &plan);
	if (!x)
		x = is_paused(cli, &paused);
	if (!x) {
		cli_put_bool(cli->out, "paused", "Paused", paused);
		cli_plan_report(cli, &plan);
	}
	cli_plan_free(&plan);
	return x;
}

static enum cli_exit pause_all(struct cli *cli, const void *options)
{
	(void)options;
	return set_paused(cli, true);
}

static enum cli_exit unpause_all(struct cli *cli, const void *options)
{
	(void)options;
	return set_paused(cli, false);
}

/* ---- the table ---------------------------------------------------------- */

#define SENDS                                                                  \
	CLI_NEEDS_CHAIN | CLI_NEEDS_ACCOUNT | CLI_NEEDS_SEND |                 \
		CLI_NEEDS_PATIENCE

#define KEY(sort, member, flag, value, what)                                   \
	{                                                                      \
		.name = flag, .kind = CLI_##sort,                              \
		.offset = offsetof(struct key_options, member), .arg = value,  \
		.meaning = what                                                \
	}

/* clang-format off */
static const struct cli_option key_rows[] = {
	KEY(SECONDS, lasts, "for", "TIME", "how long it is valid"),
	KEY(SECONDS, starts_in, "starts-in", "TIME", "when it becomes valid [now]"),
	KEY(TEXT, encryption_key, "encryption-key", "HEX", "public key that requesters seal private inputs to: 33 or 65 bytes"),
	KEY(FLAG, revoke, "revoke", NULL, "make it invalid at once"),
	{0}};

const struct cli_command cli_admin_commands[] = {
	{.noun = "admin", .verb = "me-key", .args = "[ADDRESS]", .args_max = 1,
	 .needs = SENDS, .role = "governor",
	 .summary = "show or set a key with which the matching engine signs",
	 .more = "Without options it tells whether the key is valid now.",
	 .examples = "  kalypso admin me-key 0x…\n"
		     "  kalypso admin me-key 0x… --for=30d --encryption-key=0x04…\n"
		     "  kalypso admin me-key 0x… --revoke\n",
	 .options = key_rows, .options_size = sizeof(struct key_options), .run = me_key},
	{.noun = "admin", .verb = "fee", .args = "",
	 .needs = SENDS, .role = "governor",
	 .summary = "show or set what requests and markets cost",
	 .examples = "  kalypso admin fee\n  kalypso admin fee --per-byte=10u --creation=5\n",
	 .options = cli_fee_rows, .options_size = sizeof(struct cli_fee_options), .run = cli_setting_fee},
	{.noun = "admin", .verb = "split", .args = "",
	 .needs = SENDS, .role = "governor",
	 .summary = "show or set how penalties are split",
	 .more = "In basis points, hundredths of a percent; the treasury gets the rest.",
	 .examples = "  kalypso admin split\n  kalypso admin split --requester=5000 --bounty=1000 --bounty-max=100\n",
	 .options = cli_split_rows, .options_size = sizeof(struct cli_split_options), .run = cli_setting_split},
	{.noun = "admin", .verb = "setting", .args = "[NAME [VALUE]]", .args_max = 2,
	 .needs = SENDS, .role = "governor",
	 .summary = "show all settings or one, or change one",
	 .more = "Values are typed as each setting's kind wants it: times, amounts, addresses, whole numbers.",
	 .examples = "  kalypso admin setting\n  kalypso admin setting quoteGrace 2m\n"
		     "  kalypso admin setting treasury 0x… --contract=registry\n",
	 .options = cli_setting_rows, .options_size = sizeof(struct cli_setting_options), .run = cli_setting_run},
	{.noun = "admin", .verb = "pause", .args = "",
	 .needs = SENDS, .role = "governor",
	 .summary = "take no new requests and markets; a guardian may",
	 .more = "Proofs, refunds, slashes and withdrawals go on.",
	 .examples = "  kalypso admin pause\n",
	 .run = pause_all},
	{.noun = "admin", .verb = "unpause", .args = "",
	 .needs = SENDS, .role = "governor",
	 .summary = "take requests and markets again",
	 .examples = "  kalypso admin unpause\n",
	 .run = unpause_all},
	{0}};
/* clang-format on */
