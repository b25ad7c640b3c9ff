// The live book of a market: its map, what happens in it, and lists of all that stands there.

import { ask } from "./ask.js";
import { Chart, rolling } from "./chart.js";
import { facts, fill, h, panel, setAttribute, setText } from "./dom.js";
import { clock, count, countdown, generatorHref, percent, requestHref, seconds, short, whole } from "./format.js";
import { List, setMark } from "./list.js";
import { MarketMap } from "./map.js";
import { View } from "./view.js";

const HISTORY = 250; // requests that ended, for the charts
const HISTORY_MS = 400; // after the view was opened: the book comes first
const STATS_MS = 5000; // between two questions for statistics
const TENTHS = { p10: "a tenth", p25: "a quarter", p50: "half", p75: "three quarters", p90: "nine tenths" };
const STEPS = ["drawMap", "drawFigures", "drawRequests", "drawTape", "drawTasks", "drawQuotes"];
const DID = { task: "assigned to", fulfilled: "proven by", invalid: "unprovable, says", slashed: "slashed:", cancelled: "refunded", rejected: "rejected" };

export class MarketView extends View {
	constructor(app, id) {
		super(app, id);
		this.tabs = h("nav", { className: "markets", id: "markets", "aria-label": "Markets" });
		this.about = h("p", { className: "about" });
		this.figures = h("dl", { className: "figures", id: "figures", "aria-label": "The market in figures" });
		this.root.classList.add("market");
		this.root.append(h("div", { className: "lead" }, this.heading, this.about, this.tabs), this.figures, this.makeMap(), this.makeTape(), ...this.makeCharts(), this.makeStats(), ...this.makeLists());
		this.numbers = {};
		this.due = new Set(); // what has to be drawn, longest due first
		setTimeout(() => this.loadHistory(), HISTORY_MS);
	}

	// ---- parts

	makeMap() {
		this.box = h("div", { className: "canvas" }, h("canvas", { "aria-hidden": "true" }), h("canvas", { id: "map", role: "img" }), h("canvas", { "aria-hidden": "true" }));
		this.tip = h("div", { className: "tooltip", hidden: true });
		this.box.append(this.tip);
		const keys = [["quote", "quote"], ["busy", "takes nothing now"], ["request", "open request, ground: what it accepts"], ["task", "task, to its quote"], ["bad", "overdue"]];
		const legend = h("p", { className: "legend", "aria-hidden": "true" }, ...keys.map(([kind, text]) => h("span", { data: { kind } }, text)));
		const section = panel("book", "Price and time", legend, this.box);
		this.map = this.own(new MarketMap(this.box, { format: (n) => this.app.amount(n), unit: () => this.app.symbol, onPoint: (...at) => this.point(...at) }));
		this.box.addEventListener("click", () => this.pointed && (location.hash = this.pointed));
		return section;
	}

	makeTape() {
		this.tape = new List({
			label: "What happened, newest first",
			columns: [{ name: "id", label: "Id" }, { name: "what", label: "What" }, { name: "price", label: "for" }, { name: "time", label: "At" }],
			key: (e) => e.key,
			href: ({ id }) => requestHref(id),
			empty: "Nothing has happened yet.",
			draw: ([id, what, price, at], e, row) => {
				setMark(row, e.kind);
				setText(id, `#${e.id}`);
				setText(what, e.generator ? `${DID[e.kind]} ${short(e.generator)}` : DID[e.kind]);
				setText(price, e.kind === "slashed" || e.price === undefined || e.price === 0n ? "" : this.app.amount(e.price));
				setText(at, clock(e.time));
			},
		});
		return panel("tape", "Just now", this.tape.root);
	}

	makeCharts() {
		const [price, wait] = [h("div"), h("div")];
		this.priceChart = this.own(
			new Chart(price, {
				series: [{ label: "task", color: "task", kind: "points" }, { label: "median of 20", color: "ink", kind: "line" }],
				format: (v) => this.app.amount(BigInt(Math.round(v))),
			}),
		);
		this.waitChart = this.own(
			new Chart(wait, {
				series: [{ label: "task", color: "request", kind: "points" }, { label: "median of 20", color: "ink", kind: "line" }],
				format: (v) => (v < 1 && v > 0 ? `${v.toFixed(1)} s` : seconds(v)),
			}),
		);
		const note = () => h("p", { className: "note", textContent: "No task yet." });
		this.notes = [note(), note()];
		return [panel("prices", "Price of tasks", price, this.notes[0]), panel("waits", "From request to task", wait, this.notes[1])];
	}

