// Figures of a benchmark: a table for people, JSON lines for programs.
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { dirname, relative } from "node:path";
import { ROOT } from "../../deploy/local/chain.mjs";

export const quantile = (list, q) => {
	const sorted = [...list].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
};

export function machine() {
	return `${cpus().length} × ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, node ${process.version}`;
}

const round = (v) => (Math.abs(v) >= 1000 ? Math.round(v) : Number(v.toPrecision(4)));

// figures: [{name, value, unit, reach}]; reach is a text such as "<= 5" or undefined.
export function report(file, title, figures) {
	mkdirSync(dirname(file), { recursive: true });
	const lines = figures.map(({ name, value, unit }) => JSON.stringify({ name, value: round(value), unit }));
	writeFileSync(file, `${lines.join("\n")}\n`);
	console.log(`\n${title}\n${machine()}, ${new Date().toISOString().slice(0, 10)}\n`);
	const rows = figures.map((f) => [f.name, String(round(f.value)), f.unit, f.reach ?? "", verdict(f)]);
	const widths = [0, 1, 2, 3].map((i) => Math.max(...rows.map((r) => r[i].length)));
	for (const r of rows) console.log(r.map((t, i) => (i === 1 ? t.padStart(widths[i]) : t.padEnd(widths[i] ?? 0))).join("  ").trimEnd());
	console.log(`\n${relative(ROOT, file)}`);
}

function verdict({ value, reach }) {
	if (!reach) return "";
	const [sign, bound] = reach.split(" ");
	const ok = sign === "<=" ? value <= Number(bound) : value >= Number(bound);
	return ok ? "reached" : "MISSED";
}
