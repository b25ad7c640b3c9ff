#!/usr/bin/env node
// How long services take to begin with a million entries behind them, to write snapshots of a million requests, and to
// have everything again that Redis lost.
// usage: recovery.mjs BUILD-FOLDER
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { ROOT } from "../../deploy/local/chain.mjs";
import { emptied } from "./emptied.mjs";
import { report } from "./report.mjs";

const REACH = {
	orderbook_ready_s: "<= 5",
	matcher_ready_s: "<= 5",
	orderbook_pause_ms: "<= 20",
	matcher_pause_ms: "<= 20",
	emptied_100k_s: "<= 60",
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
process.stderr.write("recovery from an emptied Redis, 100,000 chain events\n");
figures.push({ name: "emptied_100k_s", value: await emptied(100_000), unit: "s", reach: REACH.emptied_100k_s });
report(join(build, "bench/recovery.jsonl"), "recovery", figures);
