// kalypso deploy, on a real node: killed wherever it can be, refused whatever is wrong; viem looks over its shoulder.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { getContractAddress, keccak256, parseEther, toHex, zeroAddress, zeroHash } from "viem";
import { ROOT, account, artifact, startAnvil } from "../../deploy/local/chain.mjs";
import { until } from "../../deploy/local/processes.mjs";
import { KALYPSO, kalypso } from "./cli/world.mjs";

const ARTIFACTS = join(ROOT, "build/contracts/contracts.json");
const role = (name) => keccak256(toHex(name));
const lower = (value) => JSON.parse(JSON.stringify(value).toLowerCase());
const [admin, governor, guardian, treasury] = [30, 31, 32, 33].map((i) => account(i).address);
const DEVELOPMENT = ["--development"];
const REAL = ["--chain-id=31337", "--test-tokens", `--admin=${admin}`, `--governor=${governor}`, `--guardian=${guardian}`];
const CORE = ["ProofMarketplace", "GeneratorRegistry", "EntityKeyRegistry"];

let folder, anvil, chain, client;
let people = 0;

before(async () => {
	folder = mkdtempSync(join(tmpdir(), "kalypso-deploy-"));
	mkdirSync(join(folder, "logs"));
	({ anvil, chain } = await startAnvil(folder));
	client = chain.client;
});
after(async () => {
	await anvil?.stop();
	rmSync(folder, { recursive: true, force: true });
});

// Another account, with money, and another file to write for each deployment.
function someone() {
	const who = account(people++);
	return { ...who, out: join(folder, `${people}.json`) };
}

const options = (who, words) => ["deploy", ...words, `--out=${who.out}`, `--rpc=${chain.url}`];
const environment = (who) => ({ KALYPSO_KEY: who.key, KALYPSO_ARTIFACTS: ARTIFACTS });
const run = (who, words, more = {}) =>
	kalypso(options(who, words), { ...more, env: { ...environment(who), ...more.env } });
const json = async (who, words, code = 0, more = {}) => (await run(who, [...words, "--json"], more)).is(code).json;
const error = async (who, words, code, more = {}) => (await run(who, [...words, "--json"], more)).is(code).error;
const addresses = (who) => JSON.parse(readFileSync(who.out, "utf8"));
const state = (who) => JSON.parse(readFileSync(`${who.out}.state`, "utf8"));
const read = (address, name, functionName, args = []) =>
	client.readContract({ address, abi: artifact(name).abi, functionName, args });
const nonceOf = (who) => client.getTransactionCount({ address: who.address });
const codeAt = async (address) => (await client.getCode({ address })) ?? "0x";

// What a deployment has to look like, whoever made it.
async function inspect(who, { timelock, roles, began, count }) {
	const is = addresses(who);
	assert.equal(is.chainId, 31337);
	assert.equal(await nonceOf(who), began + count, "one transaction for each step, and no other");
	for (const name of CORE) {
		const at = is[name];
		const has = (role, account) => read(at, name, "hasRole", [role, account]);
		assert.equal(await read(at, name, "marketplace"), is.ProofMarketplace);
		assert.equal(await read(at, name, "registry"), is.GeneratorRegistry);
		assert.equal(await read(at, name, "keyRegistry"), is.EntityKeyRegistry);
		assert.equal(await read(at, name, "paymentToken"), is.PaymentToken);
		assert.equal(await read(at, name, "stakeToken"), is.StakeToken);
		assert.equal(await has(zeroHash, timelock ? is.TimelockController : roles.admin), true);
		assert.equal(await has(role("GOVERNOR_ROLE"), roles.governor), true);
		assert.equal(await has(role("GUARDIAN_ROLE"), roles.guardian), true);
		if (roles.admin !== who.address)
			for (const r of [zeroHash, role("GOVERNOR_ROLE"), role("GUARDIAN_ROLE")]) assert.equal(await has(r, who.address), false);
		const initialize = artifact(name).abi.find((item) => item.name === "initialize");
		const args = initialize.inputs.map(({ type }) => (type === "address" ? who.address : 0n));
		await assert.rejects(
			client.simulateContract({ address: at, abi: artifact(name).abi, functionName: "initialize", args, account: who.address }),
			/InvalidInitialization/,
		);
	}
	return is;
}

