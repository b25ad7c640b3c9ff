// What the demo prints while it runs, and its table at the end.
import { formatUnits } from "viem";

const REDRAW_MS = 200;
const BAR = 30;

export class Progress {
	constructor(out = process.stdout) {
		this.out = out;
		this.live = out.isTTY;
		this.began = Date.now();
	}

	say(text) {
		this.clear();
		const seconds = ((Date.now() - this.began) / 1000).toFixed(1).padStart(6);
		this.out.write(`${seconds} s  ${text}\n`);
		this.draw();
	}

	begin(market, plan, watch) {
		Object.assign(this, { market, plan, watch });
		this.say(`market is up${market.gateway ? `: ${market.gateway}` : ""}`);
		this.say(`placing ${plan.length} requests`);
		if (this.live) this.timer = setInterval(() => this.draw(), REDRAW_MS);
	}

	end() {
		clearInterval(this.timer);
		this.clear();
		this.timer = undefined;
	}

	name(address) {
		return this.market.people.find((p) => p.address === address)?.name ?? address;
	}

	event({ eventName, args, blockNumber }, { task, request }) {
		const id = `request ${String(args.requestId).padStart(3)}`;
		const at = `block ${blockNumber}`;
		const waited = task ? `${blockNumber - task.blockNumber} blocks after its task` : "";
		const texts = {
			TaskCreated: () => `${id}  to ${this.name(args.generator)}, ${blockNumber - request.blockNumber} block(s) later`,
			ProofSubmitted: () => `${id}  proven by ${this.name(args.generator)}, ${waited}`,
			TaskSlashed: () => `${id}  SLASHED: ${this.name(args.generator)} missed its deadline, ${waited}`,
			RequestCancelled: () => `${id}  refunded, never assigned`,
			AssignmentSkipped: () => `${id}  refused by the chain: ${args.reason}`,
		};
		const text = texts[eventName]?.();
		if (text) this.say(`${at}  ${text}`);
	}

	clear() {
		if (this.timer) this.out.write("\r\x1b[K");
	}

	draw() {
		if (!this.timer) return;
		const all = [...this.watch.requests.values()];
		const [placed, assigned, ended] = [all.length, all.filter((r) => r.task && !r.end).length, this.watch.ended()];
		const filled = Math.round((ended / this.plan.length) * BAR);
		const bar = "█".repeat(filled) + "░".repeat(BAR - filled);
		const waiting = placed - assigned - ended;
		this.out.write(`\r\x1b[K${bar} ${ended}/${this.plan.length} ended, ${assigned} being proven, ${waiting} waiting`);
	}
}

const COLUMNS = [
	["request", (r) => r.id, "right"],
	["market", (r) => r.planned.circuit],
	["preference", (r) => r.planned.preference],
	["leaves out", (r) => r.planned.leavesOut],
	["generator", (r) => r.generator || "-"],
	["price", (r, d) => (r.price === undefined ? "-" : formatUnits(r.price, d)), "right"],
	["to task", (r) => span(r.taskBlock, r.requestBlock, r.taskMs), "right"],
	["to proof", (r) => span(r.proofBlock, r.requestBlock, r.proofMs), "right"],
	["outcome", (r) => r.outcome],
];

// Blocks and milliseconds since the request.
function span(block, since, ms) {
	return block === null ? "-" : `${block - since} blk ${ms === undefined ? "?" : ms} ms`;
}

export function table(rows, decimals) {
	const cells = [COLUMNS.map(([title]) => title), ...rows.map((r) => COLUMNS.map(([, cell]) => String(cell(r, decimals))))];
	const widths = COLUMNS.map((_, i) => Math.max(...cells.map((row) => row[i].length)));
	const line = (row) =>
		row
			.map((text, i) => (COLUMNS[i][2] === "right" ? text.padStart(widths[i]) : text.padEnd(widths[i])))
			.join("  ")
			.trimEnd();
	const [head, ...body] = cells.map(line);
	return [head, widths.map((w) => "─".repeat(w)).join("  "), ...body].join("\n");
}
