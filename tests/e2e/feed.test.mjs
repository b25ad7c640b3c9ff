// The feed's channels against a real market: what a client keeps is what the API says at the same number, however often its
// connection is cut, whatever the chain takes back, and in whichever form it is told.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { Feed } from "../../services/webhook-gateway/client/feed.js";
import { ROOT } from "../../deploy/local/chain.mjs";
import { sleep } from "../../deploy/local/processes.mjs";
import { Link } from "../chaos/link.mjs";
import { badInputTests } from "./feed/bad.mjs";
import { CheckedWebSocket, Plain, seen } from "./feed/checked.mjs";
import { ALL, Busy, isInApi, rowsKept, rowsOf } from "./feed/market.mjs";
import { Api } from "./gateway/client.mjs";
import { World, until } from "./gateway/world.mjs";

const CUTS = 200;
const open = []; // whatever fails, they are closed in the end
const world = new World();
const urlOf = (service) => `${service.url.replace("http", "ws")}/v1/feed`;

// A client of the library, and what happened to it.
function follow(url, channels = ALL) {
	const feed = new Feed(url, { WebSocket: CheckedWebSocket });
	open.push(feed);
	Object.assign(feed, { wrong: [], snapshots: [], rollbacks: [] });
	feed.addEventListener("error", ({ detail }) => feed.wrong.push(detail));
	feed.list = channels.map((channel) => {
		const sub = feed.subscribe(channel);
		sub.addEventListener("snapshot", ({ detail }) => feed.snapshots.push(detail));
		sub.addEventListener("rollback", ({ detail }) => feed.rollbacks.push(detail));
		return sub;
	});
	return feed;
}

// With the clock stopped: each of its channels is, in the end, what the API has at the same number.
async function agrees(feed, api) {
	for (const sub of feed.list.filter(({ channel }) => isInApi(channel))) {
		const { seq, rows } = await until(`${sub.channel.name} to be as far as the API`, async () => {
			const answer = await rowsOf(api, sub.channel);
			return sub.whole && sub.seq === answer.seq && answer;
		});
		assert.deepEqual(rowsKept(sub), rows, `${sub.channel.name} at ${seq}`);
	}
	assert.deepEqual(feed.wrong, []);
	CheckedWebSocket.finish();
}

