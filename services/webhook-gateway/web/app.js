// The page: which view is shown, and what stands above all of them.
//
// feed.js keeps a model (model.js) in step with the gateway. Whatever changes, changes the model; once per frame the view
// that is shown draws it. Views are chosen by the part of the address after #, so each has an address of its own.

import { ask } from "./ask.js";
import { colors, fit, h, setAttribute, setText } from "./dom.js";
import { Feed } from "./feed.js";
import { amount, blocks, seconds, whole } from "./format.js";
import { healthOf } from "./model.js";
import { View } from "./view.js";

const STATUS_MS = 5000;
const NOTICE_MS = 15000;
const SKEW_MS = 5000; // more than this between the chain's clock and ours is no delay
const PULSE_BLOCKS = 48;
const AMOUNTS_MAX = 5000;

const ID = /^[1-9]\d{0,19}$/;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const NOTHING = /^$/;

// The first word after #/, what has to follow it, where it belongs, and the view: each is fetched when it is wanted.
const ROUTES = [
	{ name: "", arg: NOTHING, nav: "market", view: async () => (await import("./market.js")).MarketView },
	{ name: "market", arg: ID, nav: "market", view: async () => (await import("./market.js")).MarketView },
	{ name: "request", arg: ID, nav: "market", view: async () => (await import("./request.js")).RequestView },
	{ name: "generators", arg: NOTHING, nav: "generators", view: async () => (await import("./generators.js")).GeneratorsView },
	{ name: "generator", arg: ADDRESS, nav: "generators", view: async () => (await import("./generator.js")).GeneratorView },
	{ name: "slashes", arg: NOTHING, nav: "slashes", view: async () => (await import("./slashes.js")).SlashesView },
	{ name: "chain", arg: NOTHING, nav: "chain", view: async () => (await import("./chain.js")).ChainView },
	{ name: "health", arg: NOTHING, nav: "health", view: async () => (await import("./health.js")).HealthView },
];

const $ = (id) => document.getElementById(id);

// Where no view is, or it couldn't be fetched.
class NoView extends View {
	constructor(app, text) {
		super(app);
		this.entitle("Nothing here", "There is nothing here");
		this.root.append(this.heading, h("div", { className: "message" }, h("p", { textContent: text }), h("a", { href: "#/", textContent: "To the book" })));
	}
}

class App {
	constructor() {
		this.model = null;
		this.amounts = new Map();
		this.feed = new Feed({ onChange: (model) => this.change(model), onState: (...a) => this.state(...a) });
		addEventListener("hashchange", () => this.route());
		addEventListener("themechange", () => this.readColors());
		$("find").addEventListener("submit", (e) => this.find(e));
		$("lost").querySelector("button").addEventListener("click", () => this.feed.now());
		$("skip").addEventListener("click", (e) => {
			e.preventDefault(); // the address is the view's
			$("main").focus();
		});
		setInterval(() => this.second(), 1000);
		setInterval(() => this.askStatus(), STATUS_MS);
		this.route();
		this.feed.start();
		this.askStatus();
	}

	// ---- views

