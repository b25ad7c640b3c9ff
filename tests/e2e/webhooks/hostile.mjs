// Receivers that are down, rude or not what they seem: what becomes of them, and that nobody else notices.
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./world.mjs";

export function hostileTests(world) {
	test("are disabled by 410, and go on where they were when they are enabled", async () => {
		const receiver = await world.receiver();
		const hook = await world.register(receiver, { events: ["request.opened"] });
		receiver.answer = (_, response) => response.writeHead(410).end();
		const ids = [String(await world.base.request())];
		await hook.untilState("disabled");
		assert.equal((await hook.get()).why, "it answered 410 Gone");
		ids.push(String(await world.base.request()));
		receiver.answer = undefined;
		assert.equal((await hook.post("enable")).status, 202);
		for (const id of ids) await receiver.untilMessage("request.opened", ({ data }) => data.request_id === id);
		await until("it to be empty", async () => (await hook.get()).waiting === 0);
		receiver.check();
	});

	test("are disabled when nothing was delivered in all attempts; what was given up is listed", async () => {
		const receiver = await world.receiver();
		const hook = await world.register(receiver, { events: ["request.opened"] });
		let attempts = 0;
		receiver.answer = (_, response, { type }) => {
			if (type === "request.opened") attempts++;
			response.writeHead(500).end();
			return true;
		};
		await world.base.request();
		await hook.untilState("disabled");
		assert.equal(attempts, 5); // the first, and the four of --webhook-retries
		await receiver.untilMessage("webhook.disabled");
		const { json } = await world.call("GET", `/${hook.id}/dead-letters`, { token: hook.token });
		assert.equal(json.dead_letters.length, 1);
		assert.equal(json.dead_letters[0].attempts, 5);
		assert.equal((await hook.attempts())[0].outcome, "given_up");
		receiver.answer = undefined;
		await hook.post("enable");
		await hook.untilState("active");
		assert.equal((await hook.post("replay", { from: json.dead_letters[0].seq })).status, 202);
		await receiver.untilMessage("request.opened", ({ sequence }) => sequence > json.dead_letters[0].sequence);
	});

	test("never go to addresses that the operator didn't allow, whatever their name, and follow no redirect", async () => {
		const trap = await world.receiver();
		const { port } = new URL(trap.url);
		const ways = [`http://127.0.0.2:${port}/`, `http://[::1]:${port}/`, `https://10.0.0.1:${port}/`, `http://0x7f000002:${port}/`, `http://[::ffff:127.0.0.2]:${port}/`, `https://169.254.169.254/`];
		const hooks = [];
		for (const url of ways) hooks.push(await world.register({ url }, {}, { active: false }));
		for (const [i, hook] of hooks.entries()) {
			const [attempt] = await until(`an attempt at ${ways[i]}`, async () => {
				const all = await hook.attempts();
				return all.length > 0 && all;
			});
			assert.match(attempt.error, /address/, ways[i]);
			assert.equal(attempt.status, null);
			assert.equal((await world.call("DELETE", `/${hook.id}`, { token: hook.token })).status, 204);
		}
		const redirecting = await world.receiver();
		redirecting.answer = (_, response) => response.writeHead(307, { location: trap.url }).end();
		const hook = await world.register(redirecting, {}, { active: false });
		const [attempt] = await until("an attempt", async () => {
			const all = await hook.attempts();
			return all.length > 0 && all;
		});
		assert.equal(attempt.error, "redirects are not followed");
		assert.deepEqual(trap.heard, []);
	});

	test("fail when an answer has no end, and never wait for ten years", async () => {
		const receiver = await world.receiver();
		const hook = await world.register(receiver, { events: ["request.opened"] });
		receiver.answer = (request, response) => {
			const timer = setInterval(() => response.write("x".repeat(4096)), 1);
			request.socket.on("close", () => clearInterval(timer));
			return true;
		};
		const id = String(await world.base.request());
		const look = (error) => until(error, async () => (await hook.attempts()).find((a) => a.error === error));
		await look("the answer is too long");
		receiver.answer = (_, response) => response.writeHead(429, { "retry-after": String(10 * 365 * 86_400) }).end();
		const { next, at } = await look("answered with status 429");
		assert.ok(Date.parse(next) - Date.parse(at) <= 86_400_000 + 1000, `${at} ${next}`);
		receiver.answer = undefined;
		await hook.post("test"); // it is back: nothing waits for its time any more
		await receiver.untilMessage("request.opened", ({ data }) => data.request_id === id);
	});

	test("that hang delay only themselves", async () => {
		const hanging = [await world.receiver(), await world.receiver()];
		const prompt = [await world.receiver(), await world.receiver(), await world.receiver()];
		for (const receiver of [...hanging, ...prompt]) await world.register(receiver, { events: ["request.opened"] });
		for (const receiver of hanging) receiver.answer = () => true; // and never does
		const ids = [];
		for (let i = 0; i < 5; i++) ids.push(String(await world.base.request()));
		for (const receiver of prompt) {
			for (const id of ids) await receiver.untilMessage("request.opened", ({ data }) => data.request_id === id);
			receiver.check();
		}
		for (const receiver of hanging) assert.ok(new Set(receiver.messages.map(({ id }) => id)).size <= 5);
	});
}
