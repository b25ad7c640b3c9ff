// A chain that changes its mind: what the gateway shows is what the chain has now, and what a gateway shows that read
// the logs from their beginning.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Api } from "./client.mjs";
import { portrait, until } from "./world.mjs";

export function rollbackTests(world) {
	describe("a roll-back", () => {
		test("is told on the feed, undone in the API, and what is true instead follows", async () => {
			const feed = await world.feed();
			const { rollbacks } = await world.api.get("/v1/chain");
			await feed.subscribe();
			const proven = await world.request("proven");
			await world.base.until("ProofSubmitted", proven);
			const lost = await world.request("running");
			await world.base.until("TaskCreated", lost);
			await world.stopClock();
			assert.equal((await world.api.get(`/v1/requests/${lost}`)).request.state, "assigned");
			const tip = await world.client.getBlock();
			await world.client.request({ method: "anvil_reorg", params: [3, []] });
			await world.startClock();
			const { entry } = await feed.untilEntry("rollback", ({ from }) => from.hash === tip.hash);
			assert.deepEqual([entry.from.number, entry.to.number], [String(tip.number), String(tip.number - 3n)]);
			for (const type of ["book_rolled_back", "round_rolled_back"]) assert.deepEqual((await feed.untilEntry(type)).entry.to, entry.to);
			await until("it in the API", async () => (await world.api.get("/v1/chain")).rollbacks.count > rollbacks.count);
			await world.stopClock();
			const { rollbacks: now } = await world.api.get("/v1/chain");
			assert.deepEqual(now.last, { seq: now.last.seq, from: entry.from, to: entry.to, depth: 3 });
			const count = await world.chain.read("ProofMarketplace", "requestCount");
			const requests = await world.api.all("/v1/requests", "requests");
			assert.equal(BigInt(requests.length), count);
			for (const r of requests) assert.equal(r.state, await world.base.stateOf(BigInt(r.request_id)));
			assert.ok(lost > count, "the request was to be lost");
			assert.equal((await world.api.ask(`/v1/requests/${lost}`)).status, 404);
			await feed.end();
		});

		test("leaves what a gateway shows that begins with the first entry", async () => {
			const { service, api } = await fresh();
			assert.deepEqual(await portrait(api), await portrait(world.api));
			await service.stop();
			await world.startClock();
		});

		async function fresh() {
			const service = await world.addGateway("c");
			const api = new Api(service.url);
			await world.caughtUp(api);
			return { service, api };
		}
	});
}
