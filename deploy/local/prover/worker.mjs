// A proving process: takes a job, proves or checks, answers; knows nothing of HTTP.
// It is a process and no thread because snarkjs doesn't run cleanly in a worker thread: the
// web-worker package that it loads takes any such thread for one of its own.
import { spawnSync } from "node:child_process";
import { setPriority } from "node:os";
import {
	checkInputs,
	checkProof,
	makeProof,
	openMarket,
	readSample,
	useOneThread,
} from "./groth16.mjs";

// Only proving gives way; the HTTP side stays quick. Gives what went wrong, if anything did.
function lowerPriority({ nice, idle }) {
	setPriority(nice);
	if (!idle) {
		return null;
	}
	const pid = String(process.pid);
	const { status, error } = spawnSync("chrt", ["--all-tasks", "--idle", "--pid", "0", pid]);
	return status === 0 ? null : `chrt failed: ${error?.message ?? `exit status ${status}`}`;
}

async function benchmark({ market, sample }) {
	const start = performance.now();
	await makeProof(market, sample.inputs);
	return { ms: performance.now() - start };
}

const calls = {
	prove: ({ market }, { inputs }) => makeProof(market, inputs),
	check: ({ market }, { inputs }) => checkInputs(market, inputs),
	verify: async ({ market }, { inputs, proof }) => ({
		valid: await checkProof(market, inputs, proof),
	}),
	benchmark,
};

async function work(open, { market, call, ...job }) {
	try {
		return { result: await calls[call](open.get(market), job) };
	} catch (error) {
		return { error: String(error?.message ?? error) };
	}
}

// Keys that don't fit together are found here, not by the first requester.
async function openAll({ dirs, warmUp }) {
	const open = new Map();
	for (const dir of dirs) {
		const market = await openMarket(dir);
		const sample = readSample(dir);
		if (!(await checkProof(market, sample.inputs, sample.proof))) {
			throw new Error(`the sample in ${dir} doesn't verify: run the set-up again`);
		}
		open.set(market.name, { market, sample });
		if (warmUp) {
			await makeProof(market, sample.inputs);
		}
	}
	return open;
}

async function start(settings) {
	const warning = lowerPriority(settings);
	await useOneThread();
	const open = await openAll(settings);
	const tell = (message) => process.send({ ...message, rss: process.memoryUsage.rss() });
	process.on("message", async (job) => tell(await work(open, job)));
	tell({ ready: [...open.keys()], warning });
}

// The gateway decides when this ends, also when a terminal signals both.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.on("disconnect", () => process.exit(0));
process.once("message", (settings) =>
	start(settings).catch((error) => {
		process.send({ failed: error.message, rss: 0 }, () => process.exit(1));
	}),
);
