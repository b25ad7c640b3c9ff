// What owners and the operator may ask for, and what they are refused.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { check, description } from "./description.mjs";
import { until } from "./world.mjs";

export function callTests(world) {
	test("are described as the code has them: every call, no other, in schemas that can be used", () => {
		const code = readFileSync(join(ROOT, "services/webhook-gateway/hook_api.c"), "utf8");
		const [table] = code.match(/routes\[\] = \{[^]*?\n\};/);
		const routes = [...table.matchAll(/\{"([^"]*)", API_(\w+),/g)].map(([, path, method]) => `${method} /v1/webhooks${path}`);
		const described = Object.entries(description.paths).flatMap(([path, item]) => {
			const methods = Object.keys(item).filter((name) => name !== "parameters");
			return methods.map((method) => `${method.toUpperCase()} ${path.replace("{id}", "*")}`);
		});
		assert.deepEqual(described.sort(), routes.sort());
		for (const name of Object.keys(description.components.schemas)) assert.throws(() => check(name, [[null]], name), assert.AssertionError);
	});

	test("are registered by the operator, and belong to whoever has their token", async () => {
		const receiver = await world.receiver();
		const body = { url: receiver.url };
		assert.equal((await world.call("POST", "", { body })).status, 401);
		assert.equal((await world.call("POST", "", { body, token: `${world.token}0` })).status, 401);
		const [hook, other] = [await world.register(receiver), await world.register(await world.receiver())];
		for (const [method, path] of [["GET", ""], ["PATCH", ""], ["DELETE", ""], ["POST", "/test"], ["POST", "/enable"], ["POST", "/rotate"], ["POST", "/replay"], ["GET", "/attempts"], ["GET", "/dead-letters"]]) {
			for (const token of [undefined, other.token, hook.id]) {
				const { status, json } = await world.call(method, `/${hook.id}${path}`, { token });
				assert.equal(status, 401, `${method} ${path}`);
				assert.equal(json.type, "urn:kalypso:problem:unauthorized");
			}
		}
		const { json } = await world.call("GET", "", { token: world.token });
		assert.ok(json.webhooks.includes(hook.id) && json.webhooks.includes(other.id));
		assert.equal((await world.call("GET", `/${hook.id}`, { token: world.token })).status, 200);
		assert.equal((await world.call("POST", `/${hook.id}/rotate`, { token: world.token })).status, 401, "the operator never sees a secret");
		assert.equal((await world.call("DELETE", `/${hook.id}`, { token: hook.token })).status, 204);
		assert.equal((await world.call("GET", `/${hook.id}`, { token: hook.token })).status, 404);
		assert.equal((await world.call("GET", "/wh_nothing", { token: hook.token })).status, 404);
		assert.equal((await world.call("PUT", `/${other.id}`, { token: other.token, body: "{}" })).status, 405);
	});

	test("are registered once, however often and wherever it is asked for with the same key", async () => {
		const { url } = await world.receiver();
		const ask = (gateway, body = { url }) => world.call("POST", "", { token: world.token, body, gateway, key: "the-same-key" });
		const [first, again, elsewhere] = [await ask(world.a), await ask(world.a), await ask(world.b)];
		assert.equal(first.status, 201);
		assert.deepEqual([again.json, elsewhere.json], [first.json, first.json], "secrets included");
		assert.equal((await ask(world.b, { url: `${url}other` })).status, 422);
		const { json } = await world.call("GET", "", { token: world.token });
		assert.equal(json.webhooks.filter((id) => id === first.json.webhook.id).length, 1);
	});

	test("leave nothing behind when they are deleted, even while a message is on its way", async () => {
		const receiver = await world.receiver();
		const hook = await world.register(receiver, { events: ["market.updated"] });
		const on = new Promise((resolve) => {
			receiver.answer = (_, response) => {
				resolve(response);
				return true;
			};
		});
		await hook.post("test");
		const response = await on;
		const keys = () => execFileSync("redis-cli", ["-p", String(world.base.market.redisPort), "--scan", "--pattern", `*${hook.id}`], { encoding: "utf8" }).trim();
		assert.notEqual(keys(), "");
		assert.equal((await world.call("DELETE", `/${hook.id}`, { token: hook.token })).status, 204);
		const sending = async () => (await world.a.metric("webhook_message_sending")) + (await world.b.metric("webhook_message_sending"));
		assert.ok((await sending()) >= 1);
		response.end();
		await until("it to be noted", async () => (await sending()) === 0);
		// A step of the same gateway comes after it.
		const other = await world.receiver();
		const after = await world.register(other);
		await after.post("test");
		await other.untilMessage("webhook.test");
		assert.equal(keys(), "");
	});

	test("are refused with a reason when what is asked for makes no sense", async () => {
		const url = "https://example.com/hook";
		const bad = [
			["", /JSON object/], ["[]", /JSON object/], ["{", /JSON object/], [`{"url":"${url}","url":"${url}"}`, /JSON object/], ["{}", /url: it is missing/],
			[{ url: "ftp://example.com/" }, /https/], [{ url: "https://user:secret@example.com/" }, /no user/], [{ url: "https://example.com/#a" }, /fragment/],
			[{ url: "/hook" }, /absolute/], [{ url: `https://example.com/${"a".repeat(1100)}` }, /1024/], [{ url: "https://exa mple.com/" }, /visible/], [{ url: 7 }, /text/],
			[{ url, events: [] }, /events/], [{ url, events: ["task.exploded"] }, /events/], [{ url, events: ["t*"] }, /events/], [{ url, signatures: [] }, /signatures/],
			[{ url, signatures: ["v2"] }, /signatures/], [{ url, market: 0 }, /market/], [{ url, market: "-1" }, /market/], [{ url, requester: "0x12" }, /requester/],
			[{ url, generator: [] }, /generator/], [{ url, from: 0 }, /from/], [{ url, description: "x".repeat(201) }, /description/], [{ url, colour: "red" }, /no such member/],
		];
		for (const [body, why] of bad) {
			const { status, json, headers } = await world.call("POST", "", { token: world.token, body });
			assert.equal(status, 400, JSON.stringify(body));
			assert.equal(headers.get("content-type"), "application/problem+json");
			assert.match(json.detail, why);
		}
		assert.equal((await world.call("POST", "", { token: world.token, body: "x".repeat(20_000) })).status, 413);
		const hook = await world.register(await world.receiver());
		assert.equal((await hook.post("rotate", { overlap_s: -1 })).status, 400);
		assert.equal((await hook.post("rotate", { overlap: 1 })).status, 400);
		assert.equal((await hook.post("replay")).status, 400);
		assert.equal((await world.call("GET", `/${hook.id}/attempts?limit=0`, { token: hook.token })).status, 400);
		assert.equal((await world.call("GET", `/${hook.id}/attempts?count=1`, { token: hook.token })).status, 400);
	});

	test("hear nothing before they have answered the challenge, and of another URL neither", async () => {
		const receiver = await world.receiver();
		receiver.answer = (_, response, { type }) => type === "webhook.challenge" && response.end("no");
		const hook = await world.register(receiver, {}, { active: false });
		await receiver.untilMessage("webhook.challenge");
		const id = String(await world.base.request());
		await until("why it waits", async () => (await hook.get()).why === "the answer doesn't repeat the challenge");
		assert.deepEqual(receiver.messages, []);
		receiver.answer = undefined; // the next challenge is answered
		await receiver.untilMessage("request.opened", ({ data }) => data.request_id === id);
		const second = await world.receiver();
		second.secret = hook.secret;
		const { status, json } = await world.call("PATCH", `/${hook.id}`, { token: hook.token, body: { url: second.url, events: ["request.opened"] } });
		assert.equal(status, 200);
		assert.equal(json.webhook.state, "unverified");
		assert.deepEqual(json.webhook.events, ["request.opened"]);
		await hook.untilState("active");
		const next = String(await world.base.request());
		await second.untilMessage("request.opened", ({ data }) => data.request_id === next);
	});

	test("can be tested", async () => {
		const receiver = await world.receiver();
		const hook = await world.register(receiver, { events: ["market.updated"] });
		const { status, json } = await hook.post("test");
		assert.equal(status, 202);
		const heard = await receiver.untilMessage("webhook.test");
		assert.equal(heard.sequence, json.sequence);
	});
}
