/* A token is tried out where nothing is kept.
 *
 * The trial needs an account that has some: the storage slots that balanceOf()
 * reads (eth_createAccessList) are set one after the other until one of them is
 * the balance. What calls its receiver back isn't found: that depends on the
 * receiver. */
#include <string.h>

#include "common/hex.h"
#include "common/keccak.h"
#include "services/kalypso/deploy.h"
#include "services/kalypso/node.h"

enum { AMOUNT = 1000000, MONTH = 30 * 86400, SLOTS_MAX = 16 };

/* The calls of the trial, in their order; the last two a month later. */
enum {
	CALL_HAS,
	CALL_TRANSFER,
	CALL_LEFT,
	CALL_ARRIVED,
	CALL_APPROVE,
	CALL_TRANSFER_FROM,
	CALL_LEFT_NOW,
	CALL_ARRIVED_NOW,
	CALLS_NOW,
	CALL_LEFT_LATER = CALLS_NOW,
	CALL_ARRIVED_LATER,
	CALLS
};

/* What one call came to. */
struct outcome {
	bool known, done;
	bool is_number;
	uint64_t number;
};

struct trial {
	struct cli *cli;
	const char *option;
	const struct address *token;
	struct address from, to, spender;
};

/* Nobody has the keys of these. */
static void make_account(struct address *out, const char *name)
{
	struct hash32 hash;

	keccak256(&hash, name, strlen(name));
	memcpy(out->bytes, hash.bytes, sizeof out->bytes);
}

/* ---- the calls ---------------------------------------------------------- */

static json_t *call(const struct trial *t, const struct address *from,
		    enum err e, struct buf *data)
{
	json_t *out =
		e ? json_null()
		  : json_pack("{s:o, s:o, s:o}", "from", evm_address(from),
			      "to", evm_address(t->token), "data",
			      evm_data(buf_bytes(data)));

	buf_free(data);
	return out;
}

static json_t *balance(const struct trial *t, const struct address *of)
{
	struct buf b = {0};
	enum err e = abi_call_balance_of(&b, of);

	return call(t, of, e, &b);
}

static json_t *transfer(const struct trial *t, const struct u256 *amount)
{
	struct buf b = {0};
	enum err e = abi_call_transfer(&b, &t->to, amount);

	return call(t, &t->from, e, &b);
}

static json_t *approve(const struct trial *t, const struct u256 *amount)
{
	struct buf b = {0};
	enum err e = abi_call_approve(&b, &t->spender, amount);

	return call(t, &t->from, e, &b);
}

/* The market's contracts call it, this program nowhere else. */
static json_t *transfer_from(const struct trial *t, const struct u256 *amount)
{
	struct selector s =
		deploy_selector("transferFrom(address,address,uint256)");
	struct buf b = {0};
	struct abi_writer w = abi_write_call(&b, s.bytes, 3);
	enum err e;

	abi_put_address(&w, &t->from);
	abi_put_address(&w, &t->to);
	abi_put_u256(&w, 256, amount);
	e = buf_err(&b);
	return call(t, &t->spender, e, &b);
}

static json_t *simulation(const struct trial *t, const char *slot)
{
	const struct u256 one = u256_from_u64(AMOUNT);
	const struct u256 three = u256_from_u64(3 * AMOUNT);
	uint64_t number = t->cli->head + 1, time = t->cli->now.v + 1;
	char token[ADDRESS_ROOM], value[HASH32_ROOM];
	struct hash32 word;

	u256_to_be32(word.bytes, &three);
	return json_pack(
		"[{s:[{s:{s:o,s:o}, s:{s:{s:{s:s}}}, s:[o,o,o,o,o,o,o,o]}, "
		"{s:{s:o,s:o}, s:[o,o]}]}, s]",
		"blockStateCalls", "blockOverrides", "number",
		evm_quantity(number), "time", evm_quantity(time),
		"stateOverrides", address_format(token, t->token), "stateDiff",
		slot, hash32_format(value, &word), "calls",
		balance(t, &t->from), transfer(t, &one), balance(t, &t->from),
		balance(t, &t->to), approve(t, &one), transfer_from(t, &one),
		balance(t, &t->from), balance(t, &t->to), "blockOverrides",
		"number", evm_quantity(number + 1), "time",
		evm_quantity(time + MONTH), "calls", balance(t, &t->from),
		balance(t, &t->to), "latest");
}

/* ---- outcomes ----------------------------------------------------------- */

static void take(struct outcome *out, const json_t *said)
{
	struct buf data = {0};
	struct u256 number;
	uint64_t status;

	*out = (struct outcome){.known = false};
	if (evm_u64_parse(&status, json_object_get(said, "status")))
		return;
	out->known = true;
	out->done = status == 1;
	if (!evm_bytes_parse(&data, json_object_get(said, "returnData")) &&
	    data.size == 32) {
		number = u256_from_be32(data.data);
		out->is_number = !u256_to_u64(&out->number, &number);
	}
	buf_free(&data);
}

