// Why a request waits, and what a generator lost: against the quotes and the match log, put together here once more.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { kalypso } from "../cli/world.mjs";
import { Api } from "./client.mjs";

const none = { price: 0, time: 0, compute: 0, stake: 0, task_limit: 0, draining: 0, no_key: 0, cooling: 0, spread: 0 };

export function whyTests(world) {
	const api = () => world.api;
	const of = async (id) => (await api().get(`/v1/requests/${id}/why`)).why;
	const address = (name) => world.person(name).address;
	const quoteOf = async (name, market) => (await api().get(`/v1/markets/${market}/book`)).quotes.find((q) => q.generator === address(name));

	// Every match there was, with the request that it is of.
	async function matches() {
		const { events } = await api().get("/v1/events?log=match&limit=1000");
		const made = events.filter(({ entry }) => entry.type === "match_made").map(({ entry }) => entry);
		return Promise.all(made.map(async (match) => ({ match, request: (await api().get(`/v1/requests/${match.request_id}`)).request })));
	}

	describe("why", () => {
		let waits, slow, dear, running;
		before(async () => {
			// "able" takes 1 and 60 s, "silent" 2 and 4 s.
			waits = await world.base.request({ maxPrice: "0.1" });
			slow = await world.base.request({ maxPrice: "1.5", maxTime: 30 });
			dear = await world.base.request({ maxPrice: "2", maxTime: 3 });
			running = await world.base.request({ circuit: "rollup-batch", maxPrice: "2", maxTime: 850 });
			await world.base.until("TaskCreated", running);
			for (const preference of ["cheapest", "fastest"]) {
				const id = await world.base.request({ circuit: "rollup-batch", maxPrice: "2", maxTime: 900, preference });
				await world.base.until("TaskCreated", id);
			}
			await world.stopClock();
		});
		after(() => world.startClock());

		test("a request that waits: every quote has its reason, and the nearest misses are told", async () => {
			const { as_of } = await api().get("/v1/chain");
			const answer = await api().get(`/v1/requests/${waits}/why`);
			assert.deepEqual(answer.as_of, as_of);
			const [able, silent] = [await quoteOf("able", 1), await quoteOf("silent", 1)];
			const near = ({ generator, price, response_time }) => ({ generator, price, response_time, alone: true });
			assert.equal(answer.why.state, "open");
			assert.deepEqual(answer.why.waits, { bar: null, quotes: 2, misses: { ...none, price: 2 }, eligible: 0, nearest: { price: near(able), time: null } });
			assert.deepEqual((await of(slow)).waits, { bar: null, quotes: 2, misses: { ...none, price: 1, time: 1 }, eligible: 0, nearest: { price: near(silent), time: near(able) } });
			assert.deepEqual((await of(dear)).waits, { bar: null, quotes: 2, misses: { ...none, time: 2 }, eligible: 0, nearest: { price: null, time: near(silent) } });
		});

		test("any other: by which match, at which terms", async () => {
			for (const r of await api().all("/v1/requests", "requests")) {
				const why = await of(r.request_id);
				assert.equal(why.state, r.state === "open" && r.match ? "matched" : r.state);
				if (r.state === "open") continue;
				assert.equal(why.waits, null);
				assert.deepEqual([why.task, why.ended, why.match], [r.task, r.ended, r.task && r.match]);
			}
			const { task, match } = await of(running);
			assert.equal(task.generator, address("silent"));
			assert.deepEqual([match.generator, match.price, match.response_time], [task.generator, task.price, 800]);
		});

		test("a generator: what it got, what it lost to whom by what, and what it couldn't have", async () => {
			const all = await matches();
			for (const [me, rival] of [["able", "silent"], ["silent", "able"]]) {
				const { why } = await api().get(`/v1/generators/${address(me)}/why?limit=1000`);
				const wanted = { won: 0, losses: [], misses: { ...none } };
				for (const { match, request } of all) {
					const [mine, theirs] = [await quoteOf(me, match.market_id), await quoteOf(rival, match.market_id)];
					if (match.generator === mine.generator) wanted.won++;
					else if (BigInt(mine.price) > BigInt(request.max_price)) wanted.misses.price++;
					else if (mine.response_time > request.max_response_time) wanted.misses.time++;
					else wanted.losses.unshift([match.request_id, match.decision, request.preference === "cheapest" ? "price" : "time", mine.price, theirs.price, theirs.generator]);
				}
				assert.deepEqual([why.matches, why.won, why.lost, why.no_quote], [all.length, wanted.won, wanted.losses.length, 0], me);
				assert.deepEqual(why.misses, wanted.misses, me);
				assert.deepEqual(why.losses.map((l) => [l.request_id, l.decision, l.element, l.mine.price, l.theirs.price, l.theirs.generator]), wanted.losses, me);
				for (const { element, mine, theirs } of why.losses)
					assert.ok(element === "price" ? BigInt(theirs.price) < BigInt(mine.price) : theirs.response_time < mine.response_time);
				assert.ok(wanted.losses.length > 0 && wanted.won > 0, me);
			}
		});

		test("of one market only, and no more than wanted", async () => {
			const path = `/v1/generators/${address("able").toLowerCase()}/why`;
			const { why: all } = await api().get(path);
			const { why: one } = await api().get(`${path}?market=2`);
			const { why: other } = await api().get(`${path}?market=1&limit=1`);
			assert.equal(one.market_id, "2");
			assert.equal(one.matches + other.matches, all.matches);
			assert.deepEqual(one.losses, all.losses.filter((l) => l.market_id === "2"));
			assert.ok(other.losses.length <= 1);
			assert.equal((await api().get(`${path}?market=77`)).why.matches, 0);
		});

		test("every gateway says the same, and asking changes nothing", async () => {
			const paths = [`/v1/requests/${waits}/why`, `/v1/generators/${address("able")}/why`, `/v1/generators/${address("silent")}/why`];
			const [a, b] = [api(), new Api(world.b.url)];
			await world.caughtUp(b);
			for (const path of [...paths, ...paths]) assert.deepEqual(await a.get(path), await b.get(path));
		});

		test("the command line says it in words, and as the same document", async () => {
			const env = { KALYPSO_GATEWAY: world.a.url };
			const run = async (words, code = 0) => (await kalypso(["why", ...words.split(" ")], { env })).is(code);
			const [able, silent] = [address("able"), address("silent")];
			for (const [words, path] of [
				[`request ${waits}`, `/v1/requests/${waits}/why`],
				[`request ${running}`, `/v1/requests/${running}/why`],
				[`generator ${able} --limit=3`, `/v1/generators/${able}/why?limit=3`],
				[`generator ${silent} --market=2`, `/v1/generators/${silent}/why?market=2&limit=20`],
			])
				assert.deepEqual((await run(`${words} --json`)).json, await api().get(path), words);
			const { as_of } = await api().get(`/v1/requests/${slow}/why`);
			const { out } = await run(`request ${slow}`);
			assert.match(out, new RegExp(`As of +block ${as_of.block}, entry ${as_of.seq} of the book log`));
			assert.match(out, /Caps +1\.50? KUSD in 30 s/);
			assert.match(out, /1 +cost more than the price cap/);
			assert.match(out, /1 +take longer than the time cap/);
			assert.match(out, new RegExp(`Nearest in price: 2(\\.0+)? KUSD in 4 s, by ${silent}; with that cap it would be eligible`));
			assert.match(out, new RegExp(`Nearest in time: 1(\\.0+)? KUSD in 1 min, by ${able}; with that cap`));
			assert.match((await run(`request ${running}`)).out, new RegExp(`Matched with +${silent}[^]*Decision +\\d+[^]*Task of +${silent}`));
			const story = (await run(`generator ${able} --market=2`)).out;
			assert.match(story, /Looked at +\d+ matches, of blocks \d+ to \d+/);
			assert.match(story, new RegExp(`${silent} +time +15 min +13 min 20 s`));
			assert.match(story, /\d+ +it took longer than the cap/);
			await run("request 99999", 4);
			await run(`generator ${world.market.requester.address}`, 4);
			await run("request seven", 2);
			await run("generator 0x12", 2);
			await run(`generator ${able} --limit=0`, 2);
		});

		test("what isn't there isn't found", async () => {
			for (const path of ["/v1/requests/99999/why", `/v1/generators/${world.market.requester.address}/why`]) {
				const { status, json } = await api().ask(path);
				assert.equal(status, 404);
				assert.ok(json.detail.startsWith(path), json.detail);
			}
		});
	});
}
