// The chain: its newest blocks, how far behind each log is, what it took back, and which contracts these are.

import { ask } from "./ask.js";
import { Chart } from "./chart.js";
import { facts, fill, h, panel, setText } from "./dom.js";
import { blocks, count, dateTime, seconds, time, whole } from "./format.js";
import { AskingView } from "./view.js";

const PAST = 300; // entries of the chain log to begin with
const BLOCKS_MAX = 120;
const LOGS = {
	chain: "what the canonical chain said",
	book: "what is open, quoted, free and locked",
	match: "who gets which request",
	task: "transactions that assign",
	slash: "transactions that slash and refund",
};

// Wei per gas, readable on a quiet chain and on a busy one.
const fee = (wei) => (wei >= 1e7 ? `${Number((wei / 1e9).toPrecision(3))} gwei` : `${whole(Math.round(wei))} wei`);

export class ChainView extends AskingView {
	constructor(app) {
		super(app);
		Object.assign(this, { blocks: [], rollbacks: [] });
		this.entitle("Chain");
		this.figures = h("dl", { className: "figures", "aria-label": "The chain in figures" });
		const [events, fees] = [h("div"), h("div")];
		const formatX = (n) => whole(n);
		this.events = this.own(new Chart(events, { series: [{ label: "events", color: "task", kind: "bars" }], format: whole, formatX }));
		this.fees = this.own(new Chart(fees, { series: [{ label: "base fee", color: "quote", kind: "line" }], format: fee, formatX }));
		this.logs = h("tbody");
		const table = h("table", {}, h("caption", { className: "hidden", textContent: "Where each log is" }), h("thead", {}, h("tr", {}, ...["log", "entry", "block", "behind"].map((t) => h("th", { scope: "col", textContent: t })))), this.logs);
		this.taken = h("ul", { className: "plain" });
		this.noTaken = h("p", { className: "empty", textContent: "The chain hasn't taken anything back." });
		this.facts = h("dl", { className: "facts" });
		this.body.classList.add("columns");
		this.body.append(
			this.figures,
			panel("events", "Events of the market in each block", events),
			panel("fees", "Base fee of each block", fees),
			panel("logs", "Logs", table),
			panel("rollbacks", "Taken back", this.taken, this.noTaken),
			panel("contracts", "Contracts and rule", this.facts),
		);
	}

	// The chain, and what its log has said since it was asked last.
	async read() {
		const chain = await ask("/v1/chain");
		this.from ??= Math.max(1, chain.logs.chain.seq - PAST);
		const { events, next } = await ask(`/v1/events?log=chain&from=${this.from}&limit=1000`);
		this.from = next;
		for (const { entry } of events) {
			if (entry.type === "block_mark") this.blocks.push({ number: Number(entry.block.number), time: time(entry.block.time), events: entry.events, fee: Number(entry.base_fee) });
			else if (entry.type === "rollback") this.takeBack(entry);
		}
		this.blocks = this.blocks.slice(-BLOCKS_MAX);
		const { last } = chain.rollbacks;
		if (last && !this.rollbacks.length) this.takeBack(last);
		return chain;
	}

	takeBack({ from, to }) {
		this.rollbacks.unshift({ from: Number(from.number), to: Number(to.number), time: time(from.time), hash: from.hash });
		this.blocks = this.blocks.filter((b) => b.number <= Number(to.number));
	}

	second() {
		this.drawBlocks();
	}

	// Now and then, one of the two at a time: charts are for looking at, not for each block of a quick chain.
	drawBlocks() {
		const all = this.blocks;
		if (!all.length) return;
		this.turn = !this.turn;
		const x = all.map((b) => b.number);
		const most = Math.max(...all.map((b) => b.events));
		if (this.turn) this.events.show([x, all.map((b) => b.events)], `Events in the newest ${count(all.length, "block")}: at most ${whole(most)} in one.`);
		else this.fees.show([x, all.map((b) => b.fee)], `Base fee: ${fee(all.at(-1).fee)} in block ${whole(all.at(-1).number)}.`);
	}

	draw(c) {
		if (!this.drawn) for (let i = 0; i < 2; i++) this.drawBlocks();
		this.drawn = true;
		this.drawFigures(c);
		this.drawLogs(c);
		this.drawRollbacks(c);
		const { chain_id, genesis, start_block, contracts, tokens, rule, epoch } = c;
		facts(this.facts, [
			["Chain", chain_id],
			["Genesis", genesis, "mono"],
			["Deployed in block", whole(start_block)],
			["Marketplace", contracts.marketplace, "mono"],
			["Registry", contracts.registry, "mono"],
			["Keys", contracts.keys, "mono"],
			["Paid in", tokens.payment.symbol],
			["Staked in", tokens.stake.symbol],
			["Rule", rule ? `version ${rule.version}: a match holds ${seconds(rule.match_lifetime)}, ${whole(rule.task_limit)} tasks of a generator in a market` : "nothing matched yet"],
			["Life of the logs", epoch, "mono"],
		]);
	}

	drawFigures(c) {
		const { app } = this;
		const all = this.blocks.slice(-60);
		const took = all.length > 1 ? (all.at(-1).time - all[0].time) / 1000 / (all.length - 1) : null;
		facts(this.figures, [
			["Newest block", c.tip ? whole(c.tip.number) : "–"],
			["Its age", c.tip ? seconds((app.now() - time(c.tip.time)) / 1000) : "–"],
			["A block every", took === null ? "–" : `${took.toFixed(1)} s`],
			["Book behind", blocks(this.behind(c, "book") ?? 0), this.behind(c, "book") > 2 ? "bad" : ""],
			["Taken back", `${whole(c.rollbacks.count)} ×`, c.rollbacks.count ? "request" : ""],
			["Unreadable events", whole(c.unreadable_events), c.unreadable_events ? "bad" : ""],
		]);
	}

	behind({ tip, logs }, log) {
		const { block } = logs[log];
		return block && tip ? Math.max(0, Number(tip.number) - Number(block.number)) : null;
	}

	drawLogs(c) {
		fill(
			this.logs,
			Object.entries(c.logs),
			([name]) => name,
			([name]) => h("tr", {}, h("th", { scope: "row" }, name, h("small", { textContent: LOGS[name] ?? "" })), h("td"), h("td"), h("td")),
			(row, [name, log]) => {
				const behind = this.behind(c, name);
				setText(row.children[1], whole(log.seq) + (log.newest > log.seq ? ` (+${whole(log.newest - log.seq)})` : ""));
				setText(row.children[2], log.block ? whole(log.block.number) : "–");
				setText(row.children[3], behind === null ? "–" : behind ? blocks(behind) : "in step");
				row.classList.toggle("late", behind > 2);
			},
		);
	}

	drawRollbacks({ rollbacks }) {
		this.noTaken.hidden = rollbacks.count > 0;
		fill(
			this.taken,
			this.rollbacks,
			(r) => r.hash,
			() => h("li", {}, h("b"), h("span")),
			(node, r) => {
				setText(node.children[0], blocks(r.from - r.to));
				setText(node.children[1], `after block ${whole(r.to)}, up to ${whole(r.from)} of ${dateTime(r.time)}`);
			},
		);
	}
}