	makeStats() {
		const head = [h("td"), ...Object.values(TENTHS).map((t) => h("th", { scope: "col", textContent: t }))];
		this.stats = h("tbody");
		this.sample = h("p", { className: "note", textContent: "No request has ended yet." });
		const caption = h("caption", { className: "hidden", textContent: "Of the newest requests that ended, so many paid or took at most" });
		this.table = h("table", { hidden: true }, caption, h("thead", {}, h("tr", {}, ...head)), this.stats);
		return panel("stats", "At most", this.table, this.sample);
	}

	makeLists() {
		const onLight = (key) => this.map.light(key);
		this.requests = new List({
			label: "Open requests, newest first",
			columns: [{ name: "id", label: "Id" }, { name: "price", label: "pays up to" }, { name: "within", label: "within" }, { name: "prefers", label: "prefers" }, { name: "left", label: "expires in" }],
			key: (r) => r.id,
			href: ({ id }) => requestHref(id),
			onLight,
			empty: "Nothing waits: every request has found its generator.",
			draw: ([id, price, within, prefers, left], r, row) => {
				setMark(row, r.matchBlock ? "matched" : "request");
				setText(id, `#${r.id}`);
				setText(price, this.app.amount(r.maxPrice));
				setText(within, seconds(r.maxTime));
				setText(prefers, r.matchBlock ? "matched" : r.preference);
				setText(left, r.expiry < this.now ? "expired" : seconds((r.expiry - this.now) / 1000));
			},
		});
		this.tasks = new List({
			label: "Running tasks, the next deadline first",
			columns: [{ name: "id", label: "Id" }, { name: "who", label: "generator" }, { name: "price", label: "for" }, { name: "left", label: "deadline" }],
			key: (r) => r.id,
			href: ({ id }) => requestHref(id),
			onLight,
			empty: "No proof is being made right now.",
			draw: ([id, who, price, left], r, row) => {
				const late = r.deadline < this.now;
				setMark(row, late ? "bad" : "task");
				setText(id, `#${r.id}`);
				setText(who, short(r.generator));
				setText(price, this.app.amount(r.price));
				setText(left, countdown(r.deadline - this.now));
				const part = Math.max(0, Math.min(1, (r.deadline - this.now) / Math.max(1, r.deadline - r.assignedTime)));
				row.style.setProperty("--part", part.toFixed(3));
			},
		});
		this.quotes = new List({
			label: "Quotes, cheapest first",
			columns: [{ name: "who", label: "Generator" }, { name: "price", label: "price" }, { name: "within", label: "in" }, { name: "state", label: "now" }, { name: "record", label: "done" }],
			key: (q) => q.generator,
			href: (q) => generatorHref(q.generator),
			onLight,
			empty: "Nobody quotes in this market yet.",
			draw: ([who, price, within, state, record], q, row) => {
				const done = this.app.model.generators.get(q.generator)?.record;
				setMark(row, q.whyNot ? "busy" : "quote");
				setText(who, short(q.generator));
				setText(price, this.app.amount(q.price));
				setText(within, seconds(q.time));
				setText(state, q.whyNot ?? (q.tasks ? count(q.tasks, "task") : "free"));
				setText(record, done ? `${whole(done.fulfilled)}${done.slashed ? ` −${whole(done.slashed)}` : ""}` : "–");
			},
		});
		return [panel("requests", "Open requests", this.requests.root), panel("tasks", "Running tasks", this.tasks.root), panel("quotes", "Quotes", this.quotes.root)];
	}

	// ---- what is shown