	async route() {
		const { hash } = location;
		const [name = "", arg = "", ...rest] = hash.replace(/^#\/?/, "").split("/");
		const route = ROUTES.find((r) => r.name === name && r.arg.test(arg) && !rest.length);
		for (const a of document.querySelectorAll("#nav a")) {
			if (a.dataset.view === route?.nav) a.setAttribute("aria-current", "page");
			else a.removeAttribute("aria-current");
		}
		const Chosen = await route?.view().catch(() => null);
		if (hash !== location.hash) return; // the reader was quicker
		const first = !this.view;
		this.view?.end();
		if (Chosen) this.view = new Chosen(this, arg || undefined);
		else this.view = new NoView(this, route ? "This view couldn't be loaded: the gateway doesn't answer." : `No view has the address ${hash.slice(0, 80)}.`);
		if (this.model || !Chosen) this.enter();
		if (first) return;
		scrollTo(0, 0);
		(this.view.root.isConnected ? this.view.heading : $("main")).focus({ preventScroll: true });
	}

	enter() {
		$("main").replaceChildren(this.view.root);
		if (this.model) this.view.show(this.model);
	}

	find(e) {
		e.preventDefault();
		const text = $("what").value.trim().replace(/^#/, "");
		const route = ROUTES.find((r) => ["request", "generator"].includes(r.name) && r.arg.test(text));
		setAttribute($("what"), "aria-invalid", String(!route));
		if (!route) return;
		$("what").value = "";
		location.hash = `#/${route.name}/${text}`;
	}

	readColors() {
		this.ink = null;
		this.view?.readColors();
		this.drawPulse();
	}

	// ---- words

	get tokens() {
		return this.model?.chain.tokens ?? { payment: { decimals: 0, symbol: "" }, stake: { decimals: 0, symbol: "" } };
	}

	get symbol() {
		return this.tokens.payment.symbol;
	}

	// Lists ask for the same ones again and again.
	amount(units) {
		let text = this.amounts.get(units);
		if (text !== undefined) return text;
		if (this.amounts.size > AMOUNTS_MAX) this.amounts.clear();
		text = amount(units, this.tokens.payment.decimals);
		this.amounts.set(units, text);
		return text;
	}

	paid(units) {
		return `${this.amount(units)} ${this.symbol}`;
	}

	staked(units) {
		return amount(units, this.tokens.stake.decimals);
	}

	stakedText(units) {
		return `${this.staked(units)} ${this.tokens.stake.symbol}`;
	}

	// The chain's now: its clock may not be ours.
	now() {
		return Date.now() + (this.skew ?? 0);
	}

	// ---- changes

	change(model) {
		if (this.model?.chain !== model.chain) this.amounts.clear(); // the token may be another
		this.model = model;
		if (model.tip && model.tip.hash !== this.tipHash) {
			this.tipHash = model.tip.hash;
			this.tipSeen = Date.now();
			const skew = model.tip.time - Date.now();
			this.skew = Math.abs(skew) < SKEW_MS ? 0 : skew;
		}
		// What came has had its share of this frame: it is drawn from the next one on.
		this.changed ??= requestAnimationFrame(() =>
			requestAnimationFrame(() => {
				this.changed = null;
				this.draw();
			}),
		);
	}

	draw() {
		if (this.view?.root.isConnected) this.view.show(this.model);
		else if (this.view) this.enter();
		requestAnimationFrame(() => this.drawPulse()); // in a frame that has less to do
		this.drawTip();
		this.drawNotice();
	}

	// The newest blocks as bars: how much happened in each, and what.
	drawPulse() {
		const canvas = $("pulse");
		const all = this.model?.blocks.slice(-PULSE_BLOCKS) ?? [];
		if (!all.length) return;
		this.pulse ??= fit(canvas);
		const { context: c, width, height } = this.pulse;
		const ink = (this.ink ??= colors(["rule", "faint", "task", "good", "bad"]));
		const most = Math.max(4, ...all.map((b) => b.events));
		const step = width / PULSE_BLOCKS;
		c.clearRect(0, 0, width, height);
		all.forEach((b, i) => {
			const tall = b.events ? 4 + ((height - 4) * b.events) / most : 2;
			c.fillStyle = ink[b.rolledBack ? "bad" : b.proofs ? "good" : b.tasks ? "task" : b.events ? "faint" : "rule"];
			c.fillRect((PULSE_BLOCKS - all.length + i) * step, height - tall, Math.max(1, step - 1.5), tall);
		});
	}

	drawTip() {
		const { tip } = this.model ?? {};
		if (!tip) return;
		const age = Math.round((Date.now() - this.tipSeen) / 1000);
		setText($("tip"), `block ${whole(tip.number)}${age < 3 ? "" : `, ${seconds(age)} ago`}`);
		setAttribute($("pulse"), "aria-label", `What happened in the newest ${blocks(Math.min(PULSE_BLOCKS, this.model.blocks.length))}`);
	}

	drawNotice() {
		const { rollback } = this.model;
		if (!rollback || rollback === this.told) return;
		this.told = rollback;
		setText($("notice"), `The chain changed its mind: ${blocks(rollback.from - rollback.to)} after block ${whole(rollback.to)} taken back. What is shown follows it.`);
		$("notice").hidden = false;
		clearTimeout(this.noticeTimer);
		this.noticeTimer = setTimeout(() => ($("notice").hidden = true), NOTICE_MS);
	}

	// ---- time, connection, health

	second() {
		this.feed.watch();
		if (this.retryAt) this.sayRetry();
		this.drawTip();
		this.view?.second();
	}

	state(state, text, ms) {
		this.live = state === "live";
		this.retryAt = state === "lost" ? Date.now() + ms : 0;
		this.lostWhy = text;
		$("state").dataset.state = state;
		document.body.dataset.state = state;
		setText($("state"), { live: "live", first: "connecting", loading: "loading", lost: "no connection" }[state]);
		if (state === "lost") this.sayRetry();
		if (state === "live") $("lost").hidden = true;
	}

	sayRetry() {
		const left = Math.max(0, Math.ceil((this.retryAt - Date.now()) / 1000));
		const seen = this.model?.tip ? ` What you see is as of block ${whole(this.model.tip.number)}.` : "";
		setText($("lost").firstElementChild, `No connection to the gateway${this.lostWhy ? ` (${this.lostWhy})` : ""}; trying again ${left ? `in ${left} s` : "now"}.${seen}`);
		$("lost").hidden = false;
	}

	// A dot at Health when somebody isn't well.
	async askStatus() {
		if (document.hidden) return;
		const status = await ask("/v1/status").catch(() => null);
		const bad = status ? status.absent.length + status.services.filter((s) => healthOf(s) === "bad").length : 0;
		$("unwell").hidden = !bad;
		setText($("unwell"), bad ? String(bad) : "");
		setAttribute($("unwell"), "title", `${bad} not well`);
	}
}

new App();
