// What can go wrong between here and the chain; each has one message and its exit status.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, test } from "node:test";
import { parseEther } from "viem";
import { account } from "../../../deploy/local/chain.mjs";
import { freePort } from "../../../deploy/local/processes.mjs";
import { ask } from "./requests.mjs";
import { KALYPSO, kalypso, requester, sample, until, usd } from "./world.mjs";

// A node in between: @change gets each request and may answer it.
async function startProxy(target, change) {
	const server = createServer(async (request, response) => {
		let body = "";
		for await (const chunk of request) body += chunk;
		const calls = [JSON.parse(body)].flat();
		const own = change(calls, response);
		if (own === undefined) {
			const answer = await fetch(target, { method: "POST", body, headers: { "Content-Type": "application/json" } });
			response.end(await answer.text());
		} else if (own !== null) {
			response.end(typeof own === "string" ? own : JSON.stringify(own));
		}
	});
	await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
	return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close().closeAllConnections() };
}

export function failuresTests(world) {
	const where = (rpc, contracts = world.contractsFile) => ({
		KALYPSO_MARKET: "",
		KALYPSO_RPC: rpc,
		KALYPSO_CONTRACTS: contracts,
		KALYPSO_KEY: requester.key,
	});
	const contracts = (changes) => world.write("other.json", JSON.stringify({ ...world.chain.addresses, ...changes }));

	describe("failures", () => {
		test("where is the market?", async () => {
			const run = async (env, code = 2) => (await kalypso(["market", "show", "1", "--json"], { env })).is(code).error.message;
			assert.match(await run({}), /where are the contracts\? Give --contracts FILE/);
			assert.match(await run({ KALYPSO_CONTRACTS: world.contractsFile }), /which node\? Give --rpc URL/);
			assert.match(await run({ KALYPSO_CONTRACTS: world.path("none") }), /contracts file .*none: unable to open/);
			assert.match(await run({ KALYPSO_MARKET: world.path("none") }), /market file .*none: unable to open/);
			assert.match(await run({ KALYPSO_MARKET: world.write("list.json", "[]") }), /not a JSON object/);
			const half = world.write("half.json", '{"chainId": 31337, "startBlock": 0}');
			assert.match(await run({ KALYPSO_CONTRACTS: half }), /ProofMarketplace is missing or not of its kind/);
			assert.match(await run(where("ftp://127.0.0.1")), /begins with http:\/\/ or https:\/\//);
			assert.match(await run(where("http://a,http://b,,http://c")), /with commas between them/);
			for (const args of [["market", "list"], ["task", "list"], ["why", "request", "1"], ["status"], ["events"]])
				assert.match((await kalypso([...args, "--json"])).is(2).error.message, /Give --gateway URL/);
		});

		test("no node answers", async () => {
			const dead = `http://127.0.0.1:${await freePort()}`;
			const run = await kalypso(["request", "show", "1", "--json"], { env: where(dead) });
			assert.match(run.is(3).error.message, new RegExp(`no node of --rpc ${dead} answers .*[Cc]onnect`));
			const good = await kalypso(["request", "show", "1", "--json"], { env: where(`${dead},${world.chain.url}`) });
			assert.equal(good.is(0).json.request_id, "1");
		});

		test("what answers isn't a node", async () => {
			for (const [answer, words] of [
				["<html>hello</html>", /no node of --rpc/],
				[{ jsonrpc: "2.0", id: 1, result: "not a quantity" }, /doesn't answer like an Ethereum node/],
				[{ jsonrpc: "2.0", id: 1, error: { code: -32601, message: "no\u001b[2J such method" } }, /Ethereum node/],
			]) {
				const proxy = await startProxy(world.chain.url, () => answer);
				const run = await kalypso(["request", "show", "1", "--json"], { env: where(proxy.url) });
				assert.match(run.is(3).error.message, words);
				assert.ok(!run.err.includes("\u001b"));
				proxy.stop();
			}
		});

		test("another chain, other contracts", async () => {
			const other = (await kalypso(["account", "show", "--json"], { env: where(world.chain.url, contracts({ chainId: 1 })) })).is(2);
			assert.match(other.error.message, /is of chain 31337, the contracts are of chain 1: mend --rpc or --contracts/);
			const nobody = account(30).address;
			const market = { env: where(world.chain.url, contracts({ ProofMarketplace: nobody })) };
			assert.match((await kalypso(["request", "show", "1", "--json"], market)).is(2).error.message, /no contract at 0x.* \(ProofMarketplace\)/);
			assert.match((await kalypso(["request", "cancel", "1", "--json"], market)).is(2).error.message, /no contract at/);
			const token = { env: where(world.chain.url, contracts({ PaymentToken: nobody })) };
			assert.match((await kalypso(["account", "show", "--json"], token)).is(2).error.message, /no contract at 0x.* \(PaymentToken\)/);
			const wrong = { env: where(world.chain.url, contracts({ ProofMarketplace: world.chain.addresses.PaymentToken })) };
			assert.ok([1, 2].includes((await kalypso(["request", "show", "1", "--json"], wrong)).code));
		});

		test("an account without ether, or a chain that is too dear", async () => {
			const poor = account(31);
			await world.client.setBalance({ address: poor.address, value: 1000n });
			await world.chain.send(requester, "PaymentToken", "transfer", [poor.address, usd("5")]);
			const error = await world.error(ask(), 1, { env: { KALYPSO_KEY: poor.key } });
			assert.equal(error.name, "InsufficientFunds");
			assert.match(error.message, /has 0\.000000000000001 ETH, the gas of approve may cost 0\.\d+: send it some/);
			const dear = await world.error(ask("--max-fee=0.000000001"), 1);
			assert.match(dear.message, /the base fee is .* gwei, more than --max-fee0?/);
			await world.error(ask("--max-fee=much"), 2);
			await world.error(ask("--tip=1x"), 2);
			await world.client.setNextBlockBaseFeePerGas({ baseFeePerGas: parseEther("0.000001") });
			await world.client.mine({ blocks: 1 });
			assert.match((await world.error(ask(), 1)).message, /more than the 500 gwei that are paid unasked/);
			await world.client.setNextBlockBaseFeePerGas({ baseFeePerGas: 1_000_000_000n });
			await world.client.mine({ blocks: 1 });
		});

		test("fees and gas are what was asked for", async () => {
			const said = await world.json(ask("--max-fee=50", "--tip=2.5", "--gas-limit=400000"));
			await world.checkTransactions(said, ["approve", "createRequest"]);
			for (const t of said.transactions)
				assert.deepEqual(
					[t.max_fee_per_gas, t.max_priority_fee_per_gas, t.gas_limit],
					["50000000000", "2500000000", "400000"],
				);
			const low = await world.json(ask("--gas-limit=60000"), 1);
			assert.match(low.error.message, /createRequest was mined in block \d+ and reverted: the node can't say why: perhaps the gas limit/);
			assert.deepEqual(low.transactions.map((t) => t.what), ["approve", "createRequest"]);
		});

		test("not mined in time; it still may be", async () => {
			await world.client.setAutomine(false);
			const [{ requestId }] = (await world.chain.events("ProofMarketplace", "RequestCreated")).slice(-1).map((e) => e.args);
			const late = await world.error(`request cancel ${requestId} --timeout=1`, 5);
			assert.match(late.message, /cancelRequest isn't mined after 1 s; it still may be\. Its hash is 0x[0-9a-f]{64}/);
			const hash = /0x[0-9a-f]{64}/.exec(late.message)[0];
			await world.client.mine({ blocks: 1 });
			await world.client.setAutomine(true);
			assert.equal((await world.client.getTransactionReceipt({ hash })).status, "success");
			assert.equal((await world.json(`request show ${requestId}`)).state, "cancelled");
		});

		test("two at once take two nonces; what the first changed makes the second revert", async () => {
			const [{ request_id: id }] = (await world.json(ask())).created;
			await world.client.setAutomine(false);
			const pending = (n) => until("a pending transaction", async () => (await world.client.getTxpoolStatus()).pending === n);
			const first = world.json(`request cancel ${id}`);
			await pending(1);
			const second = world.json(`request cancel ${id}`, 1);
			await pending(2);
			await world.client.mine({ blocks: 1 });
			await world.client.setAutomine(true);
			await world.checkTransactions(await first, ["cancelRequest"]);
			const { error, transactions } = await second;
			assert.match(error.message, /^cancelRequest was mined in block \d+ and reverted: /);
			assert.equal(transactions.length, 1);
			assert.equal(Number(transactions[0].nonce), Number((await first).transactions[0].nonce) + 1);
		});

		test("interrupted while it waits", async () => {
			const [{ request_id: id }] = (await world.json(ask())).created;
			const started = Date.now();
			const run = await world.run(`request wait ${id} --json`, { interruptAfterMs: 700 });
			assert.equal(run.is(130).error.message, "interrupted");
			assert.ok(Date.now() - started < 20_000);
			await world.json(`request cancel ${id}`);
		});

		test("a node that can't simulate several calls, or lives without some methods", async () => {
			const lacking = ["eth_simulateV1", "eth_maxPriorityFeePerGas"];
			const proxy = await startProxy(world.chain.url, (calls) =>
				calls.length === 1 && lacking.includes(calls[0].method)
					? { jsonrpc: "2.0", id: calls[0].id, error: { code: -32601, message: "the method does not exist" } }
					: undefined,
			);
			const run = await kalypso([...ask(), "--json"], { env: where(proxy.url) });
			await world.checkTransactions(run.is(0).json, ["approve", "createRequest"]);
			const doomed = await kalypso([...ask("--expires-in=31d"), "--json"], { env: where(proxy.url) });
			assert.equal(doomed.is(1).error.name, "ExpiryOutOfRange");
			assert.deepEqual(doomed.json.transactions.map((t) => t.what), ["approve"]);
			proxy.stop();
		});

		test("a node that gives logs of short ranges only", async () => {
			await world.client.mine({ blocks: 300 });
			const refusals = [];
			const proxy = await startProxy(world.chain.url, (calls, response) => {
				const [{ id, method, params }] = calls;
				if (method !== "eth_getLogs" || Number(params[0].toBlock) - Number(params[0].fromBlock) < 100) return undefined;
				refusals.push(params);
				if (refusals.length % 2) return { jsonrpc: "2.0", id, error: { code: -32005, message: "range too large" } };
				response.statusCode = 400;
				return "too large";
			});
			const run = await kalypso(["request", "show", "5", "--json"], { env: where(proxy.url) });
			assert.equal(run.is(0).json.inputs, sample.inputs);
			assert.ok(refusals.length > 1);
			proxy.stop();
		});

		test("a node that words reverts otherwise", async () => {
			const selector = "0x86f2a4c1";
			for (const data of [{ data: selector }, `Reverted ${selector}`, selector]) {
				const proxy = await startProxy(world.chain.url, (calls) =>
					calls.some((call) => call.method === "eth_call" && call.params[0].from)
						? calls.map((call) =>
								call.method === "eth_call"
									? { jsonrpc: "2.0", id: call.id, error: { code: -32015, message: "VM execution error", data } }
									: { jsonrpc: "2.0", id: call.id, result: "0x01" },
							)
						: undefined,
				);
				const run = await kalypso(["request", "cancel", "1", "--json"], { env: where(proxy.url) });
				assert.match(run.is(1).error.message, /^cancelRequest: unknown error 0x86f2a4c1$/);
				proxy.stop();
			}
		});

		test("an answer that can't be written is a failure", async () => {
			const run = await kalypso(["-c", `'${KALYPSO}' market show 1 > /dev/full`], {
				command: "sh",
				env: { KALYPSO_MARKET: world.marketFile },
			});
			run.is(1, /can't be written to stdout/);
		});
	});
}
