#!/usr/bin/env node
// The pipeline's figures: how fast a block becomes assignments, how many requests get the next block, memory, back-fill.
import { readFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { decodeFunctionData, parseTransaction, zeroAddress } from "viem";
import { ROOT, artifact } from "../../deploy/local/chain.mjs";
import { SERVICES, redisSays } from "../../deploy/local/market.mjs";
import { sleep, until } from "../../deploy/local/processes.mjs";
import { World, freshInputs } from "../e2e/world.mjs";
import { backfill } from "./backfill.mjs";
import { Proxy } from "./proxy.mjs";
import { quantile, report } from "./report.mjs";

const HELP = `usage: pipeline.mjs [--requests=200] [--blocks=20] [--events=100000] [--no-provers]

Measures, on a local market with 1-second blocks and a recording proxy between services and node:
the share of requests that get their task in the very next block; the time from the node's
announcement of a block to the assignment transaction being handed to it; the resident memory of
each idle service; and back-fill against a bare download. Writes build/bench/pipeline.jsonl.
`;
const IDLE_MS = 5000;

// Room for all: eight generators, each with more compute and stake than the run can use.
const CROWD = Array.from({ length: 4 }, (_, i) => ({
	name: `g${i}`,
	compute: 1_000_000n,
	stake: "1000000",
	quotes: [
		["range-preimage", (1 + i / 10).toFixed(1), 3600 - 60 * i, 1n],
		["rollup-batch", (1 + i / 10).toFixed(1), 3600 - 60 * i, 1n],
	],
}));

// Requests at random moments over the time of the blocks, as from people who don't know of each other or of blocks.
async function place(world, count, blocks) {
	const { market, chain } = world;
	const { address, abi } = chain.contract("ProofMarketplace");
	const who = market.requester;
	const wallet = chain.wallet(who);
	const maxPrice = await market.paymentUnits("5");
	const begun = Date.now();
	let nonce = await chain.client.getTransactionCount({ address: who.address });
	for (let i = 0; i < count; i++) {
		await sleep(begun + ((i + Math.random()) * blocks * 1000) / count - Date.now());
		const { id: marketId, name } = market.markets[i % market.markets.length];
		const { timestamp } = await chain.client.getBlock();
		const params = {
			marketId,
			maxPrice,
			maxResponseTime: 3600,
			expiry: timestamp + 3600n,
			preference: i % 2,
			refundTo: zeroAddress,
			spread: 0n,
		};
		const args = [params, freshInputs(name), "0x", "0x"];
		await wallet.writeContract({ address, abi, functionName: "createRequest", args, nonce: nonce++, gas: 500_000n });
		if (process.stderr.isTTY) process.stderr.write(`\r${i + 1}/${count} requests placed`);
	}
	console.log(`${count} requests placed in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
}

async function nextBlockShare(world, requests) {
	await until("all tasks", async () => (await world.chain.events("ProofMarketplace", "TaskCreated")).length >= requests, {
		timeoutMs: 60_000,
		everyMs: 500,
	});
	const created = await world.chain.events("ProofMarketplace", "RequestCreated");
	const tasks = await world.chain.events("ProofMarketplace", "TaskCreated");
	const block = new Map(created.map((e) => [e.args.requestId, e.blockNumber]));
	const next = tasks.filter((t) => t.blockNumber - block.get(t.args.requestId) === 1n).length;
	return next / requests;
}

// For each batch: from the announcement of the block it was decided on to its being handed over. Of requests up to
// @last, and of those after it.
function handovers({ announced, sent }, last) {
	const { abi } = artifact("ProofMarketplace");
	const spans = { first: [], second: [] };
	for (const { ms, raw } of sent) {
		const { data } = parseTransaction(raw);
		const { functionName, args } = decodeFunctionData({ abi, data });
		if (functionName !== "assignTasks") continue;
		const at = announced.get(args[1].blockHash);
		if (at !== undefined) spans[args[0][0].requestId <= last ? "first" : "second"].push(ms - at);
	}
	return spans;
}

function residentMib(pid) {
	const status = readFileSync(`/proc/${pid}/status`, "utf8");
	return Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) / 1024;
}

async function memory(world) {
	await sleep(IDLE_MS);
	return SERVICES.map((name) => [name, residentMib(world.service(name).pid)]);
}

function gasFigures() {
	const file = join(ROOT, "build/bench/gas.jsonl");
	const reach = { gas_create: "<= 140000", gas_create_16: "<= 90000", gas_assign_32: "<= 75000", gas_prove: "<= 95000", gas_prove_16: "<= 55000" };
	if (!existsSync(file)) return [];
	const lines = readFileSync(file, "utf8").trim().split("\n");
	return lines.map((line) => JSON.parse(line)).filter(({ name }) => reach[name]).map((f) => ({ ...f, reach: reach[f.name] }));
}

async function main() {
	const { values } = parseArgs({
		options: {
			requests: { type: "string", default: "200" },
			blocks: { type: "string", default: "20" },
			events: { type: "string", default: "100000" },
			"no-provers": { type: "boolean" },
			help: { type: "boolean" },
		},
	});
	if (values.help) return void process.stdout.write(HELP);
	let proxy;
	const world = await World.start({
		generators: CROWD,
		listeners: !values["no-provers"],
		proxy: async (chain) => (proxy = await Proxy.start(chain.url, chain.ws)),
	});
	const figures = [];
	try {
		const idle = await memory(world);
		const requests = Number(values.requests);
		await place(world, requests, Number(values.blocks));
		const share = await nextBlockShare(world, requests);
		// What durability costs: the same again with a Redis that may lose a second.
		redisSays(world.market.redisPort, "config", "set", "appendfsync", "everysec");
		await place(world, requests, Number(values.blocks));
		await nextBlockShare(world, 2 * requests);
		const spans = handovers(await proxy.records(), BigInt(requests));
		figures.push(
			{ name: "next_block_share", value: share, unit: "ratio", reach: ">= 0.99" },
			{ name: "handover_p50_ms", value: quantile(spans.first, 0.5), unit: "ms", reach: "<= 5" },
			{ name: "handover_p99_ms", value: quantile(spans.first, 0.99), unit: "ms", reach: "<= 30" },
			{ name: "handover_everysec_p50_ms", value: quantile(spans.second, 0.5), unit: "ms" },
			{ name: "handover_everysec_p99_ms", value: quantile(spans.second, 0.99), unit: "ms" },
			...gasFigures(),
			...idle.map(([name, mib]) => ({ name: `rss_mib.${name}`, value: mib, unit: "MiB", reach: "<= 20" })),
		);
	} finally {
		await world.stop();
		proxy?.stop();
	}
	figures.push({ name: "backfill_ratio", value: await backfill(Number(values.events)), unit: "ratio", reach: ">= 0.4" });
	report(join(ROOT, "build/bench/pipeline.jsonl"), "pipeline", figures);
}

await main();
