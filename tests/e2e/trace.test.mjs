// One trace id leads through every service's log lines about a request, from the event that placed it to the transaction
// that assigned it, the prover's call, the proof and the end; and everybody else comes to the same id.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { hexToBytes } from "viem";
import { kalypso } from "./cli/world.mjs";
import { World, until } from "./world.mjs";

const GENERATORS = [
	{ name: "busy", compute: 8n, quotes: [["range-preimage", "2", 60, 1n]] },
	{ name: "absent", compute: 8n, silent: true, quotes: [["range-preimage", "1", 5, 1n]] },
];

let world;
before(async () => {
	world = await World.start({ generators: GENERATORS, circuits: ["range-preimage"], listeners: true });
});
after(() => world?.stop());

// As docs/monitoring.md has it, made here from nothing of ours.
function traceOf(id) {
	const number = (n) => {
		const bytes = Buffer.alloc(8);
		bytes.writeBigUInt64BE(BigInt(n));
		return bytes;
	};
	const { chainId, ProofMarketplace } = world.chain.addresses;
	const parts = [Buffer.from("kalypso trace"), number(chainId), hexToBytes(ProofMarketplace), number(id)];
	return createHash("sha256").update(Buffer.concat(parts)).digest("hex").slice(0, 32);
}

// A line as JSON, or as people read it (the prover's).
function parseLine(line) {
	if (line.startsWith("{")) return JSON.parse(line);
	const [time, level, service, event, ...pairs] = line.split(" ");
	return { time, level, service, event, ...Object.fromEntries(pairs.map((pair) => pair.split("="))) };
}

const logOf = (name) => readFileSync(join(world.folder, "logs", `${name}.log`), "utf8");

// "service event message" of every line with the trace, in the order of their times.
function grep(trace, names) {
	return names
		.flatMap((name) => logOf(name).split("\n"))
		.filter((line) => line.includes(trace))
		.map(parseLine)
		.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
		.map((line) => ({ ...line, step: [line.service, line.event, line.message].filter(Boolean).join(" ") }));
}

const NAMES = ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher", "webhook-gateway", "listener-busy", "prover"];

async function steps(trace, last) {
	const found = await until(`${last} of trace ${trace}`, () => {
		const lines = grep(trace, NAMES);
		return lines.some((l) => l.step === last) ? lines : undefined;
	});
	return found;
}

// Each is there, and those of one service are in this order. Of two services the one that comes second may write first:
// a line is written when the others have been told already.
function inOrder(lines, wanted) {
	const times = {};
	for (const step of wanted) {
		const line = lines.find((l) => l.step === step);
		assert.ok(line, `${step} is among\n${lines.map((l) => l.step).join("\n")}`);
		assert.ok(line.time >= (times[line.service] ?? ""), `${step} at ${line.time}, after ${times[line.service]}`);
		times[line.service] = line.time;
	}
}

test("one that is slashed", async () => {
	const id = await world.request({ maxTime: 10 });
	await world.until("TaskSlashed", id, 120_000);
	inOrder(await steps(traceOf(id), "orderbook entry.written task_ended"), [
		"task-publisher tx.signed",
		"slasher-watcher slash.item",
		"slasher-watcher tx.signed",
		"chain-indexer entry.written task_slashed",
	]);
	// From here on nobody takes requests without proving them.
	const { id: market } = world.market.marketOf("range-preimage");
	await world.chain.send(world.market.people[1].account, "GeneratorRegistry", "leaveMarket", [market]);
});

test("from the event to the transaction, the proof and the end", async () => {
	const id = await world.request();
	await world.until("ProofSubmitted", id, 120_000);
	const trace = traceOf(id);
	const lines = await steps(trace, "orderbook entry.written task_ended");
	inOrder(lines, [
		"chain-indexer entry.written request_created",
		"orderbook entry.written request_opened",
		"matcher entry.written match_made",
		"task-publisher task.planned",
		"task-publisher tx.signed",
		"chain-indexer entry.written task_created",
		"orderbook entry.written task_started",
	]);
	inOrder(lines, ["listener job.taken", "listener job.proving", "prover-gateway prover.answered", "listener job.proved", "listener job.submitted", "listener tx.signed"]);
	inOrder(lines, ["listener tx.signed", "chain-indexer entry.written proof_submitted", "orderbook entry.written task_ended"]);
	for (const line of lines) assert.equal(line.request, String(id), line.step);
	// The transactions are those of the chain.
	const txOf = (service) => lines.find((l) => l.service === service && l.event === "tx.signed").tx;
	assert.equal(txOf("task-publisher"), (await world.event("TaskCreated", id)).transactionHash);
	assert.equal(txOf("listener"), (await world.event("ProofSubmitted", id)).transactionHash);
	await steps(trace, "task-publisher tx.mined");
	await steps(trace, "listener job.done");
});

test("gateway and command line show the same id", async () => {
	const id = await world.request();
	const trace = traceOf(id);
	const { market } = world;
	const request = await until("the gateway to have it", async () => {
		const answer = await fetch(`${market.gateway}/v1/requests/${id}`);
		return answer.ok ? (await answer.json()).request : undefined;
	});
	assert.equal(request.trace, trace);
	const why = await (await fetch(`${market.gateway}/v1/requests/${id}/why`)).json();
	assert.equal(why.why.trace, trace);
	const at = [`--market-file=${market.file}`];
	assert.equal((await kalypso(["request", "show", String(id), "--json", ...at])).is(0).json.trace, trace);
	assert.match((await kalypso(["why", "request", String(id), ...at])).is(0).out, new RegExp(trace));
	await world.until("ProofSubmitted", id, 120_000);
});

test("a service that begins with a snapshot knows the ids, too", async () => {
	for (const name of ["orderbook", "matcher"]) {
		await world.service(name).stop(); // writes a snapshot
		await world.market.restart(name);
		assert.ok(world.service(name).event("snapshot.loaded"), `${name} loaded a snapshot`);
	}
	const id = await world.request();
	await world.until("TaskCreated", id, 120_000);
	inOrder(await steps(traceOf(id), "orderbook entry.written task_started"), [
		"orderbook entry.written request_opened",
		"matcher entry.written match_made",
	]);
	await world.until("ProofSubmitted", id, 120_000);
});
