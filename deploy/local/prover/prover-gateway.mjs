#!/usr/bin/env node
// The prover of public markets: serves the prover API and makes Groth16 proofs with snarkjs.
// Holds no key and writes nothing but its port file. Read api.mjs, then pool.mjs, worker.mjs.
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Api } from "./api.mjs";
import { log, openLog } from "./log.mjs";
import { OptionError, readOptions } from "./options.mjs";
import { Pool } from "./pool.mjs";

const LAST_ANSWERS_MS = 500;

const PROGRAM = {
	name: "prover-gateway",
	usage: "node prover-gateway.mjs --market-dir=DIR [OPTION...]",
	summary: "Makes the proofs of public markets, behind the prover API version 1. One market is served\n"
		+ "under /api and /NAME/api, several under /NAME/api only. Prints its URL when it is ready.",
};

const ROWS = [
	{ name: "market_dir", kind: "texts", fallback: null, unit: "DIR",
		meaning: "a folder that the set-up made: circuit, keys, sample" },
	{ name: "host", kind: "text", fallback: "127.0.0.1", unit: "ADDRESS", meaning: "where to listen" },
	{ name: "port", kind: "number", fallback: 3030, unit: "PORT", meaning: "where to listen; 0 takes a free port" },
	{ name: "port_file", kind: "text", fallback: "", unit: "FILE",
		meaning: "gets the port once the prover is ready; removed at the end" },
	{ name: "concurrency", kind: "number", fallback: 1, least: 1, unit: "N",
		meaning: "proofs made at the same time, each on one core and with its own memory" },
	{ name: "queue_limit", kind: "number", fallback: 64, least: 1, unit: "CALLS",
		meaning: "calls that may wait; more are answered with 503" },
	{ name: "job_timeout", kind: "number", fallback: 120, least: 1, unit: "SECONDS",
		meaning: "a proof that takes longer fails, and its process is replaced" },
	{ name: "stop_timeout", kind: "number", fallback: 10, unit: "SECONDS",
		meaning: "how long SIGTERM lets calls finish" },
	{ name: "max_body", kind: "number", fallback: 16 * 1024 * 1024, least: 1, unit: "BYTES",
		meaning: "longest body that is read" },
	{ name: "deadline_slack", kind: "number", fallback: 0, unit: "SECONDS",
		meaning: "how far the chain's clock may be behind ours before X-Kalypso-Deadline counts as passed" },
	{ name: "bytes", kind: "text", fallback: "array", choices: ["array", "hex"], unit: "array|hex",
		meaning: "how bytes are sent" },
	{ name: "nice", kind: "number", fallback: 0, unit: "N",
		meaning: "niceness of the the proving processes, 0 to 19" },
	{ name: "idle", kind: "flag", fallback: false, unit: "",
		meaning: "the proving processes run only on processor time that nobody else wants (chrt --idle)" },
	{ name: "cold", kind: "flag", fallback: false, unit: "",
		meaning: "be ready without proving each sample first; the first proof is slower" },
	{ name: "log_level", kind: "text", fallback: "info", choices: ["debug", "info", "warn", "error"],
		unit: "debug|info|warn|error", meaning: "least level that is written" },
	{ name: "log_format", kind: "text", fallback: "text", choices: ["text", "json"],
		unit: "text|json", meaning: "how log lines look" },
];

function listen(server, { port, host }) {
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, host, () => resolve(server.address().port));
	});
}

// A reader finds no port file, or a whole one.
function writePortFile(file, port) {
	writeFileSync(`${file}.new`, `${port}\n`);
	renameSync(`${file}.new`, file);
}

// Takes no more calls, lets those that it has finish, and ends.
async function stop(signal, api, options) {
	log.info("prover.stopping", { signal, calls: api.pool.busy() });
	if (options.port_file) {
		rmSync(options.port_file, { force: true });
	}
	api.pool.takeNoMore();
	const answered = new Promise((resolve) => api.server.close(resolve));
	const giveUp = Date.now() + options.stop_timeout * 1000;
	while (api.pool.busy() && Date.now() < giveUp) {
		await sleep(20);
	}
	api.pool.close();
	api.server.closeIdleConnections();
	await Promise.race([answered, sleep(LAST_ANSWERS_MS)]);
	process.exit(0);
}

function stopOnSignals(api, options) {
	let stopping = false;
	for (const signal of ["SIGTERM", "SIGINT"]) {
		process.on(signal, () => {
			if (stopping) {
				process.exit(1);
			}
			stopping = true;
			stop(signal, api, options);
		});
	}
}

async function main() {
	const options = readOptions(PROGRAM, ROWS);
	openLog({ service: PROGRAM.name, level: options.log_level, format: options.log_format });
	const pool = new Pool({
		dirs: options.market_dir,
		concurrency: options.concurrency,
		queueLimit: options.queue_limit,
		jobTimeout: options.job_timeout,
		warmUp: !options.cold,
		nice: options.nice,
		idle: options.idle,
	});
	const markets = await pool.open();
	const api = new Api({
		pool,
		markets,
		maxBody: options.max_body,
		deadlineSlack: options.deadline_slack,
		bytes: options.bytes,
	});
	stopOnSignals(api, options);
	const port = await listen(api.server, options);
	if (options.port_file) {
		writePortFile(options.port_file, port);
	}
	const url = `http://${options.host}:${port}`;
	log.info("prover.ready", { url, markets: markets.join(","), rss_mb: pool.megabytes() });
	process.stdout.write(url + "\n");
}

main().catch((error) => {
	if (error instanceof OptionError) {
		process.stderr.write(`prover-gateway: ${error.message}; see --help\n`);
		process.exit(2);
	}
	log.error("prover.not_started", { reason: error.message });
	process.exit(1);
});
