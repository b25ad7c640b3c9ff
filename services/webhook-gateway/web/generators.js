// All generators: who they are, what they have free, how well they did.

import { askAll } from "./ask.js";
import { panel, setText } from "./dom.js";
import { generatorHref, percent, seconds, short, whole } from "./format.js";
import { List, setMark } from "./list.js";
import { AskingView } from "./view.js";

export class GeneratorsView extends AskingView {
	constructor(app) {
		super(app);
		this.everyMs = 5000; // they may be many
		this.entitle("Generators");
		this.list = new List({
			label: "Generators, those with the most proofs first",
			columns: [
				{ name: "who", label: "Generator" },
				{ name: "n", label: "proven" },
				{ name: "slashed n", label: "slashed" },
				{ name: "n wide", label: "delivered" },
				{ name: "n wide", label: "mean time" },
				{ name: "price", label: "earned" },
				{ name: "n wide", label: "stake" },
				{ name: "n", label: "running" },
				{ name: "n wide", label: "compute used" },
			],
			key: (g) => g.generator,
			href: (g) => generatorHref(g.generator),
			empty: "Nobody has registered yet.",
			draw: (cells, g, row) => this.drawRow(cells, g, row),
		});
		this.body.append(panel("generators", "By proofs delivered", this.list.root));
	}

	async read() {
		const all = [];
		await askAll("/v1/generators", "generators", (g) => all.push(g));
		return all;
	}

	draw(all) {
		const rank = (g) => [g.registered ? 0 : 1, -g.record.fulfilled, g.generator];
		const order = (a, b) => a[0] - b[0] || a[1] - b[1] || (a[2] < b[2] ? -1 : 1);
		setText(this.root.querySelector(".count"), all.length ? whole(all.length) : "");
		this.list.show([...all].sort((a, b) => order(rank(a), rank(b))));
	}

	drawRow([who, proven, slashed, share, mean, earned, stake, running, compute], g, row) {
		const { record: r } = g;
		const idle = g.registered && BigInt(g.used_compute) < BigInt(g.compute);
		setMark(row, g.suspended ? "bad" : g.registered ? (idle ? "quote" : "busy") : "gone");
		setText(who, short(g.generator));
		setText(proven, whole(r.fulfilled));
		setText(slashed, whole(r.slashed));
		setText(share, percent(r.fulfilled, r.fulfilled + r.slashed));
		setText(mean, r.mean_response_time === null ? "–" : seconds(r.mean_response_time));
		setText(earned, this.app.amount(BigInt(r.earned)));
		setText(stake, this.app.staked(BigInt(g.stake)));
		setText(running, whole(r.running));
		setText(compute, g.registered ? `${g.used_compute} of ${g.compute}` : "left");
	}
}
