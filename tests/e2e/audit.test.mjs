// An audit by somebody who trusts nobody: a market's logs exported, derived again from the chain alone, compared,
// tampered with, carried to another Redis, and looked at as they were.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { redisSays } from "../../deploy/local/market.mjs";
import { Process, freePort } from "../../deploy/local/processes.mjs";
import { kalypso } from "./cli/world.mjs";
import { entriesOf, forge } from "./logfile.mjs";
import { World, until } from "./world.mjs";

const ENGINE = ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher"];

let world, where, all;
const path = (name) => join(world.folder, name);
const run = (words, options = {}) => kalypso(words.split(" "), options);

// The document of a run that has to end with @code.
const said = async (words, code = 0, options = {}) => (await run(`${words} --json`, options)).is(code).json;

// A Redis of its own, empty; the URL and a way to stop it.
async function emptyRedis(name) {
	const port = await freePort();
	const dir = path(name);
	mkdirSync(dir);
	const settings = { port, bind: "127.0.0.1", dir, appendonly: "yes", appendfsync: "always", save: "" };
	const command = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]);
	const redis = new Process(name, ["redis-server", ...command], { log: join(world.folder, "logs", `${name}.log`) });
	await redis.start().ready(() => redisSays(port, "ping") === "PONG", { everyMs: 50 });
	return { redis, port, url: `redis://127.0.0.1:${port}` };
}

// Entries of a log in Redis, as what the services have written of the newest block.
const entries = (log) => Number(redisSays(world.market.redisPort, "xlen", `kalypso:{local}:log:${log}`));

async function atRest() {
	let before;
	await until("every log is at rest", () => {
		const now = ["chain", "book", "match"].map(entries).join();
		const same = now === before;
		before = now;
		return same;
	}, { everyMs: 500 });
}

before(async () => {
	world = await World.start({ services: ENGINE });
	where = `--rpc=${world.chain.url} --contracts=${world.market.contractsFile}`;
	const ids = [];
	for (let i = 0; i < 4; i++) ids.push(await world.request({ circuit: i % 2 ? "rollup-batch" : "range-preimage" }));
	await Promise.all(ids.map((id) => world.until("TaskCreated", id)));
	// A branch that is given up, with what was decided on it, and nothing else.
	await world.client.mine({ blocks: 4 });
	await world.request({ preference: "fastest" });
	await world.client.request({ method: "anvil_reorg", params: [3, []] });
	const last = await world.request({ maxPrice: "1.5" });
	await world.until("TaskCreated", last);
	await world.request({ maxPrice: "0.1" }); // stays open
	await world.client.setIntervalMining({ interval: 0 });
	await atRest();
	all = path("all.logs");
});

after(async () => {
	await world?.stop();
});

