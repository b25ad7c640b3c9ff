// What has to be true after whatever happened. Each oracle is a function of a settled scene that returns what is wrong, in
// sentences; none is good. docs/reliability.md says in prose what they ask for.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { decodeErrorResult, decodeFunctionData, keccak256, parseTransaction } from "viem";
import { ROLES, account, artifact } from "../../deploy/local/chain.mjs";
import { redisSays } from "../../deploy/local/market.mjs";
import { Process, freePort, until } from "../../deploy/local/processes.mjs";
import { kalypso } from "../e2e/cli/world.mjs";
import { fieldsOf } from "./msgpack.mjs";
import { portraitOf } from "./resources.mjs";

const FOLDS = ["chain-indexer", "orderbook", "matcher"];
const SENDERS = { "task-publisher": ROLES.relayer, "slasher-watcher": ROLES.slasher };
// A decision whose branch or time is gone has no effect, by design; the relayer pays for the attempt.
const EXPLAINED = ["BranchGone", "SignatureExpired"];
const TX_SIGNED = 0x0401;
const RAW = 12; // its field with the signed bytes
const GRACE_S = 20n; // by then an overdue task must be slashed
const LIMITS = { rssMib: { release: 96, asan: 900 }, descriptors: 160 };

const where = ({ market, chain }) => [`--rpc=${chain.url}`, `--contracts=${market.contractsFile}`];

async function audit(...args) {
	const run = await kalypso(["audit", "--json", ...args]);
	if (run.code === 0) return [];
	let said = run.err.trim();
	try {
		const { difference, error } = run.json;
		said = JSON.stringify(difference ?? error);
	} catch {
		// what it said on stderr is all there is
	}
	return [`kalypso audit ${args.join(" ")}: status ${run.code}: ${said}`];
}

// O1: the chain alone gives the logs that are there, as the audit derives them and as fresh processes do.
export async function replay(scene) {
	const found = await audit(...where(scene), "--live", `--redis=redis://127.0.0.1:${scene.redisPort}`);
	return found.length ? found : freshIndex(scene);
}

async function freshIndex(scene) {
	const { market, world } = scene;
	const folder = join(world.folder, "fresh");
	rmSync(folder, { recursive: true, force: true });
	for (const name of ["logs", "redis", "state", "run"]) mkdirSync(join(folder, name), { recursive: true });
	const port = await freePort();
	const settings = { port, bind: "127.0.0.1", dir: join(folder, "redis"), appendonly: "yes", appendfsync: "always", save: "" };
	const command = Object.entries(settings).flatMap(([k, v]) => [`--${k}`, String(v)]);
	const redis = new Process("redis-fresh", ["redis-server", ...command], { log: join(folder, "logs/redis.log") });
	const started = [];
	try {
		await redis.start().ready(() => redisSays(port, "ping") === "PONG", { everyMs: 20 });
		for (const name of FOLDS) {
			const options = [`--redis=redis://127.0.0.1:${port}`, `--bus=ipc://${market.run}/fresh-%`, `--state-dir=${join(folder, "state")}`];
			if (name === "chain-indexer") options.push(`--rpc=${scene.chain.url}`, `--ws=${scene.chain.ws}`);
			const service = market.makeService(name, { instance: "fresh", args: [...options, "--instances=fresh"] });
			service.log = join(folder, "logs", `${name}.log`);
			started.push(service.start());
		}
		await Promise.all(started.map((s) => s.ready(() => s.isReady())));
		const head = await world.head();
		const of = { "chain-indexer": "chain", orderbook: "book", matcher: "match" };
		await until("a fresh index to be at the head", async () => {
			const run = await kalypso(["status", "--json", `--redis=redis://127.0.0.1:${port}`]);
			const { services } = run.json;
			return FOLDS.every((name) => services.some((s) => s.service === name && BigInt(s.block ?? -1) >= head));
		}, { everyMs: 100, timeoutMs: 60_000 });
		const [fresh, live] = [join(folder, "fresh.logs"), join(folder, "live.logs")];
		const logs = Object.values(of);
		(await kalypso(["export", ...logs, `--redis=redis://127.0.0.1:${port}`, `--out=${fresh}`])).is(0);
		(await kalypso(["export", ...logs, `--redis=redis://127.0.0.1:${scene.redisPort}`, `--out=${live}`])).is(0);
		return [...(await audit(`--from=${fresh}`, `--with=${live}`, "--canonical"))];
	} finally {
		await Promise.all(started.map((s) => s.stop()));
		await redis.stop();
	}
}