static bool is(const struct outcome *o, uint64_t number)
{
	return o->done && o->is_number && o->number == number;
}

static enum cli_exit cannot(const struct trial *t, const char *why)
{
	return cli_fail_named(t->cli, CLI_FAILED, "TokenUnknown",
			      "%s can't be tried out: %s. Check by hand that "
			      "it takes no fee on transfers, doesn't rebase "
			      "and doesn't call receivers, then add "
			      "--tokens-checked",
			      t->option, why);
}

static enum cli_exit refuse(const struct trial *t, const char *why)
{
	return cli_fail_named(t->cli, CLI_FAILED, "TokenUnfit",
			      "%s %s: the contracts' books wouldn't balance. "
			      "Choose another token",
			      t->option, why);
}

static enum cli_exit judge(const struct trial *t, const struct outcome o[CALLS])
{
	if (!o[CALL_TRANSFER].done || !is(&o[CALL_LEFT], 2 * AMOUNT) ||
	    !is(&o[CALL_ARRIVED], AMOUNT))
		return refuse(t, "takes a fee on transfer, or refuses it");
	if (!o[CALL_APPROVE].done)
		return refuse(t, "refuses an approval");
	if (!o[CALL_TRANSFER_FROM].done || !is(&o[CALL_LEFT_NOW], AMOUNT) ||
	    !is(&o[CALL_ARRIVED_NOW], 2 * AMOUNT))
		return refuse(t, "takes a fee on transferFrom, or refuses it");
	if (!is(&o[CALL_LEFT_LATER], AMOUNT) ||
	    !is(&o[CALL_ARRIVED_LATER], 2 * AMOUNT))
		return refuse(t, "rebases: balances change with time");
	return CLI_OK;
}

/* ---- slots -------------------------------------------------------------- */

/* *@found: @slot is the balance, and the trial took place: its end is
 * returned. */
static enum cli_exit try_slot(const struct trial *t, const char *slot,
			      bool *found)
{
	struct cli_question q = {.method = "eth_simulateV1",
				 .params = simulation(t, slot)};
	struct outcome o[CALLS];
	enum cli_exit x = cli_ask_many(t->cli, &q, 1);

	*found = false;
	if (!x && q.err)
		x = cannot(t, "the node has no eth_simulateV1");
	for (size_t i = 0; i < CALLS && !x; i++) {
		size_t later = i >= CALLS_NOW;

		take(&o[i],
		     json_array_get(
			     json_object_get(json_array_get(q.result, later),
					     "calls"),
			     i - (later ? CALLS_NOW : 0)));
		if (!o[i].known)
			x = cannot(t, "the node's eth_simulateV1 isn't as "
				      "specified");
	}
	cli_questions_free(&q, 1);
	if (x || !is(&o[CALL_HAS], 3 * AMOUNT))
		return x;
	*found = true;
	return judge(t, o);
}

/* The slots of the token's own storage; proxies keep balances there, too. */
static enum cli_exit try_slots(const struct trial *t, const json_t *list)
{
	enum cli_exit x = CLI_OK;
	bool found = false;
	const json_t *entry, *slot;
	size_t i, k, tried = 0;

	json_array_foreach (list, i, entry) {
		const char *text =
			json_string_value(json_object_get(entry, "address"));
		struct address at;

		if (!text || address_parse(&at, text) ||
		    !address_eq(&at, t->token))
			continue;
		json_array_foreach (json_object_get(entry, "storageKeys"), k,
				    slot)
			if (!x && !found && tried++ < SLOTS_MAX &&
			    json_is_string(slot))
				x = try_slot(t, json_string_value(slot),
					     &found);
	}
	return x || found ? x : cannot(t, "no storage slot of it is a balance");
}

enum cli_exit deploy_try_token(struct cli *cli, const char *option,
			       const struct address *token)
{
	struct trial t = {.cli = cli, .option = option, .token = token};
	struct cli_question q = {.method = "eth_createAccessList"};
	enum cli_exit x;

	make_account(&t.from, "token trial: from");
	make_account(&t.to, "token trial: to");
	make_account(&t.spender, "token trial: spender");
	q.params = json_pack("[o,s]", balance(&t, &t.from), "latest");
	x = cli_ask_many(cli, &q, 1);
	if (!x && q.err)
		x = cannot(&t, "the node has no eth_createAccessList, or it "
			       "is no token");
	if (!x)
		x = try_slots(&t, json_object_get(q.result, "accessList"));
	cli_questions_free(&q, 1);
	return x;
}