describe("a deployment", () => {
	test("for development: test tokens, the deployer in every role, no delays", async () => {
		const who = someone();
		const dry = await json(who, [...DEVELOPMENT, "--dry-run"]);
		assert.equal(existsSync(who.out) || existsSync(`${who.out}.state`), false, "a dry run writes nothing");
		assert.equal(await nonceOf(who), 0, "a dry run sends nothing");
		const foretold = dry.steps.map((s) => s.address);
		assert.deepEqual(foretold, foretold.map((_, i) => getContractAddress({ from: who.address, nonce: BigInt(i) })));

		const before = await client.getBalance({ address: who.address });
		const done = await json(who, DEVELOPMENT);
		const spent = before - (await client.getBalance({ address: who.address }));
		assert.equal(BigInt(done.paid), spent);
		assert.ok(spent <= BigInt(dry.cost_at_most), "it costs at most what was foretold");
		assert.deepEqual(done.steps.map((s) => s.address), foretold);
		for (const [i, step] of done.steps.entries())
			assert.ok(Number(dry.steps[i].gas) >= Number(step.gas) && Number(dry.steps[i].gas) < 1.3 * Number(step.gas), step.name);
		assert.ok(done.checks.length > 30 && done.checks.every((c) => c.ok));
		const roles = { admin: who.address, governor: who.address, guardian: who.address };
		const is = await inspect(who, { timelock: false, roles, began: 0, count: 8 });
		assert.deepEqual(done.addresses, Object.fromEntries(Object.entries(is).filter(([k]) => !/chainId|startBlock/.test(k))));
		assert.equal(is.TimelockController, undefined);
		assert.equal(await read(is.ProofMarketplace, "ProofMarketplace", "checksBranch"), true);
		const logs = await client.getLogs({ address: CORE.map((name) => is[name]), fromBlock: 0n });
		assert.ok(logs.length && logs.every((l) => l.blockNumber >= BigInt(is.startBlock)), "no event before the start block");

		const again = await json(who, DEVELOPMENT);
		assert.deepEqual(again.addresses, done.addresses);
		assert.equal(await nonceOf(who), 8, "run again, it looks and sends nothing");
	});

	test("with a timelock, each role in other hands, none left to the deployer", async () => {
		const who = someone();
		const words = [...REAL, `--treasury=${treasury}`, "--timelock-delay=3h", "--activation-delay=2h", "--no-branch-check", "--confirmations=1"];
		await json(who, words);
		const is = await inspect(who, { timelock: true, roles: { admin, governor, guardian }, began: 0, count: 9 });
		const lock = (name, args) => read(is.TimelockController, "TimelockController", name, args);
		assert.equal(await lock("getMinDelay"), 10_800n);
		for (const r of ["PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE"]) assert.equal(await lock("hasRole", [role(r), admin]), true);
		assert.equal(await lock("hasRole", [zeroHash, who.address]), false);
		assert.equal(await lock("hasRole", [zeroHash, is.TimelockController]), true);
		const setting = (name, key) => read(is[name], name, "setting", [toHex(key, { size: 32 })]);
		assert.equal(await setting("ProofMarketplace", "activationDelay"), 7200n);
		assert.equal(await setting("ProofMarketplace", "treasury"), BigInt(treasury));
		assert.equal(await setting("GeneratorRegistry", "treasury"), BigInt(treasury));
		assert.equal(await read(is.ProofMarketplace, "ProofMarketplace", "checksBranch"), false);
	});

	test("waits for its confirmations, and goes on waiting when it is asked again", async () => {
		const who = someone();
		const words = [...DEVELOPMENT, "--confirmations=4"];
		const early = await error(who, [...words, "--timeout=0s"], 5);
		assert.match(early.message, /isn't mined after 0 s|only \d of 4 confirmations/);
		const waiting = run(who, words);
		await until("every step is there", async () => (await nonceOf(who)) === 8);
		await client.mine({ blocks: 4 });
		(await waiting).is(0);
		assert.equal(await nonceOf(who), 8);
	});

	test("governance's changes afterwards are noted, and nothing else", async () => {
		const who = someone();
		await json(who, DEVELOPMENT);
		chain.attach(addresses(who));
		await chain.send(who, "ProofMarketplace", "setSetting", [toHex("activationDelay", { size: 32 }), 60n]);
		const again = await run(who, [...DEVELOPMENT, "--json"]);
		again.is(0, /ProofMarketplace: activationDelay was changed since it was deployed/);
		assert.deepEqual(again.json.checks.filter((c) => !c.ok).map((c) => c.what), ["activationDelay"]);
	});
});

describe("killed", () => {
	// Between the program and the node: counts what passes, and can hold an answer back for ever.
	async function between(stopAt) {
		const seen = { calls: 0, reached: undefined };
		const reached = new Promise((resolve) => (seen.reached = resolve));
		const server = createServer((request, response) => {
			let body = "";
			request.on("data", (data) => (body += data));
			request.on("end", async () => {
				const mine = seen.calls++;
				if (stopAt.before === mine) return seen.reached();
				const answer = await fetch(chain.url, { method: "POST", body, headers: { "content-type": "application/json" } });
				const text = await answer.text();
				if (stopAt.after === mine) return seen.reached();
				response.setHeader("content-type", "application/json");
				response.end(text);
			});
		});
		await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
		const close = () => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve)));
		return { url: `http://127.0.0.1:${server.address().port}`, seen, reached, close };
	}

	// How many calls a whole deployment makes, from a first look to the addresses.
	async function countCalls() {
		const proxy = await between({});
		const who = someone();
		(await kalypso([...options(who, DEVELOPMENT).slice(0, -1), `--rpc=${proxy.url}`], { env: environment(who) })).is(0);
		await proxy.close();
		return proxy.seen.calls;
	}

	// SIGKILL while call number @at is under way: it was sent and its answer isn't there yet, or it never got there.
	async function killAt(who, words, stopAt) {
		const proxy = await between(stopAt);
		const { PATH, HOME, ASAN_OPTIONS } = process.env;
		const child = spawn(KALYPSO, [...options(who, words).slice(0, -1), `--rpc=${proxy.url}`], {
			env: { PATH, HOME, ASAN_OPTIONS, ...environment(who) },
			stdio: "ignore",
		});
		const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve(signal ?? code)));
		const how = await Promise.race([proxy.reached.then(() => "held"), ended]);
		if (how === "held") {
			child.kill("SIGKILL");
			assert.equal(await ended, "SIGKILL");
		}
		await proxy.close();
		return how;
	}

	test("at every other call to the node, before or after it: the same command finishes, and nothing is deployed twice", { timeout: 900_000 }, async () => {
		const calls = await countCalls();
		assert.ok(calls > 30, `${calls} calls`);
		let killed = 0, runs = 0;
		for (let n = 0; n < calls; n += 2, runs++) {
			const one = { ...account(39), out: join(folder, `kill-${n}.json`) };
			const began = await nonceOf(one);
			const how = await killAt(one, DEVELOPMENT, runs % 2 ? { before: n } : { after: n });
			if (how === "held") killed++;
			if (existsSync(one.out)) assert.equal(await nonceOf(one), began + 8, "an addresses file means that all is there");
			const done = await json(one, DEVELOPMENT);
			const roles = { admin: one.address, governor: one.address, guardian: one.address };
			const from = Number(done.steps[0].nonce);
			assert.equal(from, began, "it goes on with the nonces that it began with");
			await inspect(one, { timelock: false, roles, began, count: 8 });
		}
		assert.ok(killed >= runs - 1, `killed ${killed} of ${runs} times`);
	});

	test("again and again, a few calls later each time", { timeout: 900_000 }, async () => {
		const who = someone();
		let times = 0;
		for (let how = "held", n = 5; how === "held"; n += 3, times++) how = await killAt(who, REAL.concat("--confirmations=1"), { after: n });
		assert.ok(times >= 4, `killed ${times} times`);
		await inspect(who, { timelock: true, roles: { admin, governor, guardian }, began: 0, count: 9 });
	});
});

