#!/usr/bin/env node
// Chaos: a market of real processes under load, to which one fault after the other happens; after each, every oracle.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../../deploy/local/chain.mjs";
import { inOwnSession } from "../../deploy/local/session.mjs";
import { machine, quantile } from "../bench/report.mjs";
import { Dice } from "./dice.mjs";
import { judge } from "./oracles.mjs";
import { Scene } from "./scene.mjs";

const GROUPS = ["oracles", "processes", "redis", "chain", "rpc", "network", "messages", "peers", "clock", "disk"];
const HELP = `usage: chaos.mjs [--group=G[,G]] [--fault=F[,F]] [--rounds=N] [--seed=N] [--all] [--list] [--table] [--verbose]

Without a group: one fault of each group, a few rounds. With one: all its faults. --fault names some of them.
--rounds   how often each fault happens; each has a number of its own
--seed     the same faults at the same moments; printed, and in the report
--all      all faults of all groups
--list     what there is
--table    the report as rows for docs/reliability.md, too
--verbose  each round on a line of its own
Groups: ${GROUPS.join(", ")}.
Writes build/chaos/report.json. Exit status: 0 if every oracle holds, else 1.
KALYPSO_BIN names the programs' folder (build/release/bin), KALYPSO_KEEP=1 keeps logs and state.
`;

async function readFaults() {
	const all = [];
	for (const group of GROUPS)
		for (const fault of (await import(`./groups/${group}.mjs`)).default) all.push({ ...fault, group, name: `${group}/${fault.name}` });
	return all;
}

// What a run is asked for: without anything, each group's first.
function choose(all, { group, fault, all: also }) {
	const names = (text) => text?.split(",").filter(Boolean);
	const [groups, faults] = [names(group), names(fault)];
	const known = (list, of, what) => list?.forEach((n) => of.includes(n) || fail(`there is no ${what} '${n}': --list`));
	known(groups, GROUPS, "group");
	known(faults, all.flatMap((f) => [f.name, f.name.split("/")[1]]), "fault");
	if (faults) return all.filter((f) => faults.includes(f.name) || faults.includes(f.name.split("/")[1]));
	if (groups) return all.filter((f) => groups.includes(f.group));
	return also ? all : all.filter((f) => f.byDefault);
}

function fail(text) {
	console.error(`chaos: ${text}`);
	process.exit(2);
}

class Run {
	constructor(options) {
		Object.assign(this, { options, cells: [], dice: new Dice("chaos", options.seed) });
	}

	// A scene for a fault: the one that there is, if it suits and is whole.
	async sceneFor(fault) {
		const kind = JSON.stringify(fault.scene ?? {});
		if (this.scene && (this.kind !== kind || fault.alone || this.spent)) await this.drop();
		if (!this.scene) {
			this.scene = await Scene.start({ dice: this.dice.of(fault.name), ...fault.scene });
			this.kind = kind;
		}
		this.spent = fault.alone;
		return this.scene;
	}

	async drop() {
		const { scene } = this;
		this.scene = undefined;
		await scene?.stop();
	}

	async cell(fault) {
		const why = await fault.unless?.();
		if (why) return this.say(fault.name, `skipped: ${why}`);
		const began = Date.now();
		const rounds = fault.once ? 1 : Number(this.options.rounds ?? fault.rounds ?? 1);
		const cell = { fault: fault.name, rounds: 0, lost: 0, doubled: 0, oraclesFailed: [], recovery: [], found: [] };
		this.cells.push(cell);
		try {
			this.progress(`${fault.name}: a market`);
			const scene = await this.sceneFor(fault);
			await scene.resume();
			scene.load.start(fault.perBlock ?? 4, { provenEvery: fault.scene?.proofs ? 6 : 0 });
			const state = await fault.begin?.(scene);
			for (let round = 1; round <= rounds; round++) {
				const dice = this.dice.of(fault.name, round);
				const ms = await fault.run(scene, dice, { round, state, note: (name, value) => this.note(cell, name, value) });
				cell.rounds = round;
				if (ms !== undefined) cell.recovery.push(ms);
				this.progress(`${fault.name} ${round}/${rounds}${ms === undefined ? "" : ` ${ms.toFixed(0)} ms`}`);
			}
			await fault.end?.(scene, state);
			if (!fault.noOracles) {
				this.progress(`${fault.name}: settling`);
				await scene.settle(fault.patienceMs);
				this.progress(`${fault.name}: oracles`);
				const { lost, doubled, failed, found } = await judge(scene, { skip: fault.skip });
				if (fault.notices) {
					notice(cell, fault.notices, failed);
					for (const line of found) this.progress(line);
				} else Object.assign(cell, { lost, doubled, oraclesFailed: failed, found });
			}
			if (fault.withinMs && cell.recovery.some((ms) => ms > fault.withinMs)) {
				cell.oraclesFailed.push("O9");
				cell.found.push(`O9: recovery took ${Math.max(...cell.recovery).toFixed(0)} ms, more than ${fault.withinMs}`);
			}
			cell.placed = scene.load.placed;
		} catch (error) {
			cell.oraclesFailed.push("run");
			cell.found.push(error.stack);
		}
		if (cell.oraclesFailed.length) {
			this.spent = true;
			if (this.scene) cell.found.push(`logs: ${join(this.scene.world.folder, "logs")} (kept with KALYPSO_KEEP=1)`);
		}
		this.tell(cell, Date.now() - began);
	}

