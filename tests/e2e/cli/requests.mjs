// kalypso request create, cancel, show; before anybody takes one.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { keccak256 } from "viem";
import { generator, requester, sample, stranger, usd } from "./world.mjs";

export const ask = (...more) => [
	"request",
	"create",
	"--market=1",
	`--inputs-hex=${sample.inputs}`,
	"--max-price=2",
	"--max-time=5m",
	...more,
];

export function requestsTests(world) {
	const balance = () => world.read("PaymentToken", "balanceOf", [requester.address]);
	let last = 0;

	describe("request", () => {
		test("create escrows the cap, and says what it made", async () => {
			const before = await balance();
			const run = (await world.run(ask("--json"))).is(0, /approving 2 KUSD for/);
			await world.checkTransactions(run.json, ["approve", "createRequest"]);
			assert.equal(await balance(), before - usd("2"));
			const [made] = run.json.created;
			assert.deepEqual([made.request_id, made.market_id, made.max_price, made.fee], ["1", "1", String(usd("2")), "0"]);
			const request = await world.requestOf(1);
			const block = await world.client.getBlock();
			assert.equal(request.state, 1);
			assert.equal(request.inputsHash, keccak256(sample.inputs));
			assert.equal(Date.parse(made.expiry) / 1000, Number(request.expiry));
			assert.ok(Math.abs(Number(request.expiry - block.timestamp) - 3600) <= 5);
			last = 1;
		});

		test("options become what the contract is given", async () => {
			const more = ["--prefer=fastest", `--refund-to=${stranger.address}`, "--spread=7", "--expires-in=90s"];
			await world.json(ask(...more));
			const events = await world.chain.events("ProofMarketplace", "RequestCreated");
			const { params } = events.at(-1).args;
			assert.equal(params.preference, 1);
			assert.equal(params.refundTo, stranger.address);
			assert.equal(params.spread, 7n);
			assert.equal(params.maxResponseTime, 300);
			assert.equal((await world.requestOf(2)).refundTo, stranger.address);
			last = 2;
		});

		test("inputs come from files, binary or hex, or from standard input", async () => {
			const binary = world.write("inputs.bin", Buffer.from(sample.inputs.slice(2), "hex"));
			const hex = world.write("inputs.hex", `\n  ${sample.inputs}\n`);
			const common = ["request", "create", "--market=1", "--max-price=1", "--max-time=60"];
			const said = await world.json([...common, `--inputs-file=${binary}`, `--inputs-file=${hex}`]);
			await world.checkTransactions(said, ["approve", "createRequests"]);
			assert.deepEqual(said.created.map((r) => r.request_id), ["3", "4"]);
			await world.json([...common, "--inputs-file=-"], 0, { input: sample.inputs });
			for (const id of [3, 4, 5]) assert.equal((await world.requestOf(id)).inputsHash, keccak256(sample.inputs));
			await world.error([...common, `--inputs-file=${world.path("none")}`], 2);
			await world.error([...common, "--inputs-hex=0x1"], 2);
			await world.error([...common, "--inputs-hex=zz"], 2);
			await world.error(common, 2);
			last = 5;
		});

		test("--count asks several times, all or nothing", async () => {
			const before = await balance();
			const said = await world.json(ask("--count=3", "--spread=9"));
			assert.deepEqual(said.created.map((r) => r.request_id), ["6", "7", "8"]);
			assert.equal(await balance(), before - usd("6"));
			await world.error(ask("--count=0"), 2);
			await world.error(ask("--count=257"), 2);
			last = 8;
		});

		test("the platform's fee is counted in", async () => {
			await world.json("admin fee --per-byte=1000u");
			const said = await world.json(ask());
			assert.equal(said.created[0].fee, String(96 * 1000));
			assert.equal((await world.read("PaymentToken", "allowance", [requester.address, world.marketplace])), 0n);
			await world.json("admin fee --per-byte=0");
			last = 9;
		});

		test("absurd requests are refused with their reason, and cost nothing", async () => {
			const nonce = await world.client.getTransactionCount({ address: requester.address });
			const create = (...more) => ["request", "create", "--market=1", `--inputs-hex=${sample.inputs}`, ...more];
			const cases = [
				[create("--max-price=0", "--max-time=60"), 1, "ZeroPrice"],
				[create("--max-price=1", "--max-time=0"), 1, "TimeOutOfRange"],
				[create("--max-price=1", "--max-time=2d"), 1, "TimeOutOfRange"],
				[create("--max-price=1", "--max-time=60", "--expires-in=31d"), 1, "ExpiryOutOfRange"],
				[create("--max-price=1", "--max-time=60", "--expires-in=0"), 1, "ExpiryOutOfRange"],
				[create("--max-price=1", "--max-time=60", `--refund-to=${world.registry}`), 1, "BadRefundTo"],
				[create("--max-price=5000", "--max-time=60"), 1, "ERC20InsufficientBalance"],
				[create("--max-price=1", "--max-time=60", "--no-approve"), 1, "ERC20InsufficientAllowance"],
				[create("--max-price=1.0000001", "--max-time=60"), 2, null],
				[create("--max-price=-1", "--max-time=60"), 2, null],
				[create(`--max-price=${2n ** 128n}u`, "--max-time=60"), 2, null],
				[create("--max-price=1", "--max-time=60", "--prefer=best"), 2, null],
				[create("--max-price=1", "--max-time=5000000000"), 2, null],
				[["request", "create", "--market=1", "--inputs-hex=0x01", "--max-price=1", "--max-time=60"], 1, "InputsRejected"],
				[["request", "create", "--market=1", `--inputs-hex=0x${"00".repeat(97)}`, "--max-price=1", "--max-time=60"], 1, "InputsTooLong"],
				[["request", "create", "--market=4", `--inputs-hex=${sample.inputs}`, "--max-price=1", "--max-time=60"], 1, "MarketIsClosed"],
				[["request", "create", "--market=99", `--inputs-hex=${sample.inputs}`, "--max-price=1", "--max-time=60"], 4, "MarketUnknown"],
			];
			for (const [args, code, name] of cases) {
				const error = await world.error(args, code);
				assert.equal(error.name, name, JSON.stringify(error));
			}
			assert.equal(await world.client.getTransactionCount({ address: requester.address }), nonce);
			assert.equal(await world.read("ProofMarketplace", "requestCount"), BigInt(last));
		});

		test("a dry run creates nothing, and can be made for somebody else", async () => {
			const dry = await world.json(ask("--dry-run"));
			assert.deepEqual(dry.transactions.map((t) => [t.what, t.sent]), [["approve", false], ["createRequest", false]]);
			assert.deepEqual(dry.created, []);
			const from = await world.json(ask("--dry-run", `--from=${generator.address}`), 0, { env: { KALYPSO_KEY: "" } });
			assert.equal(from.transactions[0].from, generator.address);
			await world.error(ask(`--from=${generator.address}`), 2);
			assert.equal(await world.read("ProofMarketplace", "requestCount"), BigInt(last));
		});

		test("show is the contract's view and the log's", async () => {
			const said = await world.json("request show 2");
			const is = await world.requestOf(2);
			assert.deepEqual(
				[said.request_id, said.state, said.market_id, said.requester, said.refund_to, said.generator],
				["2", "open", "1", is.requester, stranger.address, null],
			);
			assert.equal(said.max_price, String(is.maxPrice));
			assert.equal(Date.parse(said.expiry) / 1000, Number(is.expiry));
			assert.deepEqual([said.preference, said.spread, said.max_response_time], ["fastest", "7", 300]);
			assert.deepEqual([said.inputs, said.inputs_hash, said.proof], [sample.inputs, is.inputsHash, null]);
			const [event] = (await world.chain.events("ProofMarketplace", "RequestCreated")).slice(1);
			assert.deepEqual(
				said.history.map((h) => [h.event, h.block, h.tx]),
				[["RequestCreated", String(event.blockNumber), event.transactionHash]],
			);
			assert.match((await world.run("request show 2")).is(0).out, /State +open\n[^]*RequestCreated +20\d\d-/);
			assert.equal((await world.error("request show 99", 4)).name, "RequestUnknown");
			await world.error("request show 18446744073709551616", 2);
		});

		test("cancel refunds; of several each has its own outcome", async () => {
			const one = await world.json("request cancel 1");
			await world.checkTransactions(one, ["cancelRequest"]);
			assert.deepEqual(one.items.map((i) => [i.request_id, i.done, i.reason, i.refund]), [["1", true, null, String(usd("2"))]]);
			assert.equal((await world.requestOf(1)).state, 6);
			const some = await world.json("request cancel 3 1 4 99", 1);
			await world.checkTransactions(some, ["cancelRequests"]);
			assert.deepEqual(some.items.map((i) => [i.request_id, i.done, i.reason]), [
				["3", true, null],
				["1", false, "RequestNotOpen"],
				["4", true, null],
				["99", false, "RequestUnknown"],
			]);
			assert.match(some.error.message, /2 of 4 requests can't be cancelled/);
			for (const id of [3, 4]) assert.equal((await world.requestOf(id)).state, 6);

			const block = await world.client.getBlockNumber();
			const none = await world.json("request cancel 1 3", 1);
			assert.match(none.error.message, /2 of 2 requests can't be cancelled: nothing was sent/);
			assert.equal((await world.error("request cancel 1", 1)).name, "RequestNotOpen");
			assert.equal((await world.error("request cancel 99", 4)).name, "RequestUnknown");
			assert.equal((await world.error("request cancel 5 --as=generator", 1)).name, "NotRequester");
			await world.error("request cancel 5 5", 2);
			assert.equal(await world.client.getBlockNumber(), block);
			assert.equal((await world.json("request show 1")).refund, String(usd("2")));
		});

		test("what has expired says so, and anybody cancels it", async () => {
			await world.passTime(120);
			assert.equal((await world.json("request show 2")).state, "expired");
			const waited = await world.json("request wait 2", 1);
			assert.equal(waited.requests[0].state, "expired");
			assert.match((await world.run("request wait 2")).is(1).out, /kalypso request cancel 2 gets its cap back/);
			assert.match((await world.error("request proof 2", 4)).message, /expired: there is no proof and there will be none/);
			await world.json("request cancel 2 --as=generator");
			assert.equal(await world.read("ProofMarketplace", "claimable", [stranger.address]), usd("2"));
		});
	});
}