describe("the node", () => {
	test("that mines nothing: times out with what to do, waits on when asked again, replaces with higher fees", async () => {
		const who = someone();
		await client.setAutomine(false);
		try {
			const late = await error(who, [...DEVELOPMENT, "--timeout=1s"], 5);
			assert.match(late.message, /PaymentToken isn't mined after 1 s.*higher --tip and --max-fee/);
			const [first] = state(who).steps[0].transactions;
			await error(who, [...DEVELOPMENT, "--timeout=1s"], 5);
			assert.deepEqual(state(who).steps[0].transactions, [first], "what waits isn't sent again");
			await error(who, [...DEVELOPMENT, "--timeout=1s", "--tip=20", "--max-fee=100"], 5);
			const sent = state(who).steps[0].transactions;
			assert.equal(new Set(sent).size, sent.length);
			assert.equal(sent[0], first);
			assert.ok(sent.length >= 2);
		} finally {
			await client.setAutomine(true);
		}
		await client.mine({ blocks: 1 });
		await json(who, DEVELOPMENT);
		const roles = { admin: who.address, governor: who.address, guardian: who.address };
		await inspect(who, { timelock: false, roles, began: 0, count: 8 });
	});

	test("that goes away: says so, and how to go on", async () => {
		const who = someone();
		await client.setAutomine(false);
		try {
			const server = createServer(async (request, response) => {
				let body = "";
				for await (const data of request) body += data;
				if (body.includes("eth_getTransactionReceipt")) return request.socket.destroy();
				const answer = await fetch(chain.url, { method: "POST", body, headers: { "content-type": "application/json" } });
				response.setHeader("content-type", "application/json");
				response.end(await answer.text());
			});
			await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
			const words = [...options(who, [...DEVELOPMENT, "--timeout=2s"]).slice(0, -1), `--rpc=http://127.0.0.1:${server.address().port}`];
			const gone = await kalypso(words, { env: environment(who) });
			gone.is(3, /no node of --rpc .* answers any more/).is(3, /\.state knows how far it is: run the same command again to go on/);
			server.closeAllConnections();
			server.close();
		} finally {
			await client.setAutomine(true);
		}
		await client.mine({ blocks: 1 });
		await json(who, DEVELOPMENT);
		assert.equal(await nonceOf(who), 8);
	});
});

describe("what is wrong is told, before anything is paid", () => {
	test("options", async () => {
		const who = someone();
		for (const [words, what] of [
			[[], /which tokens\? Give --payment-token/],
			[["--test-tokens"], /who governs\? Give --admin/],
			[["--test-tokens", `--admin=${admin}`], /is of chain 31337: if that is where the contracts belong, say so with --chain-id/],
			[["--test-tokens", `--admin=${admin}`, "--chain-id=1"], /is of chain 31337, not 1: mend --rpc or --chain-id/],
			[["--development", "--chain-id=11155111"], /is of chain 31337, not 11155111/],
			[["--development", `--stake-token=${admin}`], /not both/],
			[["--development", "--timelock-delay=1d"], /there is no timelock/],
			[["--development", `--treasury=${zeroAddress}`], /--treasury is the address 0/],
			[["--development", "--artifacts=/nowhere/contracts.json"], /--artifacts \/nowhere\/contracts.json: unable to open/],
			[["--chain-id=31337", `--admin=${admin}`, `--payment-token=${admin}`, `--stake-token=${admin}`], /--payment-token: there is no contract at/],
		]) {
			const { message } = await error(who, words, 2);
			assert.match(message, what);
		}
		assert.equal(existsSync(`${who.out}.state`), false);
		assert.equal(await nonceOf(who), 0);
	});

	test("a bundle that is none", async () => {
		const who = someone();
		const good = JSON.parse(readFileSync(ARTIFACTS, "utf8"));
		const path = join(folder, "bundle.json");
		const said = async (bundle) => {
			writeFileSync(path, JSON.stringify(bundle));
			return (await error(who, ["--development", `--artifacts=${path}`], 2)).message;
		};
		assert.match(await said({}), /no bundle of contracts of this version/);
		assert.match(await said({ ...good, contracts: { ...good.contracts, ERC1967Proxy: undefined } }), /ERC1967Proxy is missing/);
		const broken = (change) => ({ ...good, contracts: { ...good.contracts, ProofMarketplace: { ...good.contracts.ProofMarketplace, ...change } } });
		assert.match(await said(broken({ initcode: "0x6" })), /ProofMarketplace is missing in it, or not as it should be/);
		assert.match(await said(broken({ immutables: [[1e9, 32]] })), /ProofMarketplace/);
		assert.match(await said(broken({ immutables: [[64, 32], [32, 32]] })), /ProofMarketplace/);
	});

	test("no funds", async () => {
		const who = someone();
		await client.setBalance({ address: who.address, value: parseEther("0.0001") });
		const poor = await error(who, DEVELOPMENT, 1);
		assert.equal(poor.name, "InsufficientFunds");
		assert.match(poor.message, /has 0\.0001 ETH, what is left to deploy may cost 0\.\d+: send it the rest/);
		assert.equal(existsSync(`${who.out}.state`), false);
		const dry = await run(who, [...DEVELOPMENT, "--dry-run"]);
		dry.is(1, /Left, at most/);
		await client.setBalance({ address: who.address, value: parseEther("1") });
		await json(who, DEVELOPMENT);
	});

	test("terms that the contracts refuse", async () => {
		const who = someone();
		const [payment] = [0].map((n) => getContractAddress({ from: who.address, nonce: BigInt(n) }));
		const refused = await error(who, [...DEVELOPMENT, `--treasury=${payment}`], 1);
		assert.equal(refused.name, "SettingOutOfRange");
		assert.equal(await nonceOf(who), 0);
		assert.equal(existsSync(`${who.out}.state`), false);
	});

	test("tokens that the books wouldn't balance with", async () => {
		const who = someone();
		const source = (body) => `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
contract Token {
	mapping(address => uint256) private held; uint256 private immutable born = block.timestamp;
	mapping(address => mapping(address => uint256)) public allowance;
	${body}
	function move(address f, address t, uint256 v) private { held[f] -= v; held[t] += v - v * fee() / 100; }
	function transfer(address t, uint256 v) external returns (bool) { move(msg.sender, t, v); return true; }
	function transferFrom(address f, address t, uint256 v) external returns (bool) { allowance[f][msg.sender] -= v; move(f, t, v); return true; }
	function approve(address s, uint256 v) external returns (bool) { allowance[msg.sender][s] = v; return true; }
	function balanceOf(address a) external view returns (uint256) { return held[a] * rate() / 1000; }
}`;
		const plain = "function fee() private pure returns (uint256) { return 0; } function rate() private pure returns (uint256) { return 1000; }";
		const greedy = plain.replace("return 0;", "return 1;");
		const growing = plain.replace("pure returns (uint256) { return 1000; }", "view returns (uint256) { return 1000 + (block.timestamp - born) / 1 days; }");
		const opaque = plain.replace("return 1000;", "return 0;");
		const solc = createRequire(join(ROOT, "protocol/contracts/package.json"))("solc");
		const sources = Object.fromEntries(Object.entries({ plain, greedy, growing, opaque }).map(([name, body]) => [name, { content: source(body) }]));
		const settings = { outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } };
		const compiled = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings })));
		const deploy = async (name) => {
			const { abi, evm } = compiled.contracts[name].Token;
			return chain.deploy(account(38), abi, `0x${evm.bytecode.object}`);
		};
		const [good, fee, rebases, strange] = [await deploy("plain"), await deploy("greedy"), await deploy("growing"), await deploy("opaque")];
		const words = (payment, stake) => ["--chain-id=31337", `--admin=${admin}`, "--confirmations=1", `--payment-token=${payment}`, `--stake-token=${stake}`];
		for (const [payment, stake, name, what] of [
			[fee, good, "TokenUnfit", /--payment-token takes a fee on transfer/],
			[good, rebases, "TokenUnfit", /--stake-token rebases/],
			[good, strange, "TokenUnknown", /--stake-token can't be tried out: no storage slot.*--tokens-checked/],
			[chain.addresses?.ProofMarketplace ?? strange, good, "TokenUnknown", /--payment-token can't be tried out/],
		]) {
			const refused = await error(who, words(payment, stake), 1);
			assert.equal(refused.name, name);
			assert.match(refused.message, what);
		}
		assert.equal(await nonceOf(who), 0);
		await json(who, [...words(good, strange), "--tokens-checked", "--dry-run"]);
		await json(who, words(good, good));
		await inspect(who, { timelock: true, roles: { admin, governor: admin, guardian: admin }, began: 0, count: 7 });
	});

	test("a folder that can't be written", async () => {
		const who = someone();
		const words = [...options({ ...who, out: "/nowhere/contracts.json" }, DEVELOPMENT)];
		(await kalypso(words, { env: environment(who) })).is(2, /\/nowhere\/contracts\.json\.state can't be written: No such file/);
		assert.equal(await nonceOf(who), 0, "nothing is sent that isn't noted before");
	});
});

