// The drills of docs/drills.md: what an operator loses or changes, while requests keep coming; every one of them is assigned
// exactly once. With KALYPSO_DRILLS=FILE what the services said is written there, for the page.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { ROLES, account } from "../../deploy/local/chain.mjs";
import { redisSays } from "../../deploy/local/market.mjs";
import { Process } from "../../deploy/local/processes.mjs";
import { kalypso } from "./cli/world.mjs";
import { Receiver } from "./webhooks/receiver.mjs";
import { SERVICES, World, until } from "./world.mjs";

const TOLD = /^(service\.(started|ready|reloading|stopping|waiting|exited)|sender\.|journal\.|tx\.(outsider|poor|resumed|adopted)|engine\.|node\.|log\.|store\.(lost|life)|snapshot\.(unfit|torn)|chain\.(began|opened|other))/;

let world, load, proxy;
const say = (text) => process.env.KALYPSO_DRILLS && appendFileSync(process.env.KALYPSO_DRILLS, `${text}\n`);

// One request after the other, from the first to the last drill.
class Load {
	ids = [];
	going = true;
	done = this.run();
	async run() {
		while (this.going) this.ids.push(await world.request());
	}
	// The id of one that begins from now on.
	async next() {
		const at = this.ids.length + 1; // one may be on its way
		await until("a request", () => this.ids.length > at);
		return this.ids[at];
	}
	// @count more requests are placed, and the first of them has its task.
	async more(count) {
		const from = this.ids.length;
		await until(`${count} more requests`, () => this.ids.length >= from + count);
		await world.until("TaskCreated", this.ids[from]);
	}
}

// What the services logged since the drill began, the lines that an operator would look at.
function marks() {
	return Object.fromEntries(SERVICES.map((name) => [name, readFileSync(world.service(name).log).length]));
}
function logged(from) {
	const lines = SERVICES.flatMap((name) =>
		readFileSync(world.service(name).log)
			.subarray(from[name])
			.toString()
			.split("\n")
			.filter((line) => line.startsWith("{"))
			.map((line) => ({ name, ...JSON.parse(line) })),
	);
	return lines.sort((a, b) => (a.time < b.time ? -1 : 1));
}
const has = (from, event) => logged(from).filter((line) => line.event === event);

// Where the test's webhook is told, by the first gateway; a function that asks how it is.
async function register(receiver) {
	const url = `${world.market.gateway}/v1/webhooks`;
	const body = JSON.stringify({ url: receiver.url, events: ["request.opened"] });
	const { webhook, token, secret } = await (await fetch(url, { method: "POST", body })).json();
	receiver.secret = secret;
	const ask = async () =>
		(await (await fetch(`${url}/${webhook.id}`, { headers: { authorization: `Bearer ${token}` } })).json()).webhook;
	await until("the webhook to be active", async () => (await ask()).state === "active");
	return ask;
}

const redisFolder = () => join(world.folder, "redis");
const stateOf = (name, instance = "a") => join(world.folder, "state", `${name}.${instance}`);
const ready = async (names = SERVICES) => {
	for (const name of names) await until(`${name} to be ready`, () => world.service(name).isReady());
};
const untilRedis = () => until("Redis", () => redisSays(world.market.redisPort, "ping") === "PONG");
// A copy of Redis' folder, while it runs.
function copyRedis() {
	const backup = join(world.folder, "backup");
	rmSync(backup, { recursive: true, force: true });
	redisSays(world.market.redisPort, "config", "set", "auto-aof-rewrite-percentage", "0");
	cpSync(redisFolder(), backup, { recursive: true });
	redisSays(world.market.redisPort, "config", "set", "auto-aof-rewrite-percentage", "100");
	return backup;
}
async function restoreRedis(backup) {
	rmSync(redisFolder(), { recursive: true });
	cpSync(backup, redisFolder(), { recursive: true });
	world.service("redis").start();
	await untilRedis();
}
// As a service manager does: whatever has ended is started again.
async function manage(names = SERVICES) {
	for (const name of names) if (!world.service(name).running) world.service(name).start();
	await ready(names);
}
// The first of the services' two nodes: it can be shut and opened.
async function makeProxy(chain) {
	const server = createServer(async (request, response) => {
		let body = "";
		for await (const data of request) body += data;
		const answer = await fetch(chain.url, { method: "POST", body, headers: { "content-type": "application/json" } });
		response.setHeader("content-type", "application/json");
		response.end(await answer.text());
	});
	const open = (port) => new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
	await open(0);
	const { port } = server.address();
	const close = () => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve)));
	proxy = { open: () => open(port), close };
	return { rpc: `http://127.0.0.1:${port},${chain.url}` };
}

