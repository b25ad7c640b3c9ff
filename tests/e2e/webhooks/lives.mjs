// What a receiver is told when the chain takes blocks back, and when the logs begin another life.
import assert from "node:assert/strict";
import { test } from "node:test";
import { redisSays } from "../../../deploy/local/market.mjs";
import { until } from "./world.mjs";

const HOUR_S = "3600";

export function lifeTests(world) {
	const redis = (...words) => redisSays(world.base.market.redisPort, ...words);
	const key = (...words) => `kalypso:{local}:${words.join(":")}`;

	// A receiver that hears of requests, and puts off message `type` of request `postponed.id` for an hour.
	async function postponing() {
		const receiver = await world.receiver();
		const hook = await world.register(receiver, { events: ["request.opened"] });
		const postponed = { id: undefined };
		receiver.answer = (_, response, { data }) => {
			if (!postponed.id || data.request_id !== postponed.id) return false;
			response.writeHead(503, { "retry-after": HOUR_S }).end();
			return true;
		};
		// Place a request that waits from now on, behind its hour.
		const postpone = async () => {
			await world.base.client.setIntervalMining({ interval: 0 });
			postponed.id = String((await world.base.chain.read("ProofMarketplace", "requestCount")) + 1n);
			await world.base.client.setIntervalMining({ interval: 1 });
			assert.equal(String(await world.base.request()), postponed.id);
			await until("it to be put off", async () => (await hook.attempts()).some(({ status, next }) => status === 503 && next));
			return postponed.id;
		};
		const take = async () => {
			postponed.id = undefined;
			assert.equal((await hook.post("enable")).status, 202);
		};
		return { receiver, hook, postpone, take };
	}

	test("tell of a roll-back, whoever asked for what: after all that came before it, before all that follows", async () => {
		const { client } = world.base;
		const { receiver, hook, postpone, take } = await postponing();
		const lost = await postpone();
		await client.setIntervalMining({ interval: 0 });
		const tip = await client.getBlock();
		await client.request({ method: "anvil_reorg", params: [4, []] });
		await client.setIntervalMining({ interval: 1 });
		await until("the roll-back to wait", async () => (await hook.get()).waiting >= 2);
		const next = String(await world.base.request());
		await until("what follows to wait", async () => (await hook.get()).waiting >= 3);
		assert.ok(receiver.messages.every(({ data }) => data.request_id === lost), "it came first, and wasn't taken");
		await take();
		const back = await receiver.untilMessage("chain.rolled_back", ({ data }) => data.to.number === String(tip.number - 4n));
		await receiver.untilMessage("request.opened", ({ data, seq }) => data.request_id === next && seq > back.seq);
		const taken = receiver.messages.slice(receiver.messages.findLastIndex(({ seq }) => seq < back.seq));
		assert.deepEqual(taken.slice(0, 2).map(({ type }) => type), ["request.opened", "chain.rolled_back"]);
		assert.deepEqual(taken.map(({ sequence }) => sequence), [1, 2, 3].slice(0, taken.length));
	});

	test("go on in another life of the logs: what was delivered doesn't come again, what wasn't does", async () => {
		const { receiver, hook, postpone, take } = await postponing();
		const delivered = String(await world.base.request());
		const { epoch } = await receiver.untilMessage("request.opened", ({ data }) => data.request_id === delivered);
		await until("it to be counted", async () => (await hook.get()).delivered === 1);
		const waiting = await postpone();
		const last = Number(redis("xrevrange", key("log", "chain"), "+", "-", "count", "1").split("-")[0]);
		redis("xdel", key("log", "chain"), ...[last - 1, last].map((n) => `${n}-0`));
		await until("another life of the logs", () => redis("get", key("epoch")) !== epoch);
		const lifeOf = async ({ url }) => (await (await fetch(`${url}/v1/chain`)).json()).epoch;
		for (const gateway of [world.a, world.b]) {
			await until(`${gateway.name} to follow it`, async () => ![undefined, epoch].includes(await lifeOf(gateway)));
			await until(`${gateway.name} to be there`, () => gateway.isReady());
		}
		await until("it to be ours", async () => (await hook.get()).gateway !== "");
		await take();
		const late = await receiver.untilMessage("request.opened", (m) => m.data.request_id === waiting && m.epoch !== epoch);
		const next = String(await world.base.request());
		const newest = await receiver.untilMessage("request.opened", ({ data }) => data.request_id === next);
		assert.equal(newest.epoch, late.epoch);
		assert.equal(receiver.messages.filter(({ data }) => data.request_id === delivered).length, 1);
		assert.ok(late.sequence < newest.sequence);
	});
}
