#!/usr/bin/env node
// Starts a local market that stays, and stops it again: `up.mjs up`, `up.mjs down`.
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ROOT } from "./chain.mjs";
import { LocalMarket } from "./market.mjs";
import { Service, sleep, until } from "./processes.mjs";
import { pidFile, supervisorOf } from "./running.mjs";
import { OWN_SESSION, inOwnSession } from "./session.mjs";

const HELP = `usage: up.mjs up|down|run [--folder=DIR]

up    start a market in the background and leave it running; says where its page is
down  stop it
run   start a market in the foreground, until Ctrl-C
`;
const LOOK_MS = 500; // how often the supervisor looks whether everything still runs
const CALM_MS = 5000; // between two starts of the same process

function readOptions() {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: { folder: { type: "string", default: join(ROOT, "build/local") }, help: { type: "boolean" } },
	});
	if (values.help || positionals.length !== 1 || !["up", "down", "run"].includes(positionals[0])) {
		process.stdout.write(HELP);
		process.exit(values.help ? 0 : 2);
	}
	return { ...values, command: positionals[0] };
}

const marketFile = (folder) => join(folder, "market.json");

function describe(folder) {
	const market = JSON.parse(readFileSync(marketFile(folder), "utf8"));
	return [
		`page     ${market.gateway}/`,
		`node     ${market.rpc}`,
		`redis    ${market.redis}`,
		`markets  ${market.markets.map(({ id, name }) => `${id} ${name}`).join(", ")}`,
		`details  ${marketFile(folder)} (with the development keys)`,
		`logs     ${join(folder, "logs")}`,
		`stop it  make down`,
	].join("\n");
}

async function up({ folder }) {
	if (supervisorOf(folder)) {
		console.log(`up already\n${describe(folder)}`);
		return;
	}
	mkdirSync(folder, { recursive: true });
	rmSync(marketFile(folder), { force: true });
	const log = `${folder}.supervisor.log`;
	const out = openSync(log, "w");
	const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "run", `--folder=${folder}`], {
		stdio: ["ignore", out, out],
		detached: true,
		env: { ...process.env, ...OWN_SESSION },
	});
	closeSync(out);
	let ended = false;
	child.once("exit", () => (ended = true));
	await until(
		"the market",
		() => {
			if (ended) throw Object.assign(new Error(readFileSync(log, "utf8").trim()), { fatal: true });
			return existsSync(marketFile(folder));
		},
		{ timeoutMs: 180_000, everyMs: 100 },
	);
	child.unref();
	console.log(describe(folder));
}

async function down({ folder }) {
	const pid = supervisorOf(folder);
	if (!pid) {
		console.log("nothing is up");
		return;
	}
	process.kill(pid, "SIGTERM");
	await until("the market to stop", () => !supervisorOf(folder), { timeoutMs: 30_000 });
	console.log("stopped");
}

// Start again what has ended, as an operator's service manager would.
async function supervise(market, stopping) {
	const started = new Map();
	while (!stopping()) {
		for (const process of market.processes.values()) {
			const calm = Date.now() - (started.get(process) ?? 0) > CALM_MS;
			if (process.running || !calm || stopping()) continue;
			const { code, signal } = process.exit;
			console.log(`${new Date().toISOString()} ${process.name} ended (${signal ?? `status ${code}`}): starting it again`);
			started.set(process, Date.now());
			process.start();
			if (process instanceof Service)
				process.ready(() => process.isReady()).then(
					() => market.writeTargetsFile(),
					() => {}, // it ended again
				);
		}
		await sleep(LOOK_MS);
	}
}

async function run({ folder }) {
	const pid = supervisorOf(folder);
	if (pid && pid !== process.pid) throw new Error(`a market is up in ${folder} already (process ${pid})`);
	let stopping = false;
	const market = new LocalMarket({ folder, say: (text) => console.log(`starting: ${text}`) });
	for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => (stopping = true));
	try {
		await market.begin();
		writeFileSync(pidFile(folder), `${process.pid}\n`);
		console.log(describe(folder));
		await supervise(market, () => stopping);
	} finally {
		await market.stop();
		rmSync(pidFile(folder), { force: true });
	}
}

const options = readOptions();
try {
	await { up, down, run: (o) => inOwnSession(() => run(o)) }[options.command](options);
} catch (error) {
	console.error(`${options.command}: ${error.message}`);
	process.exitCode = 1;
}