const admin = (...words) =>
	kalypso(["admin", "me-key", ...words, "--json"], { env: { KALYPSO_MARKET: world.market.file } });

before(async () => {
	if (process.env.KALYPSO_DRILLS) writeFileSync(process.env.KALYPSO_DRILLS, "");
	world = await World.start({ args: ["--snapshot-every=40"], proxy: makeProxy });
	load = new Load();
});
after(async () => {
	if (load) load.going = false;
	await load?.done.catch(() => {});
	await world?.stop();
	await proxy?.close();
});

let from, began;
beforeEach(async ({ name }) => {
	await load.more(2);
	from = marks();
	began = Date.now();
	say(`\n## ${name}`);
});
afterEach(() => {
	say(`took ${((Date.now() - began) / 1000).toFixed(1)} s`);
	for (const { time, level, name, event, version, pid, admin: _, ...more } of logged(from))
		if (level === "error" || level === "warn" || TOLD.test(event)) say(`${time} ${level} ${name} ${event} ${JSON.stringify(more)}`);
});

// On a slow machine a task is overdue by now, and slasher-watcher has sent since the backup, too: the same again.
async function adoptSlasher() {
	const name = "slasher-watcher";
	const { address } = account(ROLES.slasher);
	const isOutside = () => has(from, "tx.outsider").some((line) => line.name === name);
	await until(`${name} to know its account`, async () => isOutside() || (await world.service(name).isReady()));
	if (!isOutside()) return;
	const used = (blockTag) => world.client.getTransactionCount({ address, blockTag });
	await until("what it sent to be mined", async () => (await used("pending")) === (await used("latest")));
	await world.service(name).stop();
	const args = ["--name=second", `--state-dir=${join(world.folder, "state-2")}`, `--adopt-nonce=${await used("latest")}`];
	world.market.add(world.market.makeService(name, { args }));
}