	show(model) {
		const ids = [...model.markets.keys()];
		const id = this.arg ?? ids[0];
		const market = model.markets.get(id);
		this.root.setAttribute("aria-busy", "false");
		if (!market) return this.nothing(id);
		this.id = id;
		this.now = this.app.now();
		this.entitle(market.name);
		setText(this.about, [market.about, market.closed ? "closed" : "", market.suspended ? "suspended: an operator has to look" : ""].filter(Boolean).join(" · "));
		this.market = market;
		for (const name of STEPS) this.due.add(name);
		if (!this.stepping) this.step();
	}

	// A change is drawn in steps, one in each frame, in turn: none of them keeps a frame waiting.
	step() {
		const [name] = this.due;
		this.due.delete(name);
		this[name](this.app.model, this.market);
		if (!this.due.size) return;
		this.stepping = requestAnimationFrame(() => {
			this.stepping = null;
			if (!this.gone) this.step();
		});
	}

	nothing(id) {
		this.entitle("No such market", id ? `There is no market ${id}.` : "There is no market yet.");
		this.root.replaceChildren(h("div", { className: "lead" }, this.heading), h("div", { className: "message" }, h("p", {}, id ? h("a", { href: "#/" , textContent: "To the first market" }) : "Open one with the command line: kalypso market create.")));
	}

	drawTabs(model, chosen) {
		fill(
			this.tabs,
			model.markets.size > 1 ? [...model.markets.values()] : [],
			(m) => m.id,
			(m) => h("a", { href: `#/market/${m.id}` }, h("span"), h("small")),
			(node, m) => {
				if (m === chosen) setAttribute(node, "aria-current", "page");
				else node.removeAttribute("aria-current");
				setText(node.children[0], m.name);
				setText(node.children[1], m.closed ? "closed" : m.open.size ? `${whole(m.open.size)} open` : "");
			},
		);
	}

	drawFigures(model, market) {
		const { app } = this;
		this.drawTabs(model, market);
		const best = this.sorted.find((q) => !q.whyNot);
		const waits = market.waits();
		const { served, all } = market.ended;
		facts(this.figures, [
			["Open", whole(market.open.size), "request"],
			["Proving", whole(market.tasks.size), "task"],
			["Proven", whole(market.counts.fulfilled), "good"],
			["Slashed", whole(market.counts.slashed), market.counts.slashed ? "bad" : ""],
			["Served", percent(served, all)],
			["Cheapest free", best ? app.amount(best.price) : "–", "quote"],
			["Median paid", waits ? app.amount(BigInt(Math.round(waits.price))) : "–"],
			["Blocks to a task", waits ? whole(waits.blocks) : "–"],
			["95 in 100", waits ? seconds(waits.seconds95) : "–"],
		]);
	}

	drawMap(model, market) {
		const quotes = (this.sorted = model.quotesOf(market));
		const open = [...market.open.values()];
		const tasks = [...market.tasks.values()];
		this.map.show({ quotes, open, tasks, now: this.now });
		for (const { request, generator } of market.matched.splice(0)) this.map.fly(request, generator);
		const text = `Map of price and response time: ${count(quotes.length, "quote")}, ${count(open.length, "open request")}, ${count(tasks.length, "task")}. The lists that follow say the same.`;
		setAttribute(this.map.base, "aria-label", text);
	}

	drawRequests(model, market) {
		this.list("requests", [...market.open.values()].reverse());
	}

	drawTape(model, market) {
		this.list("tape", [...market.tape]);
		if (!this.charted && this.app.live) this.drawCharts(market);
	}

	drawTasks(model, market) {
		this.list("tasks", [...market.tasks.values()].sort((a, b) => a.deadline - b.deadline));
	}

	drawQuotes() {
		this.list("quotes", this.sorted);
	}

	list(name, items) {
		this[name].show(items);
		this.numbers[name] ??= this.root.querySelector(`#${name} .count`);
		if (name !== "tape") setText(this.numbers[name], items.length ? whole(items.length) : "");
	}