describe("a deployment that was begun", () => {
	let who;

	// One that stands after its second step.
	before(async () => {
		who = someone();
		await client.setAutomine(false);
		const running = spawn(KALYPSO, options(who, DEVELOPMENT), { env: { ...process.env, ...environment(who) }, stdio: "ignore" });
		const ended = new Promise((resolve) => running.on("exit", resolve));
		for (const n of [1, 2]) {
			const pending = () => client.getTransactionCount({ address: who.address, blockTag: "pending" });
			await until(`transaction ${n} is sent`, async () => (await pending()) >= n);
			await client.mine({ blocks: 1 });
		}
		running.kill("SIGKILL");
		await ended;
		await client.setAutomine(true);
		await client.mine({ blocks: 1 });
	});

	test("wants the terms, account, chain and code that it was begun with", async () => {
		const at = await nonceOf(who);
		const refused = async (words, what, more) => assert.match((await error(who, words, 2, more)).message, what);
		await refused([...DEVELOPMENT, `--governor=${governor}`], /is of another deployment: its --governor is 0x.* not 0x.*: give what it was begun with, or another --out/);
		await refused([...DEVELOPMENT, "--activation-delay=5"], /its --activation-delay is 0, not 5/);
		await refused([...REAL], /its --admin is/);
		await refused(DEVELOPMENT, /its deployer is 0x/, { env: { KALYPSO_KEY: account(38).key } });
		const bundle = JSON.parse(readFileSync(ARTIFACTS, "utf8"));
		bundle.contracts.GeneratorRegistry.initcode += "00";
		const path = join(folder, "newer.json");
		writeFileSync(path, JSON.stringify(bundle));
		await refused([...DEVELOPMENT, `--artifacts=${path}`], /GeneratorRegistry code was compiled anew since/);

		const good = readFileSync(`${who.out}.state`, "utf8");
		const edited = async (change, what) => {
			writeFileSync(`${who.out}.state`, JSON.stringify({ ...JSON.parse(good), ...change }));
			await refused(DEVELOPMENT, what);
		};
		await edited({ chainId: 1 }, /its chain id is 1, not 31337/);
		await edited({ genesis: zeroHash }, /its genesis is 0x0{64}/);
		await edited({ format: 2 }, /it isn't of this version/);
		await edited({ terms: {} }, /a part of it is missing/);
		writeFileSync(`${who.out}.state`, good.slice(0, 100));
		await refused(DEVELOPMENT, /\.state: .*put back what `kalypso deploy` wrote/);
		writeFileSync(`${who.out}.state`, good);
		assert.equal(await nonceOf(who), at, "nothing was sent meanwhile");
	});

	test("tells what is left, and finishes", async () => {
		const dry = await json(who, [...DEVELOPMENT, "--dry-run"]);
		const there = dry.steps.filter((s) => s.deployed).length;
		assert.ok(there >= 2 && there < 8, `${there}`);
		await json(who, DEVELOPMENT);
		const roles = { admin: who.address, governor: who.address, guardian: who.address };
		await inspect(who, { timelock: false, roles, began: 0, count: 8 });
	});

	test("whose nonce somebody took can't go on, and says why", async () => {
		const thief = someone();
		await client.setAutomine(false);
		await error(thief, [...DEVELOPMENT, "--timeout=1s"], 5);
		await client.request({ method: "anvil_dropAllTransactions" });
		await client.setAutomine(true);
		await chain.wallet(thief).sendTransaction({ to: treasury, value: 1n });
		const taken = await error(thief, DEVELOPMENT, 1);
		assert.equal(taken.name, "NonceTaken");
		assert.match(taken.message, /PaymentToken was to be created with nonce 0 of 0x.*, but another transaction of the account used it.*Deploy anew with another --out/);
		await json({ ...thief, out: join(folder, "anew.json") }, DEVELOPMENT);
	});

	test("an account with transactions under way is no place to begin", async () => {
		const busy = someone();
		await client.setAutomine(false);
		try {
			await chain.wallet(busy).sendTransaction({ to: treasury, value: 1n, gas: 21_000n });
			const waits = await error(busy, DEVELOPMENT, 1);
			assert.match(waits.message, /has 1 transactions? waiting: wait until/);
		} finally {
			await client.setAutomine(true);
		}
		await client.mine({ blocks: 1 });
		await json(busy, DEVELOPMENT);
	});

	test("an addresses file that it doesn't know is left alone", async () => {
		const other = someone();
		copyFileSync(who.out, other.out);
		assert.match((await error(other, DEVELOPMENT, 2)).message, /is there, but not .*\.state, which tells how it came about/);
		assert.deepEqual(lower(addresses(other)), lower(addresses(who)));
	});

	test("code of somebody else at an address isn't taken for ours", async () => {
		const other = someone();
		const first = getContractAddress({ from: other.address, nonce: 0n });
		await client.setCode({ address: first, bytecode: "0x6000" });
		const taken = await error(other, DEVELOPMENT, 1);
		assert.match(taken.message, /other code is at its address/);
		assert.equal(await codeAt(first), "0x6000");
	});
});