test("a market's logs are exported, and say what they are of", async () => {
	const file = await said(`export match chain book task --redis=${world.market.redis} --out=${all}`);
	assert.deepEqual(file.logs.map(({ log }) => log), ["chain", "book", "match", "task"]);
	assert.equal(file.chain_id, String(world.chain.addresses.chainId));
	assert.equal(file.name, "local");
	for (const { log, first, last } of file.logs) {
		assert.equal(first, "1");
		assert.equal(Number(last), entries(log));
	}
	assert.equal(file.bytes, String(readFileSync(all).length));
	(await run(`export none --redis=${world.market.redis} --out=${all}`)).is(2, /'none' is no log/);
	(await run(`export book --redis=${world.market.redis} --name=other --out=${all}`)).is(4, /no logs under --name=other/);
	(await run(`export book --redis=${world.market.redis} --out=/nowhere/a`)).is(2, /can't be written/);
});

test("an audit of the live logs agrees, and has looked at roots and tasks", async () => {
	const audit = await said(`audit ${where} --live --redis=${world.market.redis}`);
	assert.equal(audit.agrees, true);
	assert.equal(audit.difference, null);
	assert.ok(Number(audit.tasks) >= 5 && Number(audit.roots) >= 2, JSON.stringify(audit));
	assert.equal(audit.tasks_wrong, "0");
	assert.equal(audit.roots_wrong, "0");
	for (const log of audit.logs) {
		assert.ok(Number(log.compared) > 10, log.log);
		assert.equal(log.compared, log.derived, log.log);
		assert.equal(log.with, "Redis");
	}
	assert.match((await run(`audit ${where}`)).is(0).out, /Agrees +yes/);
});

describe("with Redis stopped", () => {
	before(async () => {
		await Promise.all(ENGINE.map((name) => world.service(name).stop()));
		await world.service("redis").stop();
	});

	test("the chain alone gives the same logs as were exported", async () => {
		const audit = await said(`audit ${where} --with=${all} --keep=${path("chain.logs")}`);
		assert.equal(audit.agrees, true);
		assert.equal(audit.source, "the node");
		for (const log of audit.logs) assert.equal(log.compared, log.derived, log.log);
		(await run(`audit ${where} --live --redis=${world.market.redis}`)).is(3, /Redis at .* doesn't answer/);
	});

	test("the exported chain log gives them byte for byte, roll-backs included", async () => {
		const audit = await said(`audit --from=${all}`);
		assert.equal(audit.agrees, true);
		const [, book, match] = audit.logs;
		for (const log of [book, match]) {
			assert.equal(log.derived, log.compared);
			assert.equal(log.beyond, "0");
		}
		assert.equal((await said(`audit --from=${path("chain.logs")} --with=${all} --canonical`)).agrees, true);
		assert.equal((await said(`audit --from=${all} --canonical`)).agrees, true);
	});

	test("a rule that isn't the one that was promised is a difference at once", async () => {
		const { difference, error } = await said(`audit --from=${all} --match-lifetime=31`, 1);
		assert.equal(difference.kind, "record");
		assert.equal(difference.log, "match");
		assert.equal(difference.number, "1");
		assert.equal(difference.derived.match_lifetime, 31);
		assert.equal(difference.recorded.match_lifetime, 30);
		assert.match(error.message, /match log, entry 1 /);
	});

	test("an audit ends at the block that it is told", async () => {
		const block = Number(await world.head()) - 2;
		const audit = await said(`audit ${where} --with=${all} --until-block=${block}`);
		assert.equal(audit.last_block, String(block));
		assert.ok(audit.logs.every(({ beyond }) => Number(beyond) > 0));
		(await run(`audit ${where} --until-block=999999`)).is(2, /--until-block/);
	});

	test("a file that is cut off or altered is refused, and the place is named", async () => {
		const bytes = readFileSync(all);
		const cut = path("cut.logs");
		writeFileSync(cut, bytes.subarray(0, bytes.length - 100));
		(await run(`audit --from=${cut}`)).is(2, /cut.logs can't be used: the file ends too early \(byte \d+/);
		bytes[Math.floor(bytes.length / 2)] ^= 1;
		const altered = path("altered.logs");
		writeFileSync(altered, bytes);
		(await run(`audit --from=${altered}`)).is(2, /it was altered \(byte \d+, entry \d+ of (chain|book|match|task)\)/);
		(await run(`replay --from=${altered}`)).is(2, /it was altered/);
		(await run(`import ${altered} --redis=${world.market.redis}`)).is(2, /it was altered/);
		(await run(`audit --from=${world.market.contractsFile}`)).is(2, /no file of kalypso export/);
		(await run(`audit --from=${path("none")}`)).is(2, /can't be read: No such file/);
	});

	// Forged as somebody would who has all checksums right.
	const forged = async (name, log, type, change) => {
		const file = readFileSync(all);
		const entry = [...entriesOf(file)].filter((e) => e.log === log && e.type === type).at(-1);
		writeFileSync(path(name), forge(file, entry, change));
		const audit = await said(`audit --from=${path(name)}`, 1);
		assert.equal(audit.agrees, false);
		assert.equal(audit.difference.number, String(entry.number));
		return audit.difference;
	};

	const toTheOther = (body) => {
		const people = world.market.people.map(({ address }) => Buffer.from(address.slice(2), "hex"));
		const i = people.findIndex((who) => body.includes(who));
		people[1 - i].copy(body, body.indexOf(people[i]));
	};

	test("a match that went to another generator is the first difference", async () => {
		const name = "match.forged.logs";
		const d = await forged(name, "match", 0x0302, toTheOther);
		assert.deepEqual([d.kind, d.log], ["record", "match"]);
		assert.equal(d.derived.type, "match_made");
		assert.notEqual(d.derived.generator, d.recorded.generator);
		assert.deepEqual({ ...d.derived, generator: 0 }, { ...d.recorded, generator: 0 });
		assert.equal(d.derived.block.number, d.block);
		const { out } = (await run(`audit --from=${path(name)}`)).is(1, /kalypso: match log, entry \d+ \(block \d+\): the record isn't/);
		assert.match(out, /Agrees +no\n[^]*The first difference, in block \d+:\nwhat should be: {[^]*what is: {/);
		// The others that are given are whole: the node finds the same.
		const node = await said(`audit ${where} --with=${path(name)}`, 1);
		assert.equal(node.difference.number, d.number);
	});

	test("a book that tells another price is the first difference", async () => {
		const d = await forged("book.forged.logs", "book", 0x0213, (body) => (body[body.length - 1] ^= 1));
		assert.deepEqual([d.kind, d.log, d.derived.type], ["record", "book", "quote_set"]);
	});

	test("a root on chain that isn't the rule's is found", async () => {
		const d = await forged("root.forged.logs", "chain", 0x0132, (body) => {
			// The transaction, the root and the block are hashes: the root is the one between.
			const hash = Buffer.from([0xc4, 32]);
			body[body.indexOf(hash, body.indexOf(hash) + 34) + 2] ^= 1;
		});
		assert.deepEqual([d.kind, d.log, d.recorded.type], ["root", "chain", "match_root_published"]);
	});

	test("a task that the rule gave to somebody else is found", async () => {
		const d = await forged("task.forged.logs", "chain", 0x0130, toTheOther);
		assert.deepEqual([d.kind, d.log, d.recorded.type], ["task", "chain", "task_created"]);
		assert.notEqual(d.derived.generator, d.recorded.generator);
	});

	test("a file of another chain or other contracts is refused", async () => {
		const contracts = JSON.parse(readFileSync(world.market.contractsFile, "utf8"));
		const other = (change) => {
			writeFileSync(path("other.json"), JSON.stringify({ ...contracts, ...change }));
			return `audit --from=${all} --contracts=${path("other.json")}`;
		};
		(await run(other({ chainId: 1 }))).is(2, /is of chain \d+, the contracts are of chain 1/);
		(await run(other({ ProofMarketplace: contracts.StakeToken }))).is(2, /is of other contracts/);
		(await run(other({}))).is(0);
		const first = (log, change) => {
			const file = readFileSync(all);
			const entry = [...entriesOf(file)].find((e) => e.log === log);
			writeFileSync(path("first.logs"), forge(file, entry, change));
			return run(`audit --from=${path("first.logs")}`);
		};
		(await first("chain", (body) => (body[3] ^= 1))).is(2, /the header says another chain or other contracts/);
		(await first("match", (body) => (body[1] = 9))).is(2, /follows version 9 of the rule, this program version 1/);
	});

	test("the book as it was", async () => {
		const now = await said(`replay --from=${all}`);
		assert.deepEqual(now.markets.map((m) => m.market_id), ["1", "2"]);
		assert.equal(now.generators.length, 2);
		assert.equal(now.quotes.length, 4);
		assert.deepEqual(now.open.map((r) => r.max_price), ["100000"]);
		assert.ok(now.tasks.length >= 5);
		assert.equal(now.half, false);
		const first = await said(`replay --from=${all} --until=1`);
		assert.deepEqual([first.block, first.markets, first.open, first.tasks], ["0", [], [], []]);
		// At each entry it can be asked, and somewhere a match was in hand.
		let inHand = 0;
		for (let n = Number(now.last); n > 1 && !inHand; n--)
			inHand += (await said(`replay --from=${all} --until=${n}`)).matches.length;
		assert.ok(inHand > 0);
		(await run(`replay --from=${all} --until=${Number(now.last) + 1}`)).is(4, /has entries 1 to/);
		assert.match((await run(`replay --from=${all}`)).is(0).out, /OPEN REQUEST/);
	});
});

describe("in another Redis", () => {
	let copy;
	before(async () => {
		copy = await emptyRedis("copy");
	});
	after(() => copy?.redis.stop());

	test("what is imported and exported again is the same file", async () => {
		const file = await said(`import ${all} --redis=${copy.url}`);
		assert.deepEqual(file.logs.map(({ log }) => log), ["chain", "book", "match", "task"]);
		await said(`export chain book match task --redis=${copy.url} --out=${path("again.logs")}`);
		assert.deepEqual(readFileSync(path("again.logs")), readFileSync(all));
		assert.equal((await said(`replay --redis=${copy.url}`)).entry, file.logs[1].last);
	});

	test("logs are never imported over others", async () => {
		(await run(`import ${all} --redis=${copy.url}`)).is(1, /there are logs under this --name/);
		(await run(`import ${all} --redis=${copy.url} --name=second`)).is(0);
		(await run(`import ${path("chain.logs")} --redis=${copy.url} --name=third`)).is(2, /was made from a node/);
	});

	test("a forged log is found in Redis, too", async () => {
		(await run(`import ${path("match.forged.logs")} --redis=${copy.url} --name=forged`)).is(0);
		const live = await said(`audit ${where} --live --redis=${copy.url} --name=forged`, 1);
		const file = await said(`audit --from=${path("match.forged.logs")}`, 1);
		assert.deepEqual(live.difference.recorded, file.difference.recorded);
		assert.equal(live.difference.number, file.difference.number);
	});

	test("services go on from what was imported", async () => {
		const matches = () => Number(redisSays(copy.port, "xlen", "kalypso:{local}:log:match"));
		const before_ = matches();
		world.market.redis = copy.url;
		const services = ["chain-indexer", "orderbook", "matcher"].map((name) => world.market.makeService(name));
		try {
			await Promise.all(services.map((service) => service.start().ready(() => service.isReady())));
			await world.client.setIntervalMining({ interval: 1 });
			await world.request();
			await until("the match log grows", () => matches() > before_ + 2);
			await world.client.setIntervalMining({ interval: 0 });
		} finally {
			await Promise.all(services.map((service) => service.stop()));
		}
		const audit = await said(`audit ${where} --live --redis=${copy.url}`);
		assert.equal(audit.agrees, true);
		assert.ok(Number(audit.logs[2].compared) > before_ - 20);
	});

	test("nobody who can be asked is said as such", async () => {
		const nobody = "--rpc=http://127.0.0.1:9";
		(await run(`audit ${nobody} --contracts=${world.market.contractsFile}`)).is(3, /127.0.0.1:9/);
		(await run("audit")).is(2, /where are the contracts\?|which node\?/);
		(await run("replay")).is(2, /which Redis\?/);
		(await run(`audit --from=${all} --keep=${path("x")}`)).is(2, /not with --from/);
	});
});
