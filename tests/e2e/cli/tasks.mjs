// From an assignment to a proof or a slash: request wait and proof, task list, slash.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { ask } from "./requests.mjs";
import { generator, requester, sample, stake, usd, until } from "./world.mjs";

export function tasksTests(world) {
	const create = async (...more) => (await world.json(ask(...more))).created.map((r) => r.request_id);

	describe("task", () => {
		test("no proof yet", async () => {
			const [id] = await create();
			assert.match((await world.error(`request proof ${id}`, 4)).message, /is open: no proof yet; kalypso request wait/);
			await world.assign(generator, [id]);
			assert.match((await world.error(`request proof ${id}`, 4)).message, /is assigned: no proof yet/);
			const timeout = await world.error(`request wait ${id} --timeout=1`, 5);
			assert.match(timeout.message, /not settled after 1 s/);
			assert.equal((await world.error(`slash ${id}`, 1)).name, "DeadlineNotPassed");
			assert.equal((await world.json(`request show ${id}`)).state, "assigned");
			await world.prove(generator, id);
		});

		test("create --wait ends with the proof", async () => {
			const waiting = world.run(ask("--wait", "--json"));
			const id = await until("a request", async () => {
				const count = await world.read("ProofMarketplace", "requestCount");
				return (await world.requestOf(count)).state === 1 ? count : null;
			});
			await world.assign(generator, [id]);
			await world.prove(generator, id);
			const { json } = (await waiting).is(0);
			await world.checkTransactions(json, ["approve", "createRequest"]);
			const [request] = json.requests;
			assert.deepEqual(
				[request.request_id, request.state, request.proof, request.inputs],
				[String(id), "fulfilled", sample.proof, sample.inputs],
			);
			assert.deepEqual([request.paid, request.refund], [String(usd("1.25")), String(usd("0.75"))]);
			assert.equal(request.generator, generator.address);
		});

		test("wait for several; status 0 only if each is fulfilled", async () => {
			const ids = await create("--count=2");
			const [third] = await create();
			await world.assign(generator, ids);
			for (const id of ids) await world.prove(generator, id);
			const good = await world.json(`request wait ${ids.join(" ")}`);
			assert.deepEqual(good.requests.map((r) => r.state), ["fulfilled", "fulfilled"]);
			await world.json(`request cancel ${third}`);
			const mixed = await world.json(`request wait ${ids[0]} ${third}`, 1);
			assert.deepEqual(mixed.requests.map((r) => r.state), ["fulfilled", "cancelled"]);
			assert.match(mixed.error.message, new RegExp(`1 of 2 requests got no proof; request ${third} is cancelled`));
			const text = (await world.run(`request wait ${ids[0]}`)).is(0).out;
			assert.match(text, /is fulfilled: generator 0x.*, price 1.25 KUSD, refunded 0.75 KUSD/);
			await world.error("request wait 999", 4);
		});

		test("on a terminal the wait shows how far it is", async () => {
			const [id] = await create("--expires-in=1d");
			const waiting = world.terminal(`request wait ${id} --timeout=3`);
			(await waiting).is(5, new RegExp(`request ${id}: open, expires in \\d+ s; 0 of 1 settled`));
			await world.json(`request cancel ${id}`);
		});

		test("proof prints and saves what the chain accepted", async () => {
			const [id] = await create();
			await world.assign(generator, [id]);
			await world.prove(generator, id);
			assert.equal((await world.run(`request proof ${id}`)).is(0).out, `${sample.proof}\n`);
			const said = await world.json(`request proof ${id}`);
			assert.deepEqual([said.proof, said.inputs, said.generator], [sample.proof, sample.inputs, generator.address]);
			const [file, hex] = [world.path("proof.bin"), world.path("proof.hex")];
			(await world.run(`request proof ${id} --out=${file}`)).is(0, /256 bytes of proof are in/);
			assert.deepEqual(readFileSync(file), Buffer.from(sample.proof.slice(2), "hex"));
			await world.json(`request proof ${id} --out=${hex} --hex`);
			assert.equal(readFileSync(hex, "utf8"), `${sample.proof}\n`);
			await world.error(`request proof ${id} --out=${world.path("no/where")}`, 2);
			await world.error("request proof 999", 4);
			const { history } = await world.json(`request show ${id}`);
			assert.deepEqual(history.map((h) => h.event), ["RequestCreated", "TaskCreated", "ProofSubmitted"]);
		});

		test("list has tasks by generator and state", async () => {
			await world.json("generator stake 20");
			const ids = await create("--count=3");
			await world.assign(generator, ids);
			await world.prove(generator, ids[0]);
			const { tasks } = await world.json("task list");
			assert.deepEqual(tasks.slice(0, 3).map((t) => [t.request_id, t.state]), [
				[ids[2], "running"],
				[ids[1], "running"],
				[ids[0], "fulfilled"],
			]);
			const [event] = (await world.chain.events("ProofMarketplace", "TaskCreated")).slice(-1);
			assert.deepEqual(
				[tasks[0].generator, tasks[0].price, tasks[0].tx, tasks[0].block, tasks[0].market_id],
				[generator.address, String(event.args.price), event.transactionHash, String(event.blockNumber), "1"],
			);
			assert.equal(Date.parse(tasks[0].deadline) / 1000, Number(event.args.deadline));
			const running = await world.json(`task list --state=running --generator=${generator.address} --market=1`);
			assert.deepEqual(running.tasks.map((t) => t.request_id), [ids[2], ids[1]]);
			assert.deepEqual((await world.json("task list --limit=1")).tasks.map((t) => t.request_id), [ids[2]]);
			assert.deepEqual((await world.json(`task list --generator=${requester.address}`)).tasks, []);
			assert.match((await world.run("task list --market=2")).is(0).out, /no tasks/);
			await world.error("task list --state=lost", 2);
			await world.error("task list --limit=0", 2);

			const { locked, used_compute: used } = await world.json("generator show");
			assert.deepEqual([locked, used], [String(stake("20")), "20"]);
		});

		test("what is overdue is slashed, once, by anybody", async () => {
			const { tasks } = await world.json("task list --state=running");
			const ids = tasks.map((t) => t.request_id);
			await world.passTime(300);
			assert.deepEqual((await world.json("task list --state=overdue")).tasks.map((t) => t.request_id), ids);
			assert.equal((await world.json(`request show ${ids[0]}`)).state, "overdue");

			const waiting = world.json(`request wait ${ids[0]}`, 1);
			const one = await world.json(`slash ${ids[0]}`);
			await world.checkTransactions(one, ["slash"]);
			assert.deepEqual(one.items.map((i) => [i.done, i.refund, i.bounty]), [[true, String(usd("2")), String(stake("1"))]]);
			assert.equal((await world.requestOf(ids[0])).state, 5);
			assert.deepEqual((await waiting).requests.map((r) => [r.state, r.refund]), [["slashed", String(usd("2"))]]);

			const rest = await world.json(`slash ${ids[0]} ${ids[1]}`, 1);
			assert.deepEqual(rest.items.map((i) => [i.done, i.reason]), [[false, "RequestNotAssigned"], [true, null]]);
			assert.equal((await world.json("task list --state=slashed")).tasks.length, 2);
			assert.equal((await world.error("slash 999", 4)).name, "RequestUnknown");
			assert.equal((await world.json("generator show")).stake, String(stake("25")));
		});
	});
}
