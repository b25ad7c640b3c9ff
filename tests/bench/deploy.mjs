#!/usr/bin/env node
// What it costs to run a market: each file of deploy/ measures a part and exports measure({say}), which gives figures as
// report.mjs has them, or a text that says why it can't be measured here.
// usage: deploy.mjs [--build=DIR] [PART...]     PART: a file's name, without .mjs
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../../deploy/local/chain.mjs";
import { report } from "./report.mjs";

const FOLDER = join(ROOT, "tests/bench/deploy");
const { values, positionals } = parseArgs({ allowPositionals: true, options: { build: { type: "string", default: "build" } } });
const all = readdirSync(FOLDER).filter((f) => f.endsWith(".mjs")).map((f) => f.slice(0, -4)).sort();
const parts = positionals.length ? positionals : all;

const figures = [];
for (const part of parts) {
	if (!all.includes(part)) throw new Error(`there is no part ${part}: ${all.join(", ")}`);
	const { measure } = await import(join(FOLDER, `${part}.mjs`));
	const measured = await measure({ say: (text) => console.log(`${part}: ${text}`) });
	if (typeof measured === "string") console.log(`${part}: not measured: ${measured}`);
	else figures.push(...measured);
}
report(join(values.build, "bench/deploy.jsonl"), "Running a market", figures);
process.exit(0);
