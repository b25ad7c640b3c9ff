// The page: what the model knows, drawn again whenever a block has changed it.

import { Feed } from "./feed.js";
import { MarketMap } from "./map.js";
import { amount, seconds, short } from "./model.js";
import { whyText } from "./why.js";

const ROWS_MAX = 30; // of a list; the API has the rest
const STATUS_MS = 4000;

const $ = (id) => document.getElementById(id);

// An element with properties, data attributes and children. Text only ever comes in as text.
function h(tag, props = {}, ...children) {
	const { data = {}, ...rest } = props;
	const node = Object.assign(document.createElement(tag), rest);
	Object.assign(node.dataset, data);
	node.append(...children);
	return node;
}

// Make @parent's children those of @items: keyed nodes stay, so that focus and pointer stay where they are.
function fill(parent, items, key, make, update) {
	const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
	let at = parent.firstElementChild;
	for (const item of items) {
		const k = String(key(item));
		let node = old.get(k);
		old.delete(k);
		if (!node) {
			node = make(item);
			node.dataset.key = k;
		}
		update(node, item);
		if (node === at) at = at.nextElementSibling;
		else parent.insertBefore(node, at);
	}
	for (const node of old.values()) node.remove();
}

function setText(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

class Page {
	constructor() {
		this.market = new URLSearchParams(location.hash.slice(1)).get("market");
		this.map = new MarketMap($("map"), {
			format: (units) => this.price(units),
			unit: () => this.tokens.payment.symbol,
			onPoint: (mark, x, y) => this.point(mark, x, y),
		});
		this.feed = new Feed({ onChange: (model) => this.change(model), onState: (...a) => this.state(...a) });
		for (const id of ["requests", "tasks", "quotes"]) this.lightFrom($(id));
		$("markets").addEventListener("keydown", (e) => this.walkTabs(e));
		addEventListener("hashchange", () => this.choose(new URLSearchParams(location.hash.slice(1)).get("market")));
		setInterval(() => this.second(), 1000);
		setInterval(() => this.askStatus(), STATUS_MS);
		this.feed.start();
		this.askStatus();
	}

	// ---- words

	get tokens() {
		return this.model?.chain.tokens ?? { payment: { decimals: 0, symbol: "" } };
	}

	price(units) {
		return amount(units, this.tokens.payment.decimals);
	}

	paid(units) {
		return `${this.price(units)} ${this.tokens.payment.symbol}`;
	}

	// The chain's now: its clock may not be ours.
	now() {
		return Date.now() + (this.skew ?? 0);
	}

	// ---- changes

	change(model) {
		this.model = model;
		if (model.tip && model.tip.number !== this.tip) {
			this.tip = model.tip.number;
			this.tipSeen = Date.now();
			this.skew = model.tip.time - Date.now();
			if (Math.abs(this.skew) < 5000) this.skew = 0;
		}
		this.changed ??= requestAnimationFrame(() => {
			this.changed = null;
			this.draw();
		});
	}

	draw() {
		const { model } = this;
		if (!model.markets.has(this.market)) this.market = [...model.markets.keys()][0] ?? null;
		$("main").setAttribute("aria-busy", "false");
		document.body.dataset.loaded = "";
		this.drawTabs();
		this.drawFigures();
		this.drawBlocks();
		this.drawQuotes();
		this.drawRequests();
		this.drawTasks();
		this.drawFinished();
		this.drawMap();
		this.drawNotice();
	}

	drawTabs() {
		fill(
			$("markets"),
			[...this.model.markets.values()],
			(m) => m.id,
			(m) => h("button", { type: "button", role: "tab", onclick: () => this.choose(m.id) }, h("span"), h("small")),
			(node, m) => {
				const chosen = m.id === this.market;
				node.setAttribute("aria-selected", String(chosen));
				node.tabIndex = chosen ? 0 : -1;
				node.title = m.about ?? "";
				setText(node.children[0], m.name);
				const open = this.model.requestsOf(m.id, "open").length;
				setText(node.children[1], m.closed ? "closed" : open ? `${open} open` : "");
			},
		);
	}

	drawFigures() {
		const { model } = this;
		const latency = model.medianLatency();
		const figures = [
			["Open requests", model.count("open")],
			["Running tasks", model.count("assigned")],
			["Proofs delivered", model.counts.fulfilled],
			["Slashed", model.counts.slashed],
			["Generators", model.generators.size],
			["Request to task", latency === null ? "–" : blocks(latency)],
		];
		fill(
			$("figures"),
			figures,
			([name]) => name,
			([name]) => h("div", {}, h("dt", { textContent: name }), h("dd")),
			(node, [, value]) => setText(node.children[1], String(value)),
		);
	}

	drawBlocks() {
		const { model } = this;
		const most = Math.max(4, ...model.blocks.map((b) => b.events));
		fill(
			$("blocks"),
			model.blocks,
			(b) => b.number,
			() => h("li"),
			(node, b) => {
				node.style.setProperty("--height", `${Math.round(18 + (82 * b.events) / most)}%`);
				node.classList.toggle("busy", b.events > 0);
				node.classList.toggle("tasks", b.tasks > 0);
				node.classList.toggle("proofs", b.proofs > 0);
				node.classList.toggle("rolled-back", Boolean(b.rolledBack));
				node.title =
					`block ${b.number}: ${count(b.events, "event")}, ${count(b.tasks, "new task")}, ${count(b.proofs, "proof")}` +
					(b.rolledBack ? `; ${blocks(b.rolledBack)} after it taken back` : "");
			},
		);
		$("blocks").setAttribute("aria-label", `The newest ${model.blocks.length} blocks and how much happened in them`);
	}

	drawQuotes() {
		this.quotes = this.model.quotesOf(this.market).map((q) => ({ ...q, available: this.model.isAvailable(q) }));
		this.list("quotes", this.quotes, (q) => q.generator, (node, q) => {
			const record = this.model.generators.get(q.generator)?.record;
			const tasks = q.tasks ? count(q.tasks, "task") : (this.model.whyNot(q) ?? "free");
			const done = record ? `${record.fulfilled} done${record.slashed ? `, ${record.slashed} slashed` : ""}` : "";
			row(node, {
				mark: q.available ? "quote" : "busy",
				link: [`/v1/generators/${q.generator}`, short(q.generator)],
				main: `${this.paid(q.price)} in ${seconds(q.time)}`,
				side: tasks,
				note: done,
			});
		});
	}

	drawRequests() {
		const open = this.model.requestsOf(this.market, "open").sort((a, b) => b.createdTime - a.createdTime);
		const ever = this.model.finished.length + this.model.requests.size > 0;
		setText($("requests-empty"), ever ? "Nothing waits: every request has found its generator." : "Nobody has asked for a proof yet.");
		this.list("requests", open, (r) => r.id, (node, r) => {
			row(node, {
				mark: "request",
				link: [`/v1/requests/${r.id}`, `#${r.id}`],
				main: `up to ${this.paid(r.maxPrice)}, ${seconds(r.maxTime)}`,
				side: r.expiry < this.now() ? "expired" : `${seconds((r.expiry - this.now()) / 1000)} left`,
				note: r.matchBlock ? `matched in block ${r.matchBlock}, ${r.preference}` : r.preference,
			});
			this.drawWhy(node, r);
		});
	}

	// Asked when somebody opens it, and again with every block while it is open.
	async drawWhy(node, r) {
		const why = node.querySelector("details") ?? node.appendChild(whyBox(r.id, () => this.drawWhy(node, r)));
		if (!why.open || why.block === this.tip) return;
		why.block = this.tip;
		const answer = await fetch(`/v1/requests/${r.id}/why`).catch(() => null);
		const text = answer?.ok ? whyText((await answer.json()).why, (units) => this.paid(units)) : "It can't be told just now.";
		if (!answer?.ok) why.block = null; // with the next second
		setText(why.lastChild, text);
	}

	drawTasks() {
		const tasks = this.model.requestsOf(this.market, "assigned").sort((a, b) => a.deadline - b.deadline);
		this.list("tasks", tasks, (r) => r.id, (node, r) => {
			row(node, {
				mark: r.deadline < this.now() ? "late" : "task",
				link: [`/v1/requests/${r.id}`, `#${r.id}`],
				main: `for ${this.paid(r.price)}`,
				side: countdown(r.deadline - this.now()),
				note: `${short(r.generator)}, after ${blocks(r.assignedBlock - r.createdBlock)}`,
			});
			const bar = node.querySelector("progress") ?? node.appendChild(h("progress", { max: 1 }));
			bar.value = (r.deadline - this.now()) / Math.max(1, r.deadline - r.assignedTime);
			bar.setAttribute("aria-label", `time left for request ${r.id}`);
		});
	}

	drawFinished() {
		const mine = this.model.finished.filter((r) => r.market === this.market).slice(0, 12);
		this.list("finished", mine, (r) => r.id, (node, r) => {
			const took = r.assignedTime ? `in ${seconds((r.endedTime - r.assignedTime) / 1000)}` : "";
			row(node, {
				mark: r.state,
				link: [`/v1/requests/${r.id}`, `#${r.id}`],
				main: r.state,
				side: r.paid ? this.paid(r.paid) : `${this.paid(r.refund)} back`,
				note: r.generator ? `${short(r.generator)} ${took}` : `in block ${r.endedBlock}`,
			});
		});
	}

	drawMap() {
		const { model } = this;
		const requests = model.requestsOf(this.market);
		this.map.show(this.quotes, requests, this.now());
		for (const m of model.matched.splice(0))
			if (m.market === this.market)
				this.map.fly(model.requests.get(m.id), this.quotes.find((q) => q.generator === m.generator));
		const open = requests.filter((r) => r.state === "open").length;
		$("map").setAttribute(
			"aria-label",
			`Map of price and response time: ${this.quotes.length} quotes, ${open} open requests, ` +
				`${requests.length - open} tasks. The lists that follow say the same.`,
		);
	}

	drawNotice() {
		const { rollback } = this.model;
		if (!rollback || rollback === this.told) return;
		this.told = rollback;
		const n = rollback.from - rollback.to;
		setText($("notice"), `The chain changed its mind: ${blocks(n)} after block ${rollback.to} taken back.`);
		$("notice").hidden = false;
		clearTimeout(this.noticeTimer);
		this.noticeTimer = setTimeout(() => ($("notice").hidden = true), 12000);
	}

	// ---- lists

	list(id, items, key, update) {
		fill($(id), items.slice(0, ROWS_MAX), key, () => h("li", {}), update);
		$(`${id}-empty`).hidden = items.length > 0;
		const count = $(`${id}-count`);
		if (count)
			setText(count, items.length > ROWS_MAX ? `${ROWS_MAX} of ${items.length}` : items.length ? String(items.length) : "");
	}

	// What a reader points at in a list is lit on the map.
	lightFrom(list) {
		const light = (e) => this.map.light(e.target.closest?.("li")?.dataset.key ?? null);
		list.addEventListener("pointerover", light);
		list.addEventListener("focusin", light);
		list.addEventListener("pointerleave", () => this.map.light(null));
		list.addEventListener("focusout", () => this.map.light(null));
	}

	point(mark, x, y) {
		const tip = $("tooltip");
		this.map.light(mark?.key ?? null);
		tip.hidden = !mark;
		if (!mark) return;
		const { quote: q, request: r } = mark;
		setText(
			tip,
			q
				? `${short(q.generator)}: ${this.paid(q.price)} in ${seconds(q.time)}${q.available ? "" : `, ${this.model.whyNot(q)}`}`
				: `request ${r.id}: up to ${this.paid(r.maxPrice)} in ${seconds(r.maxTime)}` +
					(r.generator ? `; ${short(r.generator)} proves it for ${this.paid(r.price)}` : ""),
		);
		tip.style.left = `${Math.min(x + 12, this.map.width - tip.offsetWidth - 4)}px`;
		tip.style.top = `${Math.max(4, y - tip.offsetHeight - 10)}px`;
	}

	// ---- markets

	choose(id) {
		if (!id || id === this.market) return;
		this.market = id;
		history.replaceState(null, "", `#market=${id}`);
		if (this.model) this.draw();
	}

	walkTabs(e) {
		const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
		if (!step) return;
		const tabs = [...$("markets").children];
		const next = tabs[(tabs.findIndex((t) => t.dataset.key === this.market) + step + tabs.length) % tabs.length];
		this.choose(next.dataset.key);
		next.focus();
		e.preventDefault();
	}

	// ---- time, connection, services

	second() {
		this.feed.watch();
		if (this.retryAt) this.sayRetry();
		if (!this.model) return;
		if (this.tip !== undefined) {
			const age = Math.round((Date.now() - this.tipSeen) / 1000);
			setText($("tip"), `block ${this.tip.toLocaleString("en")}, ${age < 2 ? "just now" : `${seconds(age)} ago`}`);
		}
		this.drawRequests();
		this.drawTasks();
	}

	state(state, text, ms) {
		this.retryAt = state === "lost" ? Date.now() + ms : 0;
		this.lost = text;
		$("state").dataset.state = state;
		if (state === "lost") this.sayRetry();
		else setText($("state"), { live: "live", first: "connecting", loading: "loading" }[state]);
	}

	sayRetry() {
		const left = Math.max(0, Math.ceil((this.retryAt - Date.now()) / 1000));
		setText($("state"), `no connection, trying again ${left ? `in ${left} s` : "now"}${this.lost ? ` (${this.lost})` : ""}`);
	}

	async askStatus() {
		if (document.hidden) return;
		const answer = await fetch("/v1/status").catch(() => null);
		const status = answer?.ok ? await answer.json() : null;
		const services = status
			? [
					...status.services.map((s) => ({ ...s, name: s.service })),
					...status.absent.map((name) => ({ name, instance: "", ready: false, why: "not running" })),
				]
			: [];
		fill(
			$("services"),
			services,
			(s) => `${s.name}.${s.instance}`,
			() => h("li", {}, h("strong"), h("span")),
			(node, s) => {
				const late = s.lag > 2 ? `${blocks(s.lag)} behind` : "";
				const standby = s.why.startsWith("standby");
				node.dataset.state = s.ready ? (late ? "late" : "good") : standby ? "standby" : "bad";
				setText(node.children[0], s.name);
				setText(node.children[1], s.ready ? late || "in step" : s.why);
			},
		);
	}
}

// The parts of a row: a mark, a link, what it is, and at its side what changes.
function row(node, { mark, link: [href, label], main, side, note }) {
	if (!node.firstChild) node.append(h("i"), h("a"), h("b"), h("p", {}, h("span"), h("small")));
	const [i, a, b, p] = node.children;
	const [span, small] = p.children;
	i.className = `mark ${mark}`;
	if (a.getAttribute("href") !== href) a.href = href;
	setText(a, label);
	setText(span, main);
	setText(b, side);
	setText(small, note);
}

function whyBox(id, ontoggle) {
	const summary = h("summary", {}, "why does it wait?");
	summary.setAttribute("aria-label", `why does request ${id} wait?`);
	return h("details", { ontoggle }, summary, h("p", {}));
}

const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
const blocks = (n) => count(n, "block");

function countdown(ms) {
	const s = Math.round(ms / 1000);
	if (s < 0) return `${seconds(-s)} late`;
	return s < 3600 ? `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}` : seconds(s);
}

new Page();