describe("drills", () => {
	test("Redis is lost with its disk", async () => {
		await world.service("redis").kill();
		rmSync(redisFolder(), { recursive: true });
		mkdirSync(redisFolder());
		world.service("redis").start();
		await untilRedis();
		await manage();
		await load.more(3);
		assert.ok(has(from, "service.reloading").length > 0);
	});

	test("webhooks are restored from a backup after Redis was lost with its disk", async (t) => {
		const receiver = await new Receiver().listen();
		t.after(() => receiver.close());
		const hook = await register(receiver);
		const first = await load.next();
		const { epoch } = await receiver.untilMessage("request.opened", ({ data }) => BigInt(data.request_id) >= first);
		const backup = copyRedis();
		await load.more(4);
		await world.service("redis").kill();
		for (const name of SERVICES) await world.service(name).stop();
		await restoreRedis(backup);
		// As the page has it.
		const drop = String.raw`redis-cli -p "$PORT" --scan --pattern 'kalypso:{local}:*' | grep -v ':hook' | xargs redis-cli -p "$PORT" del`;
		execFileSync("sh", ["-c", drop], { env: { ...process.env, PORT: String(world.market.redisPort) } });
		await manage();
		await load.more(3);
		const last = load.ids.at(-1);
		const newest = await receiver.untilMessage("request.opened", ({ data }) => BigInt(data.request_id) === last);
		assert.notEqual(newest.epoch, epoch);
		assert.equal((await hook()).state, "active");
		const told = new Set(receiver.messages.map(({ data }) => data.request_id));
		const wanted = load.ids.filter((id) => id >= first && id <= last).map(String);
		assert.deepEqual(wanted.filter((id) => !told.has(id)), [], "every request was told of, under the secret that it was registered with");
	});

	test("the disk of task-publisher's journal is lost", async () => {
		await world.service("task-publisher").kill();
		rmSync(stateOf("task-publisher"), { recursive: true });
		await manage();
		await load.more(3);
		assert.equal(has(from, "tx.outsider").length, 0);
	});

	test("the host is lost: Redis and all state folders", async () => {
		for (const name of SERVICES) await world.service(name).kill();
		await world.service("redis").kill();
		rmSync(redisFolder(), { recursive: true });
		rmSync(join(world.folder, "state"), { recursive: true });
		for (const name of ["redis", "state"]) mkdirSync(join(world.folder, name));
		world.service("redis").start();
		await untilRedis();
		// No transaction of the relayer may be pending: its nonces are taken from the chain.
		await world.client.mine({ blocks: 2 });
		await manage();
		await load.more(3);
		assert.equal(has(from, "tx.outsider").length, 0);
	});

	test("the engine's key is rotated", async () => {
		const old = world.market.engine;
		const next = account(20);
		(await admin(next.address, "--for=30d")).is(0);
		await world.service("task-publisher").stop();
		world.market.engine = next;
		world.market.add(world.market.makeService("task-publisher"));
		await manage();
		(await admin(old.address, "--revoke")).is(0);
		await load.more(3);
		assert.equal((await admin(old.address)).is(0).json.valid, false);
		assert.equal(has(from, "engine.unregistered").length, 0);
	});

	test("the relayer's key is rotated", async () => {
		await world.service("matcher").stop(); // nothing new is decided
		await until("nothing to be under way", async () => (await world.service("task-publisher").metric("tx_in_flight")) === 0);
		for (const name of SERVICES) await world.service(name).stop();
		// The task log is the old account's, as the journal is: the new one begins with logs of its own.
		const begun = { args: ["--name=second", `--state-dir=${join(world.folder, "state-2")}`] };
		const relayer = account(21);
		const env = { KALYPSO_RELAYER_KEY: relayer.key };
		for (const name of SERVICES) world.market.add(world.market.makeService(name, { ...begun, env: name === "task-publisher" ? env : {} }));
		await manage();
		const at = load.ids.length;
		await load.more(3);
		const { transactionHash } = await world.until("TaskCreated", load.ids[at + 2]);
		assert.equal((await world.client.getTransaction({ hash: transactionHash })).from, relayer.address.toLowerCase());
	});

	test("a node provider is lost", async () => {
		await proxy.close();
		await load.more(3);
		await until("somebody to notice", () => has(from, "node.failing").length > 0);
		await ready();
		await proxy.open();
		await until("it to be back", () => has(from, "node.recovered").length > 0);
	});

	test("Redis is restored from a backup of some time ago, journals are not", async () => {
		const backup = copyRedis();
		await load.more(6);
		for (const name of SERVICES) await world.service(name).stop();
		await world.service("redis").kill();
		rmSync(join(world.folder, "state-2"), { recursive: true, force: true });
		mkdirSync(join(world.folder, "state-2"));
		await restoreRedis(backup);
		for (const name of SERVICES) world.service(name).start();
		await until("task-publisher to see what its log lacks", () => has(from, "tx.outsider").length > 0);
		// As the run-book has it: it was ourselves.
		const used = (blockTag) => world.client.getTransactionCount({ address: account(21).address, blockTag });
		await until("what was sent before the loss to be mined", async () => (await used("pending")) === (await used("latest")));
		const nonce = await used("latest");
		await world.service("task-publisher").stop();
		const args = ["--name=second", `--state-dir=${join(world.folder, "state-2")}`, `--adopt-nonce=${nonce}`];
		world.market.add(world.market.makeService("task-publisher", { args, env: { KALYPSO_RELAYER_KEY: account(21).key } }));
		await adoptSlasher();
		await manage();
		await load.more(3);
	});

	// What is put in place ends at once, as a program does that lacks a library or refuses an option of before.
	test("a wrong upgrade is rolled back", async () => {
		const name = "task-publisher";
		const good = world.service(name);
		const wrong = join(world.folder, "wrong");
		writeFileSync(wrong, `#!/bin/sh\necho "$0: error while loading shared libraries: libnew.so.1: cannot open shared object file" >&2\nexit 127\n`, { mode: 0o755 });
		await good.stop();
		const bad = world.market.add(new Process(name, [wrong], { log: good.log }));
		const placed = load.ids.length;
		let starts = 0;
		// A manager starts it again and again; requests go on, and none gets a task.
		await until("more requests", async () => {
			if (!bad.running) starts++, bad.start();
			await bad.ended;
			assert.equal(bad.exit.code, 127);
			return starts >= 3 && load.ids.length >= placed + 2;
		});
		assert.match(bad.tail(2), /cannot open shared object file/);
		await until("the alarm", () => has(from, "alarm.task_missing").length > 0);
		const noticed = await until("kalypso status to miss it", async () => {
			const { error } = (await kalypso(["status", "--json", `--redis=${world.market.redis}`, "--name=second"])).is(1).json;
			return error.message.includes(name) && error.message;
		});
		say(`kalypso status: ${noticed}`);
		world.market.add(good).start();
		await ready();
		await load.more(3);
		assert.equal(has(from, "tx.outsider").length, 0);
	});

	test("in the end each request was assigned once", async () => {
		load.going = false;
		await load.done;
		await Promise.all(load.ids.map((id) => world.until("TaskCreated", id)));
		const tasks = await world.chain.events("ProofMarketplace", "TaskCreated");
		assert.deepEqual(tasks.map((t) => t.args.requestId).sort((a, b) => Number(a - b)), load.ids);
		say(`${load.ids.length} requests`);
	});
});