// O2: of each request at most one task, and of each that somebody could serve exactly one. {lost, doubled} are counted.
export async function assignments(scene, counts) {
	const found = [];
	for (const { id, created, eligible, tasks, cancels, skips } of await scene.load.story()) {
		if (eligible && !tasks.length && !cancels.length) {
			counts.lost++;
			found.push(`request ${id} of block ${created.blockNumber} has no task`);
		}
		// The contract refuses a second task; that it was asked for one is already wrong.
		const twice = skips.filter(({ args }) => reasonOf(args.reason) === "RequestNotOpen" && !cancels.length && !scene.outsiders);
		if (tasks.length > 1 || twice.length) {
			counts.doubled++;
			found.push(`request ${id} has ${tasks.length} tasks, and ${twice.length} more were tried`);
		}
	}
	return found;
}

let selectors;
function reasonOf(selector) {
	selectors ??= new Map(
		artifact("ProofMarketplace")
			.abi.filter(({ type }) => type === "error")
			.map((e) => [keccak256(Buffer.from(`${e.name}(${e.inputs.map((i) => i.type).join()})`)).slice(0, 10), e.name]),
	);
	return selectors.get(selector) ?? selector;
}

// The attempts in a sender's journal: [{nonce, raw}], from the entries tx_signed (docs/messages.md).
function attemptsIn(file) {
	// Its owner has it locked; nothing is written while the chain stands still.
	const copy = `${file}.copy`;
	for (const part of ["", "-wal"]) if (existsSync(file + part)) copyFileSync(file + part, copy + part);
	const query = `SELECT hex(body) FROM entry WHERE type = ${TX_SIGNED}`;
	const rows = spawnSync("sqlite3", [copy, query], { encoding: "utf8", maxBuffer: 1 << 28 });
	for (const part of ["", "-wal", "-shm"]) rmSync(copy + part, { force: true });
	if (rows.status !== 0) throw new Error(`sqlite3 ${file}: ${rows.stderr || rows.error}`);
	const found = [];
	for (const line of rows.stdout.split("\n").filter(Boolean)) {
		const raw = fieldsOf(Buffer.from(line, "hex"))[RAW];
		const tx = parseTransaction(`0x${raw.toString("hex")}`);
		found.push({ nonce: tx.nonce ?? 0, to: tx.to, value: tx.value ?? 0n, data: tx.data ?? "0x", hash: keccak256(raw) });
	}
	return found;
}

// O3: one payload for each nonce, nothing sent that isn't in the journal, no nonce left out, no revert unexplained.
export async function nonces(scene) {
	const { client } = scene;
	const found = [];
	for (const [name, role] of Object.entries(SENDERS)) {
		const { address } = account(role);
		const file = join(scene.world.folder, "state", `${name}.a`, "journal.db");
		const attempts = existsSync(file) ? attemptsIn(file) : [];
		const payloads = new Map();
		for (const { nonce, to, value, data } of attempts) {
			if (!payloads.has(nonce)) payloads.set(nonce, new Set());
			payloads.get(nonce).add(`${to} ${value} ${data}`.toLowerCase());
		}
		const cancel = `${address} 0 0x`.toLowerCase();
		for (const [nonce, all] of payloads) {
			all.delete(cancel);
			if (all.size > 1) found.push(`${name}: nonce ${nonce} has ${all.size} payloads`);
		}
		const known = new Set(attempts.map(({ hash }) => hash));
		const mined = await minedBy(scene, address);
		const next = await client.getTransactionCount({ address });
		if (!scene.outsiders && mined.length !== next) found.push(`${name}: ${next} nonces are used, ${mined.length} transactions mined`);
		for (const tx of mined) {
			if (!scene.outsiders && !known.has(tx.hash)) found.push(`${name}: transaction ${tx.hash}, nonce ${tx.nonce}, isn't in its journal`);
			const why = await whyReverted(scene, tx);
			if (why && ![...EXPLAINED, ...scene.explained].includes(why)) found.push(`${name}: transaction ${tx.hash} of block ${tx.blockNumber} reverted: ${why}`);
		}
	}
	return found;
}

// Transactions of an account, with their blocks; read once per block.
async function minedBy(scene, address) {
	const head = await scene.world.head();
	const all = [];
	const numbers = Array.from({ length: Number(head) + 1 }, (_, i) => BigInt(i));
	for (let i = 0; i < numbers.length; i += 50) {
		const blocks = await Promise.all(
			numbers.slice(i, i + 50).map((blockNumber) => scene.client.getBlock({ blockNumber, includeTransactions: true })),
		);
		for (const { transactions } of blocks)
			all.push(...transactions.filter(({ from }) => from.toLowerCase() === address.toLowerCase()));
	}
	return all;
}

// What a node is asked before it dies: it forgets the states that transactions ran on.
export async function rememberReverts(scene) {
	for (const role of Object.values(SENDERS))
		for (const tx of await minedBy(scene, account(role).address)) await whyReverted(scene, tx);
}

