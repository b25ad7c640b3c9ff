#!/usr/bin/env node
// Sets the sample markets up: for each circuit keys, verifier and sample under build/circuits.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { hashOf, openCache, publish, remember, withLock } from "./cache.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const OUT = fileURLToPath(new URL("../../../build/circuits", import.meta.url));
const STILL_AT_IT_MS = 10_000;

const HELP = `usage: node setup.mjs [--out=DIR] [--zkey=FILE] [NAME...]

Compiles each circuit beside this file (or those named), makes its Groth16 keys and its Solidity
verifier, and proves one sample. What is there already and still fits is left alone.

  --out=DIR    where to put it, a folder NAME for each circuit [build/circuits]
  --zkey=FILE  take this proving key for the one circuit named, instead of making one
  --quiet      no progress
  --help       this text

Keys made here are for development only: whoever makes them alone can forge proofs. Keys that
several people made together come in with --zkey.
`;

const WARNING = `
  DEVELOPMENT ONLY. These keys were made by one process on this machine. Whoever could have read
  its memory can forge proofs that the verifiers accept. A market with real money needs a set-up
  with several independent contributors: see docs/market-creator.md.
`;

function readOptions() {
	const { values, positionals: names } = parseArgs({
		allowPositionals: true,
		options: {
			out: { type: "string" },
			zkey: { type: "string" },
			quiet: { type: "boolean" },
			help: { type: "boolean" },
		},
	});
	if (values.zkey && names.length !== 1) {
		throw new Error("--zkey belongs to one circuit: name it");
	}
	return { ...values, out: resolve(values.out ?? OUT), names };
}

function circuitNames() {
	const folders = readdirSync(HERE, { withFileTypes: true }).filter((entry) =>
		entry.isDirectory(),
	);
	const hasCircuit = ({ name }) => readdirSync(join(HERE, name)).includes("circuit.circom");
	return folders
		.filter(hasCircuit)
		.map(({ name }) => name)
		.sort();
}

// The versions of the tools belong to the cache's keys: another compiler, another circuit.
function toolVersions() {
	const lock = JSON.parse(readFileSync(join(HERE, "..", "package-lock.json"), "utf8"));
	const tools = ["circom2", "circomlib", "ffjavascript", "snarkjs", "solc"];
	return Object.fromEntries(
		tools.map((tool) => [tool, lock.packages[`node_modules/${tool}`].version]),
	);
}

function sourcesOf(name) {
	return ["build.mjs", `${name}/circuit.circom`].map((file) => readFileSync(join(HERE, file)));
}

function makeReporter(quiet) {
	const started = Date.now();
	const say = (text) => {
		const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(5);
		if (!quiet) {
			console.error(`set-up ${seconds} s  ${text}`);
		}
	};
	const step = async (text, work) => {
		say(text);
		const timer = setInterval(() => say(`${text}: still at it`), STILL_AT_IT_MS);
		try {
			return await work();
		} finally {
			clearInterval(timer);
		}
	};
	return { say, step };
}

// Loaded only when something has to be made: it brings snarkjs and a compiler.
function loadBuild() {
	return import("./build.mjs");
}

// Powers of tau serve every circuit of their size, and are most of the work.
async function powersOfTau(cache, power, { step }) {
	const build = await loadBuild();
	const { ffjavascript, snarkjs } = toolVersions();
	const hash = hashOf([ffjavascript, snarkjs]);
	const { entry } = await remember(cache, `powers-of-tau-${power}`, hash, (dir) =>
		step(`powers of tau for 2^${power} constraints (the longest step)`, () =>
			build.makePowersOfTau(power, dir),
		),
	);
	return join(entry, "powers.ptau");
}

async function makeMarket(cache, name, zkey, dir, reporter) {
	const build = await loadBuild();
	const step = (text, work) => reporter.step(`${name}: ${text}`, work);
	const info = await step("compile", () => build.compile(name, dir));
	if (zkey) {
		await step("keys as given", () => build.takeKeys(dir, zkey));
	} else {
		const powers = await powersOfTau(cache, build.powerFor(info), reporter);
		await step(`keys for ${info.nConstraints} constraints`, () => build.makeKeys(dir, powers));
	}
	await step("Solidity verifier", () => build.makeVerifier(name, dir));
	await build.writeMeta(name, dir, info, { developmentOnly: !zkey, tools: toolVersions() });
	await step("sample proof", () => build.makeSample(name, dir));
}

// True when keys that are for development only have been made.
async function setUp(cache, name, zkey, reporter) {
	const given = zkey ? [readFileSync(zkey)] : [];
	const hash = hashOf([JSON.stringify(toolVersions()), ...sourcesOf(name), ...given]);
	const { made } = await remember(cache, name, hash, (dir) =>
		makeMarket(cache, name, zkey, dir, reporter),
	);
	publish(cache, name, hash);
	const where = relative(process.cwd(), join(cache.out, name)) || ".";
	reporter.say(`${name}: ${made ? "made" : "up to date"} in ${where}`);
	return made && !zkey;
}

async function main() {
	const options = readOptions();
	if (options.help) {
		process.stdout.write(HELP);
		return;
	}
	const reporter = makeReporter(options.quiet);
	const cache = openCache(options.out);
	const names = options.names.length ? options.names : circuitNames();
	const waiting = (pid) => reporter.say(`another set-up is at work (process ${pid}): waiting`);
	const made = await withLock(cache, waiting, async () => {
		const results = [];
		for (const name of names) {
			results.push(await setUp(cache, name, options.zkey, reporter));
		}
		return results;
	});
	if (made.includes(true)) {
		console.error(WARNING);
	}
}

// snarkjs leaves its worker threads running, so the end is said explicitly.
main().then(
	() => process.exit(0),
	(error) => {
		console.error(`set-up failed: ${error.stack ?? error}`);
		process.exit(1);
	},
);
