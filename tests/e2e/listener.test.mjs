// A listener against a real chain and real proofs; the test is requester and engine, and makes everything else fail.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Bench } from "./listener/world.mjs";

let bench, worker;

before(async () => {
	bench = await Bench.start();
	worker = await bench.startListener("worker");
});
after(async () => {
	await bench?.stop();
});

test("a task is proven, checked, submitted and paid for", async () => {
	const had = await bench.claimable("worker");
	const [id] = await bench.tasks("worker", [{}]);
	const { args } = await bench.until("ProofSubmitted", id);
	assert.equal((await bench.claimable("worker")) - had, args.paid);
	assert.deepEqual(await bench.story(worker, id, "job.done"), [
		"job.taken",
		"job.inputs",
		"job.proving",
		"job.proved",
		"job.checked",
		"job.submitted",
		"job.done",
	]);
});