// The name of the error that a mined transaction ended with; undefined if it didn't.
async function whyReverted(scene, tx) {
	const key = `${tx.hash} ${tx.blockHash}`;
	if (!scene.reverts.has(key)) scene.reverts.set(key, await askWhyReverted(scene, tx));
	return scene.reverts.get(key);
}

async function askWhyReverted(scene, tx) {
	const { status, gasUsed } = await scene.client.getTransactionReceipt({ hash: tx.hash });
	if (status === "success") return undefined;
	if (gasUsed >= tx.gas) return "out of gas";
	const traced = await scene.client.request({ method: "debug_traceTransaction", params: [tx.hash, { tracer: "callTracer" }] });
	try {
		return decodeErrorResult({ abi: artifact("ProofMarketplace").abi, data: traced.output }).errorName;
	} catch {
		const { functionName } = decodeFunctionData({ abi: artifact("ProofMarketplace").abi, data: tx.input });
		return `${functionName} for a reason that isn't ours: ${traced.error} ${traced.output ?? ""}`;
	}
}

// O5: the book that a client of the feed keeps is the one that the API shows at the same entry.
export async function feed(scene) {
	const { book, wrong } = scene.book;
	if (wrong) return [`the feed: ${wrong.message}`];
	const found = [];
	for (const { id } of scene.market.markets) {
		const answer = await fetch(`${scene.gateway}/v1/markets/${id}/book`).then((r) => r.json());
		if (answer.as_of.seq !== book.closed) {
			found.push(`market ${id}: the API is at entry ${answer.as_of.seq}, the feed's client at ${book.closed}`);
			continue;
		}
		const kept = book.of(id);
		const shown = {
			quotes: answer.quotes.map((q) => [q.generator, q.price, q.response_time, q.compute, q.tasks, q.draining].join()).sort(),
			requests: answer.requests.map((r) => [r.request_id, r.max_price, r.max_response_time, r.expiry, r.requester].join()).sort(),
		};
		// The API shows the first thousand, and how many there are.
		for (const part of ["quotes", "requests"]) {
			const known = new Set(kept[part]);
			const total = answer[`${part}_total`];
			if (known.size !== total || !shown[part].every((row) => known.has(row)))
				found.push(`market ${id}: the feed's client has ${known.size} ${part}, the API ${total}, or they differ`);
		}
	}
	return found;
}

// O6: compute and stake in use are what the live tasks take, on the chain and in the book; escrow is what is owed.
export async function sums(scene) {
	const { chain, market } = scene;
	const found = [];
	const story = await scene.load.story();
	const live = story.filter((r) => r.tasks.length && !r.proofs.length && !r.slashes.length);
	const { generators } = await fetch(`${scene.gateway}/v1/generators?limit=1000`).then((r) => r.json());
	const penalty = await market.stakeUnits(market.penalty);
	for (const { name, address } of market.people) {
		const own = live.filter(({ tasks }) => tasks.at(-1).args.generator === address);
		const compute = own.reduce((sum, { tasks }) => sum + tasks.at(-1).args.compute, 0n);
		const locked = penalty * BigInt(own.length);
		const [, stake, lockedThere, , , used] = await chain.read("GeneratorRegistry", "generatorOf", [address]);
		if (used !== compute) found.push(`${name}: ${used} compute in use on chain, live tasks take ${compute}`);
		if (lockedThere !== locked) found.push(`${name}: ${lockedThere} stake locked on chain, live tasks hold ${locked}`);
		const shown = generators.find((g) => g.generator === address);
		const same = shown && [shown.used_compute, shown.locked, shown.stake].join() === [used, lockedThere, stake].join();
		if (!same) found.push(`${name}: the gateway shows ${shown && [shown.used_compute, shown.locked, shown.stake]}, the chain has ${[used, lockedThere, stake]}`);
	}
	const escrowed = story
		.filter((r) => !r.proofs.length && !r.slashes.length && !r.cancels.length)
		.reduce((sum, { created }) => sum + created.args.params.maxPrice, 0n);
	const balance = await chain.read("PaymentToken", "balanceOf", [chain.addresses.ProofMarketplace]);
	const people = [...market.people.map((p) => p.address), market.requester.address, market.deployer.address, account(ROLES.slasher).address];
	const due = await Promise.all(people.map((who) => chain.read("ProofMarketplace", "claimable", [who])));
	const owed = due.reduce((a, b) => a + b, escrowed);
	if (balance !== owed) found.push(`the marketplace holds ${balance}, and owes ${owed}`);
	return found;
}

