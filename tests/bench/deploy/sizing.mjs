// What a request leaves in Redis: all its log entries, from being placed to its proof, and its part of the blocks meanwhile.
import { redisSays } from "../../../deploy/local/market.mjs";
import { sleep, until } from "../../../deploy/local/processes.mjs";
import { World } from "../../e2e/world.mjs";

const REQUESTS = 20;
const SETTLE_MS = 5000;
// Nobody is late, whatever else the machine does.
const PATIENT = [{ name: "patient", compute: 1000n, stake: "100000", quotes: [["range-preimage", "1", 3000, 1n], ["rollup-batch", "1", 3000, 1n]] }];

export async function measure({ say }) {
	const world = await World.start({ generators: PATIENT, listeners: true });
	try {
		const asked = (...words) => redisSays(world.market.redisPort, ...words);
		const logs = () => asked("--scan", "--pattern", "kalypso:{local}:log:*").split("\n");
		const bytes = () => logs().reduce((sum, key) => sum + Number(asked("memory", "usage", key, "samples", "0")), 0);

		const before = bytes();
		say(`${REQUESTS} requests`);
		for (let i = 0; i < REQUESTS; i++) await world.request({ maxTime: 3600, circuit: i % 2 ? "range-preimage" : "rollup-batch" });
		await until("all proofs", async () => (await world.chain.events("ProofMarketplace", "ProofSubmitted")).length === REQUESTS, {
			timeoutMs: 600_000,
			everyMs: 1000,
		});
		await sleep(SETTLE_MS); // what follows from the last one
		return [{ name: "redis_bytes_per_request", value: (bytes() - before) / REQUESTS, unit: "bytes" }];
	} finally {
		await world.stop();
	}
}