	note(cell, name, value) {
		cell.notes ??= {};
		(cell.notes[name] ??= []).push(value);
	}

	progress(text) {
		if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
		else if (this.options.verbose) console.error(`${(performance.now() / 1000).toFixed(1)} ${text}`);
	}

	say(name, text) {
		if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
		console.log(`${name.padEnd(28)} ${text}`);
	}

	tell(cell, ms) {
		const { p50, p99, max } = spread(cell.recovery);
		const times = cell.recovery.length ? `recovery ${p50}/${p99}/${max} ms` : "";
		const notes = Object.entries(cell.notes ?? {}).map(([name, list]) => `${name} ${Object.values(spread(list)).join("/")}`);
		const verdict = cell.oraclesFailed.length ? `FAILED ${cell.oraclesFailed.join(" ")}` : "ok";
		this.say(cell.fault, [`${cell.rounds} rounds`, `lost ${cell.lost}, doubled ${cell.doubled}`, times, ...notes, `${(ms / 1000).toFixed(0)} s`, verdict].filter(Boolean).join("; "));
		for (const line of cell.found) console.log(`    ${line}`);
	}

	write(file) {
		mkdirSync(join(file, ".."), { recursive: true });
		const cells = this.cells.map(({ fault, rounds, lost, doubled, oraclesFailed, recovery, found, notes }) => ({
			fault,
			rounds,
			lost,
			doubled,
			oraclesFailed,
			recoveryMs: recovery.length ? spread(recovery) : null,
			...(notes && { notes: Object.fromEntries(Object.entries(notes).map(([k, v]) => [k, spread(v)])) }),
			...(found.length && { found }),
		}));
		writeFileSync(file, `${JSON.stringify({ seed: this.options.seed, machine: machine(), cells }, null, "\t")}\n`);
	}
}

// What was done on purpose has to be seen.
function notice(cell, wanted, failed) {
	const blind = wanted.filter((name) => !failed.includes(name));
	cell.oraclesFailed.push(...blind);
	cell.found.push(...blind.map((name) => `${name} didn't notice what was done to it`));
}

const spread = (list) => ({
	p50: Math.round(quantile(list, 0.5)),
	p99: Math.round(quantile(list, 0.99)),
	max: Math.round(Math.max(...list)),
});

// For docs/reliability.md.
function table(cells) {
	const rows = cells.map(({ fault, rounds, lost, doubled, recoveryMs: r }) =>
		`| ${fault} | ${rounds} | ${lost} | ${doubled} | ${r ? `${r.p50} | ${r.p99} | ${r.max}` : "| |"} |`);
	return ["| fault | rounds | lost | doubled | p50 | p99 | max |", "|---|---|---|---|---|---|---|", ...rows].join("\n");
}

async function main() {
	const { values } = parseArgs({
		options: {
			group: { type: "string" },
			fault: { type: "string" },
			rounds: { type: "string" },
			seed: { type: "string" },
			all: { type: "boolean" },
			list: { type: "boolean" },
			table: { type: "boolean" },
			verbose: { type: "boolean" },
			out: { type: "string", default: join(ROOT, "build/chaos/report.json") },
			help: { type: "boolean" },
		},
	});
	if (values.help) return void process.stdout.write(HELP);
	const all = await readFaults();
	if (values.list) {
		for (const f of all) console.log(`${f.name.padEnd(28)} ${f.what}`);
		return;
	}
	if (values.rounds !== undefined && !(Number(values.rounds) >= 1)) fail("--rounds is a number from 1");
	values.seed = Number(values.seed || Math.floor(Math.random() * 2 ** 31));
	const chosen = choose(all, values);
	console.log(`chaos: seed ${values.seed}, ${chosen.length} faults; again with: make chaos SEED=${values.seed}`);
	// Faults of one kind of scene after each other: a market is started once for them.
	const kinds = chosen.map((f) => JSON.stringify(f.scene ?? {}));
	const order = chosen.map((f, i) => [Boolean(f.alone), kinds.indexOf(kinds[i]), i, f]).sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
	const run = new Run(values);
	const began = Date.now();
	try {
		for (const [, , , fault] of order) await run.cell(fault);
	} finally {
		await run.drop().catch((error) => {
			console.error(`chaos: ${error.message}`);
			process.exitCode = 1;
		});
		run.write(values.out);
	}
	const bad = run.cells.filter(({ oraclesFailed }) => oraclesFailed.length);
	if (values.table) console.log(table(JSON.parse(readFileSync(values.out, "utf8")).cells));
	console.log(`chaos: ${run.cells.length - bad.length} of ${run.cells.length} cells held in ${((Date.now() - began) / 1000).toFixed(0)} s; ${relative(ROOT, values.out)}`);
	if (bad.length || !run.cells.length) process.exitCode = 1;
}

await inOwnSession(main);
