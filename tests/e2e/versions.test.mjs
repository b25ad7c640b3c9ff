// Services of two versions whose logs differ: who can't read what another one writes says so, waits, and goes on where it
// was once it is upgraded. The newer ones are of the same sources, built with another protocol number (Makefile, NEWER).
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { redisSays } from "../../deploy/local/market.mjs";
import { BINARIES, SERVICES, World, until } from "./world.mjs";

const NEWER = join(BINARIES, "../newer/bin");
const UPGRADE = "a newer version wrote a log: upgrade this service";

let world, older;
before(async () => {
	assert.ok(existsSync(join(NEWER, "matcher")), `${NEWER} isn't there: run make test, or make build/asan/newer/bin/matcher and so on`);
	world = await World.start({ args: ["--instances=a,b"] });
	older = world.market.binaries;
});
after(() => world?.stop());

// The same service from other binaries, with the same options and state; not started.
function make(name, binaries, options) {
	world.market.binaries = binaries;
	const s = world.market.makeService(name, options);
	world.market.binaries = older;
	return s;
}
async function replace(name, binaries) {
	await world.service(name).stop();
	return world.market.add(make(name, binaries)).start();
}
const readyz = async (s) => {
	const answer = await fetch(`${s.admin}/readyz`);
	return `${answer.status} ${(await answer.text()).split("\n")[0]}`;
};
const ready = (...names) => Promise.all(names.map((name) => until(`${name} to be ready`, () => world.service(name).isReady())));
const tasks = async (id) => (await world.chain.events("ProofMarketplace", "TaskCreated", { args: { requestId: id } })).length;
const lines = (s, event) => readFileSync(s.log).subarray(s.from).toString().split("\n").filter((line) => line.includes(`"event":"${event}"`));

// It lives, isn't ready, and has said once why.
async function waits(s, want) {
	await until(`${s.name} to wait`, async () => (await readyz(s)) === `503 ${UPGRADE}`);
	assert.equal(s.running, true);
	const said = lines(s, "protocol.newer");
	assert.equal(said.length, 1);
	const { log, writer, writer_version, writer_protocol, version, protocol, text, level } = JSON.parse(said[0]);
	assert.deepEqual({ log, writer, writer_version, writer_protocol, protocol, level }, { writer_version: "0.2.0", writer_protocol: "2", protocol: "1", level: "error", ...want });
	assert.notEqual(version, "0.2.0");
	assert.match(text, want.writer === s.name.replace(/-b$/, "") ? /run that again; or.*--name/ : /upgrade this service, too/);
	// Nobody takes it for a Redis that forgot.
	assert.equal(await s.metric("service_reloaded_total"), 0);
}

describe("a service that is newer than those that read its log", () => {
	const readers = ["orderbook", "task-publisher", "slasher-watcher", "webhook-gateway"];
	const ids = [];

	test("they say which, and wait, without ending; who doesn't read it goes on", async () => {
		ids.push(await world.request());
		await world.until("TaskCreated", ids[0]);
		await replace("chain-indexer", NEWER);
		await ready("chain-indexer");
		for (const name of readers) await waits(world.service(name), { log: "chain", writer: "chain-indexer" });
		assert.equal(await world.service("matcher").isReady(), true);
		assert.deepEqual(lines(world.service("matcher"), "protocol.newer"), []);
		ids.push(await world.request());
	});

	test("one after the other is upgraded: each goes on where it was", async () => {
		for (const name of readers) await replace(name, NEWER);
		// What it had decided before is older, what orderbook says now is newer.
		await waits(world.service("matcher"), { log: "book", writer: "orderbook" });
		await replace("matcher", NEWER);
		await ready(...SERVICES);
		ids.push(await world.request());
		for (const id of ids) await world.until("TaskCreated", id);
		for (const id of ids) assert.equal(await tasks(id), 1);
	});

	test("an older one can't be put back any more: it waits, whatever it is given", async () => {
		const old = await replace("orderbook", older);
		await waits(old, { log: "chain", writer: "chain-indexer" });
		// One that reads nothing of others: its own log is newer.
		const indexer = await replace("chain-indexer", older);
		await waits(indexer, { log: "chain", writer: "chain-indexer" });
		await replace("chain-indexer", NEWER);
		await replace("orderbook", NEWER);
		await ready(...SERVICES);
	});

	test("an older copy stands by and doesn't take over", async () => {
		const copy = make("matcher", older, { instance: "b" });
		copy.name = "matcher-b";
		copy.log = join(world.folder, "logs", "matcher-b.log");
		world.market.add(copy).start();
		await waits(copy, { log: "book", writer: "orderbook" });
		await world.service("matcher").kill();
		// Its lease runs out, and nobody has it.
		await until("the lease to run out", () => redisSays(world.market.redisPort, "exists", "kalypso:{local}:lease:matcher") === "0");
		assert.equal(await readyz(copy), `503 ${UPGRADE}`);
		await world.market.restart("matcher");
		await copy.stop();
		const id = await world.request();
		await world.until("TaskCreated", id);
		assert.equal(await tasks(id), 1);
	});

	test("a new life of the logs, under another name, is read by the old ones again", async () => {
		for (const name of SERVICES) await world.service(name).stop();
		const other = { args: ["--name=second", `--state-dir=${join(world.folder, "state-2")}`] };
		for (const name of SERVICES) world.market.add(make(name, older, other)).start();
		await ready(...SERVICES);
		const id = await world.request();
		await world.until("TaskCreated", id);
		assert.equal(await tasks(id), 1);
	});
});
