#!/usr/bin/env node
// How long services take to begin with a million entries behind them, and to write snapshots of a million requests.
// usage: recovery.mjs BUILD-FOLDER
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { ROOT } from "../../deploy/local/chain.mjs";
import { report } from "./report.mjs";

const REACH = {
	orderbook_ready_s: "<= 5",
	matcher_ready_s: "<= 5",
	orderbook_pause_ms: "<= 20",
	matcher_pause_ms: "<= 20",
};

const build = resolve(process.argv[2] ?? join(ROOT, "build"));
const figures = ["replay", "open"].flatMap((part) => {
	const args = [part, join(build, "release/bin")];
	process.stderr.write(`recovery ${args.join(" ")}\n`);
	return execFileSync(join(build, "bench/recovery"), args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
		.trim()
		.split("\n")
		.map((line) => line.split(" "))
		.map(([name, value, unit]) => ({ name, value: Number(value), unit, reach: REACH[name] }));
});
report(join(build, "bench/recovery.jsonl"), "recovery", figures);
