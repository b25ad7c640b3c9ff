// Webhooks of a real market: registered, signed, in order, retried, shared by two gateways, and nothing lost.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { World, until } from "./webhooks/world.mjs";

describe("webhooks", () => {
	const world = new World();
	before(() => world.start());
	after(() => world.stop());

	test("tell of a request and its task, signed, with the prover's payload, in order", async () => {
		const receiver = await world.receiver();
		const hook = await world.register(receiver);
		const id = String(await world.base.request());
		const assigned = await receiver.untilMessage("task.assigned", ({ data }) => data.request_id === id);
		const opened = receiver.messages.find(({ type, data }) => type === "request.opened" && data.request_id === id);
		assert.ok(opened.sequence < assigned.sequence);
		assert.match(assigned.data.payload.public, /^0x[0-9a-f]+$/);
		assert.equal(assigned.data.payload.secrets, null);
		const [created] = await world.base.chain.events("ProofMarketplace", "RequestCreated", { args: { requestId: BigInt(id) } });
		assert.equal(assigned.data.payload.public, created.args.inputs);
		await until("all to be counted", async () => (await hook.get()).waiting === 0);
		receiver.check();
		assert.equal((await hook.get()).delivered, receiver.messages.at(-1).sequence);
	});
});
