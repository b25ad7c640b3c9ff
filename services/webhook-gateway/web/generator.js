// One generator: what it offers, what it has free, its record, its earnings, its tasks, and what others got instead.

import { ask } from "./ask.js";
import { Chart } from "./chart.js";
import { facts, fill, h, panel, setText } from "./dom.js";
import { count, dateTime, percent, seconds, short, time, whole } from "./format.js";
import { List, setMark } from "./list.js";
import { AskingView } from "./view.js";
import { MISSES } from "./why.js";

const TASKS = 500; // newest, for the list and the chart
const BY = { price: "was cheaper", time: "was quicker", turn: "had waited longer for its turn" };

export class GeneratorView extends AskingView {
	constructor(app, address) {
		super(app, address);
		this.entitle(`Generator ${short(address)}`);
		this.figures = h("dl", { className: "figures", "aria-label": "Its record" });
		this.facts = h("dl", { className: "facts" });
		this.quotes = h("ul", { className: "plain quotes" });
		this.shares = h("p", { className: "why" });
		this.losses = h("ul", { className: "plain" });
		const chart = h("div");
		this.noEarnings = h("p", { className: "empty", textContent: "It has earned nothing yet." });
		this.earnings = this.own(
			new Chart(chart, { series: [{ label: "earned", color: "good", kind: "line" }], format: (v) => this.app.amount(BigInt(Math.round(v))), height: 190 }),
		);
		this.tasks = new List({
			label: "Its tasks, newest first",
			columns: [{ name: "id", label: "Id" }, { name: "what", label: "state" }, { name: "price", label: "for" }, { name: "n", label: "took" }, { name: "time", label: "assigned" }],
			key: (t) => t.request_id,
			href: (t) => `#/request/${t.request_id}`,
			empty: "It has had no task yet.",
			draw: (cells, t, row) => this.drawTask(cells, t, row),
		});
		this.body.classList.add("columns");
		this.body.append(
			this.figures,
			panel("earnings", "Earned", chart, this.noEarnings),
			panel("its-quotes", "Quotes", this.quotes),
			panel("its-tasks", "Tasks", this.tasks.root),
			panel("shares", "What it got, and what others got", this.shares, this.losses),
			panel("its-facts", "Registered", this.facts),
		);
	}

	async read() {
		const at = `/v1/generators/${this.arg}`;
		const [{ generator }, { tasks }, why] = await Promise.all([ask(at), ask(`/v1/tasks?generator=${this.arg}&limit=${TASKS}`), ask(`${at}/why?limit=5`).catch(() => null)]);
		return { generator, tasks, why: why?.why };
	}

	nothing() {
		return `No generator of that address has ever registered: ${this.arg}`;
	}

	draw({ generator: g, tasks, why }) {
		this.drawFigures(g);
		this.drawEarnings(g, tasks);
		this.drawQuotes(g);
		this.drawWhy(why);
		this.tasks.show(tasks);
		const { app } = this;
		facts(this.facts, [
			["Address", g.generator, "mono"],
			["State", g.suspended ? "suspended: an operator has to look" : g.registered ? "registered" : "has left"],
			["Since block", whole(g.registered_block)],
			["Paid to", g.reward_address, "mono"],
			["Compute", `${whole(g.used_compute)} of ${whole(g.compute)} taken up`],
			["Stake", app.stakedText(BigInt(g.stake))],
			["Locked by tasks", app.stakedText(BigInt(g.locked))],
			["Under notice", app.stakedText(BigInt(g.unstaking))],
		]);
	}

	drawFigures({ record: r }) {
		facts(this.figures, [
			["Earned", this.app.paid(BigInt(r.earned)), "good"],
			["Proven", whole(r.fulfilled)],
			["Slashed", whole(r.slashed), r.slashed ? "bad" : ""],
			["Unprovable", whole(r.invalid)],
			["Delivered", percent(r.fulfilled, r.fulfilled + r.slashed)],
			["Mean time", r.mean_response_time === null ? "–" : seconds(r.mean_response_time)],
			["Running", whole(r.running), "task"],
		]);
	}

	// From the end backwards: the sum is known now, and what each task added.
	drawEarnings(g, tasks) {
		const paid = tasks.filter((t) => t.ended && t.ended.paid !== "0").sort((a, b) => time(b.ended.time) - time(a.ended.time));
		let sum = BigInt(g.record.earned);
		const points = [];
		for (const t of paid) {
			points.push([time(t.ended.time) / 1000, Number(sum)]);
			sum -= BigInt(t.ended.paid);
		}
		if (paid.length) points.push([time(paid.at(-1).assigned.time) / 1000, Number(sum)]);
		points.reverse();
		this.noEarnings.hidden = points.length > 0;
		this.earnings.root.hidden = points.length === 0;
		if (points.length) this.earnings.show([points.map(([x]) => x), points.map(([, y]) => y)], `Earned in all: ${this.app.paid(BigInt(g.record.earned))}, by ${count(g.record.fulfilled, "proof")}.`);
	}

	drawQuotes(g) {
		fill(
			this.quotes,
			g.quotes,
			(q) => q.market_id,
			(q) => h("li", {}, h("a", { href: `#/market/${q.market_id}` }), h("b"), h("span")),
			(node, q) => {
				node.dataset.kind = q.available ? "quote" : "busy";
				setText(node.children[0], this.app.model?.markets.get(q.market_id)?.name ?? `market ${q.market_id}`);
				setText(node.children[1], `${this.app.paid(BigInt(q.price))} in ${seconds(q.response_time)}`);
				setText(node.children[2], `${q.draining ? "leaving, " : ""}${q.available ? "free" : "takes nothing now"}, ${count(q.tasks, "task")}, compute ${q.compute} each`);
			},
		);
	}

	drawWhy(why) {
		if (!why) return setText(this.shares, "It can't be told just now.");
		const missed = Object.entries(MISSES).filter(([name]) => why.misses[name]).map(([name, [, many]]) => `${whole(why.misses[name])} where quotes like it ${many}`);
		setText(
			this.shares,
			why.matches
				? `Of the last ${count(why.matches, "match").replace("matchs", "matches")} it got ${whole(why.won)} and lost ${whole(why.lost)} that it could have had.` + (missed.length ? ` Not for it: ${missed.join(", ")}.` : "")
				: "Nothing was matched lately.",
		);
		fill(
			this.losses,
			why.losses,
			(l) => l.decision,
			(l) => h("li", {}, h("a", { href: `#/request/${l.request_id}`, textContent: `#${l.request_id}` }), h("span")),
			(node, l) => setText(node.children[1], `went to ${short(l.theirs.generator)}, which ${BY[l.element]}: ${this.offer(l.theirs)} against ${this.offer(l.mine)}`),
		);
	}

	offer({ price, response_time }) {
		return `${this.app.amount(BigInt(price))} in ${seconds(response_time)}`;
	}

	drawTask([id, what, price, took, at], t, row) {
		const begun = time(t.assigned.time);
		setMark(row, t.overdue ? "bad" : t.state === "running" ? "task" : t.state);
		setText(id, `#${t.request_id}`);
		setText(what, t.overdue ? "overdue" : t.state);
		setText(price, this.app.amount(BigInt(t.price)));
		setText(took, t.ended ? seconds((time(t.ended.time) - begun) / 1000) : "");
		setText(at, dateTime(begun));
	}
}
