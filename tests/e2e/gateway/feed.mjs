// The feed: every entry of every log, in order, whoever reads it, however slowly, and whatever breaks.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { Api, LOGS } from "./client.mjs";
import { until } from "./world.mjs";

const ALL = Object.fromEntries(LOGS.map((log) => [log, 0]));

export function feedTests(world) {
	const open = [];
	const connect = async (url) => {
		const feed = await world.feed(url);
		open.push(feed);
		return feed;
	};

	// What is asked for in pages, to hold the feed against.
	async function logOf(log) {
		const all = [];
		for (let page; !page || page.events.length; ) {
			page = await world.api.get(`/v1/events?log=${log}&from=${page?.next ?? 1}&limit=1000`);
			all.push(...page.events.map((e) => JSON.stringify(e)));
		}
		return all;
	}

	describe("the feed", () => {
		let whole, silent;
		before(async () => {
			silent = await connect(world.b.url); // says nothing; looked at in the end
			whole = await connect();
		});
		afterEach(() => world.startClock());
		after(() => Promise.all(open.map((feed) => feed.end())));

		test("from 0 it gives the logs from their first entry, the old ones from Redis, then what comes", async () => {
			const { epoch } = await world.api.get("/v1/chain");
			assert.deepEqual(await whole.subscribe({ id: "first", epoch, from: ALL }), {
				op: "subscribed",
				id: "first",
				epoch,
				logs: Object.fromEntries(LOGS.map((log) => [log, { next: 1 }])),
			});
			const old = await connect(world.b.url);
			await old.subscribe({ from: ALL });
			const id = await world.request("proven");
			for (const feed of [whole, old]) await feed.untilEntry("proof_submitted", (e) => e.request_id === String(id));
			await world.stopClock();
			for (const feed of [whole, old]) {
				await feed.inStep();
				for (const log of LOGS) assert.deepEqual(feed.texts(log), await logOf(log), log);
			}
		});

		test("a life on the feed: placed, opened, matched, signed, assigned, mined, proven", async () => {
			const { entries } = whole;
			const id = entries.findLast(({ entry }) => entry.type === "request_opened").entry.request_id;
			// Its promised time is short: the slash log may warn of it.
			const life = entries
				.filter(({ entry: e }) => (e.request_id === id || e.subjects?.includes(id)) && e.type !== "deadline_near")
				.map(({ log, entry }) => `${log} ${entry.type}`);
			const wanted = [
				"chain request_created",
				"book request_opened",
				"match match_made",
				"task tx_signed",
				"chain task_created",
				"book task_started",
				"chain proof_submitted",
				"book task_ended",
			];
			assert.deepEqual([...life].sort(), [...wanted].sort());
			for (const log of LOGS) assert.deepEqual(life.filter((l) => l.startsWith(log)), wanted.filter((l) => l.startsWith(log)));
		});

		test("without from it begins with what comes next, and only of the logs asked for", async () => {
			const feed = await connect();
			const { logs } = await feed.subscribe({ logs: ["book", "match"] });
			assert.deepEqual(Object.keys(logs), ["book", "match"]);
			await feed.untilEntry("round_closed");
			assert.deepEqual([...new Set(feed.entries.map(({ log }) => log))].sort(), ["book", "match"]);
			assert.equal(feed.entries.find(({ log }) => log === "book").seq, logs.book.next);
			assert.deepEqual(Object.keys(feed.beats), ["book", "match"]);
		});

		test("a connection that is cut goes on where it was, from any gateway: no gap, none twice", async () => {
			const feed = await connect();
			await feed.subscribe({ from: ALL });
			for (const url of [world.b.url, world.a.url, world.b.url]) {
				await feed.until("some entries", () => feed.entries.length > 100);
				await feed.end();
				await world.request("waiting");
				feed.url = `${url.replace("http", "ws")}/v1/feed`;
				await feed.open();
				await feed.resume();
			}
			await world.stopClock();
			await feed.inStep();
			await whole.inStep();
			for (const log of LOGS) assert.deepEqual(feed.texts(log), whole.texts(log), log);
		});

		test("subscribing again on a connection begins anew", async () => {
			const feed = await connect();
			await feed.subscribe({ logs: ["task"], from: { task: "0" } });
			await feed.until("a task", () => feed.newest.task > 0);
			const { logs } = await feed.subscribe({ id: -7, logs: ["chain"] });
			assert.deepEqual(Object.keys(logs), ["chain"]);
			assert.equal(feed.answer.id, -7);
			await feed.untilEntry("block_mark");
		});

		test("what isn't of the protocol is said and closes that connection, with its code", async () => {
			const rows = [
				["nonsense", 4000],
				["[]", 4000],
				[{ op: "unsubscribe" }, 4000],
				[{ op: "subscribe", channels: [] }, 4000],
				[{ op: "subscribe", logs: [] }, 4000],
				[{ op: "subscribe", logs: ["books"] }, 4000],
				[{ op: "subscribe", logs: ["book"], from: { chain: 1 } }, 4000],
				[{ op: "subscribe", from: { chain: -1 } }, 4000],
				[{ op: "subscribe", from: 7 }, 4000],
				[{ op: "subscribe", id: "x".repeat(5000) }, 4000],
				[{ op: "subscribe", epoch: "1" }, 4009],
			];
			for (const [message, code] of rows) {
				const feed = await connect();
				feed.say(message);
				await feed.closed;
				assert.equal(feed.code, code, JSON.stringify(message));
				const [{ op, code: said }] = feed.said;
				assert.deepEqual([op, said], ["error", code]);
			}
			const binary = await connect();
			binary.socket.send(Buffer.from([1, 2, 3]));
			await binary.closed;
			assert.equal(binary.code, 4000);
			assert.equal(whole.code, undefined);
		});

		test("who doesn't read is told that it lags and is closed; the others notice nothing", async () => {
			const b = new Api(world.b.url);
			await world.stopClock(b);
			const other = await connect(world.b.url);
			await other.subscribe();
			const lost = await connect(world.b.url);
			await lost.subscribe({ from: { chain: 1 } });
			const sent = () => world.b.metric("feed_frame_sent_total");
			lost.socket.pause();
			// The newest 1024 entries again and again, until the connection takes no more of them.
			const { logs } = await b.get("/v1/chain");
			const from = Object.fromEntries(Object.entries(logs).map(([log, { newest }]) => [log, Math.max(0, newest - 300)]));
			await until("the connection to be full", async () => {
				const before_ = await sent();
				lost.say({ op: "subscribe", from });
				let [last, calm] = [before_, 0];
				await until("it to be sent", async () => {
					const now = await sent();
					[last, calm] = [now, now === last ? calm + 1 : 0];
					return calm === 6;
				}, { everyMs: 60 });
				return last - before_ < 100;
			}, { timeoutMs: 40_000 });
			await world.client.mine({ blocks: 500 });
			await world.caughtUp(b);
			await until("it to be dropped", async () => (await world.b.metric("feed_client_dropped_total")) === 1, { timeoutMs: 20_000 });
			await other.inStep();
			lost.socket.resume();
			await lost.closed;
			assert.equal(lost.code, 4008);
			assert.deepEqual([lost.said.at(-1).op, lost.said.at(-1).code], ["lagging", 4008]);
		});

		test("a gateway that stops, or is killed, leaves no gap: its clients go on with the next one", async () => {
			const feed = await connect();
			await feed.subscribe({ from: whole.newest });
			const first = { ...whole.newest };
			for (const end of ["stop", "kill", "kill"]) {
				const id = await world.request("proven");
				await feed.untilEntry("request_opened", (e) => e.request_id === String(id));
				await world.a[end]();
				await feed.closed;
				const unseen = await world.request("proven");
				await world.base.until("TaskCreated", unseen);
				await world.startGateway(world.a);
				await feed.open();
				await feed.resume();
				await feed.untilEntry("task_started", (e) => e.request_id === String(unseen));
			}
			await world.stopClock();
			await feed.inStep();
			for (const log of LOGS) assert.deepEqual(feed.texts(log), (await logOf(log)).slice(first[log]), log);
			await whole.open();
			await whole.resume();
		});

		test("Redis goes away and comes back: what is in memory is served, connections stay, nothing is missing", async () => {
			const redis = world.market.service("redis");
			await redis.kill();
			assert.equal((await world.api.ask("/v1/events?log=book")).status, 503);
			await until("the status to be refused", async () => (await world.api.ask("/v1/status")).status === 503);
			assert.ok((await world.api.get("/v1/requests")).requests.length > 0);
			redis.start();
			const done = world.supervise(); // whoever lost its lease with Redis ends
			const id = await world.request("proven");
			await whole.untilEntry("task_started", (e) => e.request_id === String(id)).finally(done);
			assert.equal(whole.code, undefined);
			await until("events again", async () => (await world.api.ask("/v1/events?log=book")).status === 200);
			await until("the status again", async () => (await world.api.ask("/v1/status")).status === 200);
		});

		test("who never subscribes is closed", async () => {
			await silent.closed;
			assert.equal(silent.code, 4001);
			assert.equal(silent.said[0].op, "error");
		});
	});
}
