/* One table of what there is; fee and split are views of it. */
#include "services/kalypso/setting.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi_market.h"
#include "common/hex.h"
#include "services/kalypso/send.h"
#include "services/kalypso/text.h"
#include "services/kalypso/views.h"

enum kind { KIND_COUNT, KIND_SECONDS, KIND_PAYMENT, KIND_STAKE, KIND_ADDRESS };

struct setting {
	bool registry; /* else the marketplace's */
	const char *name;
	enum kind kind;
	const char *meaning;
};

static const struct setting settings[] = {
	{false, "maxTime", KIND_SECONDS, "longest response time and time cap"},
	{false, "verifierGas", KIND_COUNT, "most gas that a verifier may use"},
	{false, "feePerByte", KIND_PAYMENT, "fee for each byte of a request"},
	{false, "creationFee", KIND_PAYMENT, "fee for a new market"},
	{false, "activationDelay", KIND_SECONDS,
	 "from a market's making to its first request"},
	{false, "imageDelay", KIND_SECONDS,
	 "from adding an enclave image to its first use"},
	{false, "treasury", KIND_ADDRESS, "gets the fees"},
	{true, "quoteGrace", KIND_SECONDS, "how long old terms hold"},
	{true, "unstakeDelay", KIND_SECONDS, "from notice to payment of stake"},
	{true, "slashRequesterBps", KIND_COUNT,
	 "the requester's part of a penalty, in 1/10,000"},
	{true, "slashBountyBps", KIND_COUNT,
	 "the slasher's part of a penalty, in 1/10,000"},
	{true, "slashBountyMax", KIND_STAKE,
	 "most that a slasher gets for one task"},
	{true, "treasury", KIND_ADDRESS, "gets the rest of penalties"},
};

enum { SETTINGS = sizeof settings / sizeof settings[0] };

static const struct address *contract_of(const struct cli *cli,
					 const struct setting *s)
{
	return s->registry ? &cli->contracts.registry
			   : &cli->contracts.marketplace;
}

static const char *contract_name(const struct setting *s)
{
	return s->registry ? "GeneratorRegistry" : "ProofMarketplace";
}

/* ---- values ------------------------------------------------------------- */

static void address_of(struct address *out, const struct u256 *v)
{
	uint8_t word[32];

	u256_to_be32(word, v);
	memcpy(out->bytes, word + 12, sizeof out->bytes);
}

/* As its kind is shown. */
static void put_value_text(struct cli *cli, struct buf *out,
			   const struct setting *s, const struct u256 *v)
{
	char number[U256_DEC_ROOM], text[CLI_SECONDS_ROOM], at[ADDRESS_ROOM];
	struct address a;
	uint64_t seconds;

	switch (s->kind) {
	case KIND_PAYMENT:
		cli_put_amount_text(out, v, &cli->payment);
		return;
	case KIND_STAKE:
		cli_put_amount_text(out, v, &cli->stake);
		return;
	case KIND_ADDRESS:
		address_of(&a, v);
		buf_put_text(out, address_format(at, &a));
		return;
	case KIND_SECONDS:
		if (!u256_to_u64(&seconds, v)) {
			buf_put_text(out, cli_format_seconds(text, seconds));
			return;
		}
		break;
	case KIND_COUNT:
		break;
	}
	buf_put_text(out, u256_format_dec(number, v));
}

/* For scripts: units, seconds and counts as decimal strings, or an address. */
static json_t *value_json(const struct setting *s, const struct u256 *v)
{
	char number[U256_DEC_ROOM], at[ADDRESS_ROOM];
	struct address a;

	if (s->kind != KIND_ADDRESS)
		return json_string(u256_format_dec(number, v));
	address_of(&a, v);
	return json_string(address_format(at, &a));
}

static enum cli_exit read_value(struct cli *cli, struct u256 *out,
				const struct setting *s, const char *text)
{
	struct address a;
	uint8_t word[32] = {0};
	uint64_t seconds;

	switch (s->kind) {
	case KIND_PAYMENT:
		return cli_amount(cli, out, s->name, text, &cli->payment);
	case KIND_STAKE:
		return cli_amount(cli, out, s->name, text, &cli->stake);
	case KIND_SECONDS:
		if (cli_parse_seconds(&seconds, text))
			break;
		*out = u256_from_u64(seconds);
		return CLI_OK;
	case KIND_ADDRESS:
		if (address_parse(&a, text))
			break;
		memcpy(word + 12, a.bytes, sizeof a.bytes);
		*out = u256_from_be32(word);
		return CLI_OK;
	case KIND_COUNT:
		if (u256_parse_dec(out, text))
			break;
		return CLI_OK;
	}
	return cli_fail(cli, CLI_USAGE, "%s '%s': give %s", s->name, text,
			s->kind == KIND_SECONDS	  ? "seconds, or 90s, 5m, 2h, "
						    "7d"
			: s->kind == KIND_ADDRESS ? "an address"
						  : "a whole number");
}

