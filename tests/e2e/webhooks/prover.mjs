// A generator that knows nothing but its webhook: the guide's program takes tasks from it, asks the sample prover and settles.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { Process, freePort } from "../../../deploy/local/processes.mjs";
import { until } from "./world.mjs";

export function proverTests(world) {
	// The program as a generator's operator would start it; `prover` is the URL of a market's prover.
	async function startProgram({ port, folder, prover, hook, key }) {
		const { market } = world.base;
		const home = join(market.folder, "by-webhook");
		mkdirSync(home, { recursive: true });
		copyFileSync(join(ROOT, "docs/examples/prover-by-webhook.mjs"), join(home, "prover.mjs"));
		if (!existsSync(join(home, "node_modules"))) symlinkSync(join(ROOT, "tests/node_modules"), join(home, "node_modules"));
		const words = [port, folder, prover, market.chain.url, market.chain.addresses.ProofMarketplace].map(String);
		const program = new Process("prover-by-webhook", [process.execPath, join(home, "prover.mjs"), ...words], {
			log: join(market.folder, "logs/prover-by-webhook.log"),
			env: { WEBHOOK_SECRET: hook.secret, GENERATOR_KEY: key },
		});
		market.add(program).start();
		return program.ready(() => fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "{}" }).then(({ status }) => status === 401));
	}

	test("are all that a generator needs: its tasks are proven and settle, even those that a kill -9 interrupted", async () => {
		const { base } = world;
		const { market } = base;
		const generator = market.people.find(({ name }) => name === "slow"); // the cheapest, who gets every task
		const [port, nowhere] = [await freePort(), await freePort()];
		const folder = join(base.folder, "tasks");
		await market.startProver({ idle: false });
		const filters = { events: ["task.assigned"], market: String(market.marketOf("range-preimage").id), generator: generator.address };
		const hook = await world.register({ url: `http://127.0.0.1:${port}/` }, filters, { active: false });
		const options = { port, folder, hook, key: generator.account.key };

		// Its prover is down: it remembers what it took, and dies with it.
		const first = await startProgram({ ...options, prover: `http://127.0.0.1:${nowhere}/range-preimage` });
		await hook.activate();
		const ids = [await base.request({ maxTime: 600 }), await base.request({ maxTime: 600 })];
		await until("both tasks to be taken", async () => readdirSync(folder).filter((name) => name.endsWith(".json")).length === 2);
		await until("it to be counted", async () => (await hook.get()).delivered === 2);
		await first.kill();
		for (const id of ids) assert.equal(await base.stateOf(id), "assigned");

		await startProgram({ ...options, prover: `${market.prover}/range-preimage` });
		ids.push(await base.request({ maxTime: 600 }));
		for (const id of ids) {
			const { args } = await base.until("ProofSubmitted", id, 120_000);
			assert.equal(args.generator, generator.address);
			assert.equal(await base.stateOf(id), "fulfilled");
		}
		await until("nothing to be left", () => readdirSync(folder).length === 0);
		assert.equal((await world.call("DELETE", `/${hook.id}`, { token: hook.token })).status, 204);
		for (const name of ["prover-by-webhook", "prover"]) await market.service(name).stop();
	});
}
