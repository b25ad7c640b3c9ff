// The receivers that docs/webhooks.md shows, run: they take what is genuine, and nothing else.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { freePort } from "../../../deploy/local/processes.mjs";
import { until } from "./world.mjs";

const EXAMPLES = join(ROOT, "docs/examples");

export function exampleTests(world) {
	test("are what the guide shows", () => {
		const guide = readFileSync(join(ROOT, "docs/webhooks.md"), "utf8");
		const shown = [...guide.matchAll(/```(js|c)\n([^]*?)```/g)].map(([, language, text]) => [language, text]);
		assert.deepEqual(shown.map(([language]) => language), ["js", "c"]);
		assert.equal(shown[0][1], readFileSync(join(EXAMPLES, "receiver.mjs"), "utf8"));
		assert.ok(readFileSync(join(EXAMPLES, "verify.c"), "utf8").endsWith(`\n${shown[1][1]}`));
	});

	test("are taken by the guide's receiver in JavaScript, and others refused", async () => {
		const port = await freePort();
		const url = `http://127.0.0.1:${port}/`;
		const hook = await world.register({ url }, { events: ["request.opened"] }, { active: false });
		const { folder } = world.base;
		copyFileSync(join(EXAMPLES, "receiver.mjs"), join(folder, "receiver.mjs"));
		symlinkSync(join(ROOT, "tests/node_modules"), join(folder, "node_modules"));
		const child = spawn(process.execPath, [join(folder, "receiver.mjs"), String(port), hook.secret], { stdio: ["ignore", "pipe", "inherit"] });
		let said = "";
		child.stdout.on("data", (data) => (said += data));
		try {
			await until("the receiver", async () => (await fetch(url, { method: "POST" })).status === 401);
			await hook.activate();
			const id = String(await world.base.request());
			await until("the receiver to say so", () => said.split("\n").some((line) => line.endsWith(` request.opened ${id}`)));
			const headers = { "webhook-id": "x", "webhook-timestamp": String(Math.floor(Date.now() / 1000)), "webhook-signature": `v1,${Buffer.alloc(32).toString("base64")}` };
			assert.equal((await fetch(url, { method: "POST", headers, body: "{}" })).status, 401);
		} finally {
			child.kill();
		}
		assert.equal((await world.call("DELETE", `/${hook.id}`, { token: hook.token })).status, 204);
	});

	test("are verified by the guide's program in C, and changed ones aren't", async () => {
		const program = join(world.base.folder, "verify");
		execFileSync("cc", ["-Wall", "-Wextra", "-Werror", join(EXAMPLES, "verify.c"), "-o", program, "-lsodium"]);
		const receiver = await world.receiver();
		const hook = await world.register(receiver, { signatures: ["v1a", "v1"] });
		await hook.post("test");
		await receiver.untilMessage("webhook.test");
		const { text, headers } = receiver.heard.at(-1);
		const { "webhook-id": id, "webhook-timestamp": time, "webhook-signature": signature } = headers;
		const verify = (...args) => spawnSync(program, args.slice(1), { input: args[0] }).status;
		assert.equal(verify(text, hook.secret, id, time, signature), 0);
		assert.equal(verify(`${text} `, hook.secret, id, time, signature), 1);
		assert.equal(verify(text, hook.secret, `${id}0`, time, signature), 1);
		assert.equal(verify(text, hook.secret, id, String(Number(time) + 1), signature), 1);
		assert.equal(verify(text, `whsec_${Buffer.alloc(32).toString("base64")}`, id, time, signature), 1);
		assert.equal(verify(text, hook.secret, id, time, signature.split(" ").filter((s) => s.startsWith("v1a")).join(" ")), 1);
	});
}
