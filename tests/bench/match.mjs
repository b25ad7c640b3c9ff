#!/usr/bin/env node
// The matcher's figures: the core on one processor, the whole process, and audit. usage: match.mjs BUILD-FOLDER
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { ROOT } from "../../deploy/local/chain.mjs";
import { report } from "./report.mjs";

const REACH = {
	decisions_per_s: ">= 4000000",
	flatness: ">= 0.4",
	scan_ratio: ">= 500",
	tree_ratio: ">= 0.5",
	quote_changes_per_s: ">= 1500000",
	capacity_100_markets_us: "<= 60",
	hopeless_ratio: ">= 0.7",
	worst_event_us: "<= 100",
	worst_over_median: "<= 100",
	bytes_per_request: "<= 192",
	bytes_per_quote: "<= 192",
	undo_ratio: "<= 1.5",
	process_events_per_s: ">= 100000",
	process_p50_ms: "<= 1",
	process_p99_ms: "<= 5",
	audit_events_per_s: ">= 1000000",
};

const build = resolve(process.argv[2] ?? join(ROOT, "build"));

// Programs print `name value unit` lines, or JSON.
function figuresOf(program, args = []) {
	process.stderr.write(`${program} ${args.join(" ")}\n`);
	const text = execFileSync(join(build, "bench", program), args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
	return text
		.trim()
		.split("\n")
		.map((line) => (line.startsWith("{") ? Object.values(JSON.parse(line)) : line.split(" ")))
		.map(([name, value, unit]) => ({ name, value: Number(value), unit, reach: REACH[name] }));
}

// Memory is measured in a process that has done nothing else.
const figures = [
	...figuresOf("match", ["decisions", "changes", "capacity", "hopeless", "undo", "worst"]),
	...figuresOf("match", ["memory"]),
	...figuresOf("process", [join(build, "release/bin/matcher")]),
	...figuresOf("audit"),
];
report(join(build, "bench/match.jsonl"), "matcher", figures);
