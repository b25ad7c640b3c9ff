#!/usr/bin/env node
// Redis loses everything: how long until the services have it again from the chain, entry by entry the same.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { redisSays } from "../../deploy/local/market.mjs";
import { World } from "../e2e/world.mjs";
import { fill, settled } from "./backfill.mjs";

const SERVICES = ["chain-indexer", "orderbook", "matcher"];
const LOGS = ["chain", "book", "match"];

// Every entry of every log, numbers included.
function digest(port) {
	const hash = createHash("sha256");
	for (const log of LOGS) {
		const command = ["-h", "127.0.0.1", "-p", String(port), "xrange", `kalypso:{local}:log:${log}`, "-", "+"];
		hash.update(execFileSync("redis-cli", command, { maxBuffer: 2 ** 30 }));
	}
	return hash.digest("hex");
}

// Seconds; an error if anything is different afterwards.
export async function emptied(events) {
	const world = await World.start({ services: SERVICES });
	try {
		const port = world.market.redisPort;
		await fill(world, events);
		await settled(world, SERVICES);
		const before = digest(port);
		const began = process.hrtime.bigint();
		redisSays(port, "flushall");
		await settled(world, SERVICES);
		const seconds = Number(process.hrtime.bigint() - began) / 1e9;
		if (digest(port) !== before) throw new Error("the logs are not what they were");
		return seconds;
	} finally {
		await world.stop();
	}
}

if (process.argv[1]?.endsWith("emptied.mjs")) console.log(`emptied_s ${(await emptied(Number(process.argv[2] ?? 100_000))).toFixed(1)}`);
