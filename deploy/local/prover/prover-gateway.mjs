#!/usr/bin/env node
// The prover of public markets: serves the prover API and makes Groth16 proofs with snarkjs.
// Holds no key and writes nothing but its port file. Read api.mjs, then pool.mjs, worker.mjs.
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Api } from "./api.mjs";
import { log, openLog } from "./log.mjs";
import { OptionError, choice, flag, number, readOptions, text, texts } from "./options.mjs";
import { Pool } from "./pool.mjs";

const LAST_ANSWERS_MS = 500;

const PROGRAM = {
	name: "prover-gateway",
	usage: "node prover-gateway.mjs --market-dir=DIR [OPTION...]",
	summary:
		"Makes the proofs of public markets, behind the prover API version 1. One market is\n" +
		"served under /api and /NAME/api, several under /NAME/api. Prints its URL when it is ready.",
};

const ROWS = [
	texts("market_dir", "DIR", "a folder that the set-up made: circuit, keys, sample"),
	text("host", "127.0.0.1", "ADDRESS", "where to listen"),
	number("port", 3030, "PORT", "where to listen; 0 takes a free port"),
	text("port_file", "", "FILE", "gets the port once the prover is ready; removed at the end"),
	number("concurrency", 1, "N", "proofs made at a time, each by a process on one core", 1),
	number("queue_limit", 64, "CALLS", "calls that may wait; more are answered with 503", 1),
	number("job_timeout", 120, "SECONDS", "after which a proof fails, its process replaced", 1),
	number("stop_timeout", 10, "SECONDS", "how long SIGTERM lets calls finish"),
	number("max_body", 16 * 1024 * 1024, "BYTES", "longest body that is read", 1),
	number("deadline_slack", 0, "SECONDS", "how far the chain's clock may be behind ours"),
	choice("bytes", ["array", "hex"], "how bytes are sent"),
	number("nice", 0, "N", "niceness of the proving processes, 0 to 19"),
	flag("idle", "prove only on processor time that nobody else wants (chrt --idle)"),
	flag("cold", "be ready without proving each sample first; the first proof is slower"),
	choice("log_level", ["info", "debug", "warn", "error"], "least level that is written"),
	choice("log_format", ["text", "json"], "how log lines look"),
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