// O7: keys appear nowhere: not as text, not as bytes, not in base64.
export async function secrets(scene) {
	const keys = { engine: scene.market.engine.key, relayer: account(ROLES.relayer).key, slasher: account(ROLES.slasher).key };
	if (scene.market.listeners) keys.able = scene.market.people.find(({ name }) => name === "able").account.key;
	const forms = [];
	for (const [name, key] of Object.entries(keys)) {
		const bytes = Buffer.from(key.slice(2), "hex");
		const base64 = bytes.toString("base64").slice(0, 40);
		for (const form of [bytes, key.slice(2).toLowerCase(), key.slice(2).toUpperCase(), base64]) forms.push([name, Buffer.from(form)]);
	}
	const found = [];
	const look = (place, bytes) => {
		for (const [name, form] of forms) if (bytes.includes(form)) found.push(`${place} holds the key of ${name}`);
	};
	for (const { path, bytes } of scene.files()) look(path, bytes);
	for (const name of scene.managed) look(`metrics of ${name}`, Buffer.from(await fetch(`${scene.service(name).admin}/metrics`).then((r) => r.text())));
	const cores = readdirSync(process.cwd()).filter((f) => /^(vg)?core(\.\d+)?$/.test(f));
	for (const core of cores) look(core, readFileSync(core));
	return found;
}

// O8: every overdue task is slashed, once, none before its deadline, none that was proven; expired requests are refunded.
export async function slashes(scene) {
	const { timestamp: now } = await scene.client.getBlock();
	const times = new Map();
	const timeOf = async (blockNumber) => {
		if (!times.has(blockNumber)) times.set(blockNumber, (await scene.client.getBlock({ blockNumber })).timestamp);
		return times.get(blockNumber);
	};
	const found = [];
	for (const { id, created, tasks, proofs, slashes: slashed, cancels } of await scene.load.story()) {
		const { deadline } = tasks.at(-1)?.args ?? {};
		if (slashed.length > 1) found.push(`request ${id} was slashed ${slashed.length} times`);
		if (slashed.length && proofs.length) found.push(`request ${id} was proven, and slashed`);
		for (const { blockNumber } of slashed)
			if ((await timeOf(blockNumber)) <= deadline) found.push(`request ${id} was slashed in block ${blockNumber}, before its deadline`);
		if (deadline && !slashed.length && !proofs.length && deadline + GRACE_S < now)
			found.push(`request ${id} is overdue by ${now - deadline} s, and not slashed`);
		const { expiry } = created.args.params;
		if (!tasks.length && !cancels.length && expiry + GRACE_S < now) found.push(`request ${id} expired ${now - expiry} s ago, and isn't refunded`);
	}
	return found;
}

// O9: memory and descriptors within bounds.
export async function resources(scene) {
	const found = [];
	const { rssMib: most, descriptors: many } = scene.limits ?? LIMITS;
	for (const name of scene.managed) {
		const { rssMib, descriptors, asan } = portraitOf(scene.service(name).pid);
		const limit = most[asan ? "asan" : "release"];
		if (rssMib > limit) found.push(`${name} takes ${rssMib.toFixed(0)} MiB, more than ${limit}`);
		if (descriptors > many) found.push(`${name} has ${descriptors} descriptors, more than ${many}`);
	}
	return found;
}

// Nothing ended for a reason that nobody gave, nothing of the book is suspended, nothing of our own logs was unreadable.
export async function health(scene) {
	const found = scene.unexplained().map(({ name, code, signal, err, tail }) => `${name} ended: ${signal ?? `status ${code}`} ${err ?? ""}: ${tail}`);
	const zero = { book_suspended: ["orderbook"], match_suspended: ["matcher"], log_unreadable_total: ["orderbook", "matcher", "task-publisher", "slasher-watcher", "webhook-gateway"] };
	for (const [metric, services] of Object.entries(zero))
		for (const name of services) {
			const value = await scene.service(name).metric(metric).catch(() => undefined);
			if (value) found.push(`${name}: ${metric} is ${value}`);
		}
	return found;
}

// All of them, by the names of docs/reliability.md; webhooks (O4) aren't there yet.
export const ORACLES = { health, O1: replay, O2: assignments, O3: nonces, O5: feed, O6: sums, O7: secrets, O8: slashes, O9: resources };

// {lost, doubled, failed: [names], found: [sentences]}
export async function judge(scene, { skip = [] } = {}) {
	const counts = { lost: 0, doubled: 0 };
	const failed = [];
	const found = [];
	for (const [name, oracle] of Object.entries(ORACLES)) {
		if (skip.includes(name)) continue;
		let wrong;
		try {
			wrong = await oracle(scene, counts);
		} catch (error) {
			wrong = [error.message];
		}
		if (!wrong.length) continue;
		failed.push(name);
		found.push(...wrong.slice(0, 5).map((w) => `${name}: ${w}`));
	}
	return { ...counts, failed, found };
}
