// kalypso market ...
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hexToString, keccak256 } from "viem";
import { address, stake, usd } from "./world.mjs";
import { requester } from "./world.mjs";

export function marketsTests(world) {
	describe("market", () => {
		test("show tells what the chain has, and the hash of the verifier's code", async () => {
			const said = await world.json("market show 1");
			const market = await world.read("ProofMarketplace", "marketOf", [1n]);
			const code = await world.client.getCode({ address: market.verifier });
			const [created] = await world.chain.events("ProofMarketplace", "MarketCreated");
			assert.equal(said.market_id, "1");
			assert.equal(said.name, JSON.parse(hexToString(created.args.params.metadata)).name);
			assert.deepEqual(said.metadata, JSON.parse(hexToString(created.args.params.metadata)));
			assert.equal(said.state, "active");
			assert.equal(said.owner, market.owner);
			assert.equal(said.verifier, market.verifier);
			assert.equal(said.verifier_code_hash, keccak256(code));
			assert.equal(said.penalty, String(stake("10")));
			assert.equal(said.max_input_bytes, market.maxInputBytes);
			assert.equal(Date.parse(said.active_from) / 1000, Number(market.activeFrom));
			assert.deepEqual([said.confidential, said.protocol], [false, "order_book"]);
			const text = (await world.run("market show 1")).is(0).out;
			assert.match(text, /^Market +1\nName +.+\nState +active\n/);
			assert.match(text, new RegExp(`Verifier's code +${keccak256(code)}`));
			assert.match(text, /Penalty +10 KSTAKE/);
		});

		test("create opens one; with --dry-run nothing happens", async () => {
			const verifier = await world.deployVerifier();
			const args = ["market", "create", `--verifier=${verifier}`, "--penalty=2.5", "--max-input-bytes=96", "--name=second"];
			const dry = await world.json([...args, "--dry-run"]);
			assert.equal(await world.read("ProofMarketplace", "marketCount"), 1n);
			assert.deepEqual(
				dry.transactions.map((t) => [t.what, t.sent, t.tx, address(t.to)]),
				[["createMarket", false, null, address(world.marketplace)]],
			);
			assert.match(dry.transactions[0].data, /^0xfd3fd863/);
			assert.ok(Number(dry.transactions[0].gas_limit) > 50_000);

			const made = await world.json(args);
			await world.checkTransactions(made, ["createMarket"]);
			const market = await world.read("ProofMarketplace", "marketOf", [2n]);
			assert.equal(made.market_id, "2");
			assert.equal(made.owner, requester.address);
			assert.equal(address(market.verifier), address(verifier));
			assert.equal(market.penalty, stake("2.5"));
			assert.equal(market.maxInputBytes, 96);
			assert.equal(made.events[0].event, "MarketCreated");
			assert.equal((await world.json("market show 2")).name, "second");
		});

		test("metadata comes whole from a file, or is refused", async () => {
			const create = ["market", "create", `--verifier=${world.market.verifier}`, "--penalty=1"];
			const file = world.write("metadata.json", '{ "name": "third", "links": ["https://example.org"] }\n');
			await world.json([...create, `--metadata=${file}`]);
			const { metadata } = await world.json("market show 3");
			assert.deepEqual(metadata, { name: "third", links: ["https://example.org"] });

			const bad = world.write("bad.json", '["not an object"]');
			const long = world.write("long.json", JSON.stringify({ name: "x".repeat(5000) }));
			for (const name of [bad, long]) await world.error([...create, `--metadata=${name}`], 2);
			await world.error([...create, `--metadata=${world.path("none.json")}`], 2);
			await world.error(create, 2);
			await world.error([...create, `--metadata=${file}`, "--name=both"], 2);
		});

		test("what the contract wouldn't take costs nothing", async () => {
			const nonce = await world.client.getTransactionCount({ address: requester.address });
			const create = ["market", "create", "--penalty=1", "--name=x"];
			const error = (args, code) => world.error([...create, ...args], code);
			assert.equal((await error([`--verifier=${requester.address}`], 1)).name, "SampleRejected");
			const wild = [`--verifier=${world.market.verifier}`, "--max-input-bytes=40000"];
			assert.equal((await error(wild, 1)).name, "InputsTooLong");
			const free = ["market", "create", "--penalty=0", "--name=x", `--verifier=${world.market.verifier}`];
			assert.equal((await world.error(free, 1)).name, "ZeroPenalty");
			const huge = ["market", "create", `--penalty=${2n ** 128n}u`, "--name=x", `--verifier=${world.market.verifier}`];
			assert.match((await world.error(huge, 2)).message, /128 bits/);
			assert.equal(await world.client.getTransactionCount({ address: requester.address }), nonce);
		});

		test("a fee for new markets is approved and paid", async () => {
			await world.json("admin fee --creation=5");
			const create = ["market", "create", `--verifier=${world.market.verifier}`, "--penalty=1", "--name=paid"];
			assert.equal((await world.error([...create, "--no-approve"], 1)).name, "ERC20InsufficientAllowance");
			const before = await world.read("PaymentToken", "balanceOf", [requester.address]);
			const run = (await world.run([...create, "--json"])).is(0, /approving 5 KUSD/);
			await world.checkTransactions(run.json, ["approve", "createMarket"]);
			assert.equal(run.json.fee, String(usd("5")));
			assert.equal(await world.read("PaymentToken", "balanceOf", [requester.address]), before - usd("5"));
			await world.json("admin fee --creation=0");
		});

		test("list has them all, in their order", async () => {
			const { markets } = await world.json("market list");
			assert.deepEqual(markets.map((m) => m.market_id), ["1", "2", "3", "4"]);
			assert.deepEqual(markets.slice(1).map((m) => m.name), ["second", "third", "paid"]);
			assert.equal(markets[1].penalty, String(stake("2.5")));
			const text = (await world.run("market list")).is(0).out.split("\n");
			assert.match(text[0], /^MARKET +NAME +STATE +PENALTY +INPUTS +VERIFIER$/);
			assert.match(text[2], /^2 +second +active +2.5 KSTAKE +96 +0x/);
		});

		test("only its owner closes a market; list leaves it out then", async () => {
			const stranger = await world.error("market close 4 --as=generator", 1);
			assert.equal(stranger.name, "NotMarketOwner");
			assert.match(stranger.message, /^closeMarket: NotMarketOwner: .*: send from the owner's account/);
			const closed = await world.json("market close 4");
			await world.checkTransactions(closed, ["closeMarket"]);
			assert.deepEqual([closed.market_id, closed.state], ["4", "closed"]);
			assert.equal((await world.read("ProofMarketplace", "marketOf", [4n])).closed, true);
			assert.equal((await world.error("market close 4", 1)).name, "MarketIsClosed");
			assert.equal((await world.json("market list")).markets.length, 3);
			assert.equal((await world.json("market list --all")).markets[3].state, "closed");
		});

		test("there is no such market", async () => {
			assert.match((await world.error("market show 99", 4)).message, /no market 99: kalypso market list/);
			assert.equal((await world.error("market close 99", 4)).name, "MarketUnknown");
			await world.error("market show one", 2);
		});

		test("a market that isn't active yet says when it will be", async () => {
			await world.json("admin setting activationDelay 1h");
			const create = ["market", "create", `--verifier=${world.market.verifier}`, "--penalty=1", "--name=later"];
			await world.json(create);
			await world.json("admin setting activationDelay 0");
			assert.equal((await world.json("market show 5")).state, "waiting");
			const ask = ["request", "create", "--market=5", "--inputs-hex=0x00", "--max-price=1", "--max-time=60"];
			const error = await world.error(ask, 1);
			assert.equal(error.name, "MarketInactive");
			assert.match(error.message, /takes no requests before 20\d\d-/);
		});
	});
}