/* ---- showing and setting ------------------------------------------------ */

static void put_row(struct cli *cli, const struct setting *s,
		    const struct u256 *v)
{
	struct cli_out *o = cli->out;
	struct buf text = {0};

	put_value_text(cli, &text, s, v);
	cli_begin(o, NULL);
	cli_put_text(o, "name", "Setting", s->name);
	cli_put_json(o, "value", value_json(s, v));
	cli_put_text(o, NULL, "Value", buf_text(&text));
	cli_put_text(o, "contract", "Contract", contract_name(s));
	cli_put_text(o, "meaning", "Meaning", s->meaning);
	cli_end(o);
	buf_free(&text);
}

static enum cli_exit show(struct cli *cli, const struct setting *const *which,
			  size_t count)
{
	struct u256 values[SETTINGS];
	enum cli_exit x = CLI_OK;

	for (size_t i = 0; i < count && !x; i++)
		x = cli_view_setting(cli, &values[i],
				     contract_of(cli, which[i]),
				     contract_name(which[i]), which[i]->name);
	if (x)
		return x;
	cli_begin_list(cli->out, "settings", NULL);
	for (size_t i = 0; i < count; i++)
		put_row(cli, which[i], &values[i]);
	cli_end(cli->out);
	return CLI_OK;
}

static enum cli_exit add_change(struct cli *cli, struct cli_plan *plan,
				const struct setting *s, const struct u256 *v)
{
	struct cli_call *call = cli_plan_add(
		plan, "setSetting", contract_name(s), contract_of(cli, s));
	struct hash32 word;

	if (cli_parse_setting(&word, s->name))
		return cli_fail(cli, CLI_USAGE, "'%s' is no setting", s->name);
	return cli_made(cli, call, abi_call_set_setting(&call->data, &word, v));
}

static const struct setting *find(const char *name, const char *contract)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (strcmp(settings[i].name, name) == 0 &&
		    (!contract || (strcmp(contract, "registry") == 0) ==
					  settings[i].registry))
			return &settings[i];
	return NULL;
}

/* What changed, from the chain's own words. */
static void say_changed(struct cli *cli, const struct cli_plan *plan)
{
	cli_begin_list(cli->out, "settings", NULL);
	for (size_t i = 0; i < plan->count; i++) {
		const struct cli_call *call = &plan->calls[i];
		struct abi_event e;
		char name[33] = "";
		size_t at = 0;

		while (cli_next_event(cli, call, &at, &e)) {
			const struct setting *s;

			if (e.id != ABI_EVENT_SETTING_SET)
				continue;
			memcpy(name, e.setting_set.name.bytes, 32);
			s = find(name,
				 address_eq(&call->to, &cli->contracts.registry)
					 ? "registry"
					 : "marketplace");
			if (s)
				put_row(cli, s, &e.setting_set.value);
		}
	}
	cli_end(cli->out);
}

/* ---- admin setting ------------------------------------------------------ */

const struct cli_option cli_setting_rows[] = {
	CLI_OPTION(cli_setting_options, TEXT, contract, "contract", "NAME",
		   "marketplace or registry, where both have the setting",
		   false),
	{0}};

static enum cli_exit choose(struct cli *cli, const struct setting **out,
			    const char *contract)
{
	const char *name = cli->args.v[0];

	if (contract && strcmp(contract, "registry") != 0 &&
	    strcmp(contract, "marketplace") != 0)
		return cli_fail(cli, CLI_USAGE,
				"--contract '%s': marketplace or registry",
				contract);
	if (!contract && find(name, "registry") && find(name, "marketplace"))
		return cli_fail(cli, CLI_USAGE,
				"both contracts have a setting '%s': give "
				"--contract=marketplace or "
				"--contract=registry",
				name);
	*out = find(name, contract);
	return *out ? CLI_OK
		    : cli_fail_named(cli, CLI_NOT_FOUND, "SettingUnknown",
				     "there is no setting '%s': kalypso admin "
				     "setting lists all",
				     name);
}

