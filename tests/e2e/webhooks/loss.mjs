// Gateways that are killed, and Redis that hangs up, while messages are on their way: nothing is lost, the order holds.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { until } from "./world.mjs";

const ROUNDS = Number(process.env.KALYPSO_HOOK_KILLS ?? 4);

export function lossTests(world) {
	test("are shared by the gateways, survive kill -9 of either and of Redis' connections, and lose nothing", async () => {
		const receivers = [];
		const hooks = [];
		for (let i = 0; i < 6; i++) {
			receivers.push(await world.receiver());
			hooks.push(await world.register(receivers[i], { events: ["request.opened", "task.assigned"] }));
		}
		// Slow enough that something is on its way whenever somebody dies.
		for (const receiver of receivers)
			receiver.answer = (_, response) => {
				setTimeout(() => response.end(), 50);
				return true;
			};
		const holders = async () => new Set((await Promise.all(hooks.map((h) => h.get({ gateway: world.b })))).map(({ gateway }) => gateway));
		await until("both gateways to deliver", async () => (await holders()).size === 2);
		const ids = [];
		for (let round = 0; round < ROUNDS; round++) {
			for (let i = 0; i < 3; i++) ids.push(String(await world.base.request()));
			await receivers[0].untilMessage("request.opened", ({ data }) => data.request_id === ids.at(-3));
			const victim = round % 2 ? world.b : world.a;
			await victim.kill();
			execFileSync("redis-cli", ["-p", String(world.base.market.redisPort), "client", "kill", "type", "normal"]);
			ids.push(String(await world.base.request()));
			victim.start();
			await victim.ready(() => victim.isReady());
		}
		for (const receiver of receivers) {
			for (const id of ids) {
				await receiver.untilMessage("request.opened", ({ data }) => data.request_id === id);
				await receiver.untilMessage("task.assigned", ({ data }) => data.request_id === id);
			}
			receiver.check();
			const doubled = receiver.messages.length - new Set(receiver.messages.map(({ sequence }) => sequence)).size;
			assert.ok(doubled <= 16 * ROUNDS, `${doubled} were sent twice`);
		}
		await until("both to deliver again", async () => (await holders()).size === 2);
	});
}