	drawCharts(market) {
		const samples = [...market.samples.values()].sort((a, b) => a.time - b.time);
		if (!samples.length) return;
		this.charted = true;
		for (const note of this.notes) setText(note, "Each task is a point; the line is the median of twenty.");
		const x = samples.map((s) => s.time / 1000);
		const draw = (chart, values, text) => chart.show([x, values, rolling(values, 20)], text);
		const { price, seconds: wait, seconds95 } = market.waits();
		const paid = this.app.paid(BigInt(Math.round(price)));
		draw(this.priceChart, samples.map((s) => s.price), `Prices of the newest ${count(samples.length, "task")}; the median of the last hundred is ${paid}.`);
		draw(this.waitChart, samples.map((s) => s.wait), `How long requests waited for their tasks: half of the last hundred at most ${seconds(wait)}, 95 in a hundred at most ${seconds(seconds95)}.`);
	}

	second() {
		const market = this.app.model?.markets.get(this.id);
		if (!market || !this.market) return;
		this.now = this.app.now();
		this.requests.render();
		this.tasks.render();
		this.askStats(market);
		if (this.newest !== (this.newest = [...market.samples.keys()].at(-1))) this.drawCharts(market);
	}

	// What the API makes of the newest that ended; asked again when more have.
	async askStats({ ended }) {
		const now = Date.now();
		if (!this.app.live || this.ended === ended.all || now - (this.askedStats ?? 0) < STATS_MS) return;
		this.askedStats = now;
		const answer = await ask(`/v1/stats?market=${this.id}`).catch(() => null);
		const [of] = answer?.markets ?? [];
		if (this.gone || !of) return;
		this.ended = ended.all;
		this.drawStats(of);
	}

	drawStats(of) {
		if (!of.sample.requests) return;
		const price = (units) => this.app.amount(BigInt(units));
		const rows = [
			["paid", of.price, price],
			["from request to task", of.assignment_time, seconds],
			["from task to proof", of.response_time, seconds],
			["from request to proof", of.total_time, seconds],
		].filter(([, values]) => values);
		this.table.hidden = !rows.length;
		fill(
			this.stats,
			rows,
			([name]) => name,
			([name]) => h("tr", {}, h("th", { scope: "row", textContent: name }), ...Object.keys(TENTHS).map(() => h("td"))),
			(node, [, values, write]) => Object.keys(TENTHS).forEach((p, i) => setText(node.children[i + 1], write(values[p]))),
		);
		const filled = of.fill_rate === null ? "" : `; ${percent(Math.round(1000 * of.fill_rate), 1000)} of them were proven`;
		setText(this.sample, `Of the newest ${count(of.sample.requests, "request")} that ended${filled}.`);
	}

	// The charts' past: asked once for each market and model.
	async loadHistory() {
		const { model } = this.app;
		const market = model?.markets.get(this.id);
		if (this.gone) return;
		if (!market || !this.app.live) return setTimeout(() => this.loadHistory(), HISTORY_MS);
		if (market.historyLoaded) return;
		market.historyLoaded = true;
		const { requests } = await ask(`/v1/requests?market=${this.id}&state=closed&limit=${HISTORY}`).catch(() => ({ requests: [] }));
		for (const r of requests) model.loadRequest(r);
		model.loaded();
		if (!this.gone) this.app.change(this.app.model);
		if (!this.gone) this.drawCharts(market);
	}

	// ---- the pointer

	point(mark, x, y) {
		this.map.light(mark?.key ?? null);
		this.tip.hidden = !mark;
		this.pointed = mark && (mark.quote ? generatorHref(mark.key) : requestHref(mark.key));
		this.box.classList.toggle("pointed", Boolean(mark));
		if (!mark) return;
		const { quote: q, request: r } = mark;
		setText(
			this.tip,
			q
				? `${short(q.generator)}: ${this.app.paid(q.price)} in ${seconds(q.time)}${q.whyNot ? `, ${q.whyNot}` : ""}`
				: `#${r.id}: up to ${this.app.paid(r.maxPrice)} in ${seconds(r.maxTime)}${r.generator ? `; ${short(r.generator)} proves it for ${this.app.paid(r.price)}` : ""}`,
		);
		this.tip.style.left = `${Math.max(0, Math.min(x + 14, this.map.width - this.tip.offsetWidth - 4))}px`;
		this.tip.style.top = `${Math.max(4, y - this.tip.offsetHeight - 12)}px`;
	}
}
