// The health of every process, as each says it of itself.

import { ask } from "./ask.js";
import { facts, fill, h, panel, setText } from "./dom.js";
import { blocks, seconds, whole } from "./format.js";
import { healthOf } from "./model.js";
import { AskingView } from "./view.js";

// What each is for, for who doesn't know.
const JOBS = {
	"chain-indexer": "reads the chain",
	orderbook: "keeps what is open and quoted",
	matcher: "decides who gets what",
	"task-publisher": "writes matches to the chain",
	"slasher-watcher": "slashes what is overdue",
	"webhook-gateway": "shows it all",
};

export class HealthView extends AskingView {
	constructor(app) {
		super(app);
		this.entitle("Health");
		this.figures = h("dl", { className: "figures", "aria-label": "Health in figures" });
		this.list = h("ul", { className: "services", id: "processes" });
		this.body.append(this.figures, panel("health", "Processes", this.list));
	}

	read() {
		return ask("/v1/status");
	}

	second() {
		this.refresh(); // services can change without a block
	}

	draw({ services, absent, quarantine, tip }) {
		const unread = Object.values(quarantine).reduce((a, b) => a + b, 0);
		const all = [...services.map((s) => ({ ...s, state: healthOf(s) })), ...absent.map((service) => ({ service, instance: "", state: "bad", why: "no copy of it runs", details: {} }))];
		const n = (state) => all.filter((s) => s.state === state).length;
		facts(this.figures, [
			["Ready", `${n("good") + n("late")} of ${all.length}`, n("bad") ? "bad" : "good"],
			["Standby", whole(n("standby"))],
			["Behind", whole(n("late")), n("late") ? "request" : ""],
			["Down", whole(n("bad")), n("bad") ? "bad" : ""],
			["Couldn't be read", whole(unread), unread ? "bad" : ""],
			["Newest block", tip ? whole(tip.number) : "–"],
		]);
		fill(
			this.list,
			all,
			(s) => `${s.service} ${s.instance}`,
			(s) => h("li", {}, h("b", {}, s.service, h("small", { textContent: JOBS[s.service] ?? "" })), h("span", { className: "state" }), h("span", { className: "up" }), h("dl", { className: "details" })),
			(node, s) => this.drawService(node, s, quarantine[s.service]),
		);
	}

	drawService(node, s, unread) {
		const words = { good: "in step", late: `${blocks(s.lag)} behind`, standby: s.why, bad: s.why };
		node.dataset.state = s.state;
		setText(node.children[1], words[s.state]);
		setText(node.children[2], s.up_s === undefined ? "" : `copy ${s.instance}, up ${seconds(Number(s.up_s))}, version ${s.version}`);
		facts(node.children[3], [...Object.entries(s.details).filter(([, value]) => value !== "").map(([name, value]) => [name.replaceAll("_", " "), value, name === "alarms" ? "bad" : ""]), ["could not read", unread ? whole(unread) : null]]);
	}
}
