// One request: what it asks for, where it stands among the quotes, why it waits, and its timeline.

import { ask } from "./ask.js";
import { copyButton, facts, fill, h, panel, setText } from "./dom.js";
import { countdown, dateTime, generatorHref, seconds, short, time, whole } from "./format.js";
import { MarketMap } from "./map.js";
import { AskingView } from "./view.js";
import { MISSES, whyText } from "./why.js";

const STEPS = {
	opened: "Placed; its cap is in escrow",
	matched: "Matched by the engine",
	refused: "The chain refused the pair",
	assigned: "Assigned: the generator's clock runs",
	fulfilled: "Proven and paid",
	invalid: "Inputs attested to be unprovable",
	slashed: "Deadline missed: slashed, and the cap refunded",
	cancelled: "Cancelled or expired; the cap refunded",
	rejected: "Rejected: its private inputs couldn't be opened",
};
const SHOWN = 2 + 2 * 96; // digits of a proof; the button has all
const KINDS = { opened: "request", matched: "matched", refused: "bad", assigned: "task" };

export class RequestView extends AskingView {
	constructor(app, id) {
		super(app, id);
		this.entitle(`Request ${id}`);
		this.why = h("p", { className: "why" });
		this.misses = h("ul", { className: "misses" });
		this.steps = h("ol", { className: "timeline" });
		this.facts = h("dl", { className: "facts" });
		this.proof = h("dl", { className: "facts" });
		this.copy = copyButton("Copy the proof", () => this.bytes);
		this.transactions = h("ul", { className: "plain mono" });
		const box = h("div", { className: "canvas" }, h("canvas", { "aria-hidden": "true" }), h("canvas", { role: "img", "aria-label": "The market's quotes, and the rectangle of what this request accepts" }), h("canvas", { "aria-hidden": "true" }));
		this.body.classList.add("columns");
		this.body.append(
			panel("why", "Why", this.why, this.misses),
			panel("place", "Where it stands", box),
			panel("timeline", "Timeline", this.steps),
			panel("terms", "Terms", this.facts),
			panel("proof", "Proof", this.proof, this.copy),
			panel("transactions", "The engine's transactions", this.transactions),
		);
		this.map = this.own(new MarketMap(box, { format: (n) => app.amount(n), unit: () => app.symbol }));
	}

	async read() {
		const [{ request }, why] = await Promise.all([ask(`/v1/requests/${this.arg}`), ask(`/v1/requests/${this.arg}/why`).catch(() => null)]);
		return { request, why: why?.why };
	}

	nothing() {
		return `There is no request ${this.arg}, or the chain took it back.`;
	}

	draw({ request: r, why }) {
		const { app } = this;
		const state = why?.state ?? r.state;
		this.entitle(`Request ${r.request_id}, ${state}`, `Request ${r.request_id}`);
		this.heading.dataset.state = state;
		if (!this.badge) this.heading.after((this.badge = h("p", { className: "badge" })));
		setText(this.badge, this.stateText(r, state));
		this.badge.dataset.state = state;
		setText(this.why, why ? whyText(why, (units) => app.paid(units)) : "It can't be told just now.");
		this.drawMisses(why?.waits);
		this.drawSteps(r);
		this.drawTerms(r);
		this.drawMap(r);
		this.drawProof(r.proof);
		this.drawTransactions(r);
	}

	stateText(r, state) {
		const now = this.app.now();
		if (state === "open") return r.expired ? "expired, about to be refunded" : `waits; expires in ${seconds((time(r.expiry) - now) / 1000)}`;
		if (state === "assigned") return r.task.overdue ? "overdue, about to be slashed" : `being proven, ${countdown(time(r.task.deadline) - now)} left`;
		return state;
	}

	// How many quotes fail which test, as bars.
	drawMisses(waits) {
		const rows = waits ? Object.entries(MISSES).filter(([name]) => waits.misses[name]) : [];
		fill(
			this.misses,
			rows,
			([name]) => name,
			() => h("li", {}, h("span"), h("meter", { min: 0 }), h("b")),
			(node, [name, [, many]]) => {
				const [label, meter, n] = node.children;
				setText(label, many);
				meter.max = waits.quotes;
				meter.value = waits.misses[name];
				meter.setAttribute("aria-label", `quotes that ${many}`);
				setText(n, `${whole(waits.misses[name])} of ${whole(waits.quotes)}`);
			},
		);
	}