describe("the feed's channels", () => {
	let b;
	before(async () => {
		await world.start();
		b = new Api(world.b.url);
	});
	after(async () => {
		for (const feed of open) feed.close();
		await world.stop();
	});

	test("a client that is cut hundreds of times, in a busy market, has what the API has, from any gateway", async () => {
		const ports = [world.a, world.b].map(({ url }) => ({ host: "127.0.0.1", port: Number(new URL(url).port) }));
		const link = await Link.start({ at: { port: 0, host: "127.0.0.1" }, to: ports[0] });
		open.push({ close: () => link.stop() });
		const steady = follow(urlOf(world.b));
		const cut = follow(`ws://127.0.0.1:${link.port}/v1/feed`);
		const busy = new Busy(world);
		await until("the first snapshots", () => cut.snapshots.length === ALL.length);
		for (let i = 0, connections; i < CUTS; i++) {
			if (i) await until("a new connection", () => cut.connections > connections && (i % 5 === 0 || cut.state === "live"));
			connections = cut.connections;
			await sleep(Math.random() * 40); // at any moment
			link.to = ports[i % 2];
			link.drop();
		}
		await until("checksums of a hundred changes", () => steady.checked > 1);
		await busy.stop();
		assert.equal(busy.wrong, undefined);
		await world.stopClock();
		await world.caughtUp(b);
		await agrees(cut, world.api);
		await agrees(steady, b);
		assert.ok(cut.connections >= CUTS, `${cut.connections} connections`);
		// All of it was made good by what was missed: no snapshot came but the first ones.
		assert.deepEqual(cut.snapshots.map(({ reason }) => reason), ALL.map(() => "first"));
		assert.ok(busy.placed > 50, `${busy.placed} requests`);
		cut.close();
		steady.close();
		await world.startClock();
	});

	test("msgpack says what JSON says; from any number on it is the log's own changes, in order", async () => {
		const { seq } = await world.stopClock();
		const from = seq - 120;
		const [json, packed] = await Promise.all(["kalypso.v1.json", "kalypso.v1.msgpack"].map((p) => Plain.open(urlOf(world.a), p)));
		const channels = [...ALL.slice(1).map((c) => ({ ...c, from })), { name: "blocks" }];
		for (const plain of [json, packed]) {
			const message = { op: "subscribe", id: "x", channels };
			plain.say(plain === json ? message : Buffer.from((await import("@msgpack/msgpack")).encode(message)));
			await plain.until("a heartbeat", ({ op, logs }) => op === "heartbeat" && logs.book >= seq);
		}
		const without = ({ messages }) => messages.filter(({ op }) => op !== "heartbeat");
		assert.deepEqual(without(packed), without(json));
		assert.ok(json.of("subscribed")[0].subs.slice(0, -1).every(({ resumed }) => resumed));
		for (const { sub, channel } of json.of("subscribed")[0].subs.slice(0, -1)) {
			const changes = json.of("change").filter((c) => c.sub === sub);
			let prev = from;
			for (const change of changes) {
				assert.equal(change.prev, prev, channel);
				assert.ok(change.seq > prev && change.seq <= seq, channel);
				prev = change.seq;
			}
		}
		const page = await world.api.get(`/v1/events?log=book&from=${from + 1}&limit=1000`);
		const types = ["request_opened", "request_closed", "task_started", "task_ended", "assignment_refused"];
		const requests = json.of("change").filter(({ channel }) => channel === "requests");
		assert.ok(requests.length > 10);
		assert.deepEqual(
			requests.map(({ seq: n, event }) => [n, event]),
			page.events.filter((e) => e.seq <= seq && types.includes(e.entry.type)).map((e) => [e.seq, e.entry.type]),
		);
		await Promise.all([json.end(), packed.end()]);
		await world.startClock();
	});

	test("a number that can't be gone on from gets a snapshot that says why; one that can gets what was missed", async () => {
		await world.client.mine({ blocks: 400 }); // b's memory is 1024 entries
		const { seq } = await world.stopClock(b);
		const { epoch } = await b.get("/v1/chain");
		const plain = await Plain.open(urlOf(world.b));
		const ask = async (channel, other) => {
			plain.say({ op: "subscribe", id: 1, epoch: other ?? epoch, channels: [{ name: "book", market: 1, ...channel }] });
			const { subs } = await until("an answer", () => plain.of("subscribed")[asked]);
			asked++;
			const [{ sub, resumed }] = subs;
			if (resumed) return "resumed";
			return (await plain.until("a snapshot", (m) => m.op === "snapshot" && m.sub === sub)).reason;
		};
		let asked = 0;
		assert.equal(await ask({}), "first");
		assert.equal(await ask({ from: 1 }), "window");
		assert.equal(await ask({ from: 10 ** 9 }), "ahead");
		assert.equal(await ask({ from: seq }, "12345"), "epoch");
		assert.equal(await ask({ from: String(seq) }), "resumed");
		assert.equal(await ask({ from: seq - 1 }), "resumed");
		assert.equal(await ask({ from: seq + 7 }), "resumed");
		await plain.end();
		await world.startClock();
	});

	test("filters: of a requester, of a generator, of a market", async () => {
		const other = "0x00000000000000000000000000000000000000aa";
		const { silent, able } = Object.fromEntries(["silent", "able"].map((n) => [n, world.person(n).address]));
		const { requester } = (await world.api.get("/v1/requests?limit=1")).requests[0];
		const feed = follow(urlOf(world.a), [
			{ name: "requests", requester },
			{ name: "requests", requester: other },
			{ name: "requests", requester, market: "2" },
			{ name: "tasks", generator: silent },
			{ name: "tasks", generator: able },
			{ name: "requests" },
		]);
		const changes = feed.list.map((sub) => {
			const list = [];
			sub.addEventListener("change", ({ detail }) => list.push(detail));
			return list;
		});
		await until("snapshots", () => feed.snapshots.length === feed.list.length);
		const id = String(await world.request("slashed"));
		const two = String(await world.request("running"));
		await until("it to be slashed", () => changes[3].some(({ event, gone }) => event === "task_ended" && gone.tasks.includes(id)));
		await until("the other to run", () => changes[2].some(({ event }) => event === "task_started"));
		assert.deepEqual(changes[0], changes[5].map((c) => ({ ...c, sub: changes[0][0].sub })));
		assert.deepEqual(changes[1], []);
		assert.deepEqual(new Set(changes[2].map(({ set, patch }) => (set ?? patch).requests[0].request_id)), new Set([two]));
		const [end] = changes[3].filter(({ gone }) => gone?.tasks.includes(id));
		assert.equal(end.patch.tasks[0].state, "slashed");
		assert.ok(changes[4].every(({ set }) => !set?.tasks.some(({ request_id }) => request_id === id)));
		feed.close();
		CheckedWebSocket.finish();
	});

	test("a roll-back says what it undoes, and what is true instead follows; who it doesn't concern keeps his rows", async () => {
		const other = "0x00000000000000000000000000000000000000aa";
		const feed = follow(urlOf(world.a), [...ALL, { name: "requests", requester: other }]);
		const changes = [];
		feed.list[3].addEventListener("change", ({ detail }) => changes.push(detail));
		await until("snapshots", () => feed.snapshots.length === feed.list.length);
		const lost = await world.request("running");
		await world.base.until("TaskCreated", lost);
		const { seq } = await world.stopClock();
		await until("all of it", () => feed.list[3].seq === seq);
		const tip = await world.client.getBlock();
		await world.client.request({ method: "anvil_reorg", params: [3, []] });
		await world.startClock();
		await until("the roll-backs", () => feed.rollbacks.length === feed.list.length);
		for (const { channel, sub, to, undone } of feed.rollbacks) {
			assert.equal(to.number, String(tip.number - 3n), channel);
			if (sub === feed.list.at(-1).sub) assert.deepEqual(undone, []);
			if (sub !== feed.list[3].sub) continue;
			const expected = changes.filter((c) => c.seq <= seq && BigInt(c.block) > BigInt(to.number)).map((c) => c.seq);
			assert.deepEqual(undone.filter((n) => n >= changes[0].seq), expected.reverse());
		}
		const ofRequests = feed.rollbacks.find(({ channel, sub }) => channel === "requests" && sub === feed.list[3].sub);
		assert.ok(ofRequests.undone.length >= 2, "opened and assigned");
		await world.stopClock();
		await agrees(feed, world.api);
		assert.equal(feed.list[3].rows.requests.has(String(lost)), false);
		assert.equal(feed.list.at(-1).ready, true);
		const again = feed.snapshots.slice(feed.list.length).map(({ reason }) => reason);
		assert.deepEqual([...new Set(again)], ["rollback"]);
		feed.close();
		await world.startClock();
	});

	test("who reads too slowly is told, gets a snapshot instead, and is closed if that doesn't help; others notice nothing", async () => {
		const conflated = () => world.a.metric("feed_client_conflated_total");
		const dropped = () => world.b.metric("feed_client_dropped_total");
		const [before_, droppedBefore] = [await conflated(), await dropped()];
		const other = follow(urlOf(world.b));
		const pausing = async (gateway) => {
			const plain = await Plain.open(urlOf(gateway));
			plain.say({ op: "subscribe", channels: Array.from({ length: 16 }, () => ({ name: "blocks" })) });
			await plain.until("snapshots", ({ op }) => op === "heartbeat");
			plain.socket.pause();
			return plain;
		};
		// Each block is sixteen messages: until the connections take no more.
		const fill = (what, ask) =>
			until(what, async () => {
				await world.client.mine({ blocks: 1000 });
				await world.caughtUp(b);
				return until(what, ask, { timeoutMs: 13_000, everyMs: 100 });
			}, { timeoutMs: 120_000 });
		const dead = await pausing(world.b); // its patience is 1 s
		await fill("one to be dropped", async () => (await dropped()) > droppedBefore);
		dead.socket.resume();
		await dead.closed;
		assert.equal(dead.code, 4008);
		assert.deepEqual([dead.messages.at(-1).op, dead.messages.at(-1).code], ["lagging", 4008]);
		// Here it is 10 s: who doesn't go on reading within as long again is closed, too.
		const slow = await pausing(world.a);
		await fill("the other to be given snapshots", async () => (await conflated()) > before_);
		slow.socket.resume();
		await slow.until("to be told", ({ op }) => op === "lagging");
		const told = slow.messages.findIndex(({ op }) => op === "lagging");
		const { sub, prev } = slow.messages[told];
		assert.equal(slow.messages.slice(0, told).findLast((m) => m.sub === sub).seq, prev);
		await slow.until("snapshots", ({ op, reason }) => op === "snapshot" && reason === "lagging");
		const { seq } = (await world.api.get("/v1/chain")).logs.chain;
		await slow.until("to be in step", ({ op, logs }) => op === "heartbeat" && logs.chain >= seq);
		assert.equal(slow.code, undefined);
		await world.stopClock(b);
		await agrees(other, b);
		assert.deepEqual([other.connections, other.snapshots.length], [1, ALL.length]);
		other.close();
		await Promise.all([slow.end(), dead.end()]);
		await world.startClock();
	});

	test("the guide's client of twenty lines has what the API has, though it is cut", async () => {
		const source = readFileSync(join(ROOT, "docs/feed.md"), "utf8").match(/```js\n(import WebSocket[^]*?)```/)[1];
		const link = await Link.start({ at: { port: 0, host: "127.0.0.1" }, to: { host: "127.0.0.1", port: Number(new URL(world.a.url).port) } });
		open.push({ close: () => link.stop() });
		const folder = join(ROOT, "tests/.cache"); // where it finds the package ws
		mkdirSync(folder, { recursive: true });
		const file = join(folder, `feed-client-${process.pid}.mjs`);
		writeFileSync(file, source.replace("127.0.0.1:8080", `127.0.0.1:${link.port}`));
		const client = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
		const lines = [];
		createInterface({ input: client.stdout }).on("line", (line) => lines.push(line));
		try {
			await until("its first line", () => lines.length > 0);
			for (let i = 0; i < 3; i++) {
				const had = lines.length;
				link.drop();
				await world.request("waiting");
				await until("it to go on", () => lines.length > had);
			}
			await world.stopClock();
			await until("it to have what the API has", async () => {
				const { quotes_total, requests_total } = await world.api.get("/v1/markets/1/book");
				return lines.at(-1).endsWith(` ${quotes_total} ${requests_total}`);
			});
		} finally {
			client.kill();
			rmSync(file);
			await world.startClock();
		}
	});

	badInputTests(world, urlOf);

	test("every kind of message was held against its description", () => {
		assert.deepEqual(
			[...seen.keys()].sort(),
			["change", "checksum", "error", "heartbeat", "lagging", "rollback", "snapshot", "subscribed", "unsubscribed"],
		);
	});
});
