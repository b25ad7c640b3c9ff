// Who failed to prove in time, and what it cost.

import { ask } from "./ask.js";
import { facts, h, panel } from "./dom.js";
import { dateTime, percent, seconds, short, time, whole } from "./format.js";
import { List, setMark } from "./list.js";
import { AskingView } from "./view.js";

const PAGE = 200;

export class SlashesView extends AskingView {
	constructor(app) {
		super(app);
		this.entitle("Slashes");
		this.figures = h("dl", { className: "figures", "aria-label": "Slashes in figures" });
		this.overdue = this.table("Overdue tasks", "No task is overdue.");
		this.slashed = this.table("Slashed tasks, newest first", "Nobody has been slashed: every proof came in time.");
		this.older = h("button", { type: "button", className: "button", textContent: "Show older ones", hidden: true, onclick: () => this.more() });
		this.old = []; // pages that were asked for
		this.body.append(this.figures, panel("overdue", "Overdue: about to be slashed", this.overdue.root), panel("slashed", "Slashed", this.slashed.root, this.older));
	}

	table(label, empty) {
		return new List({
			label,
			columns: [{ name: "id", label: "Id" }, { name: "who", label: "generator" }, { name: "what wide", label: "market" }, { name: "price", label: "penalty" }, { name: "n wide", label: "task's price" }, { name: "n", label: "late by" }, { name: "time", label: "deadline" }],
			key: (t) => t.request_id,
			href: (t) => `#/request/${t.request_id}`,
			empty,
			draw: ([id, who, market, penalty, price, late, at], t, row) => {
				const m = this.app.model?.markets.get(t.market_id);
				const end = t.ended ? time(t.ended.time) : this.app.now();
				setMark(row, "bad");
				id.textContent = `#${t.request_id}`;
				who.textContent = short(t.generator);
				market.textContent = m?.name ?? t.market_id;
				penalty.textContent = m ? this.app.staked(m.penalty) : "–";
				price.textContent = this.app.amount(BigInt(t.price));
				late.textContent = seconds((end - time(t.deadline)) / 1000);
				at.textContent = dateTime(time(t.deadline));
			},
		});
	}

	async read() {
		const [slashed, overdue] = await Promise.all([ask(`/v1/tasks?state=slashed&limit=${PAGE}`), ask(`/v1/tasks?state=overdue&limit=${PAGE}`)]);
		return { slashed, overdue };
	}

	draw({ slashed, overdue }) {
		this.newest = slashed.tasks;
		if (!this.old.length) this.next = slashed.next;
		this.overdue.show(overdue.tasks);
		this.drawSlashed();
		const markets = [...(this.app.model?.markets.values() ?? [])];
		const sum = (key) => markets.reduce((all, m) => all + m.counts[key], 0);
		const taken = markets.reduce((all, m) => all + m.penalty * BigInt(m.counts.slashed), 0n);
		facts(this.figures, [
			["Slashed", whole(sum("slashed")), sum("slashed") ? "bad" : ""],
			["Penalties", this.app.stakedText(taken)],
			["Of all tasks", percent(sum("slashed"), sum("slashed") + sum("fulfilled") + sum("invalid"))],
			["Overdue now", whole(overdue.tasks.length), overdue.tasks.length ? "bad" : ""],
		]);
	}

	drawSlashed() {
		const seen = new Set();
		this.slashed.show([...this.newest, ...this.old].filter((t) => !seen.has(t.request_id) && seen.add(t.request_id)));
		this.older.hidden = !this.next;
	}

	async more() {
		const page = await ask(`/v1/tasks?state=slashed&limit=${PAGE}&after=${this.next}`).catch(() => null);
		if (!page || this.gone) return;
		this.old.push(...page.tasks);
		this.next = page.next;
		this.drawSlashed();
	}
}