	drawSteps(r) {
		const first = time(r.history[0].time);
		fill(
			this.steps,
			r.history,
			(s, i) => `${s.step} ${s.block}`,
			() => h("li", {}, h("b"), h("span"), h("small", { className: "mono" })),
			(node, s) => {
				const at = time(s.time);
				node.dataset.kind = KINDS[s.step] ?? s.step;
				setText(node.children[0], STEPS[s.step] ?? s.step);
				const after = at && at > first ? `, ${seconds((at - first) / 1000)} after it was placed` : "";
				setText(node.children[1], `block ${whole(s.block)}${at ? `, ${dateTime(at)}` : ""}${after}`);
				setText(node.children[2], s.tx ?? "");
			},
		);
		const kind = r.ended ? null : r.task ? "the proof, or its deadline" : "a generator";
		if (this.next) this.next.remove();
		if (kind) this.steps.append((this.next = h("li", { className: "next", data: { key: "next" } }, h("b", { textContent: `… ${kind}` }))));
	}

	drawTerms(r) {
		const { app } = this;
		const market = app.model?.markets.get(r.market_id);
		const g = r.task?.generator ?? r.match?.generator;
		facts(this.facts, [
			["Market", h("a", { href: `#/market/${r.market_id}`, textContent: market?.name ?? `market ${r.market_id}` })],
			["Pays up to", app.paid(BigInt(r.max_price))],
			["Waits up to", seconds(r.max_response_time)],
			["Prefers", r.preference],
			["Expires", dateTime(time(r.expiry))],
			["Generator", g ? h("a", { href: generatorHref(g), className: "mono", textContent: g }) : null],
			["Price", r.task ? app.paid(BigInt(r.task.price)) : null],
			["Deadline", r.task ? dateTime(time(r.task.deadline)) : null],
			["Paid", r.ended ? app.paid(BigInt(r.ended.paid)) : null],
			["Refunded", r.ended ? app.paid(BigInt(r.ended.refund)) : null],
			["Requester", r.requester, "mono"],
			["Inputs", `${whole(r.inputs_size)} bytes`],
			["Hash of inputs", r.inputs_hash, "mono"],
			["Refused", r.refusals ? `${whole(r.refusals.count)} times; last: ${r.refusals.reason_text}` : null],
		]);
	}

	drawMap(r) {
		const market = this.app.model?.markets.get(r.market_id);
		if (!market) return;
		const request = { id: r.request_id, maxTime: r.max_response_time, maxPriceN: Number(r.max_price), generator: r.task?.generator, deadline: r.task ? time(r.task.deadline) : 0 };
		this.map.light(r.request_id);
		this.map.show({ quotes: this.app.model.quotesOf(market), open: r.task ? [] : [request], tasks: r.task ? [request] : [], now: r.ended ? 0 : this.app.now() });
	}

	drawProof(proof) {
		this.root.querySelector("#proof").hidden = !proof;
		if (!proof) return;
		this.bytes = proof.bytes;
		this.copy.hidden = !proof.bytes;
		const rest = proof.bytes?.length > SHOWN ? "…" : "";
		facts(this.proof, [
			["Bytes", proof.bytes ? proof.bytes.slice(0, SHOWN) + rest : "The gateway can't tell them just now; the transaction has them.", proof.bytes ? "mono" : ""],
			["Size", proof.size === null ? null : `${whole(proof.size)} bytes`],
			["Transaction", proof.tx, "mono"],
			["In the chain log", proof.seq ? `entry ${whole(proof.seq)}` : null],
		]);
	}

	drawTransactions(r) {
		this.root.querySelector("#transactions").hidden = !r.transactions.length;
		fill(
			this.transactions,
			r.transactions,
			(t) => t.tx,
			() => h("li", {}, h("b"), h("span"), h("small")),
			(node, t) => {
				const cost = t.mined ? `block ${whole(t.mined.block.number)}, ${whole(t.mined.gas_used)} gas` : `offers ${whole(Math.round(Number(t.max_fee) / 1e6) / 1e3)} gwei`;
				setText(node.children[0], `${t.kind.replace("_", " ")}, ${t.state}`);
				setText(node.children[1], `${cost}${t.attempt > 1 ? `, attempt ${t.attempt}` : ""}, from ${short(t.sender)}`);
				setText(node.children[2], t.tx);
			},
		);
	}
}