enum cli_exit cli_setting_run(struct cli *cli, const void *options)
{
	const struct cli_setting_options *o = options;
	const struct setting *all[SETTINGS], *one = NULL;
	struct cli_plan plan = {.count = 0};
	struct u256 v;
	enum cli_exit x = cli_tokens(cli);

	for (size_t i = 0; i < SETTINGS; i++)
		all[i] = &settings[i];
	if (x || !cli->args.count)
		return x ? x : show(cli, all, SETTINGS);
	x = choose(cli, &one, o->contract);
	if (x || cli->args.count == 1)
		return x ? x : show(cli, &one, 1);
	x = read_value(cli, &v, one, cli->args.v[1]);
	if (!x)
		x = add_change(cli, &plan, one, &v);
	return cli_plan_finish(cli, &plan, x, say_changed);
}

/* ---- admin fee ---------------------------------------------------------- */

const struct cli_option cli_fee_rows[] = {
	CLI_OPTION(cli_fee_options, TEXT, per_byte, "per-byte", "AMOUNT",
		   "for each byte of a request, kept on refunds", false),
	CLI_OPTION(cli_fee_options, TEXT, creation, "creation", "AMOUNT",
		   "for a new market", false),
	{0}};

static enum cli_exit add_text(struct cli *cli, struct cli_plan *plan,
			      const struct setting *s, const char *text)
{
	struct u256 v;
	enum cli_exit x = text ? read_value(cli, &v, s, text) : CLI_OK;

	return x || !text ? x : add_change(cli, plan, s, &v);
}

enum cli_exit cli_setting_fee(struct cli *cli, const void *options)
{
	const struct cli_fee_options *o = options;
	const struct setting *which[] = {find("feePerByte", NULL),
					 find("creationFee", NULL)};
	struct cli_plan plan = {.count = 0};
	enum cli_exit x = cli_tokens(cli);

	if (x || (!o->per_byte && !o->creation))
		return x ? x : show(cli, which, 2);
	x = add_text(cli, &plan, which[0], o->per_byte);
	if (!x)
		x = add_text(cli, &plan, which[1], o->creation);
	return cli_plan_finish(cli, &plan, x, say_changed);
}

/* ---- admin split -------------------------------------------------------- */

const struct cli_option cli_split_rows[] = {
	CLI_OPTION(cli_split_options, NUMBER, requester, "requester", "BPS",
		   "the requester's part", false),
	CLI_OPTION(cli_split_options, NUMBER, bounty, "bounty", "BPS",
		   "the part of whoever slashes", false),
	CLI_OPTION(cli_split_options, TEXT, bounty_max, "bounty-max", "AMOUNT",
		   "most that whoever slashes gets for one task", false),
	{0}};

static enum cli_exit add_number(struct cli *cli, struct cli_plan *plan,
				const struct setting *s,
				const struct cli_number *n)
{
	struct u256 v = u256_from_u64(n->v);

	return n->given ? add_change(cli, plan, s, &v) : CLI_OK;
}

/* The two parts never make more than the whole, not even between the two
 * transactions: what shrinks goes first. */
static enum cli_exit add_parts(struct cli *cli, struct cli_plan *plan,
			       const struct cli_split_options *o)
{
	const struct setting *requester = find("slashRequesterBps", NULL);
	const struct setting *bounty = find("slashBountyBps", NULL);
	struct u256 is, wanted = u256_from_u64(o->requester.v);
	enum cli_exit x =
		cli_view_setting(cli, &is, &cli->contracts.registry,
				 "GeneratorRegistry", requester->name);

	if (x)
		return x;
	if (u256_cmp(&wanted, &is) <= 0) {
		x = add_number(cli, plan, requester, &o->requester);
		return x ? x : add_number(cli, plan, bounty, &o->bounty);
	}
	x = add_number(cli, plan, bounty, &o->bounty);
	return x ? x : add_number(cli, plan, requester, &o->requester);
}

enum cli_exit cli_setting_split(struct cli *cli, const void *options)
{
	const struct cli_split_options *o = options;
	const struct setting *which[] = {find("slashRequesterBps", NULL),
					 find("slashBountyBps", NULL),
					 find("slashBountyMax", NULL)};
	struct cli_plan plan = {.count = 0};
	enum cli_exit x = cli_tokens(cli);

	if (x || (!o->requester.given && !o->bounty.given && !o->bounty_max))
		return x ? x : show(cli, which, 3);
	x = add_parts(cli, &plan, o);
	if (!x)
		x = add_text(cli, &plan, which[2], o->bounty_max);
	return cli_plan_finish(cli, &plan, x, say_changed);
}
