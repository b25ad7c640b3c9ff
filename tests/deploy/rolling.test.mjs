// Two copies of every service, restarted as Kubernetes does it: a lease is handed over, not waited for, and nothing is lost.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { until } from "../../deploy/local/processes.mjs";
import { ORDERED, Pairs, SERVICES, Traffic } from "./rolling/pairs.mjs";

// Nobody could wait for this lease to run out.
const LEASE_MS = 60_000;
const HANDOVER_MS = 30_000;

let pairs;
let traffic;
before(async () => {
	pairs = await Pairs.start({ lease: LEASE_MS });
	traffic = new Traffic(pairs, { perBlock: 2 });
});
after(async () => {
	await traffic?.halt();
	await pairs?.stop();
});

for (const name of ORDERED)
	test(`${name}: SIGTERM ends it with status 0, and the other copy leads at once`, async () => {
		const first = await until(`${name} to have a leader`, () => pairs.leader(name));
		const other = pairs.copies.get(name).find((copy) => copy !== first);
		assert.equal((await fetch(`${other.admin}/readyz`)).status, 503);
		const began = performance.now();
		// A pod takes a second to come back; a process here could take its own lease back before anybody asked for it.
		await pairs.restart(first, () => other.ready(() => other.isReady()));
		assert.ok(performance.now() - began < HANDOVER_MS, "the lease wasn't given back");
		await until("who comes back to wait", async () => (await pairs.leader(name)) === other);
	});

test("gateways take turns, and every question has its answer", async () => {
	const asked = traffic.answers.length;
	await pairs.roll("webhook-gateway");
	await until("more answers", () => traffic.answers.length > asked + 20);
	assert.equal(traffic.lost, 0);
});

test("all at once, as a new image comes: every request has one task in the end", async () => {
	const before = (await traffic.requests()).length;
	await Promise.all(SERVICES.map((name) => pairs.roll(name)));
	await until("requests from before, meanwhile and after", async () => (await traffic.requests()).length > before + 10);
	await traffic.end();
	const requests = await traffic.requests();
	assert.deepEqual(requests.filter((r) => r.tasks !== 1), []);
	assert.equal(traffic.lost, 0);
});
