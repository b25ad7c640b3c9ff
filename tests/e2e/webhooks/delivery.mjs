// What a receiver is told: which events, signed how, in which order, and again when it fails.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { until } from "./world.mjs";

export function deliveryTests(world) {
	test("tell of a request and its task, signed, with the prover's payload, in order", async () => {
		const receiver = await world.receiver();
		const hook = await world.register(receiver);
		const id = String(await world.base.request());
		const assigned = await receiver.untilMessage("task.assigned", ({ data }) => data.request_id === id);
		const opened = receiver.messages.find(({ type, data }) => type === "request.opened" && data.request_id === id);
		assert.ok(opened.sequence < assigned.sequence);
		const [created] = await world.base.chain.events("ProofMarketplace", "RequestCreated", { args: { requestId: BigInt(id) } });
		assert.deepEqual(assigned.data.payload, { public: created.args.inputs, secrets: null });
		const { request } = await until("the request in the API", async () => {
			const answer = await fetch(`${world.a.url}/v1/requests/${id}`);
			return answer.ok && answer.json();
		});
		assert.equal(receiver.heard.find(({ message }) => message.id === assigned.id).headers.traceparent.split("-")[1], request.trace);
		assert.equal(assigned.log, "book");
		assert.match(assigned.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
		await until("all to be counted", async () => {
			const { waiting, delivered } = await hook.get();
			return waiting === 0 && delivered === receiver.messages.at(-1).sequence;
		});
		receiver.check();
	});

	test("can be signed with ed25519, and are only what was asked for", async () => {
		const [mine, others] = [await world.receiver(), await world.receiver()];
		const { address } = world.base.market.requester;
		const hook = await world.register(mine, { signatures: ["v1a"], events: ["request.*"], requester: address, market: "1" });
		mine.publicKey = hook.publicKey;
		await world.register(others, { requester: "0x00000000000000000000000000000000000000aa" });
		const last = await world.base.request();
		await world.base.request({ circuit: "rollup-batch" });
		const next = String(await world.base.request());
		await mine.untilMessage("request.opened", ({ data }) => data.request_id === next);
		mine.check();
		assert.deepEqual(mine.messages.map(({ data }) => data.request_id), [String(last), next]);
		assert.ok(mine.messages.every(({ type, data }) => type.startsWith("request.") && data.market_id === "1"));
		assert.deepEqual(others.messages, []);
	});

	test("wait for their subject alone when one fails, and come again", async () => {
		const receiver = await world.receiver();
		const hook = await world.register(receiver, { events: ["request.opened", "task.assigned"] });
		let poisoned;
		let failures = 2;
		receiver.answer = (_, response, { type, data }) => {
			if (type === "request.opened") poisoned ??= data.request_id;
			if (type !== "request.opened" || data.request_id !== poisoned || !failures) return false;
			failures--;
			response.writeHead(503, { "retry-after": "1" }).end();
			return true;
		};
		const ids = [String(await world.base.request()), String(await world.base.request())];
		for (const id of ids) await receiver.untilMessage("task.assigned", ({ data }) => data.request_id === id);
		const said = receiver.messages.filter(({ data }) => data.request_id === poisoned).map(({ type }) => type);
		assert.deepEqual(said, ["request.opened", "request.opened", "request.opened", "task.assigned"]);
		const [first, second, third] = receiver.messages.filter(({ type, data }) => type === "request.opened" && data.request_id === poisoned);
		assert.deepEqual([second, third], [first, first], "the same message, under the same id");
		const tries = await until("all attempts", async () => {
			const all = (await hook.attempts()).filter(({ sequence }) => sequence === first.sequence).reverse();
			return all.length === 3 && all;
		});
		assert.deepEqual(tries.map(({ attempt, outcome, status }) => [attempt, outcome, status]), [[1, "failed", 503], [2, "failed", 503], [3, "delivered", 200]]);
		assert.equal(tries[0].address, "127.0.0.1");
		assert.ok(tries[0].next);
	});

	test("are signed by the old secret, too, while it is rotated", async () => {
		const receiver = await world.receiver();
		const hook = await world.register(receiver);
		const { status, json } = await hook.post("rotate", { overlap_s: 600 });
		assert.equal(status, 200);
		assert.notEqual(json.secret, hook.secret);
		await until("a message by both", async () => {
			await hook.post("test");
			const heard = receiver.heard.at(-1);
			new Webhook(hook.secret).verify(heard.text, heard.headers);
			new Webhook(json.secret).verify(heard.text, heard.headers);
			return true;
		}, { everyMs: 200 });
		receiver.secret = json.secret;
		assert.equal((await hook.post("rotate", { overlap_s: 0 })).status, 200);
		receiver.secret = undefined;
		await until("a message by the third alone", async () => {
			await hook.post("test");
			const heard = receiver.heard.at(-1);
			assert.equal(heard.headers["webhook-signature"].split(" ").length, 1);
			assert.throws(() => new Webhook(json.secret).verify(heard.text, heard.headers));
			return true;
		}, { everyMs: 200 });
	});

	test("come again from an entry of the log that is asked for", async () => {
		const receiver = await world.receiver();
		const hook = await world.register(receiver, { events: ["request.opened"] });
		const id = String(await world.base.request());
		const first = await receiver.untilMessage("request.opened", ({ data }) => data.request_id === id);
		assert.equal((await hook.post("replay", { from: first.seq })).status, 202);
		const again = await receiver.untilMessage("request.opened", ({ data, sequence }) => data.request_id === id && sequence > first.sequence);
		assert.equal(again.id, first.id, "a receiver can tell that it had it");
		assert.equal(again.seq, first.seq);
		assert.equal((await hook.post("replay", { from: 100_000_000 })).status, 409);
		receiver.check();
	});
}
