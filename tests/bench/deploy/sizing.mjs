// What a request leaves in Redis: all its log entries, from being placed to its proof.
import { redisSays } from "../../../deploy/local/market.mjs";
import { sleep, until } from "../../../deploy/local/processes.mjs";
import { World } from "../../e2e/world.mjs";

const REQUESTS = 20;
const QUIET_MS = 20_000;
// Nobody is late, whatever else the machine does.
const PATIENT = [{ name: "patient", compute: 1000n, stake: "100000", quotes: [["range-preimage", "1", 3000, 1n], ["rollup-batch", "1", 3000, 1n]] }];

export async function measure({ say }) {
	const world = await World.start({ generators: PATIENT, listeners: true });
	try {
		const asked = (...words) => redisSays(world.market.redisPort, ...words);
		const logs = () => asked("--scan", "--pattern", "kalypso:{local}:log:*").split("\n");
		const bytes = () => logs().reduce((sum, key) => sum + Number(asked("memory", "usage", key, "samples", "0")), 0);
		const blocks = () => world.head();
		const state = async () => [bytes(), Number(await blocks())];

		say(`nothing for ${QUIET_MS / 1000} s`);
		const begun = await state();
		await sleep(QUIET_MS);
		const quiet = await state();
		const perBlock = (quiet[0] - begun[0]) / (quiet[1] - begun[1]);
		say(`${REQUESTS} requests`);
		for (let i = 0; i < REQUESTS; i++) await world.request({ maxTime: 3600, circuit: i % 2 ? "range-preimage" : "rollup-batch" });
		await until("all proofs", async () => (await world.chain.events("ProofMarketplace", "ProofSubmitted")).length === REQUESTS, {
			timeoutMs: 600_000,
			everyMs: 1000,
		});
		await sleep(QUIET_MS / 4); // what follows from the last one
		const ended = await state();
		const perRequest = (ended[0] - quiet[0] - perBlock * (ended[1] - quiet[1])) / REQUESTS;
		return [
			{ name: "redis_bytes_per_block", value: perBlock, unit: "bytes" },
			{ name: "redis_bytes_per_request", value: perRequest, unit: "bytes" },
		];
	} finally {
		await world.stop();
	}
}
